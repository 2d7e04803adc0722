"""A reference state dict to a backbone's weights, and back."""

import re

import keras
import numpy as np

from keras_sphere.convert.dinov3_names import canonical_name
from keras_sphere.convert.reference_names import reference_weights
from keras_sphere.layers.rotary_embedding import rotary_table

_PREFIXES = re.compile(r"^(?:module\.|_orig_mod\.|_checkpoint_wrapped_module\.)+")
_INNER_PREFIXES = re.compile(r"\.(?:_orig_mod|_checkpoint_wrapped_module)(?=\.)")


def clean_name(name):
    """A reference name without the prefixes of compilers and wrappers."""
    return canonical_name(_INNER_PREFIXES.sub("", _PREFIXES.sub("", name)))


def match_weights(backbone, tensors):
    """Pairs every weight of a backbone with its tensor, before any is read.

    Args:
        backbone: `SphereEncoderBackbone`. Its variables need no values.
        tensors: Dict from reference names to what has a `shape`.

    Returns:
        Dict from `id(variable)` to a pair of a tensor and its `Layout`.

    Raises:
        ValueError: If a tensor is missing, left over, there twice or of the wrong
            shape.
    """
    received = {}
    for name, tensor in tensors.items():
        if clean_name(name) in received:
            raise ValueError(
                f"The state dict must hold every tensor once. Received: {name!r} "
                "again, under another prefix"
            )
        received[clean_name(name)] = tensor
    expected = list(reference_weights(backbone))
    names = {name for name, _, _ in expected}
    constants = _constant_shapes(backbone)
    missing, unexpected = names - set(received), set(received) - names - set(constants)
    if missing or unexpected:
        raise ValueError(
            "The state dict does not fit the configuration. Received: missing "
            f"{sorted(missing)}, unexpected {sorted(unexpected)}"
        )
    for name, variable, layout in expected:
        shape = layout.reference_shape(tuple(variable.shape))
        is_scalar = name.rpartition(".")[2] in ("alpha1", "alpha2")
        _check_shape(name, received[name], (shape, ()) if is_scalar else (shape,))
    for name in set(constants) & set(received):
        _check_shape(name, received[name], (constants[name],))
    return {
        id(variable): (received[name], layout) for name, variable, layout in expected
    }


def _check_shape(name, tensor, expected):
    if tuple(tensor.shape) not in expected:
        raise ValueError(
            f"The tensor {name!r} must have the shape {expected[0]}. "
            f"Received: {tuple(tensor.shape)}"
        )


def load_reference_weights(backbone, state_dict):
    """Writes a reference state dict into a backbone.

    Args:
        backbone: `SphereEncoderBackbone` of the same architecture.
        state_dict: Dict from reference names to arrays.

    Raises:
        ValueError: If a tensor is missing, left over or of the wrong shape; the
            backbone is not changed then.
    """
    matched = match_weights(backbone, state_dict)
    for variable in backbone.weights:
        array, layout = matched[id(variable)]
        variable.assign(layout(np.asarray(array)))


def reference_arrays(backbone):
    """A function that turns values of variables into reference tensors.

    Args:
        backbone: `SphereEncoderBackbone`. Its variables need no values.

    Returns:
        Callable of a variable and its value, a tensor. It returns the reference's
        name and a contiguous float32 array.
    """
    places = {id(v): (name, layout) for name, v, layout in reference_weights(backbone)}

    def convert(variable, value):
        name, layout = places[id(variable)]
        value = np.asarray(keras.ops.convert_to_numpy(value), "float32")
        return name, np.ascontiguousarray(layout.to_reference(value))

    return convert


def unused_tensors(backbone):
    """In-context tokens of networks where no block ever sees them, by name.

    Returns:
        Dict from reference names to arrays of zeros.
    """
    shapes = _unused_shapes(backbone)
    return {name: np.zeros(shape, "float32") for name, shape in shapes.items()}


def buffers(backbone):
    """The tables of rotary positions, which only the moving average holds.

    Args:
        backbone: `SphereEncoderBackbone`.

    Returns:
        Dict from reference names to float32 arrays of shape
        `[1, tokens, 2 head_dim]`: cosines, then sines.
    """
    tables = {}
    for half, transformer in _transformers(backbone):
        head_dim = transformer.hidden_dim // transformer.num_heads
        prefixes = {"rope": 0}
        if transformer.num_in_context_tokens:
            prefixes["inctx_rope"] = transformer.num_in_context_tokens
        for name, num_prefix in prefixes.items():
            table = rotary_table(head_dim, transformer.grid_size, num_prefix)
            tables[f"{half}.{name}"] = np.concatenate(table, axis=1)[None]
    return tables


def _transformers(backbone):
    for half in ("encoder", "decoder"):
        transformer = getattr(getattr(backbone, half), "transformer", None)
        if transformer is not None:
            yield half, transformer


def _unused_shapes(backbone):
    shapes = {}
    for half, transformer in _transformers(backbone):
        count = transformer.num_in_context_tokens
        if count and not transformer.inserts_tokens:
            shape = (1, count, transformer.hidden_dim)
            shapes[f"{half}.inctx_pos_embed"] = shape
            if not transformer.is_modulated:
                shapes[f"{half}.inctx_embed"] = shape
    return shapes


def _constant_shapes(backbone):
    tables = {name: table.shape for name, table in buffers(backbone).items()}
    return {**tables, **_unused_shapes(backbone)}
