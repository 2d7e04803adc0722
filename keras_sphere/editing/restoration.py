"""Restoration with the model as a prior.

What is known of an image and what the model takes for an image are alternated:
`x <- data_step(decode(f(f(encode(x)) + s sigma e)))`, with the strength s going down.
The projection in the middle is a step of generation; the data step brings back what
was measured. No gradient is taken and nothing is trained.

Reference:
    - SP3 (arXiv 2606.16396), restoration by the projection of a Sphere Encoder.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_sphere.editing.crossover import read_mask
from keras_sphere.editing.degradation import (
    blur,
    downsample,
    enlarge_bicubic,
    repeat_pixels,
)
from keras_sphere.editing.refinement import run_refinement
from keras_sphere.image_validation import PIXEL_LIMIT, as_images
from keras_sphere.models.conditions import read_labels
from keras_sphere.models.generation_inputs import read_images, read_seed
from keras_sphere.typing import Array, ArrayLike, Labels
from keras_sphere.validation import (
    if_given,
    read_boolean,
    read_integer,
    read_positive,
    read_sequence,
    read_share,
)

if TYPE_CHECKING:
    from keras_sphere.models.sphere_encoder_model import SphereEncoderModel

# Best of several, on training digits.
INPAINT_STRENGTHS = (0.5, 0.4, 0.3, 0.2, 0.1, 0.05, 0.0)
SUPER_RESOLUTION_STRENGTHS = (0.3, 0.2, 0.1, 0.05, 0.0)
DENOISE_STRENGTHS = (0.0,)
LEAST_PRIOR_DEVIATION = 0.1
# Normal noise goes further than that, in deviations, in one of 10 billion pixels.
NOISE_REACH = 6.5


def restore(
    model: SphereEncoderModel,
    images: ArrayLike,
    data_step: Callable[[Array], Array],
    labels: Labels | None = None,
    strengths: Sequence[float] = INPAINT_STRENGTHS,
    num_samples: int = 1,
    seed: int | None = None,
    **options: Any,
) -> Array:
    """Alternates the model's projection with a step towards what is known.

    Args:
        model: `SphereEncoderModel`.
        images: First guess, as for `refine`.
        data_step: Callable of the images of all samples, a float32 array of shape
            `(num_samples * batch, height, width, channels)`, sample by sample, that
            returns corrected ones.
        labels: As for `refine`; `None` is the null class.
        strengths: Sequence of floats in [0, 1]. Noise strength of each round.
        num_samples: Integer, at least 1. Independent runs that are averaged: the
            mean has a higher PSNR than each of them and is less sharp.
        seed: Integer or `None` for a random one.
        **options: Further arguments of `refine`: `guidance_scale`,
            `guidance_position`, `shared_noise` (whether all rounds add the same
            noise), `batch_size`, `use_ema`.

    Returns:
        float32 array of the shape of `images`, in [-1, 1].
    """
    return run_restoration(
        model,
        read_images(model.backbone, images),
        data_step,
        labels,
        strengths,
        num_samples,
        seed,
        **options,
    )


def run_restoration(
    model,
    images,
    data_step,
    labels,
    strengths,
    num_samples,
    seed,
    shared_noise=None,
    **options,
):
    """`restore` of images that are read already."""
    num_samples = read_integer("num_samples", num_samples)
    strengths = read_sequence("strengths", strengths, read_share)
    seed, count = read_seed(seed), len(images)
    shared = if_given(read_boolean, "shared_noise", shared_noise)
    shared = model.sampling.shared_noise if shared is None else shared
    x = np.tile(images, (num_samples, 1, 1, 1))
    if labels is not None:
        labels = read_labels(model.backbone, labels, count)
        labels = np.concatenate([labels] * num_samples)
    for index, strength in enumerate(strengths):
        projected = run_refinement(
            model,
            x,
            labels,
            steps=1,
            strength=strength,
            seed=seed if shared else (seed + index) % 2**64,
            **options,
        )
        x = np.clip(data_step(projected), -1.0, 1.0).astype("float32")
    return x.reshape(num_samples, count, *x.shape[1:]).mean(axis=0)


def inpaint(
    model: SphereEncoderModel,
    images: ArrayLike,
    mask: ArrayLike,
    labels: Labels | None = None,
    strengths: Sequence[float] = INPAINT_STRENGTHS,
    num_samples: int = 1,
    seed: int | None = None,
    **options: Any,
) -> Array:
    """Fills in missing pixels; known ones stay exactly as they are.

    Args:
        model: `SphereEncoderModel`.
        images: As for `refine`. What missing pixels hold is not read.
        mask: Array of shape `(height, width)` or `(batch, height, width)`: true or
            1 where a pixel is known, false or 0 where it is missing.
        labels, strengths, num_samples, seed, **options: See `restore`. The right
            labels help a lot; `guess_labels` finds them where they are not known.

    Returns:
        float32 array of the shape of `images`, in [-1, 1].

    Raises:
        ValueError: If the mask does not fit, or no pixel of an image is known.

    Example:

    >>> mask = np.ones((16, 16), bool)
    >>> mask[:, 8:] = False  # the right half is missing
    >>> filled = keras_sphere.editing.inpaint(model, images, mask)
    """
    images, known = read_known(model, images, mask)

    def data_step(x):
        samples = x.reshape(-1, *images.shape)
        return np.where(known, images, samples).reshape(x.shape)

    guess = np.where(known, images, mean_of_known(images, known))
    return run_restoration(
        model, guess, data_step, labels, strengths, num_samples, seed, **options
    )


def read_known(model, images, mask):
    """Images as the model takes them, and where they are known; see `inpaint`."""
    images = read_images(model.backbone, images)
    known = read_mask(mask, images.shape) == 1
    if not np.all(np.any(known, axis=(1, 2, 3))):
        raise ValueError(
            "`mask` must be 1 at one known pixel of each image, at least. Received: "
            "a mask without known pixels"
        )
    return images, known


def mean_of_known(images, known):
    """Mean color of the known pixels of each image."""
    counts = np.sum(known, axis=(1, 2), keepdims=True)
    return np.sum(images * known, axis=(1, 2), keepdims=True) / counts


def super_resolve(
    model: SphereEncoderModel,
    images: ArrayLike,
    factor: int,
    labels: Labels | None = None,
    strengths: Sequence[float] = SUPER_RESOLUTION_STRENGTHS,
    num_samples: int = 1,
    seed: int | None = None,
    **options: Any,
) -> Array:
    """Enlarges images to the model's size; their means stay as measured.

    A pixel of a small image is taken for the mean of `factor` x `factor` pixels of
    the large one. The first guess is bicubic.

    Args:
        model: `SphereEncoderModel`.
        images: Array of shape `(batch, size, size, channels)` with `size * factor`
            the model's `image_size`, uint8 or float in [-1, 1].
        factor: Integer, at least 2.
        labels, strengths, num_samples, seed, **options: See `restore`.

    Returns:
        float32 array of shape `(batch, image_size, image_size, channels)`, in
        [-1, 1].

    Raises:
        ValueError: If `factor` does not divide the model's image size, or the images
            are not of that size divided by it.
    """
    factor = read_integer("factor", factor)
    backbone = model.backbone
    if factor < 2 or backbone.image_size % factor:
        raise ValueError(
            "`factor` must be at least 2 and divide the model's image size, "
            f"{backbone.image_size}. Received: factor={factor}"
        )
    size = backbone.image_size // factor
    images = as_images("images", images, size, backbone.num_channels)
    if images.dtype == "uint8":
        images = images / 127.5 - 1.0
    images = np.clip(images, -1.0, 1.0).astype("float32")

    def data_step(x):
        samples = downsample(x, factor).reshape(-1, *images.shape)
        missing = (images - samples).reshape(-1, *images.shape[1:])
        return x + repeat_pixels(missing, factor)

    guess = np.clip(enlarge_bicubic(images, factor), -1.0, 1.0)
    return run_restoration(
        model, guess, data_step, labels, strengths, num_samples, seed, **options
    )


def denoise(
    model: SphereEncoderModel,
    images: ArrayLike,
    sigma: float,
    labels: Labels | None = None,
    strengths: Sequence[float] = DENOISE_STRENGTHS,
    prior_deviation: float | None = None,
    blur_deviation: float | None = None,
    num_samples: int = 1,
    seed: int | None = None,
    **options: Any,
) -> Array:
    """Removes normal noise of known strength.

    The first guess is blurred. The data step is the mean of the noisy image and the
    projected one, weighted by what each is trusted to:
    `(tau^2 y + sigma^2 x) / (tau^2 + sigma^2)`.

    Args:
        model: `SphereEncoderModel`.
        images: Noisy images: float array of shape `(batch, height, width,
            channels)`, in the units of images in [-1, 1], which the noise may leave;
            or uint8.
        sigma: Float above 0. Standard deviation of the noise.
        labels, strengths, num_samples, seed, **options: See `restore`.
        prior_deviation: Float above 0: tau, the standard deviation of the error
            that the model's projection is expected to make. Defaults to 0.1, or
            half of `sigma` where that is more: the projection is the worse the
            noisier the image is.
        blur_deviation: Float above 0. Standard deviation of the blur, in pixels.
            Defaults to the root of `sigma`, which suits images of 16 px.

    Returns:
        float32 array of the shape of `images`, in [-1, 1].

    Raises:
        ValueError: If `sigma` or a deviation is not positive and finite.
    """
    sigma = read_positive("sigma", sigma)
    if prior_deviation is None:
        prior_deviation = max(LEAST_PRIOR_DEVIATION, sigma / 2)
    prior_deviation = read_positive("prior_deviation", prior_deviation)
    blur_deviation = sigma**0.5 if blur_deviation is None else blur_deviation
    blur_deviation = read_positive("blur_deviation", blur_deviation)
    backbone, limit = model.backbone, PIXEL_LIMIT + NOISE_REACH * sigma
    noisy = as_images(
        "images", images, backbone.image_size, backbone.num_channels, limit
    )
    if noisy.dtype == "uint8":
        noisy = noisy / 127.5 - 1.0
    guess = np.clip(blur(noisy, blur_deviation), -1.0, 1.0)
    trust = sigma**2 / (sigma**2 + prior_deviation**2)

    def data_step(x):
        samples = x.reshape(-1, *noisy.shape)
        return (trust * samples + (1.0 - trust) * noisy).reshape(x.shape)

    return run_restoration(
        model, guess, data_step, labels, strengths, num_samples, seed, **options
    )
