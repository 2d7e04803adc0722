"""The flags of scripts that train on many devices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from absl import flags

from keras_sphere.choices import DISTRIBUTION_MODES
from keras_sphere.distribution.engines import setup

if TYPE_CHECKING:
    from keras_sphere.distribution.devices import Devices


def define_flags() -> None:
    """Defines `--distribution`, `--model_devices` and `--simulated_devices`."""
    flags.DEFINE_enum(
        "distribution", "none", DISTRIBUTION_MODES, "How devices share the work."
    )
    flags.DEFINE_integer(
        "model_devices", None, "Devices that share one model, with model_parallel."
    )
    flags.DEFINE_integer("simulated_devices", None, "Trains on simulated CPU devices.")


def setup_from_flags(values: Any) -> Devices:
    """Starts what the flags ask for; see `setup`.

    Args:
        values: `absl.flags.FLAGS`.

    Returns:
        `Devices`.
    """
    return setup(values.distribution, values.model_devices, values.simulated_devices)
