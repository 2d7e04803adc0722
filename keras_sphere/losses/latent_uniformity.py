"""Latent uniformity: the latents of a batch lie on the sphere as random points do."""

from typing import Any

import keras

from keras_sphere.backend.replicas import draw_for_batch, global_rows, own_rows
from keras_sphere.typing import Tensor
from keras_sphere.validation import read_boolean, read_integer
from keras_sphere.wide_floats import as_float


@keras.saving.register_keras_serializable(package="keras_sphere")
class LatentUniformity(keras.losses.Loss):
    """Sliced Wasserstein distance of latents to random points: one value per image.

    The latents of the global batch and as many random points of the sphere are
    projected onto random directions. On each direction the latent of rank k belongs
    to the point of rank k; the value of an image is the mean over the directions of
    the squared difference.

    Args:
        num_projections: Integer, at least 1. Random directions of each step.
        per_class: Boolean. Whether the images of each class are ranked among
            themselves, so that the latents of every class spread over the whole
            sphere. It needs several images of a class in a batch; one alone has no
            preferred place. Without labels all images are ranked together.
        name: String.
        **kwargs: Arguments of `keras.losses.Loss`.

    Call arguments:
        y_true: Tensor of shape `(batch, num_projections)`: on each direction the
            point that belongs to each latent.
        y_pred: Tensor of the same shape: the latents.

    Reference:
        - Not of the paper, whose sphere has thousands of dimensions; see
          docs/diversity.md. The distance is that of
          [Sliced Wasserstein Auto-Encoders](https://arxiv.org/abs/1804.01947).
    """

    def __init__(
        self,
        num_projections: int = 256,
        per_class: bool = False,
        name: str = "latent_uniformity",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.num_projections = read_integer("num_projections", num_projections)
        self.per_class = read_boolean("per_class", per_class)

    def call(self, y_true, y_pred):
        return keras.ops.mean(keras.ops.square(y_pred - y_true), axis=-1)

    def draw(
        self, latents: Tensor, seed: keras.random.SeedGenerator
    ) -> dict[str, Tensor]:
        """Draws points and directions, for the global batch.

        Args:
            latents: Tensor of shape `(batch, num_tokens, token_dim)`.
            seed: `keras.random.SeedGenerator`.

        Returns:
            Dict of `uniform_noise`, of the shape of `latents`, standard normal: its
            projection onto the sphere are the points; and `directions` of shape
            `(num_tokens * token_dim, num_projections)`, unit columns.
        """

        def normal(shape):
            return keras.random.normal(shape, dtype="float32", seed=seed)

        shape = keras.ops.shape(latents)
        directions = normal((shape[1] * shape[2], self.num_projections))
        return {
            "uniform_noise": draw_for_batch(normal, shape),
            "directions": keras.ops.normalize(directions, axis=0),
        }

    def get_config(self):
        config = super().get_config()
        return {
            **{key: config[key] for key in ("name", "reduction")},
            "num_projections": self.num_projections,
            "per_class": self.per_class,
        }


def matched_projections(latents, points, directions, labels=None):
    """Projections of latents, and of the random points that belong to them by rank.

    With several devices the ranks are those of the global batch.

    Args:
        latents: Float tensor of shape `(batch, num_tokens, token_dim)`, on the sphere.
        points: Float tensor of the same shape, on the sphere.
        directions: Float tensor of shape `(num_tokens * token_dim, projections)`.
        labels: Integer tensor of shape `(batch,)`: ranks are those within a class, and
            each class has as many points as latents. `None` ranks all together.

    Returns:
        Pair of float32 tensors of shape `(batch, projections)`: those of the latents,
        and those of the points, each at the place of the latent of its rank.
    """
    ops = keras.ops
    latents, points = (_project(x, directions) for x in (latents, points))
    everyone, points = (global_rows(ops.stop_gradient(x)) for x in (latents, points))
    if labels is not None:
        labels = global_rows(ops.cast(labels, "int32")[:, None])
    order = _order(points, labels)
    matched = ops.take_along_axis(
        ops.take_along_axis(points, order, axis=0),
        ops.argsort(_order(everyone, labels), axis=0),
        axis=0,
    )
    return latents, own_rows(matched)


def _order(projections, labels):
    """Which row comes k-th on each direction: by its class, if given, then by value."""
    order = keras.ops.argsort(projections, axis=0)
    if labels is None:
        return order
    ranks = keras.ops.cast(keras.ops.argsort(order, axis=0), "int32")
    return keras.ops.argsort(labels * keras.ops.shape(ranks)[0] + ranks, axis=0)


def _project(points, directions):
    rows = keras.ops.reshape(as_float(points), (-1, directions.shape[0]))
    return keras.ops.matmul(rows, directions)
