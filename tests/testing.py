"""What every layer and every model must do, as one call per test."""

import json
import os
import shutil
import tempfile

import keras
import numpy as np
from absl.testing import parameterized


class TestCase(parameterized.TestCase):
    """Base class of tests: a fresh Keras and equal seeds for each, and assertions."""

    def setUp(self):
        super().setUp()
        keras.utils.clear_session(free_memory=False)
        keras.utils.set_random_seed(0)

    def get_temp_dir(self):
        """Makes a folder that goes away with the test."""
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        return folder

    def assertAllClose(self, actual, desired, atol=1e-6, rtol=1e-6, msg=""):
        """Same structure, same shapes, and values within the tolerances."""
        keras.tree.assert_same_structure(actual, desired)
        pairs = zip(keras.tree.flatten(actual), keras.tree.flatten(desired), strict=True)
        for x, y in pairs:
            x, y = to_numpy(x), to_numpy(y)
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
            expected_output_shape: Shape, or list of shapes.
            input_dtype: Dtype of the inputs. Integers are drawn from {0, 1}.
            expected_mixed_dtype: Dtype of the outputs under `mixed_bfloat16`.

        Returns:
            The layer, trained.
        """
        inputs = _random_inputs(input_shape, input_dtype)
        layer = cls(**init_kwargs)
        self._check_config(layer, init_kwargs)
        self._check_outputs(_call(layer, inputs), expected_output_shape)
        self._check_build(layer, inputs)
        self._check_mixed_precision(
            cls, init_kwargs, inputs, expected_output_shape, expected_mixed_dtype
        )
        model = self._functional_model(layer, inputs, expected_output_shape)
        if layer.trainable_weights:
            self._check_training(model, inputs, expected_output_shape)
        revived = layer.from_config(layer.get_config())
        revived = self._functional_model(revived, inputs, expected_output_shape)
        self._check_weight_file(model, revived, inputs)
        return layer

    def run_model_test(
        self,
        cls,
        init_kwargs,
        inputs,
        expected_output_shape,
        targets=None,
        compile_kwargs=None,
        expected_mixed_dtype="float32",
    ):
        """Config, shapes, mixed precision, `fit`, `predict` and saving of a model.

        Args:
            cls: The class.
            init_kwargs: Dict. Its arguments; all must come back in `get_config`.
            inputs: Array or dict of arrays. What `fit` and `predict` take as `x`.
            expected_output_shape: Shape with the batch, or list of shapes.
            targets: What `fit` takes as `y`.
            compile_kwargs: Dict. Arguments of `compile`.
            expected_mixed_dtype: Dtype of the outputs under `mixed_bfloat16`.

        Returns:
            The model, trained.
        """
        model = cls(**init_kwargs)
        self._check_config(model, init_kwargs)
        self._check_outputs(model(inputs), expected_output_shape)
        self._check_mixed_precision(
            cls, init_kwargs, [inputs], expected_output_shape, expected_mixed_dtype
        )
        perturb_weights(model)
        model.compile(**(compile_kwargs or {}))
        self._check_fit(model, inputs, targets)
        predictions = model.predict(inputs, verbose=0)
        self.assertAllClose(predictions, to_numpy(model(inputs)), atol=1e-5)
        self._check_weight_file(model, model.from_config(model.get_config()), inputs)
        path = os.path.join(self.get_temp_dir(), "model.keras")
        model.save(path)
        loaded = keras.saving.load_model(path)
        self.assertIs(type(loaded), cls)
        self.assertAllClose(loaded.predict(inputs, verbose=0), predictions)
        self._check_fit(loaded, inputs, targets)
        return model

    def _check_config(self, layer, init_kwargs):
        config = layer.get_config()
        for name, value in init_kwargs.items():
            self.assertIn(name, config)
            if isinstance(value, (bool, int, float, str)):
                self.assertIn(value, (config[name], getattr(layer, name, value)))
        text = json.dumps(keras.saving.serialize_keras_object(layer), sort_keys=True)
        revived = keras.saving.deserialize_keras_object(json.loads(text))
        self.assertIs(type(revived), type(layer))
        self.assertEqual(sorted(vars(revived)), sorted(vars(layer)))
        again = json.dumps(keras.saving.serialize_keras_object(revived), sort_keys=True)
        self.assertEqual(again, text)

    def _check_outputs(self, outputs, expected_shape):
        outputs = keras.tree.flatten(outputs)
        shapes = [tuple(x.shape) for x in outputs]
        self.assertEqual(shapes, _as_list(expected_shape))
        self.assertTrue(all(np.all(np.isfinite(to_numpy(x))) for x in outputs))

    def _check_build(self, layer, inputs):
        """`build`, with the batch unknown, makes the weights that a call makes."""
        first = next(iter(_values(inputs)))
        built = layer.from_config(layer.get_config())
        built.build((None, *first.shape[1:]))
        self.assertEqual(
            [(weight.path, tuple(weight.shape)) for weight in built.weights],
            [(weight.path, tuple(weight.shape)) for weight in layer.weights],
        )

    def _check_mixed_precision(self, cls, init_kwargs, inputs, shape, dtype):
        layer = cls(**{**init_kwargs, "dtype": "mixed_bfloat16"})
        outputs = _call(layer, inputs)
        self._check_outputs(outputs, shape)
        for x in keras.tree.flatten(outputs):
            self.assertEqual(keras.backend.standardize_dtype(x.dtype), dtype)
        for weight in layer.trainable_weights:
            self.assertEqual(weight.dtype, "float32")

    def _functional_model(self, layer, inputs, expected_shape):
        symbols = keras.tree.map_structure(
            lambda x: keras.Input(x.shape[1:], dtype=str(x.dtype)), inputs
        )
        model = keras.Model(symbols, _call(layer, symbols))
        symbolic = [(None, *shape[1:]) for shape in _as_list(expected_shape)]
        self.assertEqual([x.shape for x in model.outputs], symbolic)
        return model

    def _check_training(self, model, inputs, expected_shape):
        """A step moves every weight."""
        perturb_weights(model)
        before = [to_numpy(weight) for weight in model.trainable_weights]
        targets = _random_arrays(_as_list(expected_shape), "float32")
        model.compile(keras.optimizers.SGD(0.1), loss=["mse"] * len(targets))
        self._check_fit(model, inputs, targets)
        for weight, old in zip(model.trainable_weights, before, strict=True):
            self.assertNotAllClose(weight, old, 0.0, 0.0)

    def _check_fit(self, model, inputs, targets):
        history = model.fit(inputs, targets, epochs=2, verbose=0).history
        for name, values in history.items():
            self.assertTrue(np.all(np.isfinite(values)), f"{name}: {values}")

    def _check_weight_file(self, model, revived, inputs):
        path = os.path.join(self.get_temp_dir(), "model.weights.h5")
        model.save_weights(path)
        revived.load_weights(path)
        self.assertAllClose(to_numpy(revived(inputs)), to_numpy(model(inputs)))


def to_numpy(x):
    """The values of a tensor, a variable or a tree of them; bfloat16 as float32."""
    return keras.tree.map_structure(_to_numpy, x)


def perturb_weights(layer, scale=0.1, seed=0):
    """Adds noise to all weights: zero-initialised ones let no gradient through."""
    generator = np.random.default_rng(seed)
    for weight in layer.trainable_weights:
        weight.assign_add(scale * generator.standard_normal(tuple(weight.shape)))


def _to_numpy(x):
    x = np.asarray(keras.ops.convert_to_numpy(x))
    return x.astype("float32") if x.dtype.name == "bfloat16" else x


def _random_arrays(shapes, dtype):
    """Arrays of a tree of shapes; integers are drawn from {0, 1}."""
    generator = np.random.default_rng(0)
    if np.issubdtype(dtype, np.integer):
        return keras.tree.map_shape_structure(lambda shape: generator.integers(0,2,shape))
