"""Generation in a few steps: one loop over any pair of encode and decode.

Nothing here knows a model class. The loop is
`x_1 = decode(f(e)); x_{t+1} = decode(perturb(encode(x_t)))`: each further step
encodes the image, moves the latent by noise of the full strength, and decodes it.

Reference:
    - [Sphere Encoder](https://arxiv.org/abs/2602.15030), few-step generation.
"""

from collections.abc import Callable, Iterable, Sequence

import keras
import numpy as np

from keras_sphere import geometry
from keras_sphere.typing import Array, Tensor

__all__ = ["guide", "host_noise", "sample"]


def sample(
    encode: Callable[[Tensor], Tensor],
    decode: Callable[[Tensor], Tensor],
    noise: Tensor,
    step_noise: Sequence[Tensor],
    strengths: Sequence[float],
    sigma: float,
    per_token: bool = False,
) -> list[Tensor]:
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
        points = encode(images[-1])
        moved = geometry.perturb(points, added, strength * sigma, per_token)
        images.append(decode(moved))
    return images


def sample_in_program(first, advance, decode, images, steps, from_noise, num_kept=0):
    """The loop inside one compiled program, for every number of steps.

    The networks stand in the program once, whatever `steps` is, and nothing leaves
    it between the steps. It also starts from images in place of noise: then the
    first step encodes and moves like all others.

    Args:
        first: Callable that returns the points that the first step decodes, where the
            loop starts from noise.
        advance: Callable of a step's number, from 0, and the images of the step before
            that returns the points to decode.
        decode: Callable of a step's number and points that returns images.
        images: Float tensor of the shape that `decode` returns: the start, or zeros
            where that is noise.
        steps: Integer scalar, at least 1. Decoder calls.
        from_noise: Boolean scalar.
        num_kept: Integer, part of the program: 0, or at least `steps`.

    Returns:
        The images of the last step, or, where `num_kept` is not 0, a stack of
        `num_kept` image batches, of which the first `steps` are those of the steps.
    """
    ops = keras.ops

    def step(t, state):
        points = ops.cond(
            ops.logical_and(from_noise, t == 0), first, lambda: advance(t, state[0])
        )
        decoded = ops.cast(decode(t, points), images.dtype)
        decoded = ops.reshape(decoded, ops.shape(images))
        if not num_kept:
            return (decoded,)
        start = (t, *(0 for _ in images.shape))
        return decoded, ops.slice_update(state[1], start, decoded[None])

    state = (images,)
    if num_kept:
        state = (images, ops.repeat(ops.zeros_like(images)[None], num_kept, axis=0))
    return ops.fori_loop(0, steps, step, state)[-1]


def refine_in_program(start, advance, decode, images, steps, num_kept=0):
    """The loop on points alone: images are decoded from the last ones.

    Args:
        start: Float tensor. The points that a loop of one step would decode.
        advance: Callable of a step's number, from 1, and the points of the step before
            that returns the points of this one.
        decode: Callable of a step's number and points that returns images.
        images: Float tensor of the shape and dtype that `decode` returns.
        steps: Integer scalar, at least 1.
        num_kept: Integer, part of the program: 0, or at least `steps`.

    Returns:
        As `sample_in_program`; images of all steps are decoded only if they are kept.
    """
    ops = keras.ops

    def decoded(t, points):
        return ops.reshape(ops.cast(decode(t, points), images.dtype), ops.shape(images))

    def keep(t, points, kept):
        where = (t, *(0 for _ in images.shape))
        return points, ops.slice_update(kept, where, decoded(t, points)[None])

    def step(t, state):
        points = ops.cast(advance(t, state[0]), start.dtype)
        points = ops.reshape(points, ops.shape(start))
        return keep(t, points, state[1]) if num_kept else (points,)

    state = (start,)
    if num_kept:
        nothing = ops.repeat(ops.zeros_like(images)[None], num_kept, axis=0)
        state = keep(0, start, nothing)
    state = ops.fori_loop(1, steps, step, state)
    return state[1] if num_kept else decoded(steps - 1, state[0])


def draw_of_move(step_noise, t, from_noise):
    """The noise of step t, from 0: draw t of `step_noise`, or the last one.

    A loop that starts from noise has no move in its first step.

    Args:
        step_noise: Tensor of shape `(draws, batch, ...)`.
        t: Integer scalar.
        from_noise: Boolean scalar.
    """
    ops = keras.ops
    last = ops.shape(step_noise)[0] - 1
    draw = ops.clip(t - ops.cast(from_noise, "int32"), 0, last)
    return ops.take(step_noise, draw, axis=0)


def guide(
    network: Callable[[Tensor, Tensor], Tensor],
    inputs: Tensor,
    labels: Tensor,
    null_labels: Tensor,
    weight: float | Tensor,
) -> Tensor:
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
    both = network(joined(inputs, inputs), joined(labels, null_labels))
    conditional, unconditional = halves(both)
    return unconditional + weight * (conditional - unconditional)


def joined(first, second):
    """Two batches of one size as one.

    By reshaping, as for `halves`: `ops.concatenate` and `ops.split` of batches are
    exported by no backend or another where their size is not known.

    Args:
        first: Tensor of shape `(batch, ...)`.
        second: Tensor like `first`.

    Returns:
        Tensor of shape `(2 batch, ...)`.
    """
    pair = keras.ops.stack([first, second])
    return keras.ops.reshape(pair, (-1, *first.shape[1:]))


def halves(both):
    """The first and the second half of a batch; see `joined`.

    Args:
        both: Tensor of shape `(2 batch, ...)`.

    Returns:
        Pair of tensors of shape `(batch, ...)`.
    """
    pair = keras.ops.reshape(both, (2, -1, *both.shape[1:]))
    return pair[0], pair[1]


def host_noise(
    seed: int, indices: Iterable[int], draw: int, shape: Sequence[int]
) -> Array:
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
