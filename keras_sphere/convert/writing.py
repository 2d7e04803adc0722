"""Tensors of a reference state dict to a preset, one by one."""

import numpy as np

from keras_sphere.convert import reference_weights
from keras_sphere.models.preset_saving import write_model_preset


def write_converted(model, tensors, path, kind, **preset):
    """Writes the preset of a model that has no values of its own.

    Args:
        model: `SphereEncoderModel`.
        tensors: Dict from reference names to `StoredTensor`: exactly the weights of
            its backbone. Each is read once, and kept no longer than it takes to write
            it.
        path: String or path. The preset's folder.
        kind: `"raw"` or `"ema"`. What the weights are.
        **preset: See `models.preset_saving.write_model_preset`.

    Raises:
        ValueError: If a tensor is missing, left over or of the wrong shape, or a
            buffer holds other values than the method's.
    """
    matched = reference_weights.match_weights(model.backbone, tensors)
    _check_buffers(model.backbone, tensors)

    def value_of(variable):
        tensor, layout = matched[id(variable)]
        return layout(tensor.read())

    write_model_preset(model, path, kind, value_of, **preset)


def _check_buffers(backbone, tensors):
    """Raises a `ValueError` if rotary tables are not those that we compute."""
    expected = reference_weights.buffers(backbone)
    for name, tensor in tensors.items():
        table = expected.get(reference_weights.clean_name(name))
        if table is not None and not np.allclose(tensor.read(), table, atol=1e-3):
            raise ValueError(
                f"The buffer {name!r} must hold the rotary positions of the method. "
                "Received: other values"
            )
