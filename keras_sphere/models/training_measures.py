"""What a training step logs beside its losses."""

import math

import keras

from keras_sphere import geometry
from keras_sphere.backend.replicas import gather_replicas
from keras_sphere.models.training_inputs import rescale
from keras_sphere.wide_floats import as_float

MEASURES = ("psnr", "latent_norm", "latent_norm_std", "cycle_angle")
_LEAST_ERROR = 1e-10  # caps the PSNR at 100 dB


def new_measures(further=()):
    """Running means of the measures, by name.

    Args:
        further: Names of further ones that the outputs of a training forward hold.

    Returns:
        Dict of `keras.metrics.Mean` with the keys `MEASURES` and `further`.
    """
    return {name: keras.metrics.Mean(name=name) for name in (*MEASURES, *further)}


def measure(images, outputs):
    """How far the training of a batch has come, from what its step has at hand.

    Args:
        images: The images of the batch, uint8 or float in [-1, 1].
        outputs: Dict as `SphereEncoderModel.training_outputs` returns it.

    Returns:
        Dict of tensors of shape `(batch,)`:

        - `psnr`: peak signal-to-noise ratio, in dB, of the image decoded from a
          slightly noisy latent, `-10 log10(mean squared error)` of pixels in [0, 1],
          at most 100; the mean over images is that of the decibels.
        - `latent_norm`: root mean square of the encoder's output, before f.
        - `latent_norm_std`: its standard deviation over the images of the global batch,
          the same for all.
        - `cycle_angle`: degrees between the latent and the one that the image
          decoded from its very noisy version encodes to.
    """
    ops = keras.ops
    outputs = {
        name: ops.stop_gradient(ops.convert_to_tensor(outputs[name]))
        for name in ("latents", "cycled_latents", "reconstruction")
    }
    latents = as_float(outputs["latents"])
    error = (as_float(outputs["reconstruction"]) - rescale(images)) / 2.0
    error = ops.mean(ops.square(error), axis=(1, 2, 3))
    norm = ops.sqrt(ops.mean(ops.square(latents), axis=(1, 2)))
    radians = geometry.angle(latents, outputs["cycled_latents"])
    return {
        "psnr": -10.0 * ops.log10(ops.maximum(error, _LEAST_ERROR)),
        "latent_norm": norm,
        "latent_norm_std": ops.std(gather_replicas(norm)) * ops.ones_like(norm),
        "cycle_angle": radians * (180.0 / math.pi),
    }


def update_measures(measures, images, outputs, sample_weight=None):
    """Adds a batch to the running means, by weights if given; see `measure`.

    What the outputs hold as `distances` is added as it is.
    """
    values_of = {**measure(images, outputs), **outputs.get("distances", {})}
    for name, values in values_of.items():
        measures[name].update_state(values, sample_weight)
