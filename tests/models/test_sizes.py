"""The sizes of the transformers."""

from absl.testing import parameterized

from keras_sphere.models.sizes import SIZES, resolve_size
from tests.testing import TestCase


class SizesTest(TestCase):
    def test_names(self):
        self.assertEqual(
            {name: tuple(size.values()) for name, size in SIZES.items()},
            {
                "small": (512, 8, 8, 2),
                "base": (768, 12, 12, 4),
                "large": (1024, 24, 16, 8),
                "xlarge": (1152, 28, 16, 8),
                "huge": (1280, 32, 16, 10),
                "giant": (1664, 40, 16, 12),
            },
        )
        self.assertEqual(resolve_size("size", "base"), SIZES["base"])
        self.assertIsNot(resolve_size("size", "base"), SIZES["base"])

    def test_numbers(self):
        size = {"hidden_dim": 16, "num_layers": 2, "num_heads": 2}
        resolved = resolve_size("size", size)
        self.assertEqual(resolved, {**size, "in_context_start": 0})
        size["in_context_start"] = 1
        self.assertEqual(resolve_size("size", size), size)

    @parameterized.parameters(
        ("tiny",),
        (8,),
        ({"hidden_dim": 16, "num_layers": 2},),
        ({"hidden_dim": 16, "num_layers": 2, "num_heads": 2, "depth": 1},),
        ({"hidden_dim": 16, "num_layers": 0, "num_heads": 2},),
        ({"hidden_dim": 20, "num_layers": 2, "num_heads": 2},),
    )
    def test_invalid(self, size):
        with self.assertRaisesRegex(ValueError, "Received: encoder_size"):
            resolve_size("encoder_size", size)
