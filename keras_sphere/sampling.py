"""Generation in a few steps: one loop over any pair of encode and decode.

Nothing here knows a model class. The loop is
`x_1 = decode(f(e)); x_{t+1} = decode(perturb(encode(x_t)))`: each further step
encodes the image, moves the latent by noise of the full strength, and decodes it.

Reference:
    - [Sphere Encoder](https://arxiv.org/abs/2602.15030), few-step generation.
"""

import dataclasses
import functools
import math

import keras
import numpy as np

from keras_sphere import geometry
from keras_sphere.choices import GUIDANCE_POSITIONS, SCHEDULES
from keras_sphere.validation import (
    check_choice,
    if_given,
    read_angle_degrees,
    read_boolean,
    read_integer,
    read_not_negative,
)


@dataclasses.dataclass(frozen=True)
class SamplingOptions:
    """How to generate.

    Args:
        steps: Integer, at least 1. Decoder calls.
        guidance_scale: Float. Above 1 it pushes the output away from the null
            class; 1 or less turns guidance off.
        guidance_position: `"encoder"`, `"decoder"`, or `"both"`, which takes the
            square root of the scale at each place. Guidance of the encoder has no
            effect on the first step.
        schedule: `"fixed"` adds noise of full strength at every step, `"decay"` of
            strength `1 - t / steps` after decoder call t.
        shared_noise: Boolean. Whether all steps add the same noise.
        max_angle_degrees: Float in (0, 90), the angle of noise of full strength, or
            `None` for the largest angle that the model was trained with.
        use_ema: Boolean. Whether to use the moving average of the weights, which
            the optimizer keeps, instead of the weights themselves.

    Raises:
        ValueError: If a value is out of range.
    """

    steps: int = 4
    guidance_scale: float = 1.0
    guidance_position: str = "both"
    schedule: str = "fixed"
    shared_noise: bool = True
    max_angle_degrees: float | None = None
    use_ema: bool = False

    def __post_init__(self):
        check_choice("guidance_position", self.guidance_position, GUIDANCE_POSITIONS)
        check_choice("schedule", self.schedule, SCHEDULES)
        for name, read in (
            ("steps", read_integer),
            ("guidance_scale", read_not_negative),
            ("shared_noise", read_boolean),
            ("max_angle_degrees", functools.partial(if_given, read_angle_degrees)),
            ("use_ema", read_boolean),
        ):
            object.__setattr__(self, name, read(name, getattr(self, name)))

    def override(self, **given):
        """A copy in which every value of `given` that is not `None` replaces."""
        given = {key: value for key, value in given.items() if value is not None}
        return dataclasses.replace(self, **given)

    @property
    def strengths(self):
        """Noise strength in [0, 1] after each decoder call but the last."""
        if self.schedule == "fixed":
            return [1.0] * (self.steps - 1)
        return [1.0 - t / self.steps for t in range(1, self.steps)]

    @property
    def strengths_from_image(self):
        """Noise strength in [0, 1] of each step where the loop starts from images."""
        if self.schedule == "fixed":
            return [1.0] * self.steps
        return [1.0 - t / self.steps for t in range(self.steps)]

    @property
    def num_noise_draws(self):
        """How many noises the steps after the first one need."""
        return self.num_draws(self.steps - 1)

    def num_draws(self, num_moves):
        """How many noises `num_moves` moves of a latent need."""
        return min(num_moves, 1) if self.shared_noise else num_moves

    def sigma(self, trained_degrees):
        """Noise strength at full strength, for a model trained up to an angle."""
        degrees = self.max_angle_degrees
        return geometry.sigma_from_degrees(
            trained_degrees if degrees is None else degrees
        )

    def to_dict(self):
        """The values as a dict, for a configuration file."""
        return dataclasses.asdict(self)

    def guidance_at(self, place):
        """Guidance weight at `"encoder"` or `"decoder"`; `None` where it is off."""
        if self.guidance_scale <= 1.0:
            return None
        if self.guidance_position == "both":
            return math.sqrt(self.guidance_scale)
        return self.guidance_scale if self.guidance_position == place else None


def sample(encode, decode, noise, step_noise, strengths, sigma, per_token=False):
    """Generates images in `len(strengths) + 1` steps.

    Args:
        encode: Callable from images to points of the sphere.
        decode: Callable from points of the sphere to images.
        noise: Float tensor of shape `(batch, ...)`: the start, standard normal.
        step_noise: List of tensors of the shape of `noise`; with a single one, all
            steps share it.
        strengths: List of floats in [0, 1], one per step after the first.
        sigma: Float. Noise strength at strength 1.
        per_token: Boolean. See `geometry.spherify`.

    Returns:
        List of image batches, one per step.
    """
    images = [decode(geometry.spherify(noise, per_token))]
    for t, strength in enumerate(strengths):
        added = step_noise[0 if len(step_noise) == 1 else t]
        points = move(encode, images[-1], added, strength * sigma, per_token)
        images.append(decode(points))
    return images


