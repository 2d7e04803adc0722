"""The optimizer and its learning rate schedule."""

import json
import os

import keras
import numpy as np
import pytest
from absl.testing import parameterized

from keras_sphere import SphereAdamW, WarmupCosine
from tests import golden_data
from tests.testing import TestCase, to_numpy

pytestmark = pytest.mark.usefixtures("quick_compilation")

PATHS = {
    "encoder/kernel": (3, 4),
    "encoder/bias": (4,),
    "encoder/label_embedding/table": (2, 4),
    "decoder/kernel": (4, 2),
}


def new_variables():
    generator = np.random.default_rng(0)
    variables = []
    for path, shape in PATHS.items():
        variable = keras.Variable(
            generator.standard_normal(shape), dtype="float32", name="v"
        )
        variable._path = path
        variables.append(variable)
    return variables


def gradients(step, scale=1.0):
    generator = np.random.default_rng(10 + step)
    return [
        scale * generator.standard_normal(shape).astype("float32")
        for shape in PATHS.values()
    ]


def apply(optimizer, variables, steps, scale=1.0):
    for step in range(steps):
        apply_once(optimizer, variables, gradients(step, scale))


def apply_once(optimizer, variables, values):
    optimizer.apply([keras.ops.convert_to_tensor(g) for g in values], variables)


def mean(parts):
    return [np.mean(values, axis=0) for values in zip(*parts, strict=True)]


def kept(optimizer, variables):
    """All that only an update moves: not the sums, nor the count of batches."""
    own = [v for v in optimizer.variables if "accumulator" not in v.path]
    return [v for v in own if "iteration" not in v.path] + variables


def reference(steps, scale, clip, decay, factor, momentum):
    """The method's optimizer in NumPy: variables and their averages."""
    variables = [to_numpy(v).astype("float64") for v in new_variables()]
    averages = [v.copy() for v in variables]
    m, v = ([np.zeros_like(x) for x in variables] for _ in "mv")
    for step in range(steps):
        grads = [g.astype("float64") for g in gradients(step, scale)]
        norm = np.sqrt(sum(np.sum(g**2) for g in grads))
        shrink = min(1.0, clip / (norm + 1e-6)) if clip else 1.0
        for i, path in enumerate(PATHS):
            rate = 1e-2 * (factor if path.startswith("encoder") else 1.0)
            gradient = grads[i] * shrink
            m[i] = 0.9 * m[i] + 0.1 * gradient
            v[i] = 0.95 * v[i] + 0.05 * gradient**2
            m_hat, v_hat = (
                m[i] / (1 - 0.9 ** (step + 1)),
                v[i] / (1 - 0.95 ** (step + 1)),
            )
            shrunk = 1.0 - rate * decay if path == "encoder/kernel" else 1.0
            variables[i] = shrunk * variables[i] - rate * m_hat / (
                np.sqrt(v_hat) + 1e-3
            )
            averages[i] = momentum * averages[i] + (1.0 - momentum) * variables[i]
    return variables, averages


