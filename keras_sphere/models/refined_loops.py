"""The sampling loop with a refiner in place of decoder and encoder between steps.

Guidance of the encoder is in what the refiner has learned, as is that of the decoder
but for the last step, whose images are those of the decoder itself. Guidance by a
rotation acts between two streams, which are both refined; the one without class is
never decoded.
"""

import keras

from keras_sphere import sampling
from keras_sphere.models.loops import moves_of, new_steps


def run_refined_loop(backbone, refiner, num_kept, guided, labels, guidance, inputs):
    """`loops.run_loop` with a refiner.

    Args:
        refiner: `LatentRefiner`.
        inputs: Dict of tensors; see `loops.run_loop`. `condition` is the guidance scale
            or, where noise is a rotation, the angles of the steps in degrees.

    Other arguments and the result are those of `loops.run_loop`.
    """
    ops, null_labels = keras.ops, inputs.get("null_labels")
    steps = new_steps(backbone, guided, labels, guidance, null_labels)
    condition, refined_labels = inputs["condition"], labels
    if steps.streams > 1:
        refined_labels = sampling.joined(labels, steps.null_labels)

    def advance(t, points):
        given = condition if condition.shape == () else ops.take(condition, t - 1)
        refined = refiner(points, refined_labels, given)
        return steps.move(refined, *moves_of(steps, t, inputs))

    def decode(t, points):
        images = steps.decode(points, ops.take(inputs["told"], t), True)
        return images if steps.streams == 1 else sampling.halves(images)[0]

    images = sampling.refine_in_program(
        steps.first(inputs["noise"]),
        advance,
        decode,
        inputs["images"],
        inputs["steps"],
        num_kept,
    )
    return ops.clip(images, -1.0, 1.0)
