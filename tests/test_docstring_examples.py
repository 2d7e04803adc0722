"""The examples in docstrings of public names run, as a reader would run them.

What an example leaves open is a tiny model and data of its size; large numbers are
smaller.
What it prints is compared where the docstring says it.
"""

import doctest
import inspect
import re

import numpy as np
import pytest
from PIL import Image

import keras_sphere
from tests.tiny_models import IMAGE_SIZE, new_model

pytestmark = pytest.mark.slow

NUM_CLASSES = 10
# So that an example takes a second.
SMALLER = {
    r"epochs=\d+": "epochs=1",
    r"steps_per_epoch=\d+": "steps_per_epoch=2",
    "image_size=64": f"image_size={IMAGE_SIZE}",
}
# Run elsewhere, as they need what is made there.
ELSEWHERE = {
    "from_reference": "weights of the reference: tests/convert",
    "from_reference2": "weights of the reference: tests/convert",
    "reference_to_preset": "a folder of the reference: tests/convert",
    "sphere2_to_preset": "a published folder: tests/convert",
    "LPIPS": "weights: tests/perceptual",
    "ConvNeXtV2": "weights: tests/perceptual",
    "WeightedSum": "weights: tests/perceptual",
    "perceptual.load": "weights: tests/perceptual",
    "setup": "devices: tests/distribution",
    "train": "minutes: docs/training.md",
    "write_comparison": "two runs: tests/evaluation",
    "write_report": "minutes: docs/evaluation.md",
    "evaluate": "minutes: docs/evaluation.md",
    "SphereEncoderModel": "a model of the size base",
    "SphereEncoderBackbone": "a model of the size base",
}


def examples():
    """Dict of name -> object with an example, of all public modules."""
    found = {}
    names = [n for n in keras_sphere.__all__ if n != "__version__"]
    for name in names:
        top = getattr(keras_sphere, name)
        inner = {n: getattr(top, n) for n in getattr(top, "__all__", ())}
        entries = inner if inspect.ismodule(top) else {name: top}
        for key, value in entries.items():
            if ">>>" in (getattr(value, "__doc__", None) or ""):
                is_load = key in ("load", "list", "restore")
                found[f"{name}.{key}" if is_load else key] = value
    return found


@pytest.fixture(scope="module")
def open_names():
    """What the examples leave open; one model, whose programs are compiled once."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (8, IMAGE_SIZE, IMAGE_SIZE, 3), "uint8")
    labels = generator.integers(0, NUM_CLASSES, (8,))
    real, generated = generator.normal(size=(2, 8, 4, 4, 8)).astype("float32")
    model = new_model(NUM_CLASSES)
    model.compile()
    return {
        **{n: getattr(keras_sphere.training, n) for n in keras_sphere.training.__all__},
        "keras_sphere": keras_sphere,
        "np": np,
        "model": model,
        "images": images,
        "test_images": images,
        "labels": labels,
        "test_labels": labels,
        "mask": np.arange(IMAGE_SIZE * IMAGE_SIZE).reshape(IMAGE_SIZE, -1) % 2 == 0,
        "latents": model.encode(images, labels),
        "real_maps": [real],
        "generated_maps": [generated],
        "dataset": [(images, labels)],
        "batches": generator.normal(size=(2, 8, 2048)),
        "ShuffledBatches": keras_sphere.data.ShuffledBatches,
    }


@pytest.mark.parametrize("name", sorted(set(examples()) - set(ELSEWHERE)))
@pytest.mark.usefixtures("quick_compilation")
def test_example_runs(name, open_names, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for index in range(20):
        path = tmp_path / "photos" / f"{index % 2}" / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8, 3), index, "uint8")).save(path)
    value = examples()[name]
    text = inspect.getdoc(value)
    for number, smaller in SMALLER.items():
        text = re.sub(number, smaller, text)
    names = {**vars(inspect.getmodule(value)), **open_names}
    steps = doctest.DocTestParser().get_examples(text)
    assert steps
    for step in steps:
        if step.want:
            assert repr(eval(step.source, names)) == step.want.strip()
        else:
            exec(step.source, names)


def test_what_runs_elsewhere_is_there():
    assert set(ELSEWHERE) <= set(examples())
    assert len(examples()) > 40
