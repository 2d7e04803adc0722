"""The flags of scripts that train on many devices."""

from absl import flags

from keras_sphere.choices import DISTRIBUTION_MODES
from keras_sphere.distribution.engines import setup


def define_flags():
    """Defines `--distribution`, `--model_devices` and `--simulated_devices`."""
    flags.DEFINE_enum(
        "distribution", "none", DISTRIBUTION_MODES, "How devices share the work."
    )
    flags.DEFINE_integer(
        "model_devices", None, "Devices that share one model, with model_parallel."
    )
    flags.DEFINE_integer("simulated_devices", None, "Trains on simulated CPU devices.")


def setup_from_flags(values):
    """Starts what the flags ask for; see `setup`.

    Args:
        values: `absl.flags.FLAGS`.

    Returns:
        `Devices`.
    """
    return setup(values.distribution, values.model_devices, values.simulated_devices)
