"""Layers that hand on float32 tensors under mixed precision."""

import keras


def narrow_dtype(layer):
    """The dtype that a layer computes in, if that has 16 bits; else `None`."""
    dtype = layer.compute_dtype
    return dtype if dtype in ("float16", "bfloat16") else None


class WideTensors:
    """Mixin of layers whose inputs and outputs are float32, or float64 by policy.

    It stands in front of `keras.layers.Layer`. Weights are cast to the compute dtype
    as in other layers, unless they are made with `autocast=False`; `call` takes care
    of its tensors.
    """

    @property
    def input_dtype(self) -> str:
        """The dtype that Keras casts inputs to."""
        return "float64" if self.compute_dtype == "float64" else "float32"

    def compute_output_spec(self, *args, **kwargs):
        """That of Keras, but for the dtype, which is no compute dtype."""
        spec = super().compute_output_spec(*args, **kwargs)
        return keras.KerasTensor(spec.shape, self.input_dtype)
