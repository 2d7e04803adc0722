"""Which weights an optimizer was built for: in files, and when they change."""

import warnings

import keras

from keras_sphere.models.quantization import short_collections


class OptimizerState:
    """Mixin of `SphereEncoderModel`: its optimizer is that of its weights.

    It stands in front of `keras.Model`.
    """

    def get_compile_config(self):
        """How the model was compiled, and the weights its optimizer was built for.

        Raises:
            ValueError: If these are no longer weights of the model.
        """
        config = super().get_compile_config()
        if config:
            config["optimizer_variables"] = self._optimized_paths()
        return config

    def compile_from_config(self, config):
        """Compiles a loaded model, so that training goes on where it was saved."""
        config = dict(config)
        variables = {variable.path: variable for variable in self.weights}
        trainable = [variable.path for variable in self.trainable_variables]
        paths = config.pop("optimizer_variables", trainable)  # older files: all
        self.compile(**keras.saving.deserialize_keras_object(config))
        # Weights of LoRA are merged into others by a file, and not there to train.
        if paths and all(path in variables for path in paths):
            self.optimizer.build([variables[path] for path in paths])

    def quantize(self, mode=None, config=None, filters=None, **kwargs):
        """Stores the weights of dense layers in few bits; see `keras.Model.quantize`.

        It is for models that are trained: those weights are trained no more, and the
        optimizer starts anew, without moving average. Files keep `"int8"` and
        `"int4"`, presets `"int8"`; models of other modes cannot be saved.

        Args:
            mode: `"int8"` or `"int4"`, or another one of Keras.
            config: `keras.quantizers.QuantizationConfig` in place of a mode, or `None`.
            filters: Which layers; see Keras.
            **kwargs: See Keras.

        Example:

        >>> model = keras_sphere.presets.load("digits16")
        >>> model.quantize("int8")
        >>> model.save_to_preset("digits16_int8")
        """
        with short_collections(), warnings.catch_warnings():
            # Keras has one for every kind of layer without a matrix.
            warnings.filterwarnings("ignore", ".* does not have a `quantize` method")
            super().quantize(mode, config=config, filters=filters, **kwargs)
        if getattr(self, "optimizer", None) is not None:
            self.optimizer = type(self.optimizer).from_config(
                self.optimizer.get_config()
            )

    def check_optimizer_variables(self) -> None:
        """Raises a `ValueError` if the optimizer was built for other weights."""
        if self.optimizer is None or not self.optimizer.built:
            return
        built_for = {id(variable) for variable in self.optimizer._trainable_variables}
        if built_for != {id(variable) for variable in self.trainable_variables}:
            raise ValueError(
                "The weights to train are not those that the optimizer was built for: "
                "some were frozen, unfrozen, or changed by LoRA since. Call "
                f"`compile()` again. Received: {len(self.trainable_variables)} weights "
                f"to train, an optimizer of {len(built_for)}"
            )

    def _optimized_paths(self):
        """Paths of the weights that the optimizer was built for, or `None`."""
        if self.optimizer is None or not self.optimizer.built:
            return None
        variables, own = self.optimizer._trainable_variables, set(map(id, self.weights))
        if not own.issuperset(map(id, variables)):
            raise ValueError(
                "The optimizer was built for weights that the model no longer has, as "
                "after `backbone.quantize`: call `compile()` again before you save. "
                f"Received: an optimizer of {len(variables)} weights"
            )
        return [variable.path for variable in variables]
