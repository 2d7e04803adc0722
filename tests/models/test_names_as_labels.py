"""Names of classes in place of their ids, and the files that keep them."""

import json

import keras
import numpy as np
import pytest

from keras_sphere import SphereEncoderBackbone, data, editing, presets
from tests import tiny_models

NAMES = ("2", "ant", "bee")  # a name that is the id of another class
OPTIONS = {"seed": 3, "steps": 1}
IMAGES = tiny_models.new_images(2)


@pytest.fixture
def named(model):
    model.backbone.class_names = NAMES
    yield model
    model.backbone.class_names = None


def test_names_stand_for_ids(named):
    latents = named.encode(IMAGES, [2, 0])
    for call in (
        lambda labels: named.encode(IMAGES, labels),
        lambda labels: named.decode(latents, labels),
        lambda labels: named.reconstruct(IMAGES, labels, strength=0.5, seed=3),
        lambda labels: named.generate(labels=labels, **OPTIONS),
        lambda labels: editing.refine(named, IMAGES, labels, **OPTIONS),
        lambda labels: editing.variations(named, IMAGES, labels, 1, seed=3),
        lambda labels: editing.manipulate_class(named, IMAGES, labels, **OPTIONS),
        lambda labels: editing.restore(
            named, IMAGES, lambda x: x, labels, (0.5,), num_samples=2, seed=3
        ),
    ):
        expected = call([2, 0])
        for labels in (["bee", 0], ["bee", "2"], np.array(["bee", "2"])):
            np.testing.assert_array_equal(call(labels), expected)
        assert np.any(call(["2", "bee"]) != expected)


def test_one_name_and_mixes(named):
    for names, ids in (
        ("bee", 2),
        ({"bee": 1, "ant": 2}, {2: 1, 1: 2}),
        ({"2": 1, "bee": 1}, {0: 1, 2: 1}),
    ):
        for call in (
            lambda labels: named.generate(2, labels, **OPTIONS),
            lambda labels: named.interpolate(1, 2, labels, "2", 2, **OPTIONS),
            lambda labels: editing.variations(named, IMAGES, labels, 1, seed=3),
            lambda labels: editing.random_walk(
                named, labels=labels, num_images=2, **OPTIONS
            ),
        ):
            np.testing.assert_array_equal(call(names), call(ids))
    np.testing.assert_array_equal(
        named.interpolate_grid(range(4), ["2", "bee", 1, "ant"], 2, 2, **OPTIONS),
        named.interpolate_grid(range(4), [0, 2, 1, 1], 2, 2, **OPTIONS),
    )


def test_unknown_names(named):
    with pytest.raises(ValueError, match=r"3 of the model; .*'bee'.*labels='bees'"):
        named.generate(labels=["ant", "bees"])
    with pytest.raises(ValueError, match=r"nearest.*labels='0'"):
        editing.variations(named, IMAGES, {"0": 1})
    named.backbone.class_names = None
    with pytest.raises(ValueError, match=r"knows no names.*labels='bee'"):
        named.generate(labels="bee")
    with pytest.raises(ValueError, match=r"each of the 3 classes\. Received: 2 names"):
        named.backbone.class_names = ("a", "b")


def test_data_with_other_classes_is_not_trained_on(named):
    other = data.load("fake", image_size=16, num_images=8, num_classes=3, batch_size=4)
    with pytest.raises(ValueError, match=r"`x` must have.*no longer '2'.*'wave 0'"):
        named.fit(other)
    with pytest.raises(ValueError, match="other class names"):
        named.fit(IMAGES, np.zeros(2, "int32"), validation_data=other)


@pytest.fixture(scope="module")
def plain():
    """A model that is not compiled: its files are small."""
    model = tiny_models.new_model()
    model.backbone.class_names = NAMES
    return model


def test_files_keep_the_names(plain, tmp_path):
    plain.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.backbone.class_names == NAMES
    plain.save_to_preset(tmp_path / "preset")
    loaded = presets.load(tmp_path / "preset", compile=False)
    assert loaded.backbone.class_names == NAMES
    assert "3 classes (2, ant, bee)" in (tmp_path / "preset" / "README.md").read_text()
    assert "labels: 3 classes (2, ant, bee)" in str(
        presets.describe(tmp_path / "preset")
    )
    copy = SphereEncoderBackbone.from_config(plain.backbone.get_config())
    assert copy.class_names == NAMES


def test_presets_of_before_names(plain, tmp_path):
    plain.save_to_preset(tmp_path / "preset")
    path = tmp_path / "preset" / "config.json"
    config = json.loads(path.read_text())
    del config["architecture"]["class_names"]
    path.write_text(json.dumps({**config, "format_version": 1}))
    assert presets.load(tmp_path / "preset", compile=False).backbone.class_names is None
    load = {"compile": False, "weights": False}
    chosen = presets.load(tmp_path / "preset", class_names=list("abc"), **load)
    assert chosen.backbone.class_names == ("a", "b", "c")
    config["architecture"]["class_names"] = ["a", "b"]
    path.write_text(json.dumps(config))
    with pytest.raises(ValueError, match="one name for each of the 3 classes"):
        presets.load(tmp_path / "preset")


def test_another_number_of_classes_has_no_names():
    names = presets.describe("digits16")["architecture"]["class_names"]
    assert names == list("0123456789")
    load = {"compile": False, "weights": False}
    assert presets.load("digits16", **load).backbone.class_names == tuple(names)
    assert presets.load("digits16", num_classes=3, **load).backbone.class_names is None
