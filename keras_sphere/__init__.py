"""Generative models on a spherical latent space, in Keras 3.

The Sphere Encoder ("Image Generation with a Sphere Encoder", arXiv 2602.15030) on
JAX, TensorFlow and PyTorch: `SphereEncoderModel` trains with `fit` and generates
with `generate`.
"""

import sys

from keras_sphere.backend.selection import select_backend, starts_as_command
from keras_sphere.version import __version__

if not starts_as_command(sys.argv, sys.orig_argv):
    select_backend()

    from keras_sphere import (
        convert,
        data,
        distribution,
        editing,
        embedders,
        evaluation,
        export,
        geometry,
        layers,
        losses,
        metrics,
        models,
        perceptual,
        presets,
        sampling,
        training,
        visualization,
    )
    from keras_sphere.embedders import HashingEmbedder
    from keras_sphere.evaluation import evaluate
    from keras_sphere.export import export_onnx, load_onnx
    from keras_sphere.learning_rate import WarmupCosine
    from keras_sphere.models import (
        LatentRefiner,
        SphereEncoderBackbone,
        SphereEncoderModel,
    )
    from keras_sphere.models.finite_loss_guard import NonFiniteLossError
    from keras_sphere.noise_schedule import NoiseSchedule, RotationSchedule
    from keras_sphere.optimizers import SphereAdamW
    from keras_sphere.rotation_sampling_options import RotationSamplingOptions
    from keras_sphere.sampling_options import SamplingOptions

__all__ = [
    "HashingEmbedder",
    "LatentRefiner",
    "NoiseSchedule",
    "NonFiniteLossError",
    "RotationSamplingOptions",
    "RotationSchedule",
    "SamplingOptions",
    "SphereAdamW",
    "SphereEncoderBackbone",
    "SphereEncoderModel",
    "WarmupCosine",
    "__version__",
    "convert",
    "data",
    "distribution",
    "editing",
    "embedders",
    "evaluate",
    "evaluation",
    "export",
    "export_onnx",
    "geometry",
    "layers",
    "load_onnx",
    "losses",
    "metrics",
    "models",
    "perceptual",
    "presets",
    "sampling",
    "training",
    "visualization",
]
