"""The weights of the golden LPIPS, made again from their seed."""

import itertools
import math

import numpy as np

CHANNELS = (3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
_BLOCKS = (2, 2, 3, 3, 3)
NAMES = [
    f"block{block + 1}_conv{i + 1}"
    for block, count in enumerate(_BLOCKS)
    for i in range(count)
]


def torchvision_weights(seed):
    """Convolutions `[out, in, rows, columns]`, their biases, and the five heads.

    Args:
        seed: Integer.

    Returns:
        Lists of arrays.
    """
    generator = np.random.RandomState(seed)
    kernels, biases = [], []
    for size, out in itertools.pairwise(CHANNELS):
        kernel = generator.standard_normal((out, size, 3, 3)) * math.sqrt(
            2 / (9 * size)
        )
        kernels.append(kernel.astype("float32"))
        biases.append((generator.standard_normal(out) * 0.05).astype("float32"))
    heads = [
        generator.uniform(0, 1, (1, c, 1, 1)).astype("float32")
        for c in (64, 128, 256, 512, 512)
    ]
    return kernels, biases, heads


def our_weights(seed):
    """The same under the names and in the layouts of a file of weights."""
    kernels, biases, heads = torchvision_weights(seed)
    weights = {f"lin{layer}": head.reshape(-1) for layer, head in enumerate(heads)}
    for name, kernel, bias in zip(NAMES, kernels, biases, strict=True):
        weights[f"{name}_kernel"] = kernel.transpose(2, 3, 1, 0)
        weights[f"{name}_bias"] = bias
    return weights
