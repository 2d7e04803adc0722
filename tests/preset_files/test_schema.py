"""What a configuration may say."""

import pytest

from keras_sphere.preset_files.schema import FORMAT_VERSION, check_config
from tests.preset_files.valid_config import new_config


def changed(place, value):
    """A valid configuration with one value replaced, at a dotted place."""
    config = new_config()
    *parents, key = place.split(".")
    section = config
    for parent in parents:
        section = section[parent]
    section[key] = value
    return config


def weights_entry(**changes):
    entry = {
        "file": "model.weights.h5",
        "sha256": "0" * 64,
        "dtype": "float16",
        "kind": "raw",
    }
    return {**entry, **changes}


def test_a_valid_one_passes():
    config = new_config()
    assert check_config(config, "here") == {"quantized_layers": [], **config}
    check_config(changed("weights", weights_entry()), "here")
    check_config(changed("recipe.losses", None), "here")


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("architecture.image_size", "16"),
        ("architecture.image_size", 16.0),
        ("architecture.image_size", True),
        ("architecture.num_channels", 10**400),
        ("architecture.encoder_size", {"hidden_dim": 8, "num_layers": 10**9}),
        ("architecture.encoder_size", {"hidden_dim": 8, "unknown": 1}),
        ("architecture.encoder_mixer_depth", 10**9),
        ("architecture.label_dropout", float("nan")),
        ("architecture.class_name", "Lambda"),
        ("architecture", ["base"]),
        ("noise.max_angle_degrees", 90.0),
        ("sampling.steps", 0),
        ("sampling.guidance_scale", float("inf")),
        ("sampling.schedule", ["decay"]),
        ("sampling.shared_noise", 1),
        ("recipe.perceptual", {"module": "os", "class_name": "system"}),
        ("recipe.losses.latent_consistency", {"weight": "much"}),
        ("recipe.losses.latent_uniformity", {"weight": 0.3}),
        ("recipe.optimizer.learning_rate", {"class_name": "Schedule"}),
        ("recipe.training", {"data": {"nested": 1}}),
        ("parameters", -1),
        ("weights", weights_entry(file="../../secret.weights.h5")),
        ("weights", weights_entry(file="/etc/model.weights.h5")),
        ("weights", weights_entry(file="model.weights.h5/../../x")),
        ("weights", weights_entry(file="model.pkl")),
        ("weights", weights_entry(file="model.weights.h5\n")),
        ("weights", weights_entry(sha256="0")),
        ("weights", weights_entry(kind="both")),
    ],
)
def test_everything_else_is_refused(place, value):
    with pytest.raises(ValueError, match=r"^here: .*Received: "):
        check_config(changed(place, value), "here")


def test_a_newer_format_is_named():
    with pytest.raises(ValueError, match=r"newer keras_sphere.*format_version=6"):
        check_config(changed("format_version", FORMAT_VERSION + 1), "here")
    with pytest.raises(ValueError, match="must be an object"):
        check_config([1], "here")
