"""Stochastic depth: branches of blocks that are left out of some images of a batch."""

import keras

from keras_sphere.backend.replicas import draw_for_batch


def path_weights(ranks, dropout):
    """Factors of a branch per image: stochastic depth of whole shares of a batch.

    `floor((1 - dropout) batch)` images, at least one, keep the branch, by a factor of
    `batch / kept`; for the others it is left out.

    Args:
        ranks: Integer tensor of shape `(batch,)`, a permutation: the images of the
            lowest ranks keep it.
        dropout: Float in [0, 1).

    Returns:
        float32 tensor of shape `(batch,)`.

    Reference:
        - [DINOv2](https://arxiv.org/abs/2304.07193), efficient stochastic depth.
    """
    ops = keras.ops
    batch = ops.cast(ops.max(ranks) + 1, "float32")
    kept = ops.maximum(ops.floor((1.0 - dropout) * batch + 1e-4), 1.0)
    is_kept = ops.cast(ops.cast(ranks, "float32") < kept, "float32")
    return is_kept * (batch / kept)


def draw_path_weights(batch, dropout, seed):
    """`path_weights` of both branches of a block, drawn for the global batch.

    Args:
        batch: Integer, the images of this replica.
        dropout: Float in [0, 1).
        seed: `keras.random.SeedGenerator`.

    Returns:
        float32 tensor of shape `(batch, 2)`.
    """

    def draw(shape):
        uniform = keras.random.uniform(shape, seed=seed)
        return path_weights(keras.ops.argsort(uniform), dropout)

    branches = [draw_for_batch(draw, (batch,)) for _ in range(2)]
    return keras.ops.stack(branches, axis=1)
