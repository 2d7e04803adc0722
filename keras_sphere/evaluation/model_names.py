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
    checksum = _checksum(current_weights(model, use_ema))
    return f"{'EMA' if use_ema else 'raw'} {checksum}"


def refiner_name(refiner):
    """A name that is the same for the same refiner: its parameters, and a checksum.

    Args:
        refiner: `LatentRefiner`.
    """
    checksum = _checksum([variable.value for variable in refiner.weights])
    return f"{refiner.count_params():,} parameters {checksum}"


def _checksum(weights):
    digest = hashlib.sha256()
    for weight in weights:
        values = keras.ops.convert_to_numpy(keras.ops.cast(weight, "float32"))
        digest.update(values.tobytes())
    return digest.hexdigest()[:16]