class SphereAdamWTest(TestCase):
    @parameterized.parameters(
        {"scale": 1.0, "clip": None, "decay": 0.0, "factor": 1.0},
        {"scale": 1.0, "clip": 0.1, "decay": 0.0, "factor": 0.1},
        {"scale": 1e-3, "clip": 1.0, "decay": 5.0, "factor": 0.25},
    )
    def test_steps(self, scale, clip, decay, factor):
        optimizer = SphereAdamW(
            1e-2,
            epsilon=1e-3,
            weight_decay=decay,
            encoder_learning_rate_factor=factor,
            global_clipnorm=clip,
            ema_momentum=0.8,
        )
        variables = new_variables()
        apply(optimizer, variables, 3, scale)
        expected, averages = reference(3, scale, clip, decay, factor, 0.8)
        for i, (variable, average) in enumerate(optimizer.moving_averages()):
            self.assertIs(variable, variables[i])
            self.assertAllClose(
                variable, expected[i], atol=2e-6, rtol=1e-5, msg=variable.path
            )
            self.assertAllClose(average, averages[i], atol=2e-6, rtol=1e-5)

    @pytest.mark.skipif(
        keras.backend.backend() != "torch", reason="only torch has a batched update"
    )
    def test_batched_update_equals_the_generic_one(self):
        class Generic(SphereAdamW):
            def _backend_update_step(self, grads, trainable_variables, learning_rate):
                sizes = self.step_sizes(learning_rate, grads[0].dtype)
                for gradient, variable in zip(grads, trainable_variables, strict=True):
                    self.update_step(gradient, variable, (learning_rate, *sizes))

        results = []
        for cls in (SphereAdamW, Generic):
            optimizer, variables = cls(1e-2, weight_decay=1.0), new_variables()
            apply(optimizer, variables, 3)
            results.append([to_numpy(v) for v in optimizer.variables + variables])
        self.assertAllClose(results[0], results[1], atol=1e-7)
        self.assertNotAllClose(results[0][-4:], new_variables(), atol=1e-4)

    @parameterized.parameters(None, 0.1)
    def test_gradient_norm_is_that_before_clipping(self, clip):
        optimizer = SphereAdamW(1e-2, global_clipnorm=clip)
        self.assertEqual(to_numpy(optimizer.gradient_norm), 0.0)
        apply(optimizer, new_variables(), 2)
        expected = np.sqrt(sum(np.sum(np.square(g)) for g in gradients(1)))
        self.assertAllClose(optimizer.gradient_norm, expected, rtol=1e-6)
        self.assertTrue(any(v is optimizer.gradient_norm for v in optimizer.variables))

    def test_accumulated_gradients_are_one_large_batch(self):
        """Clipping, moments, schedule and average included; nothing moves between."""
        arguments = {
            "learning_rate": WarmupCosine(1e-2, 1e-4, 2, 6),
            "epsilon": 1e-3,
            "weight_decay": 1.0,
            "global_clipnorm": 0.5,
            "ema_momentum": 0.8,
        }
        optimizer = SphereAdamW(**arguments, gradient_accumulation_steps=3)
        variables, expected = new_variables(), new_variables()
        whole = SphereAdamW(**arguments)
        for step in range(4):
            parts = [gradients(3 * step + i) for i in range(3)]
            for i, part in enumerate(parts):
                apply_once(optimizer, variables, part)
                if i == 0:
                    before = [to_numpy(v) for v in kept(optimizer, variables)]
                elif i == 1:
                    present = kept(optimizer, variables)
                    self.assertAllClose(present, before, atol=0, rtol=0)
            apply_once(whole, expected, mean(parts))
            self.assertAllClose(
                kept(optimizer, variables), kept(whole, expected), atol=1e-6, rtol=1e-5
            )
        self.assertEqual(int(optimizer.iterations), 4)
        self.assertAllClose(optimizer.learning_rate, whole.learning_rate)
        self.assertNotAllClose(variables, new_variables(), atol=1e-3)

    def test_average_that_would_overwrite_the_weights_is_refused(self):
        with self.assertRaisesRegex(ValueError, "ema_overwrite_frequency=5"):
            SphereAdamW(ema_overwrite_frequency=5)

    def test_clipping_that_would_be_ignored_is_refused(self):
        with self.assertRaisesRegex(ValueError, "clipnorm=0.5, clipvalue=None"):
            SphereAdamW(global_clipnorm=None, clipnorm=0.5)
        with self.assertRaisesRegex(ValueError, "clipnorm=None, clipvalue=1"):
            SphereAdamW(global_clipnorm=None, clipvalue=1.0)

    def test_encoder_is_found_in_nested_names(self):
        variables = new_variables()
        for variable, path in zip(
            variables,
            ("model/encoder/a", "encoder/a", "my_encoder/a", "decoder/encoder_a"),
            strict=True,
        ):
            variable._path = path
        optimizer = SphereAdamW(encoder_learning_rate_factor=0.5)
        optimizer.build(variables)
        self.assertEqual(optimizer._factors, [0.5, 0.5, 1.0, 1.0])

    @parameterized.parameters(np.nan, np.inf)
    def test_a_gradient_that_is_not_finite_counts_as_zero(self, bad):
        optimizer, variables = SphereAdamW(1e-2), new_variables()
        before = [to_numpy(v) for v in variables]
        values = gradients(0)
        values[3][0, 0] = bad
        optimizer.apply([keras.ops.convert_to_tensor(g) for g in values], variables)
        self.assertAllClose(variables, before, atol=0.0, rtol=0.0)
        apply(optimizer, variables, 1)
        for variable, old in zip(variables, before, strict=True):
            self.assertTrue(np.all(np.isfinite(to_numpy(variable))))
            self.assertNotAllClose(variable, old, atol=1e-4)

    def test_average_starts_from_the_weights_and_can_restart(self):
        optimizer, variables = SphereAdamW(), new_variables()
        optimizer.build(variables)
        averages = [average for _, average in optimizer.moving_averages()]
        self.assertAllClose(averages, variables)
        for variable in variables:
            variable.assign(keras.ops.zeros(variable.shape))
        optimizer.restart_moving_average()
        self.assertAllClose(averages, variables)

    def test_no_average(self):
        optimizer = SphereAdamW(use_ema=False)
        with self.assertRaisesRegex(ValueError, "use_ema=False, built=False"):
            optimizer.moving_averages()
        variables = new_variables()
        apply(optimizer, variables, 1)
        with self.assertRaisesRegex(ValueError, "use_ema=False, built=True"):
            optimizer.moving_averages()
        with self.assertRaisesRegex(ValueError, "use_ema=True, built=False"):
            SphereAdamW().moving_averages()

    def test_config(self):
        optimizer = SphereAdamW(
            WarmupCosine(1e-3, 1e-5, 3, 7),
            beta_1=0.8,
            weight_decay=0.1,
            encoder_learning_rate_factor=0.3,
            global_clipnorm=None,
            ema_momentum=0.5,
        )
        text = json.dumps(keras.optimizers.serialize(optimizer))
        revived = keras.optimizers.deserialize(json.loads(text))
        self.assertIsInstance(revived, SphereAdamW)
        self.assertEqual(json.dumps(keras.optimizers.serialize(revived)), text)
        self.assertEqual(revived.encoder_learning_rate_factor, 0.3)
        self.assertEqual(revived.ema_momentum, 0.5)
        self.assertIsNone(revived.global_clipnorm)


