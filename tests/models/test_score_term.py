"""The score-matching term: gradients, statistics that can be resumed, training."""

import functools

import keras
import numpy as np
import pytest

from keras_sphere.losses.item_weights import balanced_weights
from keras_sphere.models.score_term import ScoreTerm
from tests.differentiation import input_gradients, kernel_gradient
from tests.models import replicas_of_terms
from tests.testing import TestCase, perturb_weights, to_numpy

pytestmark = pytest.mark.usefixtures("quick_compilation")

SHAPES = [(4, 2, 2, 3), (4, 4, 5)]


def tiny_term(**arguments):
    """A term of two stages whose networks disagree."""
    network = {"width": 16, "num_layers": 1, "num_heads": 2, "path_dropout": 0.0}
    network.update(arguments.pop("network", {}))
    term = ScoreTerm(
        network, **{"calibration_calls": 2, "balance_calls": 2, **arguments}
    )
    term.build([(None, *shape[1:]) for shape in SHAPES])
    for networks in term.networks.values():
        for network in networks:
            perturb_weights(network, scale=0.3)
    for network in term.networks["fake"]:
        network.head.kernel.assign(-network.head.kernel.value)
    return term


def features(seed, shapes=SHAPES):
    generator = np.random.default_rng(seed)
    return [generator.standard_normal(shape).astype("float32") for shape in shapes]


def tiny_draws(term, seed=0):
    seed = keras.random.SeedGenerator(seed)
    return term.draw([keras.ops.convert_to_tensor(x) for x in features(0)], seed)


WEIGHTS = np.array([0.1, 0.0, 1.0, 0.6], "float32")


class ScoreTermTest(TestCase):
    def setUp(self):
        super().setUp()
        self.term = tiny_term()
        self.draws = tiny_draws(self.term)

    def call(self, real, fake, term=None, **arguments):
        return (term or self.term)(
            real, list(fake), WEIGHTS, draws=self.draws, **arguments
        )

    def test_each_loss_has_its_own_gradients(self):
        """The generator's loss moves features only, the other networks only."""
        real, fake = features(1), features(2)
        self.call(real, fake, training=True)
        one = np.ones(4, "float32")
        for index, moves_features in ((0, True), (1, False)):

            def loss(*x, index=index):
                kernels = (n[0].head.kernel for n in self.term.networks.values())
                zero = sum(keras.ops.sum(part) for part in (*x, *kernels)) * 0.0
                losses = self.call(x[:2], x[2:])[index]
                return losses * (balanced_weights(WEIGHTS), 1.0)[index] + zero

            gradients = input_gradients(loss, [*real, *fake], one)
            for gradient in gradients[:2]:
                self.assertAllClose(gradient, np.zeros_like(gradient))
            for gradient in gradients[2:]:
                self.assertEqual(bool(np.any(gradient != 0.0)), moves_features)
                self.assertAllClose(gradient[1], np.zeros_like(gradient[1]))
            for networks in self.term.networks.values():
                head, losses = networks[0].head, functools.partial(loss, *real, *fake)
                gradient = kernel_gradient(head, losses, one)
                self.assertEqual(bool(np.any(gradient != 0.0)), not moves_features)

    def test_statistics_move_in_training_only(self):
        before = [to_numpy(v) for v in self.term.non_trainable_variables]
        self.call(features(1), features(2))
        for variable, value in zip(
            self.term.non_trainable_variables, before, strict=True
        ):
            self.assertAllClose(variable, value)
        self.call(features(1), features(2), training=True)
        self.assertAllClose(self.term.balance["calls"], 1.0)
        self.assertAllClose(self.term.moments[0]["calls"], 1.0)

    def test_before_the_warmup_nothing_is_moved_and_nothing_balanced(self):
        for share in (0, 0.0, keras.ops.convert_to_tensor(0.0)):
            moved, scores = self.call(
                features(1), features(2), share=share, training=True
            )
            self.assertAllClose(moved, np.zeros(4))
            assert np.all(to_numpy(scores) > 0.0)
            self.assertAllClose(self.term.balance["calls"], 0.0)
            self.assertAllClose(self.term.balance["rms"], np.zeros(2))
        self.assertAllClose(self.term.moments[0]["calls"], 2.0)

    def test_before_networks_learn_their_loss_is_nothing_and_statistics_stay(self):
        for counts in (False, keras.ops.convert_to_tensor(False)):
            _, scores = self.call(
                features(1), features(2), share=0, training=True, counts=counts
            )
            self.assertAllClose(scores, np.zeros(4), atol=0.0)
            for state in self.term.moments:
                for variable in state.values():
                    self.assertAllClose(variable, np.zeros(variable.shape), atol=0.0)

    def test_a_half_share_is_half_of_the_loss(self):
        self.call(features(1), features(2), training=True)
        whole, _ = self.call(features(1), features(2))
        half, _ = self.call(features(1), features(2), share=0.5)
        self.assertAllClose(half, 0.5 * to_numpy(whole))

    def test_goes_on_bit_for_bit(self):
        """From all variables, as a file holds them."""
        for seed in (1, 3):
            self.call(features(seed), features(seed + 1), training=True)
        other = tiny_term()
        other.set_weights(self.term.get_weights())
        outputs = [
            self.call(features(5), features(6), term, training=True)
            for term in (self.term, other)
        ]
        for a, b in zip(*outputs, strict=True):
            np.testing.assert_array_equal(to_numpy(a), to_numpy(b))
        for a, b in zip(self.term.variables, other.variables, strict=True):
            np.testing.assert_array_equal(to_numpy(a), to_numpy(b))

    def test_draws(self):
        draws = tiny_draws(self.term)
        self.assertEqual(sorted(draws), ["fake", "real", "transport"])
        seen = set()
        for pairs in draws.values():
            for (normal, noise), size in zip(
                pairs, ((4, 4, 3), (4, 4, 5)), strict=True
            ):
                self.assertEqual(tuple(normal.shape), (4,))
                self.assertEqual(tuple(noise.shape), size)
                seen.add(float(to_numpy(normal)[0]))
        self.assertLen(seen, 6)

    def test_paths_are_dropped_where_networks_learn_and_not_in_transport(self):
        term = tiny_term(network={"path_dropout": 0.5})
        pairs = zip(term.trainable_weights, self.term.trainable_weights, strict=True)
        for weight, other in pairs:
            weight.assign(other)
        moved, scores = self.call(features(1), features(2), training=True)
        dropped = self.call(features(1), features(2), term, training=True)
        self.assertAllClose(dropped[0], moved)
        self.assertNotAllClose(dropped[1], scores)

    def test_config(self):
        term = ScoreTerm({"width": 8}, 0.2, 3, 4, 0.5, "batch", 2.0, name="term")
        revived = keras.saving.deserialize_keras_object(
            keras.saving.serialize_keras_object(term)
        )
        self.assertIsInstance(revived, ScoreTerm)
        self.assertEqual(revived.get_config(), term.get_config())

    def test_bad_arguments(self):
        with pytest.raises(ValueError, match=r"`normalizer` must be one of .*'item'"):
            ScoreTerm(normalizer="item")
        with pytest.raises(ValueError, match=r"must be 2 stages.*1 and 2"):
            self.call(features(1)[:1], features(2))


