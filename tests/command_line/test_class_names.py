"""Classes by name on the command line."""

import numpy as np
import pytest

from keras_sphere.command_line.job import Job, resolved
from keras_sphere.command_line.model_source import ModelSource
from keras_sphere.command_line.parsing import as_words, find_task, parse
from keras_sphere.command_line.picture_settings import read_picture_settings
from keras_sphere.command_line.runs import generate
from tests.command_line.conftest import load_once, pixels
from tests.tiny_models import new_model

NAMES = ("2", "ant", "bee, red")  # the first is the id of the last
FLAGS = ("--preset=model.keras", "--seed=1", "--steps=1")


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.keras"
    model = new_model()
    model.backbone.class_names = NAMES
    model.save(path)
    return path


@pytest.fixture
def named(model_file, tmp_path):
    (tmp_path / "model.keras").symlink_to(model_file)


def job_of(model_file, *flags):
    source = ModelSource(str(model_file))
    settings = parse(find_task("generate"), ["--preset=x", "--steps=1", *flags])
    settings = resolved(settings.settings, source.description, seed=1)
    return Job(settings, source.description, {}, load_once(source))


def test_a_text_is_a_name_or_else_an_id(model_file):
    for flag, ids in (
        ("2", [0]),
        ("0", [0]),
        ("1, ant", [1, 1]),
        ('"bee, red",2', [2, 0]),
        ("all", "all"),
    ):
        assert job_of(model_file, f"--classes={flag}").classes("classes") == ids
    assert job_of(model_file).class_mix() is None
    for mix in ('ant:1,"bee, red:.5"', '1:1,"bee, red:0.5"'):
        assert job_of(model_file, f"--class_mix={mix}").class_mix() == {1: 1, 2: 0.5}


def test_captions_have_the_names(model_file):
    job = job_of(model_file, "--classes=all", "--num_images=6")
    assert generate.plan(job) == 6
    panel = generate.draw(job, job.panels[0][0])
    assert panel.row_names == ["class 2", "class ant", "class bee, red"]


def test_a_picture_records_the_names(named, succeed):
    flags = ('--classes="bee, red",2', "--num_images=2")
    succeed("generate", *FLAGS, *flags, "--output=a.png")
    recorded = read_picture_settings("a.png").flags["classes"]
    assert recorded == ["bee, red", "2"]
    words = as_words(find_task("generate"), {"classes": recorded})
    assert parse(find_task("generate"), ["--preset=x", *words]).settings["classes"] == (
        recorded
    )
    succeed("again", "a.png")
    np.testing.assert_array_equal(pixels("a_again.png"), pixels("a.png"))
    succeed("generate", *FLAGS, *flags, "--output=a.npz")
    with np.load("a.npz") as file:
        np.testing.assert_array_equal(file["labels"], [2, 0])


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--classes=aunt", "among the 3 of the model; the nearest are 'ant'"),
        ("--classes=3", "--classes must be classes from 0 to 2, or their names"),
        ("--classes=-1", "no class of this name"),
        ("--class_mix=ant:1,1:2", "of different classes below 3 or their names"),
        ("--class_mix=bees:1", "no class of this name"),
        ("--classes=ant,", "none of them empty"),
        ('--classes="ant', "texts between commas are wanted"),
    ],
)
def test_what_names_no_class(named, command, flag, message):
    status, _, errors = command("generate", *FLAGS, flag)
    assert status in (1, 2)
    assert message in errors
