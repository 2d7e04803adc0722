"""Published folders of Sphere Encoder 2 to presets."""

import json
import logging

import keras
import numpy as np
import pytest

from keras_sphere import convert, presets
from keras_sphere.convert.reference_names import reference_weights
from keras_sphere.convert.sphere2_folder import published_sampling
from keras_sphere.models.sizes import SIZES
from tests import golden_data
from tests.convert import sphere2_folders
from tests.convert.sphere2_folders import save, state_dict, write_config


@pytest.fixture
def folder(tmp_path):
    """A published folder without checkpoints."""
    folder = tmp_path / "experiments" / "sphere2-base-flowers-256px"
    write_config(folder)
    return folder


def loaded_arrays(preset, part="decoder."):
    """The weights of a preset by their reference names."""
    model = presets.load(preset, weights=True)
    return {
        name: layout.to_reference(keras.ops.convert_to_numpy(variable))
        for name, variable, layout in reference_weights(model.backbone)
        if name.startswith(part)
    }


def assert_equal(actual, state_dict, part="decoder."):
    expected = {n: a for n, a in state_dict.items() if n.startswith(part)}
    assert set(actual) == set(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(actual[name], array, err_msg=name)


def test_the_decoder_alone(folder, tmp_path):
    weights = state_dict()
    save(folder, ema_model=weights)
    convert.sphere2_to_preset(folder, tmp_path / "preset")
    config = presets.describe(tmp_path / "preset")
    assert_equal(loaded_arrays(tmp_path / "preset"), weights)
    assert not config["architecture"]["has_encoder"]
    assert config["weights"]["kind"] == "ema"
    assert config["sampling"]["steps"] == 1
    assert config["recipe"]["training"] == {"dataset_name": "flowers", "epoch": 299}
    assert "sphere2-base-flowers-256px" in config["card"]
    assert "the decoder only" in config["card"]
    assert "DINOv3" not in config["card"]
    model = presets.load(tmp_path / "preset")
    images = model.generate(labels=[0, 1], seed=0)
    assert images.shape == (2, 32, 32, 3)
    with pytest.raises(ValueError, match='convert them with `part="all"`'):
        model.generate(labels=[0], steps=2)


def test_decoder_only_equals_all_in_one_step(folder, tmp_path):
    save(folder, ema_model=state_dict())
    convert.sphere2_to_preset(folder, tmp_path / "decoder")
    convert.sphere2_to_preset(
        folder, tmp_path / "all", part="all", accept_license="dinov3"
    )
    one, whole = (presets.load(tmp_path / name) for name in ("decoder", "all"))
    images = [model.generate(labels=[2, 0], steps=1, seed=3) for model in (one, whole)]
    np.testing.assert_array_equal(*images)
    two = whole.generate(labels=[2, 0], seed=3)
    assert np.abs(two - images[0]).max() > 1e-3
    config = presets.describe(tmp_path / "all")
    assert config["sampling"]["steps"] == 2
    assert config["license"] == "unspecified; the encoder's: DINOv3 License"
    assert "DINOv3 License (https://" in config["card"]
    assert_equal(loaded_arrays(tmp_path / "all", ""), state_dict(), "")


@pytest.mark.parametrize("name", ["s2a", "s2b"])
def test_an_encoder_of_its_own_gives_the_golden_images(tmp_path, name):
    arrays = sphere2_folders.golden_folder(tmp_path / "run", name)
    convert.sphere2_to_preset(tmp_path / "run", tmp_path / "preset", part="all")
    model = presets.load(tmp_path / "preset", weights=True)
    images = model.generate(
        labels=arrays["in/y"], noise=arrays["in/gen_e0"], angle_degrees=85.0
    )
    expected = golden_data.images(arrays["out/gen_2_shared/image"])
    images = np.clip((images + 1.0) / 2.0, 0.0, 1.0)
    np.testing.assert_allclose(images, expected, rtol=0, atol=3e-4)
    assert model.cycle_encoder == "averaged"


@pytest.mark.parametrize("part", ["decoder", "all"])
def test_ema_and_raw_are_told_apart(folder, tmp_path, part):
    """The average by default; the weights as trained on demand, or if alone."""
    raw, average = state_dict(seed=1), state_dict(seed=2)
    options = {"part": part, "accept_license": "dinov3"}
    save(folder, model=raw, ema_model=average)
    for weights, expected, kind in (
        (None, average, "ema"),
        ("ema", average, "ema"),
        ("raw", raw, "raw"),
    ):
        target = tmp_path / f"preset_{weights}"
        convert.sphere2_to_preset(folder, target, weights=weights, **options)
        assert_equal(loaded_arrays(target), expected)
        assert presets.describe(target)["weights"]["kind"] == kind
    save(folder, epoch=300, model=raw)
    convert.sphere2_to_preset(folder, tmp_path / "only_raw", **options)
    assert_equal(loaded_arrays(tmp_path / "only_raw"), raw)
    assert presets.describe(tmp_path / "only_raw")["weights"]["kind"] == "raw"
    with pytest.raises(ValueError, match=r"It has: \['raw'\]"):
        convert.sphere2_to_preset(folder, tmp_path / "x", weights="ema", **options)


def test_unknown_dicts_and_prefixes(folder, tmp_path):
    weights = state_dict()
    prefixed = {
        f"module._orig_mod.{name}".replace(
            "blocks.0.", "blocks.0._checkpoint_wrapped_module."
        ).replace(".model.layer.", ".layer."): array
        for name, array in weights.items()
    }
    save(
        folder,
        model=prefixed,
        score_match={"real": {"out": np.zeros(2, "float32")}, "steps": np.zeros(1)},
        score_optimizer={"state": {"0": np.zeros(3, "int64")}, "lr": 1e-4},
        fd_loss={"history": [np.zeros(2)]},
    )
    convert.sphere2_to_preset(
        folder, tmp_path / "preset", part="all", accept_license="dinov3"
    )
    assert_equal(loaded_arrays(tmp_path / "preset", ""), weights, "")


@pytest.mark.parametrize("format", ["safetensors", "npz"])
def test_files_that_need_no_pytorch(folder, tmp_path, format):
    """Of an equally new .pth they are preferred."""
    weights = state_dict()
    save(folder, ema_model=state_dict(seed=5))
    save(folder, format, model=state_dict(seed=6), ema_model=weights)
    convert.sphere2_to_preset(folder, tmp_path / "preset")
    assert_equal(loaded_arrays(tmp_path / "preset"), weights)
    training = presets.describe(tmp_path / "preset")["recipe"]["training"]
    assert training["epoch"] == 299


def test_the_newest_file_or_the_one_named(folder, tmp_path):
    first, second = state_dict(seed=1), state_dict(seed=2)
    path = save(folder, epoch=9, ema_model=first)
    save(folder, epoch=10, ema_model=second)
    (folder / "ckpt" / "latest.pth").write_bytes(b"")
    convert.sphere2_to_preset(folder, tmp_path / "newest")
    convert.sphere2_to_preset(path, tmp_path / "named")
    assert_equal(loaded_arrays(tmp_path / "newest"), second)
    assert_equal(loaded_arrays(tmp_path / "named"), first)


def test_keys_that_are_missing_are_read_off(folder, tmp_path):
    """Without any that shapes tell, the same model."""
    save(folder, ema_model=state_dict())
    options = {"part": "all", "accept_license": "dinov3", "name": "x"}
    convert.sphere2_to_preset(folder, tmp_path / "full", **options)
    fields = json.loads((folder / "cfg.json").read_text())
    kept = {"dataset_name": fields["dataset_name"]}
    (folder / "cfg.json").write_text(json.dumps(kept))
    convert.sphere2_to_preset(folder, tmp_path / "bare", **options)
    full, bare = (presets.describe(tmp_path / name) for name in ("full", "bare"))
    assert full == bare


@pytest.mark.parametrize(
    ("size", "largest", "angle"),
    [
        ("base", 90.0, 85.5),
        ("large", 90.0, 84.0),
        ("small", 90.0, 85.0),
        ("base", 60.0, 60.0),
    ],
)
def test_published_sampling(size, largest, angle):
    for has_encoder in (False, True):
        assert published_sampling(SIZES[size], largest, has_encoder) == {
            "steps": 2 if has_encoder else 1,
            "angle_degrees": angle,
            "loop_angle_degrees": None,
            "guidance_degrees": 0.0,
            "shared_noise": True,
            "use_ema": False,
        }


NAMES = ["pansy", "rose", "tulip"]


@pytest.mark.parametrize(
    "place",
    [
        "experiments/sphere2-base-flowers-256px",
        "experiments",
        "",
        "flowers.json",
        "imagenet.json",
    ],
)
def test_names_of_classes(folder, tmp_path, place):
    save(folder, ema_model=state_dict())
    file = tmp_path / place / "folder_to_id_to_label.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(sphere2_folders.class_map(NAMES)))
    convert.sphere2_to_preset(folder, tmp_path / "preset")
    model = presets.load(tmp_path / "preset")
    assert model.backbone.class_names == tuple(NAMES)
    card = presets.describe(tmp_path / "preset")["card"]
    assert "3 classes (pansy, rose, tulip)" in card
    assert "order of the authors' files" not in card


def test_a_map_of_other_classes_is_another_models(folder, tmp_path):
    save(folder, ema_model=state_dict())
    for place, names in (("imagenet.json", ["a", "b"]), ("flowers.json", NAMES)):
        (tmp_path / place).mkdir()
        (tmp_path / place / "folder_to_id_to_label.json").write_text(
            json.dumps(list(sphere2_folders.class_map(names).values()))
        )
    convert.sphere2_to_preset(folder, tmp_path / "preset")
    architecture = presets.describe(tmp_path / "preset")["architecture"]
    assert architecture["class_names"] == NAMES


def test_without_a_map_there_are_ids_only(folder, tmp_path):
    save(folder, ema_model=state_dict())
    convert.sphere2_to_preset(folder, tmp_path / "preset")
    config = presets.describe(tmp_path / "preset")
    assert config["architecture"]["class_names"] is None
    assert "order of the authors' files" in config["card"]


def test_without_classes(folder, tmp_path):
    save(folder, ema_model=state_dict(num_classes=0))
    write_config(folder, cond_generator=False)
    convert.sphere2_to_preset(folder, tmp_path / "preset", description="Mine.")
    config = presets.describe(tmp_path / "preset")
    assert config["architecture"]["num_classes"] == 0
    assert config["description"].startswith("Mine. It is the decoder only")
    assert "order of the authors' files" not in config["card"]


def test_half_of_the_size(folder, tmp_path, caplog):
    save(folder, ema_model=state_dict())
    with caplog.at_level(logging.WARNING, "keras_sphere"):
        convert.sphere2_to_preset(folder, tmp_path / "preset", dtype="float16")
    assert presets.describe(tmp_path / "preset")["weights"]["dtype"] == "float16"
    assert caplog.text == ""
