"""Programs for inference that run without this package."""

import keras

from keras_sphere.backend.engine_checks import check_export_format
from keras_sphere.backend.operations import dynamic_batches


class ProgramExport:
    """Mixin of encoder, decoder, backbone and model: `export`.

    It stands in front of `keras.Model` or `keras.layers.Layer`.
    """

    def export(
        self,
        filepath,
        format="tf_saved_model",
        verbose=None,
        input_signature=None,
        **kwargs,
    ):
        """Writes what a call computes at inference; see `keras.Model.export`.

        Args:
            filepath: Path. A folder for `"tf_saved_model"`, a file that ends in
                `.pt2` for `"torch"`.
            format: `"tf_saved_model"` on TensorFlow and JAX (which then needs
                TensorFlow), `"torch"` on PyTorch, or another one of Keras.
            verbose: Boolean or `None`. See Keras.
            input_signature: List of `keras.InputSpec`, one per positional argument
                of the call; a batch of `None` is any. Defaults to one of float32
                images in [-1, 1] (of points of the sphere, for the decoder) without
                labels: the null class. With them, another one of int32 labels of
                shape `(None,)`.
            **kwargs: Further arguments of `keras.Model.export`.

        Raises:
            ValueError: If the backend cannot write this format, or a layer was not
                built.
        """
        check_export_format(format)
        network = self
        if input_signature is None:
            # The same reconstruction as the model's, without what only training needs.
            network = getattr(self, "backbone", self)
            input_signature = [_input_spec(network)]
        if format == "torch":
            kwargs = {**dynamic_batches(input_signature), **kwargs}
        keras.Model.export(
            network,
            filepath,
            format=format,
            verbose=verbose,
            input_signature=input_signature,
            **kwargs,
        )


def _input_spec(network):
    if not network.built:
        raise ValueError(
            "A layer must be built before it is exported: call it once, or `build`. "
            f"Received: {network.name} (not built)"
        )
    shape = network.get_build_config()["input_shape"]
    return keras.InputSpec(dtype="float32", shape=(None, *shape[1:]))
