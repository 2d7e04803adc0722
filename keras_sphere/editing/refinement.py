"""The loop of generation, started from images: what all editing is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from keras_sphere.models.conditions import read_labels
from keras_sphere.models.generation_inputs import read_images
from keras_sphere.models.sampling_run import run_sampling, sampling_options
from keras_sphere.typing import Array, ArrayLike, Labels
from keras_sphere.validation import read_integer, read_model_angle, read_share

if TYPE_CHECKING:
    from keras_sphere.models.sphere_encoder_model import SphereEncoderModel


def refine(
    model: SphereEncoderModel,
    images: ArrayLike,
    labels: Labels | None = None,
    steps: int | None = None,
    strength: float = 1.0,
    guidance_scale: float | None = None,
    guidance_position: str | None = None,
    schedule: str | None = None,
    shared_noise: bool | None = None,
    seed: int | None = None,
    step_noise: ArrayLike | None = None,
    return_steps: bool = False,
    batch_size: int | None = None,
    use_ema: bool | None = None,
    loop_angle_degrees: float | None = None,
    guidance_degrees: float | None = None,
) -> Array:
    """Runs the loop of `generate` from images in place of a decoded noise.

    `steps` times `x <- decode(f(f(encode(x)) + strength s_t sigma e))`: all steps
    encode and move. There is no inversion and no optimization. What is `None` takes
    the model's own default, `model.sampling`. Where noise is a rotation, the strength
    is a share of the loop's angle.

    Args:
        model: `SphereEncoderModel`.
        images: Array of shape `(batch, height, width, channels)`, uint8 or float in
            [-1, 1].
        labels: Integers or names of classes of shape `(batch,)`, one of them, a mix
            of classes (see `SphereEncoderModel.generate`), or `None` for the null
            class.
        steps: Integer, at least 1.
        strength: Float in [0, 1]. Multiplies the noise: 0 reconstructs, 1 is a step
            of generation.
        guidance_scale: Float. Above 1 the class is stressed.
        guidance_position: `"encoder"`, `"decoder"` or `"both"`.
        schedule: `"fixed"` moves with the same noise strength at every step,
            `"decay"` with `1 - t / steps` of it at step t, from 0.
        shared_noise: Boolean. Whether all steps add the same noise.
        seed: Integer or `None` for a random one. The noise of image i depends on
            `seed` and i alone.
        step_noise: Array of shape `(draws, batch, num_tokens, token_channels)` in
            place of draws: one draw where the noise is shared, else one per step.
        return_steps: Boolean. Whether to return the image of every step.
        batch_size: Integer or `None`. Images at a time.
        use_ema: Boolean. Whether to use the moving average of the weights.
        loop_angle_degrees: Float. See `RotationSamplingOptions`.
        guidance_degrees: Float. Likewise.

    Returns:
        float32 array of the shape of `images`, in [-1, 1]; with `return_steps` one
        axis of length `steps` comes first.

    Raises:
        ValueError: If an argument is out of range or of another method, or labels or
            guidance are asked of an unconditional model.

    Reference:
        - [Sphere Encoder](https://arxiv.org/abs/2602.15030), image editing.
    """
    return run_refinement(
        model,
        read_images(model.backbone, images),
        labels,
        steps=steps,
        strength=strength,
        guidance_scale=guidance_scale,
        guidance_position=guidance_position,
        schedule=schedule,
        shared_noise=shared_noise,
        seed=seed,
        step_noise=step_noise,
        return_steps=return_steps,
        batch_size=batch_size,
        use_ema=use_ema,
        loop_angle_degrees=loop_angle_degrees,
        guidance_degrees=guidance_degrees,
    )


def run_refinement(
    model,
    images,
    labels=None,
    strength=1.0,
    seed=None,
    step_noise=None,
    return_steps=False,
    batch_size=None,
    **sampling,
):
    """The loop of `refine`, from images that are read already: float32 in [-1, 1]."""
    strength = read_share("strength", strength)
    return run_sampling(
        model,
        sampling_options(model, **sampling),
        len(images),
        images=images,
        labels=read_labels(model.backbone, labels, len(images)),
        step_noise=step_noise,
        strength=strength,
        seed=seed,
        return_steps=return_steps,
        batch_size=batch_size,
    )


def variations(
    model: SphereEncoderModel,
    images: ArrayLike,
    labels: Labels | None = None,
    num_variations: int = 4,
    strength: float | None = None,
    angle_degrees: float | None = None,
    steps: int = 1,
    **options: Any,
) -> Array:
    """Images near given ones: encoded, moved by noise, decoded.

    Args:
        model: `SphereEncoderModel`.
        images: As for `refine`.
        labels: As for `refine`.
        num_variations: Integer, at least 1. Variations of each image.
        strength: Float in [0, 1], of the largest noise. Defaults to 0.5 if no angle
            is given.
        angle_degrees: Float in (0, 90), in place of `strength`: the angle that the
            noise turns the latent by. It is the tangent of the angle, not the angle,
            that is proportional to the strength.
        steps: Integer, at least 1. Rounds of encoding, moving and decoding.
        **options: Further arguments of `refine`.

    Returns:
        float32 array of shape `(batch, num_variations, height, width, channels)`,
        in [-1, 1]; with `return_steps` one axis of length `steps` comes first.

    Raises:
        ValueError: If both `strength` and `angle_degrees` are given, or an argument
            is out of range.

    Reference:
        - [Sphere Encoder](https://arxiv.org/abs/2602.15030), projection.

    Example:

    >>> near = keras_sphere.editing.variations(model, images, labels, strength=0.3)
    """
    num_variations = read_integer("num_variations", num_variations)
    strength = _strength(model, strength, angle_degrees)
    images = read_images(model.backbone, images)
    shape = (len(images), num_variations)
    if labels is not None:
        labels = read_labels(model.backbone, labels, len(images))
        labels = np.repeat(labels, num_variations, axis=0)
    varied = run_refinement(
        model,
        np.repeat(images, num_variations, axis=0),
        labels,
        steps=steps,
        strength=strength,
        **options,
    )
    return varied.reshape(*varied.shape[:-4], *shape, *varied.shape[-3:])


def _strength(model, strength, angle_degrees):
    """Strength of noise, as a share of the largest angle's, by either argument."""
    if angle_degrees is None:
        return 0.5 if strength is None else strength
    if strength is not None:
        raise ValueError(
            "Give `strength` or `angle_degrees`, not both. Received: "
            f"strength={strength}, angle_degrees={angle_degrees}"
        )
    largest = model.sampling.loop_degrees(model.noise_schedule.max_angle_degrees)
    angle_degrees = read_model_angle("angle_degrees", angle_degrees, largest)
    return model.sampling.share_of_loop(angle_degrees, largest)


def manipulate_class(
    model: SphereEncoderModel,
    images: ArrayLike,
    labels: Labels,
    strength: float = 0.25,
    steps: int = 5,
    **options: Any,
) -> Array:
    """Turns images into images of another class.

    The loop starts from the images, with the class vector of the wanted class in
    both halves. More strength and more steps change more.

    Args:
        model: `SphereEncoderModel`, class-conditional.
        images: As for `refine`.
        labels: The wanted classes; as for `refine`.
        strength: Float in [0, 1]. The paper's figures use 0.25.
        steps: Integer, at least 1. The paper's figures use 5.
        **options: Further arguments of `refine`, such as `guidance_scale`, or
            `return_steps=True` for the way there.

    Returns:
        As `refine`.

    Raises:
        ValueError: If the model is unconditional, or an argument is out of range.

    Reference:
        - [Sphere Encoder](https://arxiv.org/abs/2602.15030), conditional
          manipulation.

    Example:

    >>> edited = keras_sphere.editing.manipulate_class(model, images, labels=2)
    """
    if not model.backbone.is_conditional or labels is None:
        raise ValueError(
            "`manipulate_class` needs a class-conditional model and the `labels` of "
            f"the wanted classes. Received: labels={labels!r} with "
            f"num_classes={model.backbone.num_classes}"
        )
    return refine(model, images, labels, steps=steps, strength=strength, **options)
