"""How the strength of noise is spread over the images of a batch."""

import keras

from keras_sphere.typing import Tensor
from keras_sphere.wide_floats import as_float, as_floats


def stratified_radii(
    uniforms: Tensor, permutation: Tensor, include_zero: bool = True
) -> Tensor:
    """Noise radii of a training batch, spread evenly over [0, 1].

    With M bins for a batch of M + 2: bin i gives `(i + max(u_i, 1e-3)) / M`;
    exactly 1 and exactly 0 are appended, and all are permuted. A batch of two is
    {0, 1}; a batch of one is a single draw from [0, 1] (the reference fails
    there).

    Args:
        uniforms: Float tensor of shape `(batch,)` in [0, 1); the last one or two
            values are not used.
        permutation: Integer tensor of shape `(batch,)`: output k is value
            number `permutation[k]`.
        include_zero: Boolean. Without it M is `batch - 1` and only 1 is appended.

    Returns:
        Tensor of shape `(batch,)`.
    """
    uniforms = as_float(uniforms)
    num_appended = 2 if include_zero else 1
    index = keras.ops.cumsum(keras.ops.ones_like(uniforms)) - 1.0
    last = keras.ops.max(index)
    num_bins = keras.ops.maximum(last + 1.0 - num_appended, 1.0)
    radii = (index + keras.ops.maximum(uniforms, 1e-3)) / num_bins
    position_from_end = keras.ops.where(last > 0, last - index, num_appended)
    if include_zero:
        radii = keras.ops.where(position_from_end == 0, 0.0, radii)
    one_at = float(num_appended - 1)
    radii = keras.ops.where(position_from_end == one_at, 1.0, radii)
    return keras.ops.take(radii, permutation, axis=0)


def hard_case_radii(
    radii: Tensor,
    scalers: Tensor,
    sigma: float,
    hard_sigma: float,
    probability: float,
    band: str = "narrow",
) -> Tensor:
    """Replaces some radii by larger ones, beyond the ordinary largest angle.

    An image whose uniform draw u is at most `probability` gets the radius
    `1 + s (hard_sigma / sigma - 1)`. In the "narrow" band s = u, as in the
    reference, so s never exceeds `probability`; in the "full" band
    s = u / probability, which covers the whole range up to `hard_sigma`.

    Args:
        radii: Float tensor of shape `(batch, ...)`.
        scalers: Float tensor of the same shape, uniform in [0, 1).
        sigma: Float. Noise strength at radius 1.
        hard_sigma: Float. Noise strength of the hardest case.
        probability: Float in [0, 1]. Share of hard cases.
        band: `"narrow"` or `"full"`.

    Returns:
        Tensor of the shape of `radii`.
    """
    radii, scalers = as_floats(radii, scalers)
    if band not in ("narrow", "full"):
        raise ValueError(f'`band` must be "narrow" or "full". Received: band={band!r}')
    if probability == 0:
        return radii
    stretch = scalers if band == "narrow" else scalers / probability
    candidate = 1.0 + stretch * (hard_sigma / sigma - 1.0)
    return keras.ops.where(scalers > probability, radii, candidate)
