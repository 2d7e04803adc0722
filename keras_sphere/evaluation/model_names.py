"""Names of a model's weights, for results that are compared later."""

import hashlib

import keras

from keras_sphere.export import OnnxModel
from keras_sphere.models.inference import current_weights


def weights_name(model, use_ema=None):
    """A name that is the same for the same weights: raw or EMA, and a checksum.

    Args:
        model: `SphereEncoderModel`, or `OnnxModel`, which knows its own.
        use_ema: Boolean or `None` for the model's default.

    Returns:
        String.
    """
    if isinstance(model, OnnxModel):
        return model.weights_name
    use_ema = model.sampling.use_ema if use_ema is None else use_ema
    digest = hashlib.sha256()
    for weight in current_weights(model, use_ema):
        values = keras.ops.convert_to_numpy(keras.ops.cast(weight, "float32"))
        digest.update(values.tobytes())
    return f"{'EMA' if use_ema else 'raw'} {digest.hexdigest()[:16]}"
