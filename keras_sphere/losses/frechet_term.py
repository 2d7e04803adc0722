"""The Frechet distance of moving averages, as a term of a training."""

import keras

from keras_sphere.backend.operations import widest_float
from keras_sphere.choices import FRECHET_POOLINGS
from keras_sphere.losses.item_weights import balanced_weights, global_mean
from keras_sphere.validation import check_choice, read_positive, read_share

_LEAST_EIGENVALUE = 1e-10


@keras.saving.register_keras_serializable(package="keras_sphere")
class FrechetTerm(keras.layers.Layer):
    """Frechet distance of features of generated and of real images, relative to itself.

    Mean and second moment of each side are moving averages over the batches, variables
    of the layer, of which the last batch is a small share: that share alone has a
    gradient. The loss is `FD / (stop(FD) + epsilon)`, so it says nothing but the
    direction. Matrix functions are of float64, on JAX only where that is enabled.

    Args:
        decay: Float in [0, 1). How much of the averages a step keeps. Before the term
            counts they are plain means, as long as these move faster.
        epsilon: Float. Added to the distance, and to the diagonals of covariances.
        pooling: `"mean"`: an image is one row, the mean of its tokens; `"tokens"`:
            each token is one.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        real: Float tensor of shape `(batch, ..., channels)`.
        fake: Float tensor of shape `(batch, ..., channels)`.
        weights: Float tensor of shape `(batch,)`: how much each generated image counts
            in the averages; the loss is weighed by whom it is given to.
        is_on: Boolean or scalar tensor: whether the term counts.
        training: Boolean. Whether the averages move.

    Returns:
        Pair of float32 tensors: one of shape `(batch,)`, whose mean over the global
        batch, by `weights`, is the loss, and 0 where it does not count; and the
        distance, a scalar without gradient.

    Reference:
        - [Sphere Encoder 2](https://arxiv.org/abs/2610.02208), FD-lite.
    """

    def __init__(self, decay=0.999, epsilon=1e-6, pooling="mean", **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.decay = read_share("decay", decay)
        self.epsilon = read_positive("epsilon", epsilon)
        check_choice("pooling", pooling, FRECHET_POOLINGS)
        self.pooling = pooling

    def build(self, input_shape):
        channels = input_shape[-1]

        def new(name, *shape):
            return self.add_weight(
                name=name,
                shape=shape,
                initializer="zeros",
                dtype=widest_float(),
                trainable=False,
                aggregation="only_first_replica",
            )

        self.calls = new("calls")
        self.moments = {
            side: (
                new(f"{side}_mean", channels),
                new(f"{side}_square", channels, channels),
            )
            for side in ("real", "fake")
        }

    def call(self, real, fake, weights, is_on=True, training=False):
        ops = keras.ops
        real, fake = self._rows(ops.stop_gradient(real)), self._rows(fake)
        weights = ops.cast(balanced_weights(weights), fake.dtype)
        is_on = ops.convert_to_tensor(is_on, "bool")
        calls = self.calls.value + 1.0
        own = ops.cast(1.0 - self.decay, fake.dtype)
        rate = ops.where(is_on, own, ops.maximum(1.0 / calls, own))
        moved = {
            side: [
                old.value + rate * (new - old.value)
                for old, new in zip(self.moments[side], batch, strict=True)
            ]
            for side, batch in (
                ("real", moments(real, ops.ones_like(weights))),
                ("fake", moments(fake, weights)),
            )
        }
        distance, slopes = frechet_slopes(moved["fake"], moved["real"], self.epsilon)
        if training:
            self._remember(calls, moved)
        relative = distance + self.epsilon
        change = rate / relative * _image_values(fake, *slopes)
        loss = ops.where(
            is_on, distance / relative + change - ops.stop_gradient(change), 0.0
        )
        return ops.cast(loss, "float32"), ops.cast(distance, "float32")

    def _rows(self, x):
        """Rows of an image, of shape `(batch, rows, channels)`, in the widest float."""
        ops = keras.ops
        x = ops.cast(x, widest_float())
        x = ops.reshape(x, (ops.shape(x)[0], -1, x.shape[-1]))
        return ops.mean(x, axis=1, keepdims=True) if self.pooling == "mean" else x

    def _remember(self, calls, moved):
        self.calls.assign(calls)
        for side, values in moved.items():
            for variable, value in zip(self.moments[side], values, strict=True):
                variable.assign(value)

    def compute_output_shape(self, *args, **kwargs):
        return (None,), ()

    def get_config(self):
        return {
            **super().get_config(),
            "decay": self.decay,
            "epsilon": self.epsilon,
            "pooling": self.pooling,
        }


def moments(rows, weights):
    """Mean and second moment of rows over the global batch, without gradient.

    Args:
        rows: Float tensor of shape `(batch, rows, channels)`.
        weights: Float tensor of shape `(batch,)`, of mean 1 over the global batch.

    Returns:
        Pair of tensors of shape `(channels,)` and `(channels, channels)`.
    """
    ops = keras.ops
    rows = ops.stop_gradient(rows)
    means = ops.mean(rows, axis=1) * weights[:, None]
    weighted = rows * weights[:, None, None]
    square = ops.einsum("bti,btj->ij", weighted, rows) / rows.shape[1]
    images = ops.cast(ops.shape(rows)[0], rows.dtype)
    return global_mean(means), global_mean((square / images)[None])


def frechet_slopes(fake, real, epsilon):
    """Frechet distance of two Gaussians, and how it changes with the moments of one.

    `|m - m_r|^2 + tr(S) + tr(S_r) - 2 sum sqrt(eig(R S R))` with `R = S_r^(1/2)` and
    `S = E[x x^T] - m m^T + epsilon`. No eigenvector is differentiated: the slope of the
    last sum by S is `R (R S R)^(-1/2) R / 2`.

    Args:
        fake: Pair of m and `E[x x^T]`.
        real: Likewise.
        epsilon: Float.

    Returns:
        Tuple of the distance and a pair of slopes, by m and by `E[x x^T]`.
    """
    ops = keras.ops
    (mean, square), (real_mean, real_square) = fake, real
    diagonal = epsilon * ops.eye(mean.shape[0], dtype=widest_float())

    def covariance(mean, square):
        return square - ops.outer(mean, mean) + diagonal

    spread, real_spread = covariance(mean, square), covariance(real_mean, real_square)
    values, vectors = ops.linalg.eigh(real_spread)
    root = _assembled(vectors, ops.sqrt(ops.maximum(values, _LEAST_EIGENVALUE)))
    values, vectors = ops.linalg.eigh(ops.matmul(ops.matmul(root, spread), root))
    is_limited = values <= _LEAST_EIGENVALUE
    roots = ops.sqrt(ops.maximum(values, _LEAST_EIGENVALUE))
    shift = mean - real_mean
    distance = ops.sum(ops.square(shift)) + ops.trace(spread) + ops.trace(real_spread)
    distance = distance - 2.0 * ops.sum(roots)
    inverse = _assembled(vectors, ops.where(is_limited, 0.0, 1.0 / roots))
    by_square = ops.eye(mean.shape[0], dtype=widest_float())
    by_square = by_square - ops.matmul(ops.matmul(root, inverse), root)
    by_mean = 2.0 * shift - 2.0 * ops.matmul(by_square, mean)
    return distance, (by_mean, by_square)


def _assembled(vectors, values):
    """The symmetric matrix of given eigenvectors and eigenvalues."""
    return keras.ops.matmul(vectors * values, keras.ops.transpose(vectors))


def _image_values(rows, by_mean, by_square):
    """`slope_m . x + x^T slope_E x` of each image, mean over its rows."""
    ops = keras.ops
    by_mean, by_square = (ops.stop_gradient(x) for x in (by_mean, by_square))
    bent = ops.sum(rows * ops.matmul(rows, by_square), axis=-1)
    return ops.mean(ops.matmul(rows, by_mean[:, None])[..., 0] + bent, axis=1)
