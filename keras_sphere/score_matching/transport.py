"""Where generated features are to go, by two denoisers, and when that counts."""

import math

import keras

from keras_sphere.choices import TRANSPORT_NORMALIZERS
from keras_sphere.losses.item_weights import global_mean
from keras_sphere.score_matching.denoising import item_mean
from keras_sphere.validation import check_choice
from keras_sphere.wide_floats import as_float, per_image

WARMUPS = ("cosine", "linear")
FLOOR = 1e-6


def transport(
    features,
    real_denoised,
    fake_denoised,
    normalizer="sample",
    floor=FLOOR,
    largest_rms=1.0,
):
    """The direction in which the two denoisers disagree, per item of limited length.

    `g = (D_fake - D_real) / max(mean |x - D_real|, floor)`; an item whose root mean
    square is above `largest_rms` is scaled down to it.

    Args:
        features: Float tensor x of shape `(batch, num_tokens, channels)`, generated.
        real_denoised: Float tensor of the same shape: x with noise, by the denoiser of
            real features.
        fake_denoised: The same by the denoiser of generated features.
        normalizer: `"sample"`: the mean is that of each item; `"batch"`: of the global
            batch.
        floor: Float.
        largest_rms: Float.

    Returns:
        Pair without gradients: g, and its root mean square of shape `(batch,)` before
        it was limited.

    Raises:
        ValueError: If `normalizer` is something else.
    """
    check_choice("normalizer", normalizer, TRANSPORT_NORMALIZERS)
    ops = keras.ops
    features, real, fake = (
        ops.stop_gradient(as_float(x)) for x in (features, real_denoised, fake_denoised)
    )
    size = item_mean(ops.abs(features - real))
    if normalizer == "batch":
        size = ops.ones_like(size) * global_mean(size)
    direction = (fake - real) / per_image(ops.maximum(size, floor), features)
    rms = ops.sqrt(item_mean(ops.square(direction)))
    shrunk = largest_rms / ops.maximum(rms, largest_rms)
    return direction * per_image(shrunk, features), rms


def transport_losses(features, direction):
    """Losses whose gradient is the direction: `mean((x - stop(x - g))^2) / 2`.

    Args:
        features: Float tensor of shape `(batch, num_tokens, channels)`.
        direction: Tensor of the same shape.

    Returns:
        Tensor of shape `(batch,)`.
    """
    features = as_float(features)
    target = keras.ops.stop_gradient(features - direction)
    return item_mean(keras.ops.square(features - target)) / 2.0


def warmup_share(epoch, start, end, shape="cosine"):
    """How much the transport counts: 0 up to `start`, 1 from `end` on.

    Args:
        epoch: Number or scalar tensor.
        start: Number.
        end: Number, at least `start`.
        shape: `"cosine"`, `(1 - cos(pi t)) / 2` of the share t of the way, or
            `"linear"`, t.

    Returns:
        Scalar tensor in [0, 1].

    Raises:
        ValueError: If `end` is before `start`, or `shape` is something else.
    """
    check_choice("shape", shape, WARMUPS)
    if end < start:
        raise ValueError(
            f"`end` must not be before `start`. Received: start={start}, end={end}"
        )
    epoch = as_float(epoch)
    if end == start:
        return keras.ops.cast(epoch >= end, epoch.dtype)
    share = keras.ops.clip((epoch - start) / (end - start), 0.0, 1.0)
    if shape == "linear":
        return share
    return (1.0 - keras.ops.cos(math.pi * share)) / 2.0
