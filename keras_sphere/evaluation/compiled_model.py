"""A Keras model run on batches of bytes by one compiled program."""

import collections

import keras
import numpy as np

from keras_sphere.backend.operations import compiled, no_gradients


class CompiledModel:
    """Runs a model on uint8 images, with its weights as arguments of the program.

    Args:
        model: Keras model or layer that is built.
        prepare: Callable of a float tensor of images in [0, 255] that returns what the
            model takes; `None` divides by 255.

    Call arguments:
        images: uint8 array of shape `(batch, height, width, channels)`.

    Returns:
        What the model returns, as arrays.
    """

    def __init__(self, model, prepare=None):
        self.model = model
        self._prepare = prepare or (lambda images: images / 255.0)
        # One per size: TensorFlow's would have sizes that are not known.
        self._programs = collections.defaultdict(lambda: compiled(self._run))

    def _run(self, weights, images):
        state = list(zip(self.model.variables, weights, strict=True))
        with keras.StatelessScope(state_mapping=state):
            return self.model(self._prepare(images), training=False)

    def __call__(self, images):
        images = np.asarray(images)
        if images.dtype != np.uint8 or images.ndim != 4:
            raise ValueError(
                "`images` must be uint8, of shape (batch, height, width, channels). "
                f"Received: {images.dtype}, of shape {images.shape}"
            )
        weights = [keras.ops.convert_to_tensor(v) for v in self.model.variables]
        program = self._programs[images.shape[1:]]
        images = keras.ops.convert_to_tensor(images.astype("float32"))
        with no_gradients():
            outputs = program(weights, images)
        return keras.tree.map_structure(keras.ops.convert_to_numpy, outputs)
