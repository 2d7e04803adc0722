"""Denoisers of features: how noise is drawn, scaled and taken away again.

A network F becomes the denoiser `D(x; s) = c_skip x + c_out F(c_in x, c_noise)` of
features x with noise of strength s, which are of standard deviation `sigma_data`
without it. Everything is float32 or wider.

Reference:
    - [Elucidating the Design Space of Diffusion-Based Generative
      Models](https://arxiv.org/abs/2206.00364), table 1.
"""

import keras

from keras_sphere.wide_floats import as_float, per_image

SIGMA_DATA = 0.5
# Mean and standard deviation of the logarithm of noise: what denoisers learn from, and
# what transport looks at, within limits.
LEARNED_NOISE = (-1.2, 1.2)
TRANSPORT_NOISE, TRANSPORT_LIMITS = (-1.5, 1.0), (0.002, 6.0)


def preconditioning(sigma, sigma_data=SIGMA_DATA):
    """The four coefficients around the network.

    `c_skip = d^2 / (s^2 + d^2)`, `c_out = s d / sqrt(s^2 + d^2)`,
    `c_in = 1 / sqrt(s^2 + d^2)` and `c_noise = ln(s) / 4`, for d = `sigma_data`.

    Args:
        sigma: Float tensor s of any shape, above 0.
        sigma_data: Float.

    Returns:
        Tuple `(c_skip, c_out, c_in, c_noise)` of tensors of that shape.
    """
    ops, sigma = keras.ops, as_float(sigma)
    variance = ops.square(sigma) + sigma_data**2
    root = ops.sqrt(variance)
    c_out = sigma * sigma_data / root
    return sigma_data**2 / variance, c_out, 1.0 / root, ops.log(sigma) / 4.0


def denoising_weight(sigma, sigma_data=SIGMA_DATA):
    """Lambda, `(s^2 + d^2) / (s d)^2`: what makes errors at all strengths alike."""
    sigma = as_float(sigma)
    squares = keras.ops.square(sigma) + sigma_data**2
    return squares / keras.ops.square(sigma * sigma_data)


def log_normal_sigmas(normal, mean, deviation, limits=None):
    """Noise strengths `exp(mean + deviation n)`.

    Args:
        normal: Float tensor n, standard normal.
        mean: Float.
        deviation: Float.
        limits: Pair of floats, the least and the largest, or `None`.

    Returns:
        Tensor of the shape of `normal`.
    """
    sigma = keras.ops.exp(mean + deviation * as_float(normal))
    return sigma if limits is None else keras.ops.clip(sigma, *limits)


def denoise(network, noisy, sigma, labels=None, sigma_data=SIGMA_DATA):
    """D: what a network makes of noisy features.

    Args:
        network: Callable of scaled features, `c_noise` of shape `(batch,)`, and labels.
        noisy: Float tensor of shape `(batch, num_tokens, channels)`.
        sigma: Float tensor of shape `(batch,)`.
        labels: Integer tensor of shape `(batch,)`, or `None`.
        sigma_data: Float.

    Returns:
        Float tensor of the shape of `noisy`.
    """
    noisy = as_float(noisy)
    *factors, c_noise = preconditioning(sigma, sigma_data)
    c_skip, c_out, c_in = (per_image(c, noisy) for c in factors)
    return c_skip * noisy + c_out * as_float(network(c_in * noisy, c_noise, labels))


def denoising_losses(clean, denoised, sigma, sigma_data=SIGMA_DATA):
    """What a denoiser learns from: `lambda (D - x)^2`, mean over each item.

    Args:
        clean: Float tensor of shape `(batch, num_tokens, channels)`.
        denoised: Float tensor of the same shape.
        sigma: Float tensor of shape `(batch,)`.
        sigma_data: Float.

    Returns:
        Tensor of shape `(batch,)`.
    """
    errors = keras.ops.square(as_float(denoised) - as_float(clean))
    return denoising_weight(sigma, sigma_data) * item_mean(errors)


def item_mean(x):
    """Mean over all axes but the first."""
    return keras.ops.mean(x, axis=tuple(range(1, len(x.shape))))
