"""Running statistics: the scale of features, and the balance of their stages.

A state is a dict of float32 tensors; an update returns a new one.
"""

import math

import keras

from keras_sphere.losses.item_weights import global_mean
from keras_sphere.score_matching.denoising import SIGMA_DATA
from keras_sphere.wide_floats import as_float

LIMITS = (0.05, 20.0)
_LEAST = 1e-12  # deviation of channels that never vary, strength of stages that agree


def no_moments(num_channels):
    """State of the moments of a stage before any features were seen."""
    zeros = keras.ops.zeros((num_channels,), "float32")
    return {"calls": keras.ops.zeros((), "float32"), "mean": zeros, "square": zeros}


def updated_moments(moments, features, calibration_calls, counts=True):
    """Moments of real features with those of another global batch, each call alike.

    Args:
        moments: State, as `no_moments` returns it.
        features: Float tensor of shape `(batch, num_tokens, channels)`.
        calibration_calls: Integer. After so many calls nothing changes any more.
        counts: Boolean, or scalar tensor of one: whether this call is one of them.

    Returns:
        New state.
    """
    ops = keras.ops
    features = as_float(features)
    is_open = ops.logical_and(moments["calls"] < calibration_calls, counts)
    is_open = ops.cast(is_open, "float32")
    calls = moments["calls"] + is_open
    rate = is_open / ops.maximum(calls, 1.0)

    def moved(old, values):
        return old + rate * (global_mean(ops.mean(values, axis=1)) - old)

    return {
        "calls": calls,
        "mean": moved(moments["mean"], features),
        "square": moved(moments["square"], ops.square(features)),
    }


def deviations(moments, floor_share=0.1):
    """Standard deviation per channel, at least a share of the median channel's.

    Of an even number of channels the median is the lower of the two in the middle.
    Before the first call, it is 1.

    Args:
        moments: State, see `no_moments`.
        floor_share: Float.

    Returns:
        Tensor of shape `(channels,)`.
    """
    ops = keras.ops
    variance = moments["square"] - ops.square(moments["mean"])
    deviation = ops.sqrt(ops.maximum(variance, 0.0))
    median = ops.sort(deviation)[(deviation.shape[0] - 1) // 2]
    deviation = ops.maximum(deviation, ops.maximum(floor_share * median, _LEAST))
    return ops.where(moments["calls"] > 0, deviation, 1.0)


def standardize(features, mean, deviation, sigma_data=SIGMA_DATA):
    """Features of mean 0 and standard deviation `sigma_data`.

    Args:
        features: Float tensor of shape `(batch, num_tokens, channels)`.
        mean: Tensor of shape `(channels,)`.
        deviation: Tensor of that shape.
        sigma_data: Float.
    """
    return (as_float(features) - mean) / (deviation / sigma_data)


def gradient_strengths(rms, deviation_list, sizes, sigma_data=SIGMA_DATA):
    """How strongly each stage pulls at the features themselves, as its RMS is given.

    `R / (S sqrt(N D))` with `S = 1 / (sigma_data sqrt(mean(1 / std^2)))`, for a stage
    of N tokens with D channels.

    Args:
        rms: Tensor R of shape `(stages,)`.
        deviation_list: List of a tensor of shape `(channels,)` per stage.
        sizes: List of the number of entries N D of an item, per stage.
        sigma_data: Float.

    Returns:
        Tensor of shape `(stages,)`.
    """
    ops = keras.ops
    inverse = ops.stack([ops.mean(1.0 / ops.square(std)) for std in deviation_list])
    roots = ops.convert_to_tensor([math.sqrt(size) for size in sizes], "float32")
    return rms * sigma_data * ops.sqrt(inverse) / roots


def no_balance(num_stages):
    """State of the balance of the stages before any transport."""
    zero = keras.ops.zeros((), "float32")
    return {
        "calls": zero,
        "rms": keras.ops.zeros((num_stages,), "float32"),
        "target": zero,
    }


def updated_balance(
    balance, rms, strengths, calibration_calls, decay=0.99, counts=True
):
    """Balance with the transport of another batch.

    The running RMS is the plain mean of the calls while they calibrate, then an
    average that forgets with `decay`; the target is the mean strength of the stages
    at the last call that calibrates.

    Args:
        balance: State, as `no_balance` returns it.
        rms: Tensor of shape `(stages,)`: means over the global batch of the RMS of the
            transport's directions, before they are limited.
        strengths: Callable from the running RMS to strengths per stage, see
            `gradient_strengths`.
        calibration_calls: Integer.
        decay: Float.
        counts: Boolean, or scalar tensor of one: whether there is such a batch.

    Returns:
        New state.
    """
    ops = keras.ops
    calls = balance["calls"] + 1.0
    is_calibrating = calls <= calibration_calls
    least = ops.where(is_calibrating, 0.0, 1.0 - decay)
    rate = ops.maximum(1.0 / calls, least)
    running = balance["rms"] + rate * (as_float(rms) - balance["rms"])
    mean = ops.mean(strengths(running))
    target = ops.where(is_calibrating, mean, balance["target"])
    new = {"calls": calls, "rms": running, "target": target}
    return {key: ops.where(counts, new[key], balance[key]) for key in new}


def balance_weights(balance, strengths, limits=LIMITS):
    """Weights per stage that bring its strength to the target, within limits.

    Args:
        balance: State, see `updated_balance`.
        strengths: Callable, see there.
        limits: Pair of floats.

    Returns:
        Tensor of shape `(stages,)`.
    """
    strength = keras.ops.maximum(strengths(balance["rms"]), _LEAST)
    return keras.ops.clip(balance["target"] / strength, *limits)
