"""Networks that learn apart: as by optimizers of their own."""

import json

import keras
import numpy as np
from absl.testing import parameterized

from keras_sphere.learning_rate import WarmupCosine
from keras_sphere.optimizer_groups import LearningApart
from keras_sphere.optimizers import SphereAdamW
from tests.testing import TestCase, to_numpy

PATHS = (
    "model/encoder/kernel",
    "model/scores/real_0/kernel",
    "model/decoder/kernel",
    "model/scores/fake_0/kernel",
    "model/scores/fake_0/bias",
)
OF_NETWORKS = {"real_0": (1,), "fake_0": (3, 4)}
REST = (0, 2)
RATE = WarmupCosine(1e-2, 1e-3, 2, 6)
STEPS, START = 5, 2  # before the start the networks have no gradient


def new_variables():
    generator = np.random.default_rng(0)
    variables = []
    for path in PATHS:
        value = generator.standard_normal((3, 2)).astype("float32")
        variables.append(keras.Variable(value, name=path.rpartition("/")[2]))
        variables[-1]._path = path
    return variables


def gradients(step, start=START):
    """Of norms that change: Adam does not see by what all steps are scaled alike."""
    generator = np.random.default_rng(step)
    scale = np.float32(0.1 if step % 2 else 1.0)
    values = [
        scale * generator.standard_normal((3, 2)).astype("float32") for _ in PATHS
    ]
    return [
        value * np.float32(i in REST or step >= start) for i, value in enumerate(values)
    ]


def new_optimizer(**arguments):
    apart = LearningApart("scores", RATE, clipnorm=0.15)
    return SphereAdamW(1e-2, global_clipnorm=0.5, apart=apart, **arguments)


def apply(optimizer, variables, values):
    pairs = zip(map(keras.ops.convert_to_tensor, values), variables, strict=True)
    optimizer.apply_gradients(list(pairs))


class LearningApartTest(TestCase):
    def check(self, variables, positions, optimizer, start=0):
        """Variables at positions are what an optimizer makes of them alone."""
        alone = [new_variables()[i] for i in positions]
        for step in range(start, STEPS):
            apply(optimizer, alone, [gradients(step)[i] for i in positions])
        for position, expected in zip(positions, alone, strict=True):
            actual = variables[position]
            self.assertAllClose(actual, expected, atol=1e-6, msg=actual.path)
        return alone

    def test_each_network_learns_as_alone(self):
        optimizer, variables = new_optimizer(), new_variables()
        for step in range(STEPS):
            apply(optimizer, variables, gradients(step))
        rest = SphereAdamW(1e-2, global_clipnorm=0.5)
        expected = self.check(variables, REST, rest)
        for positions in OF_NETWORKS.values():
            own = SphereAdamW(RATE, global_clipnorm=0.15)
            self.check(variables, positions, own, START)
        self.assertEqual(int(optimizer.updates_apart), STEPS - START)
        self.assertAllClose(optimizer.gradient_norm, rest.gradient_norm)
        pairs = optimizer.moving_averages()
        self.assertLen(pairs, len(REST))
        for (variable, average), i in zip(pairs, REST, strict=True):
            self.assertIs(variable, variables[i])
            self.assertNotAllClose(variable, average, atol=1e-5)
        averages = [average for _, average in rest.moving_averages()]
        self.assertAllClose([average for _, average in pairs], averages)
        self.assertNotAllClose(expected, [new_variables()[i] for i in REST], atol=1e-3)

    def test_accumulated_gradients(self):
        """Batches without a gradient are no update of the networks."""
        whole, parts = new_variables(), new_variables()
        optimizers = new_optimizer(), new_optimizer(gradient_accumulation_steps=2)
        for step in range(STEPS):
            apply(optimizers[0], whole, gradients(step))
            for factor in (0.5, 1.5):
                values = [factor * gradient for gradient in gradients(step)]
                apply(optimizers[1], parts, values)
        self.assertAllClose(parts, whole)
        self.assertEqual(int(optimizers[1].updates_apart), STEPS - START)

    @parameterized.parameters(np.nan, np.inf)
    def test_a_gradient_that_is_not_finite_spoils_its_network_only(self, bad):
        optimizer, variables = new_optimizer(), new_variables()
        values = gradients(STEPS)
        values[3][0, 0] = bad
        apply(optimizer, variables, values)
        for i, (variable, old) in enumerate(
            zip(variables, new_variables(), strict=True)
        ):
            same = np.array_equal(to_numpy(variable), to_numpy(old))
            self.assertEqual(same, i in OF_NETWORKS["fake_0"])
        self.assertEqual(int(optimizer.updates_apart), 1)

    def test_config(self):
        for rate in (RATE, 0.25):
            optimizer = SphereAdamW(apart=LearningApart("scores", rate, 0.3))
            text = json.dumps(keras.optimizers.serialize(optimizer))
            revived = keras.optimizers.deserialize(json.loads(text))
            self.assertEqual(json.dumps(keras.optimizers.serialize(revived)), text)
            self.assertIsInstance(revived.apart, LearningApart)
            self.assertAllClose(revived.apart.rate(1), optimizer.apart.rate(1))

    def test_what_learns_apart_is_said_before_building(self):
        optimizer = SphereAdamW()
        optimizer.build(new_variables())
        with self.assertRaisesRegex(ValueError, "before the optimizer is built"):
            optimizer.learn_apart(LearningApart("scores", RATE))

    def test_networks_are_found_by_a_whole_part_of_a_path(self):
        apart = LearningApart("scores", RATE)
        self.assertEqual(apart.network("scores/real_0/dense/kernel"), "real_0")
        for path in ("my_scores/real_0/kernel", "scores/kernel", "a/scores_b/c/kernel"):
            self.assertIsNone(apart.network(path))
