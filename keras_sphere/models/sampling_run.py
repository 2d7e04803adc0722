"""The sampling loop over any number of images, from noise or from images."""

import keras
import numpy as np

from keras_sphere import sampling
from keras_sphere.models.chunks import bucket, in_chunks
from keras_sphere.models.generation_inputs import (
    read_labels,
    read_latents,
    read_seed,
    read_step_noise,
)
from keras_sphere.models.inference import current_weights
from keras_sphere.validation import read_boolean

# Programs serve at least so many steps, and keep the images of at least so many.
LEAST_STEPS, LEAST_KEPT = 16, 4


def sampling_options(model, **given):
    """The model's sampling defaults, with what is not `None` in their place.

    Raises:
        ValueError: If a value is out of range, or guidance is asked of an
            unconditional model.
    """
    options = model.sampling.override(**given)
    if options.guidance_scale > 1 and not model.backbone.num_classes:
        raise ValueError(
            "`guidance_scale` above 1 needs a class-conditional model. Received: "
            f"guidance_scale={options.guidance_scale} with num_classes=0"
        )
    return options


def run_sampling(
    model,
    options,
    num_images,
    noise=None,
    images=None,
    labels=None,
    step_noise=None,
    strength=1.0,
    seed=None,
    return_steps=False,
    batch_size=None,
):
    """Runs the sampling loop on all images, chunk by chunk.

    Args:
        model: `SphereEncoderModel`.
        options: `SamplingOptions`.
        num_images: Integer, at least 1.
        noise: Array of latents: the start. `None` draws it by `seed`.
        images: float32 array in [-1, 1] to start from in place of noise; all steps
            then encode and move. `None` starts from noise.
        labels: See `read_labels`.
        step_noise: Array of shape `(draws, num_images, ...)`, or `None`: drawn.
        strength: Float, at least 0, or one per step. Multiplies the noise of every
            step.
        seed: Integer or `None`.
        return_steps: Boolean. Whether to return the image of every step.
        batch_size: Integer or `None`.

    Returns:
        float32 array of images; with `return_steps` one axis comes first.
    """
    backbone, from_noise = model.backbone, images is None
    num_moves = options.steps - from_noise
    labels = read_labels(backbone, labels, num_images)
    noise = read_latents(backbone, "noise", noise, num_images)
    num_draws = options.num_draws(num_moves)
    given = read_step_noise(backbone, step_noise, num_images, num_draws, options)
    return_steps = read_boolean("return_steps", return_steps)
    seed, weights = read_seed(seed), current_weights(model, options.use_ema)
    guidance = tuple(map(options.guidance_at, ("encoder", "decoder")))
    fixed = {
        "sigmas": _sigmas(model, options, from_noise, strength),
        "steps": np.asarray(options.steps, "int32"),
        "from_noise": np.asarray(from_noise),
    }
    num_kept = bucket(options.steps, least=LEAST_KEPT) if return_steps else 0

    def draw(indices, number):
        return sampling.host_noise(seed, indices, number, backbone.latent_shape)

    def prepare(indices, noise, images, labels, *moves):
        if noise is None and from_noise:
            noise = draw(indices, 0)
        if given is None:
            moves = [draw(indices, t + 1) for t in range(num_draws)]
        inputs = _fill(backbone, len(indices), noise, images, moves)
        return {**fixed, **inputs, "labels": labels}

    def compute(inputs):
        return model.passes.sample(weights, inputs, num_kept, guidance)

    def fetch(images):
        images = keras.ops.convert_to_numpy(images)
        return images[: options.steps] if num_kept else images

    arrays = [noise, images, labels, *(given or [])]
    return in_chunks(prepare, compute, arrays, num_images, batch_size, fetch)


def _sigmas(model, options, from_noise, strength):
    """Noise strength of each step; entries beyond the last one are not read."""
    strengths = (
        [0.0, *options.strengths] if from_noise else options.strengths_from_image
    )
    sigma = options.sigma(model.noise_schedule.max_angle_degrees)
    sigmas = np.zeros(bucket(options.steps, least=LEAST_STEPS), "float32")
    sigmas[: options.steps] = np.multiply(strengths, strength) * sigma
    return sigmas


def _fill(backbone, num_rows, noise, images, moves):
    """The inputs of a chunk; zeros where the program reads none."""
    latents = (num_rows, *backbone.latent_shape)
    step_noise = np.zeros((bucket(max(len(moves), 1)), *latents), "float32")
    step_noise[: len(moves)] = moves or 0.0
    if noise is None:
        noise = np.zeros(latents, "float32")
    if images is None:
        side = backbone.image_size
        images = np.zeros((num_rows, side, side, backbone.num_channels), "float32")
    return {"noise": noise, "images": images, "step_noise": step_noise}