def move(encode, images, noise, sigma, per_token=False):
    """Where a step after the first decodes: the encoded images, moved by noise."""
    return geometry.perturb(encode(images), noise, sigma, per_token)


def sample_in_program(
    encode,
    decode,
    noise,
    images,
    step_noise,
    sigmas,
    steps,
    from_noise,
    num_kept=0,
    per_token=False,
):
    """The loop of `sample` inside one compiled program, for every number of steps.

    The networks stand in the program once, whatever `steps` is, and nothing leaves
    it between the steps. It also starts from images in place of noise: then the
    first step encodes and moves like all others.

    Args:
        encode: Callable from images to points of the sphere.
        decode: Callable from points of the sphere to images.
        noise: Float tensor of shape `(batch, ...)`: the start, standard normal; not
            read where the loop starts from images.
        images: Float tensor of the shape that `decode` returns; likewise.
        step_noise: Tensor of shape `(draws, batch, ...)`. Move number i, from 0,
            takes draw i, or the last one.
        sigmas: Tensor of at least `steps` noise strengths. Step t, from 0, takes
            entry t; a step that decodes noise takes none.
        steps: Integer scalar, at least 1. Decoder calls.
        from_noise: Boolean scalar.
        num_kept: Integer, part of the program: 0, or at least `steps`.
        per_token: Boolean. See `geometry.spherify`.

    Returns:
        The images of the last step, or, where `num_kept` is not 0, a stack of
        `num_kept` image batches, of which the first `steps` are those of the steps.
    """
    ops = keras.ops
    last_draw = ops.shape(step_noise)[0] - 1

    def points(t, images):
        draw = ops.clip(t - ops.cast(from_noise, "int32"), 0, last_draw)
        added = ops.take(step_noise, draw, axis=0)
        moved = move(encode, images, added, ops.take(sigmas, t), per_token)
        return ops.cast(moved, noise.dtype)

    def step(t, state):
        latents = ops.cond(
            ops.logical_and(from_noise, t == 0),
            lambda: geometry.spherify(noise, per_token),
            lambda: points(t, state[0]),
        )
        decoded = ops.cast(decode(latents), images.dtype)
        decoded = ops.reshape(decoded, ops.shape(images))
        if not num_kept:
            return (decoded,)
        start = (t, *(0 for _ in images.shape))
        return decoded, ops.slice_update(state[1], start, decoded[None])

    state = (images,)
    if num_kept:
        state = (images, ops.repeat(ops.zeros_like(images)[None], num_kept, axis=0))
    return ops.fori_loop(0, steps, step, state)[-1]


def guide(network, inputs, labels, null_labels, weight):
    """Classifier-free guidance: `null + weight (conditional - null)`.

    Both passes run as one batch of twice the size.

    Args:
        network: Callable of `(inputs, labels)`.
        inputs: Tensor of shape `(batch, ...)`.
        labels: Integer tensor of shape `(batch,)`, or weights of classes; see
            `LabelEmbedding`.
        null_labels: Tensor of the shape of `labels`.
        weight: Float or scalar tensor.

    Returns:
        Tensor of the shape of the network's output.
    """
    ops = keras.ops
    both = network(
        ops.concatenate([inputs, inputs], axis=0),
        ops.concatenate([labels, null_labels], axis=0),
    )
    conditional, unconditional = ops.split(both, 2, axis=0)
    return unconditional + weight * (conditional - unconditional)


def host_noise(seed, indices, draw, shape):
    """Standard normal noise that depends on nothing but seed, image and draw.

    Made by a counter-based generator on the host, so it is bit-identical on every
    backend and whatever the batch size.

    Args:
        seed: Non-negative integer below 2**64.
        indices: Iterable of integers. Which images of the run.
        draw: Integer. 0 for the start, t for the noise added after step t.
        shape: Tuple. Shape of one latent.

    Returns:
        float32 array of shape `(len(indices), *shape)`.
    """
    return np.stack(
        [
            np.random.Generator(
                np.random.Philox(key=seed, counter=[0, 0, draw, index])
            ).standard_normal(shape, dtype="float32")
            for index in indices
        ]
    )
