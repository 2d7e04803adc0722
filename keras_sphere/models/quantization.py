"""Layers with weights of few bits: which they are, and how to make them again."""

import contextlib
import gc
import math

import keras

_RESTORED_MODES = ("int8", "int4")


def quantization(network):
    """How the layers inside a network are quantized.

    Args:
        network: Keras layer that is built.

    Returns:
        List of dicts of `config`, a serialized `keras.quantizers.QuantizationConfig`,
        and `layers`, paths inside the network: arguments of `quantize_layers`.

    Raises:
        ValueError: If a layer is quantized in a way that cannot be made again.
    """
    groups = []
    for part in network._flatten_layers():
        mode = part.quantization_mode
        if mode is None:
            continue
        if mode not in _RESTORED_MODES or not part.quantization_config:
            raise ValueError(
                "A model can be saved if it is quantized by `quantize` in one of the "
                f"modes {_RESTORED_MODES}; save the weights before you quantize in "
                f"another. Received: mode={mode!r} of the layer {part.path}"
            )
        config = keras.saving.serialize_keras_object(part.quantization_config)
        alike = [group for group in groups if group["config"] == config]
        if not alike:
            alike = [{"config": config, "layers": []}]
            groups += alike
        alike[0]["layers"].append(inner_path(network, part))
    return groups


def quantized_layers(network):
    """Paths of the layers inside a network that `quantize("int8")` has quantized.

    Raises:
        ValueError: If a layer is quantized in another way.
    """
    groups = quantization(network)
    usual = keras.saving.serialize_keras_object(
        keras.quantizers.Int8QuantizationConfig()
    )
    other = [group["config"] for group in groups if group["config"] != usual]
    if other:
        raise ValueError(
            'A preset holds layers that are not quantized, or by `quantize("int8")`; '
            f"a `.keras` file keeps others. Received: {other[0]}"
        )
    return [path for group in groups for path in group["layers"]]


def count_saved_values(network):
    """Numbers that a file of the weights holds: LoRA's are merged into others."""
    return sum(
        math.prod(variable.shape)
        for variable in network.weights
        if not variable.name.startswith("lora_kernel_")
    )


def quantize_layers(network, config, layers):
    """Quantizes layers of a network; their values are those to load.

    Args:
        network: Keras model that is built.
        config: `keras.quantizers.QuantizationConfig`, one that is serialized, or the
            name of its mode.
        layers: List of paths inside the network.

    Raises:
        ValueError: If the network has no layer of such a path that can be quantized.
    """
    if isinstance(config, dict):
        config = keras.saving.deserialize_keras_object(config)
    parts = {inner_path(network, part): part for part in network._flatten_layers()}
    unknown = [path for path in layers if not hasattr(parts.get(path), "kernel")]
    if unknown:
        raise ValueError(
            "The layers to quantize must be layers of the network that have a kernel. "
            f"Received: {unknown}"
        )
    wanted = {id(parts[path]) for path in layers}
    with short_collections():
        network.quantize(config=config, filters=lambda layer: id(layer) in wanted)


def inner_path(network, part):
    """Path of a layer inside a network, `""` for the network itself."""
    return part.path[len(network.path) :].lstrip("/")


@contextlib.contextmanager
def short_collections():
    """Spares Keras to look through all of Python's objects after every layer.

    It collects garbage for each weight that it replaces: half a second where a
    backend or two are imported, and a model has hundreds.
    """
    is_free = gc.get_freeze_count() == 0
    if is_free:
        gc.freeze()
    try:
        yield
    finally:
        if is_free:
            gc.unfreeze()
