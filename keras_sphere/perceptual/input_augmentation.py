"""Random moves of images before a network looks at them.

All are products with a matrix per image and axis, of which the gradient is one, too,
and deterministic on every backend.
"""

import keras

from keras_sphere.backend.replicas import draw_for_batch
from keras_sphere.wide_floats import as_float


def translate(images, rows, columns):
    """Moves images by whole pixels; what comes in is reflected, edges not repeated.

    Args:
        images: Float tensor of shape `(batch, height, width, channels)`.
        rows: Integer tensor of shape `(batch,)`, smaller than the height: row i of an
            output is row `i + rows` of its image.
        columns: Integer tensor of shape `(batch,)`, likewise.

    Returns:
        Tensor of the shape of `images`.
    """
    images = as_float(images)
    matrices = [
        _translation(shift, size)
        for shift, size in zip((rows, columns), images.shape[1:3], strict=True)
    ]
    return _resample(images, *matrices)


def scale_and_shift(images, scales, shifts, flips):
    """Looks at images through a window, by bilinear interpolation.

    In coordinates from -1 to 1 between the outer edges of pixels, an output's point u
    is its image's `scale u + shift`; outside, images are reflected at their edges.

    Args:
        images: Float tensor of shape `(batch, height, width, channels)`.
        scales: Float tensor of shape `(batch,)`.
        shifts: Float tensor of shape `(batch, 2)`: of rows, and of columns.
        flips: Float tensor of shape `(batch,)`: -1 mirrors left and right, 1 does not.

    Returns:
        Tensor of the shape of `images`.
    """
    images, scales, shifts = (as_float(x) for x in (images, scales, shifts))
    height, width = images.shape[1:3]
    return _resample(
        images,
        _window(scales, shifts[:, 0], height),
        _window(scales * as_float(flips), shifts[:, 1], width),
    )


def draw_translation(shape, seed, largest=None):
    """Draws the moves of images for `translate`, and which are mirrored.

    Args:
        shape: Shape of the images of this replica.
        seed: `keras.random.SeedGenerator`.
        largest: Integer. The largest move; `None` for a 64th of the height, rounded.

    Returns:
        Dict of int32 tensors `rows` and `columns`, and `flips` of -1 and 1 with equal
        probability, of shape `(batch,)`.
    """
    largest = round(shape[1] / 64) if largest is None else largest

    def draw(number):
        def uniform(size):
            return keras.random.uniform(size, dtype="float32", seed=seed)

        values = keras.ops.floor(draw_for_batch(uniform, (shape[0],)) * number)
        return keras.ops.minimum(values, number - 1.0)

    rows, columns = (
        keras.ops.cast(draw(2 * largest + 1.0), "int32") - largest for _ in range(2)
    )
    return {"rows": rows, "columns": columns, "flips": 2.0 * draw(2.0) - 1.0}


def draw_window(shape, seed, largest_shift=0.125, least_scale=0.85):
    """Draws the arguments of `scale_and_shift` but the images.

    Args:
        shape: Shape of the images of this replica.
        seed: `keras.random.SeedGenerator`.
        largest_shift: Float.
        least_scale: Float in (0, 1]; the largest is 1.

    Returns:
        Dict of float32 tensors `scales`, `shifts` and `flips`.
    """

    def draw(low, high, *size):
        def uniform(size):
            return keras.random.uniform(size, low, high, dtype="float32", seed=seed)

        return draw_for_batch(uniform, (shape[0], *size))

    return {
        "scales": draw(least_scale, 1.0),
        "shifts": draw(-largest_shift, largest_shift, 2),
        "flips": keras.ops.where(draw(0.0, 1.0) < 0.5, -1.0, 1.0),
    }


def mirror(images, flips):
    """Mirrors the images left and right whose entry of `flips` is -1."""
    mirrored = keras.ops.flip(images, axis=2)
    return keras.ops.where(flips[:, None, None, None] < 0, mirrored, images)


def _resample(images, row_matrices, column_matrices):
    images = keras.ops.einsum("boh,bhwc->bowc", row_matrices, images)
    return keras.ops.einsum("bpw,bowc->bopc", column_matrices, images)


def _translation(shift, size):
    """Matrix per image whose entries are 0 and 1."""
    ops = keras.ops
    index = ops.arange(size, dtype="int32")
    source = ops.abs(index[None] + ops.cast(shift, "int32")[:, None])
    source = (size - 1) - ops.abs((size - 1) - source)
    return ops.cast(source[:, :, None] == index, "float32")


def _window(scale, shift, size):
    """Matrix per image that interpolates between two pixels."""
    ops = keras.ops
    index = ops.arange(size, dtype="float32")
    centers = (2.0 * index + 1.0) / size - 1.0
    points = scale[:, None] * centers + shift[:, None]
    source = _reflected((points + 1.0) / 2.0 * size, size) - 0.5
    source = ops.clip(source, 0.0, size - 1.0)
    return ops.maximum(0.0, 1.0 - ops.abs(source[:, :, None] - index))


def _reflected(positions, size):
    """Positions brought into [0, size] by reflection at both ends."""
    period = keras.ops.mod(positions, 2.0 * size)
    return size - keras.ops.abs(size - period)
