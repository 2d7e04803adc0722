"""Tensors of at least float32, and values that broadcast over each image."""

import keras


def as_float(x):
    """Converts `x` to a tensor of at least float32."""
    x = keras.ops.convert_to_tensor(x)
    if keras.backend.standardize_dtype(x.dtype) == "float64":
        return x
    return keras.ops.cast(x, "float32")


def as_floats(*tensors):
    """Converts tensors to floats of one dtype: TensorFlow does not promote."""
    tensors = [as_float(x) for x in tensors]
    dtypes = {keras.backend.standardize_dtype(x.dtype) for x in tensors}
    if len(dtypes) == 1:
        return tensors
    return [keras.ops.cast(x, "float64") for x in tensors]


def per_image(x, like):
    """Shapes a value per image, `(batch,)`, or one for all, to broadcast to `like`."""
    x = keras.ops.cast(keras.ops.convert_to_tensor(x), like.dtype)
    if len(x.shape) == 0:
        return x
    return keras.ops.reshape(x, (-1,) + (1,) * (len(like.shape) - 1))
