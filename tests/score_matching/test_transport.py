"""Transport of features: limits, gradients, warm-up."""

import keras
import numpy as np
import pytest

from keras_sphere.score_matching.transport import (
    transport,
    transport_losses,
    warmup_share,
)
from tests.differentiation import input_gradients
from tests.score_matching import golden_calls
from tests.testing import TestCase, to_numpy

SHAPE = (3, 4, 5)


class TransportTest(TestCase):
    def setUp(self):
        super().setUp()
        generator = np.random.default_rng(0)
        draws = [generator.standard_normal(SHAPE).astype("float32") for _ in range(3)]
        self.features, self.real, self.fake = draws
        self.fake[1] = self.real[1] + 0.1 * (self.fake[1] - self.real[1])

    def test_is_the_normalised_disagreement(self):
        for normalizer in ("sample", "batch"):
            size = np.abs(self.features - self.real).mean(axis=(1, 2), keepdims=True)
            if normalizer == "batch":
                size = size.mean(axis=0)
            expected = (self.fake - self.real) / size
            rms = np.sqrt(np.square(expected).mean(axis=(1, 2)))
            expected /= np.maximum(rms, 1.0)[:, None, None]
            self.assertEqual(list(rms > 1.0), [True, False, True])
            direction, size = transport(
                self.features, self.real, self.fake, normalizer=normalizer
            )
            self.assertAllClose(direction, expected, atol=1e-6)
            self.assertAllClose(size, rms, atol=1e-6)

    def test_the_floor_holds_where_features_are_denoised_already(self):
        direction, rms = transport(self.real, self.real, self.real + 1e-7)
        self.assertAllClose(rms, np.full(3, 0.1), atol=0.05)
        assert np.all(np.isfinite(to_numpy(direction)))

    def test_gradient_is_the_direction(self):
        """Of an item's loss, by its number of entries; the denoisers get none."""

        def losses(*inputs):
            direction, _ = transport(*inputs)
            zero = sum(keras.ops.sum(x) for x in inputs[1:]) * 0.0
            return transport_losses(inputs[0], direction) + zero

        weights = np.array([0.2, 1.0, 0.0], "float32")
        inputs = [self.features, self.real, self.fake]
        gradients = input_gradients(losses, inputs, weights)
        direction, _ = transport(*inputs)
        expected = to_numpy(direction) * weights[:, None, None] / 20.0
        self.assertAllClose(gradients[0], expected, atol=1e-7)
        for gradient in gradients[1:]:
            self.assertAllClose(gradient, np.zeros(SHAPE))

    def test_golden_warmup(self):
        arrays, arguments = golden_calls.load()
        start, end = (arguments["warmup"][key] for key in ("start", "end"))
        for shape in ("cosine", "linear"):
            shares = [
                to_numpy(warmup_share(epoch, start, end, shape))
                for epoch in arrays["sm/warmup_epochs"]
            ]
            self.assertAllClose(
                np.stack(shares), arrays[f"sm/warmup_{shape}"], atol=1e-6
            )

    def test_no_warmup(self):
        shares = [float(to_numpy(warmup_share(epoch, 5, 5))) for epoch in (4.9, 5.0)]
        self.assertEqual(shares, [0.0, 1.0])

    def test_bad_arguments(self):
        with pytest.raises(ValueError, match=r"`normalizer` must be one of .*'item'"):
            transport(self.features, self.real, self.fake, normalizer="item")
        with pytest.raises(ValueError, match=r"`end` must not be .*start=5, end=4"):
            warmup_share(0, 5, 4)
        with pytest.raises(ValueError, match=r"`shape` must be one of .*'sine'"):
            warmup_share(0, 4, 5, "sine")
