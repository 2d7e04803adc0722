"""Generative models on a spherical latent space, in Keras 3.

The Sphere Encoder ("Image Generation with a Sphere Encoder", arXiv 2602.15030) on
JAX, TensorFlow and PyTorch: `SphereEncoderModel` trains with `fit` and generates
with `generate`.
"""

from keras_sphere.backend_selection import select_backend

select_backend()

from keras_sphere import (
    convert,
    distribution,
    geometry,
    layers,
    losses,
    presets,
    sampling,
    training,
)
from keras_sphere.models import (
    SphereEncoderBackbone,
    SphereEncoderModel,
)
from keras_sphere.models.finite_loss_guard import NonFiniteLossError
from keras_sphere.noise_schedule import NoiseSchedule
from keras_sphere.optimizers import SphereAdamW, WarmupCosine
from keras_sphere.sampling import SamplingOptions
from keras_sphere.version import __version__

__all__ = [
    "NoiseSchedule",
    "NonFiniteLossError",
    "SamplingOptions",
    "SphereAdamW",
    "SphereEncoderBackbone",
    "SphereEncoderModel",
    "WarmupCosine",
    "__version__",
    "convert",
    "distribution",
    "geometry",
    "layers",
    "losses",
    "presets",
    "sampling",
    "training",
]