class TinyTraining(keras.Model):
    """Features that are weights, moved by a term that learns beside them."""

    def __init__(self, term):
        super().__init__()
        self.term = term
        self.seed_generator = keras.random.SeedGenerator(0)
        self.moved = [
            self.add_weight(name=f"moved_{i}", shape=shape, initializer="zeros")
            for i, shape in enumerate(SHAPES)
        ]

    def build(self, input_shape):
        self.built = True

    def call(self, real, training=False):
        moved = [keras.ops.convert_to_tensor(v) for v in self.moved]
        draws = self.term.draw(moved, self.seed_generator)
        return self.term(real, moved, WEIGHTS, draws=draws, training=training)


class TrainingTest(TestCase):
    def test_one_backward_pass_trains_features_and_networks(self):
        model = TinyTraining(tiny_term())
        real = [np.tile(x + 2.0, (4,) + (1,) * (x.ndim - 1)) for x in features(1)]
        none = [np.zeros(16, "float32")] * 2
        model.compile(
            keras.optimizers.Adam(0.01),
            loss=[lambda _, loss: loss] * 2,
            jit_compile=keras.backend.backend() == "jax",  # XLA takes long elsewhere
        )
        before = [to_numpy(w) for w in model.trainable_weights]
        history = model.fit(
            real, none, batch_size=4, epochs=3, shuffle=False, verbose=0
        ).history
        assert np.all(np.isfinite(history["loss"]))
        for weight, old in zip(model.trainable_weights, before, strict=True):
            self.assertFalse(np.array_equal(to_numpy(weight), old), weight.path)
        self.assertAllClose(model.term.balance["calls"], 12.0)
        self.assertAllClose(model.term.moments[1]["calls"], 2.0)
        self.assertAllClose(
            model.term.moments[1]["mean"], real[1][:4].mean(axis=(0, 1)), atol=1e-5
        )
        path = f"{self.get_temp_dir()}/some.weights.h5"
        model.save_weights(path)
        other = TinyTraining(tiny_term(balance_calls=9))
        other.build(None)
        other.load_weights(path)
        for a, b in zip(model.term.variables, other.term.variables, strict=True):
            np.testing.assert_array_equal(to_numpy(a), to_numpy(b))


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="a test of replicas of TensorFlow"
)
def test_two_replicas_give_what_one_gives():
    """Values per image, gradients and statistics, of all terms of a distribution."""
    results = replicas_of_terms.run_in_a_process()
    names = {name.partition("/")[0] for name in results}
    assert {"drifting", "moved_gradient", "distance", "state0"} <= names
    for name in names:
        one, two = (results[f"{name}/{count}"] for count in (1, 2))
        np.testing.assert_allclose(two, one, atol=2e-5, err_msg=name)
        assert np.any(one != 0.0), name
