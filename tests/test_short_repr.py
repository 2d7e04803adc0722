"""What objects show of themselves in a terminal and in a notebook."""

import dataclasses
import html.parser

import numpy as np
import pytest

import keras_sphere
from keras_sphere import evaluation, presets
from keras_sphere.evaluation.results import Row
from keras_sphere.short_repr import ShortRepr, html_table
from tests.tiny_models import new_model

LONGEST = 400
DESCRIPTION = keras_sphere.data.DatasetDescription(
    "photos", "train", 32, 3, 1000, ("a",) * 1000, 5000, 2, "here"
)
EVALUATION = evaluation.Evaluation(
    (Row("<samples>", {"steps": 1, "count": 10}, {"frechet": 3.5}),),
    {
        "network": "digits",
        "reference": {"set": "train", "count": 10},
        "rounding": "to nearest",
    },
)
MEMORIZATION = evaluation.MemorizationReport(
    np.ones(9), np.ones(9), np.zeros((9, 4, 4, 1), "uint8"), np.zeros((9, 4, 4, 1))
)


class Cells(html.parser.HTMLParser):
    """The text of the cells of a table; an element that is not closed is an error."""

    def __init__(self, text):
        super().__init__()
        self.texts, self.open = [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.texts.append(data)


def objects():
    model = new_model()
    return {
        "backbone": model.backbone,
        "model": model,
        "options": keras_sphere.SamplingOptions(),
        "rotation options": keras_sphere.RotationSamplingOptions(),
        "training options": keras_sphere.training.TrainingOptions(epochs=3),
        "description": DESCRIPTION,
        "dataset": keras_sphere.data.load("digits", image_size=16),
        "preset": presets.describe("imagenet256_base"),
        "evaluation": EVALUATION,
        "memorization": MEMORIZATION,
    }


def test_a_line_and_a_table():
    for name, value in objects().items():
        text = repr(value)
        assert "\n" not in text, name
        assert type(value).__name__ in text, name
        assert len(text) < LONGEST, name
        assert Cells(value._repr_html_()).texts, name


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("backbone", "images: 16 x 16 x 3; classes: 3; latents: 4 x 4; parameters: "),
        ("model", "degrees; generate: 4 steps"),
        ("options", "steps=4"),
        ("training options", "<TrainingOptions epochs: 3>"),
        ("description", "images: 5,000; size: 32 x 32 x 3; classes: 1000; skipped: 2"),
        ("dataset", "batches: 46 of 32"),
        ("preset", "name: imagenet256_base; image_size: 256; classes: 1,000; param"),
        ("evaluation", "rows: <samples>; features: digits; reference: train"),
        ("memorization", "samples: 9; verdict: No sign of copies"),
    ],
)
def test_facts(name, text):
    assert text in repr(objects()[name])


def test_an_uncompiled_model_says_so():
    model = new_model()
    assert "compiled: no" in repr(model)
    model.compile()
    assert "compiled: yes" in repr(model)


def test_tables_of_many_rows():
    cells = Cells(presets.list()._repr_html_()).texts
    assert cells[0] == "name"
    assert "digits16" in cells
    assert "1,062,562" in cells
    cells = Cells(EVALUATION._repr_html_()).texts
    assert cells[:3] == ["steps", "passes", "guidance"]
    assert "<samples>" in cells
    assert "3.50" in cells


def test_a_run_shows_its_last_values():
    plan = type("Plan", (ShortRepr,), {"_facts": lambda self: {"preset": "cifar10"}})()
    run = keras_sphere.training.TrainingRun(
        model=None, history={"loss": [2.0, 0.125]}, plan=plan, is_complete=True
    )
    assert repr(run) == "<TrainingRun preset: cifar10; loss: 0.125; complete: True>"
    model, *_ = run
    assert model is None


def test_values_are_escaped():
    @dataclasses.dataclass(repr=False)
    class Named(ShortRepr):
        name: str

        def _facts(self):
            return {"<b>": self.name}

    text = Named("<script>")._repr_html_()
    assert "<script>" not in text
    assert Cells(text).texts == ["<b>", "<script>"]
    assert html_table([("a",)]) == "<table><tr><td>a</td></tr></table>"
