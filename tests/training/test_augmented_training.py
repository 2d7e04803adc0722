"""A training with augmentation: planned, resumed, refused where it cannot be."""

import json

import keras
import numpy as np
import pytest

from keras_sphere.training import PlanChangedError
from keras_sphere.training.data_plan import plan_data
from keras_sphere.training.options import new_options
from keras_sphere.training.training_data import open_data
from tests import tiny_models
from tests.data.image_files import write_classes


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Nine images of three classes: three batches."""
    return write_classes(tmp_path_factory.mktemp("data") / "photos", per_class=3)


def augment():
    """New layers, of other names and seeds of their own, each time."""
    return ["flip", keras.layers.RandomBrightness(0.3)]


def test_a_resumed_training_ends_as_one_in_one_go(run, photos, tmp_path):
    options = {"dataset": photos, "batch_size": 3, "epochs": 2}
    unbroken = run(tmp_path / "unbroken", augment=augment(), **options)
    run(tmp_path / "run", augment=augment(), max_steps=4, **options)
    resumed = run(tmp_path / "run", augment=augment(), **options)
    assert resumed.is_complete
    for a, b in zip(
        tiny_models.state(resumed.model),
        tiny_models.state(unbroken.model),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)
    plan = json.loads((tmp_path / "run" / "plan.json").read_text())["plan"]
    flip, layer = plan["data"]["augment"]
    assert flip == "flip"
    assert layer["RandomBrightness"]["factor"] == [-0.3, 0.3]
    other = ["flip", keras.layers.RandomBrightness(0.2)]
    for changed in (other, "flip", None):
        with pytest.raises(PlanChangedError, match=r"data\.augment: \['flip', \{'Rand"):
            run(tmp_path / "run", augment=changed, **options)


def test_only_training_images_are_changed(preset, photos):
    def opened(augment):
        options = new_options(
            preset=str(preset),
            dataset=photos,
            split="train[:6]",
            held_out_split="train[6:]",
            batch_size=3,
            augment=augment,
        )
        stream = open_data(options)
        stream.open(plan_data(options, stream.name), options)
        return stream

    changed = opened(keras.layers.RandomBrightness((0.2, 0.2)))
    plain = opened(None)
    images, expected = (next(stream.starting_at())[0] for stream in (changed, plain))
    np.testing.assert_array_equal(images, np.minimum(expected + 51.0, 255))
    held_out = [stream.held_out().examples(range(3))[0] for stream in (changed, plain)]
    np.testing.assert_array_equal(*held_out)
    held_out = [next(stream.held_out().starting_at())[0] for stream in (changed, plain)]
    np.testing.assert_array_equal(*held_out)


def test_the_plan_says_it(run, photos, tmp_path, capsys):
    choices = {"dataset": photos, "batch_size": 3, "epochs": 1}
    result = run(
        tmp_path / "run",
        augment="flip, affine",
        dry_run=True,
        dry_run_steps=0,
        **choices,
    )
    assert result.plan.data.augment == ["flip", "affine"]
    assert "augmented (flip, affine)" in capsys.readouterr().out
    run(tmp_path / "run", dry_run=True, dry_run_steps=0, **choices)
    assert "augmented" not in capsys.readouterr().out


def test_what_cannot_be_augmented_is_refused(run, photos, tmp_path):
    with pytest.raises(ValueError, match=r"stream of your own.*ShuffledBatches"):
        run(tmp_path / "run", augment="flip")
    with pytest.raises(ValueError, match="Received: augment='mirror'"):
        run(tmp_path / "run", dataset=photos, batch_size=3, epochs=1, augment="mirror")
    assert not (tmp_path / "run").exists()
