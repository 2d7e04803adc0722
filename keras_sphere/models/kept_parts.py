"""What users change on parts of a network, for its configuration to keep."""

import keras

from keras_sphere.models.quantization import (
    inner_path,
    quantization,
    quantize_layers,
)


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
        if kept:
            network._kept = kept
        if network.built:
            network.restore_parts()
        return network

    def restore_parts(self) -> None:
        """Quantizes and freezes layers as the configuration says."""
        kept = self._kept or {}
        for group in kept.get("quantized", ()):
            quantize_layers(self, **group)
        flags = {"": self.trainable, **kept.get("trainable", {})}
        for part in self._flatten_layers():  # what is around others comes first
            flag = flags.get(inner_path(self, part))
            if flag is not None:
                # TensorFlow passes over an attribute that is set to what it is, and
                # with it over all that is inside the layer.
                part.trainable = not flag
                part.trainable = flag


def _trainable_changes(network):
    """Paths inside a network where `trainable` is not what it is around them."""
    changes = {}

    def visit(part, around):
        if part.trainable != around:
            changes[inner_path(network, part)] = part.trainable
        for inner in part._flatten_layers(include_self=False, recursive=False):
            visit(inner, part.trainable)

    if network.built:
        visit(network, True)
    return changes