class FitTest(TestCase):
    """One `fit` of two steps and what is left of it."""

    def test_average_survives_fit_and_a_file(self):
        model = keras.Sequential(
            [
                keras.Input((3,)),
                keras.Sequential([keras.layers.Dense(4, name="in")], name="encoder"),
                keras.layers.Dense(2, name="out"),
            ]
        )
        model.compile(
            SphereAdamW(1e-2, encoder_learning_rate_factor=0.1, ema_momentum=0.5),
            loss="mse",
        )
        weights = [[to_numpy(w) for w in model.trainable_variables]]
        keep = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: weights.append(
                [to_numpy(w) for w in model.trainable_variables]
            )
        )
        x = np.random.default_rng(0).standard_normal((4, 3)).astype("float32")
        if keras.backend.backend() == "jax":
            keep = SyncedOnJAX(model, weights)
        model.fit(x, x[:, :2], batch_size=2, verbose=0, callbacks=[keep])
        self.assertLen(weights, 3)
        pairs = model.optimizer.moving_averages()
        for i, (variable, average) in enumerate(pairs):
            self.assertAllClose(variable, weights[2][i])
            start, first, second = (values[i] for values in weights)
            expected = 0.25 * start + 0.25 * first + 0.5 * second
            self.assertAllClose(average, expected)
            self.assertNotAllClose(average, variable)
            largest = np.abs(first - start).max()
            rate = 1e-3 if "encoder" in variable.path else 1e-2
            self.assertAlmostEqual(largest, rate, delta=0.05 * rate)
        path = os.path.join(self.get_temp_dir(), "model.keras")
        model.save(path)
        loaded = keras.saving.load_model(path)
        self.assertIsInstance(loaded.optimizer, SphereAdamW)
        self.assertAllClose(loaded.optimizer.moving_averages(), pairs)
        self.assertAllClose(loaded.optimizer.variables, model.optimizer.variables)


class SyncedOnJAX(keras.callbacks.Callback):
    """Keeps the weights after each step, which JAX holds outside of the model."""

    def __init__(self, model, weights):
        super().__init__()
        self.kept = weights

    def on_train_batch_end(self, batch, logs=None):
        self.model.jax_state_sync()
        self.kept.append([to_numpy(w) for w in self.model.trainable_variables])


class WarmupCosineTest(TestCase):
    @parameterized.parameters(True, False)
    def test_golden(self, decay):
        arrays = golden_data.load("funcs")
        arguments = json.loads(str(arrays["schedule/args"]))
        schedule = WarmupCosine(
            arguments["max_value"],
            arguments["min_value"],
            arguments["warmup_steps"],
            arguments["decay_steps"] if decay else None,
        )
        expected = arrays["schedule/lr" if decay else "schedule/lr_no_decay"]
        actual = [to_numpy(schedule(step)) for step in arrays["schedule/steps"]]
        self.assertAllClose(np.stack(actual), expected, atol=1e-11, rtol=1e-5)

    def test_no_warmup(self):
        schedule = WarmupCosine(1.0, 0.5, 0, 10)
        self.assertAllClose(schedule(0), np.float32(1.0))
        self.assertAllClose(schedule(5), np.float32(0.75))
        self.assertAllClose(schedule(1000), np.float32(0.5))

    def test_config(self):
        schedule = WarmupCosine(1e-3, 1e-5, 3, 7)
        config = keras.optimizers.schedules.serialize(schedule)
        revived = keras.optimizers.schedules.deserialize(config)
        self.assertIsInstance(revived, WarmupCosine)
        self.assertEqual(revived.get_config(), schedule.get_config())

    def test_decay_must_come_after_the_warmup(self):
        with self.assertRaisesRegex(ValueError, "warmup_steps=5, decay_steps=5"):
            WarmupCosine(1.0, 0.1, 5, 5)
