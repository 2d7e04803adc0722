"""How large a refiner is: a share of the parameters of a decoder."""

import math

from keras_sphere.backend.valueless import Valueless
from keras_sphere.models.sizes import resolve_size

# How much a shape unlike the decoder's weighs against a number of parameters missed.
_OF_SHAPE = 0.1


def size_of_share(backbone, share, new_refiner):
    """Width, depth and heads of about a share of the decoder's parameters.

    Heads are as wide as the decoder's. Of the sizes whose number of parameters is
    equally near, it is the one that is narrower as much as it is less deep.

    Args:
        backbone: `SphereEncoderBackbone`.
        share: Float above 0, at most 1.
        new_refiner: Callable of the keyword arguments `hidden_dim`, `num_layers` and
            `num_heads` that returns a refiner.

    Returns:
        Dict of these three integers.
    """
    full = resolve_size("decoder_size", backbone.architecture["decoder_size"])
    wanted = share * backbone.decoder.count_params()
    head_dim = full["hidden_dim"] // full["num_heads"]
    best = None
    for heads in range(1, full["num_heads"] + 1):
        size = {"hidden_dim": heads * head_dim, "num_heads": heads}
        one, two = (_count(new_refiner, {**size, "num_layers": n}) for n in (1, 2))
        for depth in range(1, full["num_layers"] + 1):
            missed = abs(math.log((one + (depth - 1) * (two - one)) / wanted))
            aspect = (heads * full["num_layers"]) / (depth * full["num_heads"])
            cost = missed + _OF_SHAPE * abs(math.log(aspect))
            if best is None or cost < best[0]:
                best = cost, {**size, "num_layers": depth}
    return best[1]


def _count(new_refiner, size):
    with Valueless():
        return new_refiner(**size).count_params()
