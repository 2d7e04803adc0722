"""What every layer must do, as one call per test."""

import functools
import inspect
import json
import os
import random
import shutil
import tempfile

import keras
import numpy as np
from absl.testing import parameterized

from keras_sphere.backend.operations import compiled


class TestCase(parameterized.TestCase):
    """Base class of tests: a fresh Keras and equal seeds for each, and assertions."""

    def setUp(self):
        super().setUp()
        keras.utils.clear_session(free_memory=False)
        # What `keras.utils.set_random_seed` does, except to import TensorFlow on
        # every backend. Keras' default seeds come from `random`.
        random.seed(0)
        np.random.seed(0)  # noqa: NPY002

    def get_temp_dir(self):
        """Makes a folder that goes away with the test."""
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        return folder

    def assertAllClose(self, actual, desired, atol=1e-6, rtol=1e-6, msg=""):
        """Same shapes, and values within the tolerances; trees are compared by leaf."""
        actual, desired = (keras.tree.flatten(tree) for tree in (actual, desired))
        self.assertLen(actual, len(desired), msg)
        for x, y in zip(map(to_numpy, actual), map(to_numpy, desired), strict=True):
            self.assertEqual(x.shape, y.shape, msg)
            np.testing.assert_allclose(x, y, atol=atol, rtol=rtol, err_msg=msg)

    def assertNotAllClose(self, actual, desired, atol=1e-6, rtol=1e-6):
        """Some value differs by more than the tolerances."""
        with self.assertRaises(AssertionError):
            self.assertAllClose(actual, desired, atol=atol, rtol=rtol)

    def run_layer_test(
        self,
        cls,
        init_kwargs,
        input_shape,
        expected_output_shape,
        input_dtype="float32",
        expected_mixed_dtype="bfloat16",
    ):
        """Config, building, shapes, mixed precision, training and saving of a layer.

        Args:
            cls: The class.
            init_kwargs: Dict. Its arguments; all must come back in `get_config`.
            input_shape: Shape with the batch, or a dict of call argument -> shape,
                the first argument first.
            expected_output_shape: Shape with the batch, or list of shapes.
            input_dtype: Dtype of the inputs. Integers are drawn from {0, 1}.
            expected_mixed_dtype: Dtype of the outputs under `mixed_bfloat16`.

        Returns:
            The layer, trained.
        """
        if not isinstance(input_shape, dict):
            input_shape = {_first_argument(cls): input_shape}
        inputs = _random_arrays(input_shape, input_dtype)
        shapes = _as_list(expected_output_shape)
        layer = cls(**init_kwargs)
        self._check_config(layer, init_kwargs)
        self._check_outputs(layer(**inputs), shapes)
        self._check_build(layer, inputs)
        mixed = cls(**{**init_kwargs, "dtype": "mixed_bfloat16"})
        mixed.build(_shape_of_any_batch(inputs))
        self._check_mixed_precision(mixed, inputs, shapes, expected_mixed_dtype)
        model = self._functional_model(layer, inputs, shapes)
        if layer.trainable_weights:
            self._check_training(model, inputs, shapes)
        revived = self._functional_model(
            layer.from_config(layer.get_config()), inputs, shapes
        )
        self._load_weights(revived, model)
        self.assertAllClose(revived(inputs), model(inputs))
        return layer

    def _check_config(self, layer, init_kwargs):
        config = layer.get_config()
        for name, value in init_kwargs.items():
            self.assertIn(name, config)
            if isinstance(value, (int, float)):
                self.assertEqual(config[name], value, name)
        text = json.dumps(keras.saving.serialize_keras_object(layer))
        revived = keras.saving.deserialize_keras_object(json.loads(text))
        self.assertIs(type(revived), type(layer))
        self.assertEqual(sorted(vars(revived)), sorted(vars(layer)))
        again = json.dumps(keras.saving.serialize_keras_object(revived))
        self.assertEqual(again, text)

    def _check_outputs(self, outputs, expected_shapes):
        arrays = [to_numpy(x) for x in keras.tree.flatten(outputs)]
        self.assertEqual([x.shape for x in arrays], expected_shapes)
        for x in arrays:
            self.assertTrue(np.all(np.isfinite(x)))

    def _check_build(self, layer, inputs):
        """`build`, with the batch unknown, makes the weights that a call makes."""
        built = layer.from_config(layer.get_config())
        built.build(_shape_of_any_batch(inputs))
        self.assertEqual(
            [(weight.path, tuple(weight.shape)) for weight in built.weights],
            [(weight.path, tuple(weight.shape)) for weight in layer.weights],
        )

    def _check_mixed_precision(self, layer, inputs, shapes, dtype):
        outputs = compiled(lambda tensors: layer(**tensors))(inputs)
        self._check_outputs(outputs, shapes)
        for x in keras.tree.flatten(outputs):
            self.assertEqual(keras.backend.standardize_dtype(x.dtype), dtype)
        for weight in layer.trainable_weights:
            self.assertEqual(weight.dtype, "float32")

    def _functional_model(self, layer, inputs, expected_shapes):
        symbols = {
            name: keras.Input(x.shape[1:], dtype=x.dtype.name, name=name)
            for name, x in inputs.items()
        }
        model = keras.Model(symbols, layer(**symbols))
        symbolic_shapes = [(None, *shape[1:]) for shape in expected_shapes]
        self.assertEqual([tuple(x.shape) for x in model.outputs], symbolic_shapes)
        return model

    def _check_training(self, model, inputs, shapes):
        """Training moves every weight."""
        perturb_weights(model)
        before = [to_numpy(weight) for weight in model.trainable_weights]
        targets = list(_random_arrays(dict(enumerate(shapes)), "float32").values())
        model.compile(keras.optimizers.SGD(0.1), loss=["mse"] * len(targets))
        self._check_fit(model, inputs, targets)
        for weight, old in zip(model.trainable_weights, before, strict=True):
            self.assertFalse(np.array_equal(to_numpy(weight), old), weight.path)

    def _check_fit(self, model, inputs, targets):
        history = model.fit(inputs, targets, epochs=2, verbose=0).history
        for name, values in history.items():
            self.assertTrue(np.all(np.isfinite(values)), f"{name}: {values}")

    def _load_weights(self, layer, source):
        """Loads the weights of `source` from a file of them."""
        path = os.path.join(self.get_temp_dir(), "some.weights.h5")
        source.save_weights(path)
        layer.load_weights(path)


def to_numpy(x):
    """The values of a tensor or variable; bfloat16 becomes float32."""
    x = np.array(keras.ops.convert_to_numpy(x))
    return x.astype("float32") if x.dtype.name == "bfloat16" else x


def perturb_weights(layer, scale=0.1):
    """Adds noise to the weights: zero-initialised ones let no gradient through."""
    generator = np.random.default_rng(0)
    for weight in layer.trainable_weights:
        noise = generator.standard_normal(tuple(weight.shape))
        weight.assign(to_numpy(weight) + scale * noise)


def _first_argument(cls):
    return list(inspect.signature(cls.call).parameters)[1]


def _shape_of_any_batch(inputs):
    """Shape of the first input, as `build` takes it."""
    return (None, *next(iter(inputs.values())).shape[1:])


def _as_list(shapes):
    return shapes if isinstance(shapes, list) else [shapes]


def _random_arrays(shapes, dtype):
    generator = np.random.default_rng(0)
    if np.issubdtype(dtype, np.integer):
        draw = functools.partial(generator.integers, 0, 2)
    else:
        draw = generator.standard_normal
    return {name: np.asarray(draw(size=shape), dtype) for name, shape in shapes.items()}
