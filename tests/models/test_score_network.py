"""The network of a denoiser of features."""

import keras
import numpy as np
import pytest

from keras_sphere.models.score_network import ScoreNetwork, score_width
from keras_sphere.score_matching.denoising import denoise
from tests import golden_data
from tests.score_matching import golden_networks
from tests.testing import TestCase, perturb_weights, to_numpy

pytestmark = pytest.mark.usefixtures("quick_compilation")

TINY = {"width": 16, "num_layers": 2, "num_heads": 2, "path_dropout": 0.0}


def noise(batch=2):
    return np.linspace(-1.0, 1.0, batch, dtype="float32")


class ScoreNetworkTest(TestCase):
    def golden_output(self, name, **arguments):
        arrays = golden_data.load("funcs2")
        features = arrays[f"{name}/x_t"]
        network = ScoreNetwork(num_heads=4, **arguments)
        network.build((None, *features.shape[1:]))
        tensors = golden_data.state_dict(arrays, prefix=f"{name}/sd/")
        golden_networks.load(network, tensors)
        sigma = arrays["scorenet/sigma"].reshape(-1)
        labels = arrays["scorenet/labels"] if network.num_classes else None
        self.assertEqual(network.positions.shape[-1], arrays[f"{name}/width"])
        return denoise(network, features, sigma, labels), arrays[f"{name}/out"]

    def test_golden(self):
        self.assertAllClose(*self.golden_output("scorenet", width=32, num_classes=3))

    def test_golden_shared_modulation(self):
        self.assertAllClose(
            *self.golden_output(
                "scorenet_single", width=16, shared_modulation=True, qk_norm=False
            )
        )

    def test_layer(self):
        for shared in (False, True):
            self.run_layer_test(
                ScoreNetwork,
                {**TINY, "shared_modulation": shared, "width_margin": 2},
                {"features": (2, 4, 3), "noise": (2,)},
                (2, 4, 3),
            )

    def test_classes(self):
        network = ScoreNetwork(**TINY, num_classes=3)
        network.build((None, 4, 3))
        perturb_weights(network)
        same = np.ones((3, 4, 3), "float32"), np.zeros(3, "float32")
        value = to_numpy(network(*same, np.array([0, 2, 0])))
        self.assertAllClose(value[0], value[2])
        self.assertNotAllClose(value[0], value[1], atol=1e-3)

    def test_starts_from_zeros(self):
        network = ScoreNetwork(**TINY)
        value = network(np.ones((2, 4, 3), "float32"), noise())
        self.assertAllClose(value, np.zeros((2, 4, 3)))

    def test_mixed_precision(self):
        network = ScoreNetwork(**TINY, dtype="mixed_bfloat16")
        network.build((None, 4, 3))
        perturb_weights(network)
        value = network(np.ones((2, 4, 3), "float32"), noise())
        self.assertEqual(keras.backend.standardize_dtype(value.dtype), "bfloat16")
        assert np.all(np.isfinite(to_numpy(value)))

    def test_stochastic_depth_is_of_training(self):
        network = ScoreNetwork(**{**TINY, "path_dropout": 0.5})
        network.build((None, 4, 3))
        perturb_weights(network, scale=0.5)
        inputs = np.ones((4, 4, 3), "float32"), np.zeros(4, "float32")
        same = [to_numpy(network(*inputs)) for _ in range(2)]
        np.testing.assert_array_equal(*same)
        self.assertAllClose(same[0], np.repeat(same[0][:1], 4, axis=0), atol=1e-5)
        dropped = [to_numpy(network(*inputs, training=True)) for _ in range(2)]
        self.assertNotAllClose(dropped[0], dropped[1])

    def test_width(self):
        self.assertEqual(score_width(160, 384, 8), 384)
        self.assertEqual(score_width(768, 384, 8), 768)
        self.assertEqual(score_width(390, 384, 8, margin=10), 416)
        self.assertEqual(score_width(20, 16, 4), 32)

    def test_number_of_weights_of_the_recipe(self):
        """Four networks: 25.5 million weights for ImageNet at 256 px."""
        total = 0
        for tokens, channels in ((1024, 160), (256, 320)):
            network = ScoreNetwork(num_classes=1000)
            network.build((None, tokens, channels))
            total += 2 * network.count_params()
        self.assertEqual(round(total / 1e5), 255)

    def test_bad_arguments(self):
        network = ScoreNetwork(**TINY, num_classes=2)
        with pytest.raises(ValueError, match=r"square grid.*6, 3"):
            network.build((None, 6, 3))
        network.build((None, 4, 3))
        features = np.ones((2, 4, 3), "float32")
        with pytest.raises(ValueError, match=r"`labels` must be given.*=None"):
            network(features, noise())
        with pytest.raises(ValueError, match=r"and to no other.*num_classes=0"):
            ScoreNetwork(**TINY)(features, noise(), np.array([0, 1]))
