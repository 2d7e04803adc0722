"""What users change on parts of a network, for its configuration to keep."""

import math

import keras

_RESTORED_MODES = ("int8", "int4")


class KeptParts:
    """Mixin of networks that make their own layers; it stands in front of the base.

    A configuration holds which of the layers inside are frozen, and which are
    quantized and how; `from_config` freezes and quantizes them again. A network that
    is built later than it is constructed calls `restore_parts` at the end of `build`.
    """

    _kept = None

    def get_config(self):
        kept = {"trainable": _trainable_changes(self), "quantized": quantization(self)}
        if kept["quantized"] and not isinstance(self, keras.Model):
            raise ValueError(
                "A quantized encoder or decoder is saved in its backbone only: "
                f"quantize it after loading. Received: {self.name}, quantized"
            )
        kept = {name: value for name, value in kept.items() if value}
        return {**super().get_config(), **({"kept_parts": kept} if kept else {})}

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        kept = config.pop("kept_parts", None)
        network = super().from_config(config)
        network._kept = kept
        if network.built:
            network.restore_parts()
        return network

    def restore_parts(self):
        """Quantizes and freezes layers as the configuration says."""
        kept = self._kept or {}
        for group in kept.get("quantized", ()):
            quantize_layers(self, **group)
        flags = {"": self.trainable, **kept.get("trainable", {})}
        for part in self._flatten_layers():  # what is around others comes first
            if _inner_path(self, part) in flags:
                part.trainable = flags[_inner_path(self, part)]


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
        alike[0]["layers"].append(_inner_path(network, part))
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
    parts = {_inner_path(network, part): part for part in network._flatten_layers()}
    unknown = [path for path in layers if not hasattr(parts.get(path), "kernel")]
    if unknown:
        raise ValueError(
            "The layers to quantize must be layers of the network that have a kernel. "
            f"Received: {unknown}"
        )
    wanted = {id(parts[path]) for path in layers}
    network.quantize(config=config, filters=lambda layer: id(layer) in wanted)


def _inner_path(network, part):
    return part.path[len(network.path) :].lstrip("/")


def _trainable_changes(network):
    """Paths inside a network where `trainable` is not what it is around them."""
    changes = {}

    def visit(part, around):
        if part.trainable != around:
            changes[_inner_path(network, part)] = part.trainable
        for inner in part._flatten_layers(include_self=False, recursive=False):
            visit(inner, part.trainable)

    if network.built:
        visit(network, True)
    return changes
