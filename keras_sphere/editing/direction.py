"""An image as the direction that the loop moves in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from keras_sphere.editing.refinement import run_refinement
from keras_sphere.models.conditions import read_labels
from keras_sphere.models.generation import encode_images
from keras_sphere.models.generation_inputs import read_images
from keras_sphere.typing import Array, ArrayLike, Labels

if TYPE_CHECKING:
    from keras_sphere.models.sphere_encoder_model import SphereEncoderModel


def direction(
    model: SphereEncoderModel,
    direction_images: ArrayLike,
    images: ArrayLike | None = None,
    labels: Labels | None = None,
    direction_labels: Labels | None = None,
    noise: Array | None = None,
    seed: int | None = None,
    **options: Any,
) -> Array:
    """Runs the loop with the latent of an image in place of the shared noise.

    Every step moves towards the direction image: the noise e of
    `f(z + sigma e)` is `f(encode(direction_image))`. Works with and without
    guidance.

    Args:
        model: `SphereEncoderModel`.
        direction_images: Array of shape `(batch, height, width, channels)`, uint8
            or float in [-1, 1]; one image serves all.
        images: Images to start from, as for `refine`; `None` starts from noise, as
            `generate` does.
        labels: As for `refine`.
        direction_labels: Classes of the direction images, for the encoder; `None`
            is the null class.
        noise: Array of shape `(batch, num_tokens, token_channels)`: the start,
            where there are no images. `None` draws it by `seed`.
        seed: Integer or `None` for a random one.
        **options: Further arguments of `refine`, `strength` only where `images` are
            given. `shared_noise` is true.

    Returns:
        float32 array of images in [-1, 1]; with `return_steps` one axis comes first.

    Raises:
        ValueError: If the numbers of images do not fit, or an argument is out of
            range.

    Reference:
        - [Sphere Encoder](https://arxiv.org/abs/2602.15030), whose code takes the
          latent before its projection; here it is projected.
    """
    if images is not None:
        images = read_images(model.backbone, images)
    direction_images = read_images(model.backbone, direction_images, "direction_images")
    latents = encode_images(
        model,
        direction_images,
        read_labels(
            model.backbone, direction_labels, len(direction_images), "direction_labels"
        ),
        batch_size=options.get("batch_size"),
        use_ema=options.get("use_ema"),
    )
    start = noise if images is None else images
    if start is not None and len(latents) == 1:
        latents = np.repeat(latents, len(start), axis=0)
    # Not the shared noise: where it is the start itself, none could take its place.
    steps = model.sampling.override(steps=options.get("steps")).steps
    directions = np.broadcast_to(latents, (2 * steps, *latents.shape))
    options = {**options, "step_noise": directions, "shared_noise": False}
    if images is not None:
        return run_refinement(model, images, labels, seed=seed, **options)
    return model.generate(len(latents), labels, noise=noise, seed=seed, **options)
