"""Models of growing size for images of one's own, and what they cost.

The smaller ones train on a CPU; widths, depths and rates are steps between those of the
preset `digits16` and the paper's.
"""

import dataclasses

PATCHES_OF_8 = 192  # the least width that draws them
MLP_AND_ATTENTION = 13  # parameters of a block by width squared, without AdaLN
PASSES_OF_A_HALF = 2  # in a training step
WITH_GRADIENTS = 3  # times the cost of a forward pass
FLOATS_PER_VALUE = 30  # activations of a block that wait for the gradients, by width
# Operations of a perceptual network per training image, by pixel: three images forward
# and two back, at the speed of large products.
PERCEPTUAL = {"none": 0, "gradient": 4e3, "efficientnet_lite2": 0.3e6, "lpips": 4.3e6}


AT_BATCH = 128


@dataclasses.dataclass(frozen=True)
class Rung:
    """A size of both transformers.

    Args:
        hidden_dim, num_layers, num_heads: Integers.
        learning_rate: Float. The decoder's, at a batch of `AT_BATCH` images.
        fewest_images: Integer. Fewer are learned by heart long before such a model
            has learned anything else.
    """

    hidden_dim: int
    num_layers: int
    num_heads: int
    learning_rate: float
    fewest_images: int

    @property
    def size(self):
        """The width, depth and heads as a dict."""
        names = ("hidden_dim", "num_layers", "num_heads")
        return {name: getattr(self, name) for name in names}


LADDER = (
    Rung(64, 3, 4, 2e-3, 0),
    Rung(96, 3, 4, 1.5e-3, 0),
    Rung(128, 4, 4, 1.5e-3, 0),
    Rung(192, 6, 6, 1e-3, 0),
    Rung(256, 8, 8, 1e-3, 0),
    Rung(384, 12, 6, 5e-4, 3_000),
    Rung(768, 12, 12, 1e-4, 100_000),
)
# Images of this size in pixels -> the least width that draws them.
LEAST_WIDTHS = {32: 64, 64: 96, 128: 192, 256: 256}


def nearest_rung(hidden_dim):
    """The rung of the ladder whose width is nearest."""
    return min(LADDER, key=lambda rung: abs(rung.hidden_dim - hidden_dim))


def tokens_side(rung, image_size):
    """Tokens along a side: 4 px each in small images and of narrow models.

    Models of a width below 192 draw patches of 8 px as mosaics (docs/own_images.md).

    Args:
        rung: `Rung`.
        image_size: Integer, pixels.
    """
    if image_size <= 32:
        return 8
    if image_size <= 64:
        return 16 if rung.hidden_dim < PATCHES_OF_8 else 8
    if image_size <= 128:
        return 8 if rung.hidden_dim <= PATCHES_OF_8 else 16
    return 16


def token_channels(side):
    """Channels of a latent token.

    Args:
        side: Integer. Tokens along a side.
    """
    return 8 if side <= 8 else 4


def operations_per_image(encoder, decoder, tokens, image_size, perceptual):
    """Multiplications and additions of a training step by its images, roughly.

    Args:
        encoder, decoder: Dicts with the `hidden_dim` and `num_layers` of each half.
        tokens: Integer.
        image_size: Integer, pixels.
        perceptual: String, a key of `PERCEPTUAL`, or `None`; others count as LPIPS.
    """
    passes = 0
    for half in (encoder, decoder):
        width, depth = half["hidden_dim"], half["num_layers"]
        block = 2 * tokens * (MLP_AND_ATTENTION * width**2 + 2 * tokens * width)
        passes += WITH_GRADIENTS * PASSES_OF_A_HALF * depth * block
    of_pixel = PERCEPTUAL.get(perceptual or "none", PERCEPTUAL["lpips"])
    return passes + of_pixel * image_size**2


def activation_bytes(rung, tokens, batch_size):
    """Bytes of activations of a training step, roughly.

    Args:
        rung: `Rung`.
        tokens: Integer, of an image.
        batch_size: Integer.
    """
    values = batch_size * tokens * rung.num_layers * rung.hidden_dim
    return 4 * FLOATS_PER_VALUE * 2 * PASSES_OF_A_HALF * values
