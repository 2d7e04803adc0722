"""The sampling loop over any number of images, from noise or from images."""

import keras
import numpy as np

from keras_sphere import sampling
from keras_sphere.loop_plan import START, UNGUIDED
from keras_sphere.models.chunks import bucket, in_chunks
from keras_sphere.models.generation_inputs import (
    read_latents,
    read_seed,
    read_step_noise,
)
from keras_sphere.models.inference import current_weights
from keras_sphere.models.refiner_checks import (
    check_options,
    check_teacher,
    condition_input,
)
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
    if options.is_guided and not model.backbone.is_conditional:
        name, largest = UNGUIDED[model.backbone.architecture["motion"]]
        raise ValueError(
            f"`{name}` above {largest} needs a class-conditional model. Received: "
            f"{name}={getattr(options, name)} with num_classes=0"
        )
    return options


def _check_null_labels(model, options, refiner):
    """Raises a `ValueError` if guidance leads away from nothing that could be said."""
    name, largest = UNGUIDED[model.backbone.architecture["motion"]]
    if not options.is_guided:
        raise ValueError(
            "A negative condition is what guidance leads away from: it needs "
            f"`{name}` above {largest}. Received: {name}={getattr(options, name)}"
        )
    if refiner is not None and refiner.condition == "guidance_scale":
        raise ValueError(
            "A refiner has learned guidance away from no condition: generate without "
            "`refiner`, or without a negative condition. Received: both of them"
        )


def run_sampling(
    model,
    options,
    num_images,
    noise=None,
    images=None,
    labels=None,
    step_noise=None,
    seed=None,
    return_steps=False,
    batch_size=None,
    refiner=None,
    null_labels=None,
    **how,
):
    """Runs the sampling loop on all images, chunk by chunk.

    Args:
        model: `SphereEncoderModel`.
        options: `SamplingOptions` or `RotationSamplingOptions`.
        num_images: Integer, at least 1.
        noise: Array of latents: the start. `None` draws it by `seed`.
        images: float32 array in [-1, 1] to start from in place of noise; all steps
            then encode and move. `None` starts from noise.
        labels: What `read_labels` returned.
        step_noise: Array of shape `(draws, num_images, ...)`, or `None`: drawn.
        seed: Integer or `None`.
        return_steps: Boolean. Whether to return the image of every step.
        batch_size: Integer or `None`.
        refiner: `LatentRefiner` between the steps of a loop from noise, or `None`.
        null_labels: Rows that guidance leads away from, or `None` for no condition.
        **how: Further arguments of `options.plan`.

    Returns:
        float32 array of images; with `return_steps` one axis comes first.
    """
    backbone, from_noise = model.backbone, images is None
    if not from_noise or options.steps > 1:
        backbone.require_encoder(f"Sampling in {options.steps} steps")
    plan = options.plan(from_noise, model.noise_schedule.max_angle_degrees, **how)
    noise = read_latents(backbone, "noise", noise, num_images)
    given = read_step_noise(backbone, step_noise, num_images, plan.num_draws, options)
    return_steps = read_boolean("return_steps", return_steps)
    if null_labels is not None:
        _check_null_labels(model, options, refiner)
    seed, weights = read_seed(seed), current_weights(model, options.use_ema)
    if refiner is not None:
        check_teacher(model, refiner, weights)
        check_options(refiner, options, model.noise_schedule.max_angle_degrees)
        refiner = refiner if options.steps > 1 else None  # there is no place for it
    fixed = {
        "strengths": _padded(plan.strengths),
        "told": _padded(plan.told),
        "steps": np.asarray(options.steps, "int32"),
        "from_noise": np.asarray(from_noise),
    }
    if refiner is not None:
        condition = condition_input(refiner, options, plan)
        is_list = isinstance(condition, list)
        fixed["condition"] = _padded(condition) if is_list else np.float32(condition)
    num_kept = bucket(options.steps, least=LEAST_KEPT) if return_steps else 0

    def draw(indices, number):
        return sampling.host_noise(seed, indices, number, backbone.latent_shape)

    def prepare(indices, noise, images, labels, null_labels, *drawn):
        if noise is None and from_noise:
            noise = draw(indices, 0)
        if given is None:
            drawn = [draw(indices, t + 1) for t in range(plan.num_draws)]
        moves, null_moves = (
            numbers and [noise if n is START else drawn[n] for n in numbers]
            for numbers in (plan.draws, plan.null_draws)
        )
        inputs = _fill(backbone, len(indices), noise, images, moves, null_moves)
        return {**fixed, **inputs, "labels": labels, "null_labels": null_labels}

    def compute(inputs):
        return model.passes.sample(weights, inputs, num_kept, plan.guidance, refiner)

    def fetch(images):
        images = keras.ops.convert_to_numpy(images)
        return images[: options.steps] if num_kept else images

    arrays = [noise, images, labels, null_labels, *(given or [])]
    return in_chunks(prepare, compute, arrays, num_images, batch_size, fetch)


def _padded(values):
    """One value per step; entries beyond the last one are not read."""
    padded = np.zeros(bucket(len(values), least=LEAST_STEPS), "float32")
    padded[: len(values)] = values
    return padded


def _fill(backbone, num_rows, noise, images, moves, null_moves):
    """The inputs of a chunk; zeros where the program reads none."""
    shape = (num_rows, *backbone.latent_shape)
    if noise is None:
        noise = np.zeros(shape, "float32")
    if images is None:
        side = backbone.image_size
        images = np.zeros((num_rows, side, side, backbone.num_channels), "float32")
    return {
        "noise": noise,
        "images": images,
        "step_noise": _stacked(moves, shape),
        "null_step_noise": _stacked(null_moves, shape),
    }


def _stacked(moves, shape):
    """Draws as one array, its length a power of two; the last draw fills it up."""
    if moves is None:
        return None
    stacked = np.zeros((bucket(max(len(moves), 1)), *shape), "float32")
    stacked[: len(moves)] = moves or 0.0
    stacked[len(moves) :] = moves[-1] if moves else 0.0
    return stacked
