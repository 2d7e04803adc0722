"""Generative models on a spherical latent space, in Keras 3.

The Sphere Encoder ("Image Generation with a Sphere Encoder", arXiv 2602.15030) on
JAX, TensorFlow and PyTorch: `SphereEncoderModel` trains with `fit` and generates
with `generate`.
"""

from keras_sphere.backend_selection import select_backend

select_backend()

from keras_sphere import convert, geometry, layers, losses, sampling  # noqa: E402
from keras_sphere.models import (  # noqa: E402
    SphereEncoderBackbone,
    SphereEncoderModel,
)
from keras_sphere.models.finite_loss_guard import NonFiniteLossError  # noqa: E402
from keras_sphere.noise_schedule import NoiseSchedule  # noqa: E402
from keras_sphere.optimizers import SphereAdamW, WarmupCosine  # noqa: E402
from keras_sphere.sampling import SamplingOptions  # noqa: E402

__version__ = "0.1.0"

__all__ = [
    "NoiseSchedule",
    "NonFiniteLossError",
    "SamplingOptions",
    "SphereAdamW",
    "SphereEncoderBackbone",
    "SphereEncoderModel",
    "WarmupCosine",
    "convert",
    "geometry",
    "layers",
    "losses",
    "sampling",
]
