"""The sampling loop with a refiner in place of decoder and encoder between steps.

Guidance of the encoder is in what the refiner has learned, as is that of the decoder
but for the last step, whose images are those of the decoder itself.
"""

import keras

from keras_sphere import sampling
from keras_sphere.models.loops import guided_decode, move_streams, null_like


def refined_addition_loop(
    backbone, refiner, num_kept, guided, labels, guidance, inputs
):
    """`loops.addition_loop` with a refiner.

    Args:
        refiner: `LatentRefiner`.
        inputs: Dict of tensors; see `loops.addition_loop`. `condition` is the guidance
            scale.

    Other arguments and the result are those of `loops.addition_loop`.
    """
    take = keras.ops.take

    def advance(t, points):
        refined = refiner(points, labels, inputs["condition"])
        added = sampling.draw_of_move(inputs["step_noise"], t, inputs["from_noise"])
        return backbone.perturb(refined, added, take(inputs["strengths"], t))

    def decode(t, points):
        weight = guidance[1] if guided[1] else None
        return guided_decode(backbone, points, labels, weight)

    return _run(backbone, num_kept, advance, decode, inputs)


def refined_rotation_loop(
    backbone, refiner, num_kept, guided, labels, guidance, inputs
):
    """`loops.rotation_loop` with a refiner, which is told the decoder's angles.

    With guidance both streams are refined; the one without class is never decoded.
    Arguments and result are those of `refined_addition_loop`; `condition` holds the
    angles of the steps, in degrees.
    """
    ops, is_guided = keras.ops, any(guided)
    both_labels = labels
    if is_guided:
        both_labels = ops.concatenate([labels, null_like(backbone, labels)], axis=0)

    def advance(t, points):
        told = ops.take(inputs["condition"], t - 1)
        refined = refiner(points, both_labels, told)
        if is_guided:
            return move_streams(backbone, refined, guidance[0], t, inputs)
        added = sampling.draw_of_move(inputs["step_noise"], t, inputs["from_noise"])
        return backbone.perturb(refined, added, ops.take(inputs["strengths"], t))

    def decode(t, points):
        if is_guided:
            points = ops.split(points, 2, axis=0)[0]
        return backbone.decode(points, labels, angles=ops.take(inputs["told"], t))

    images = _run(backbone, num_kept, advance, decode, inputs, 1 + is_guided)
    return ops.clip(images, -1.0, 1.0)


REFINED_LOOPS = {"addition": refined_addition_loop, "rotation": refined_rotation_loop}


def _run(backbone, num_kept, advance, decode, inputs, streams=1):
    start = backbone.spherify(inputs["noise"])
    return sampling.refine_in_program(
        keras.ops.concatenate([start] * streams, axis=0),
        advance,
        decode,
        inputs["images"],
        inputs["steps"],
        num_kept,
    )
