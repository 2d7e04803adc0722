"""Trained weights for another number of tokens, or of pixels in a patch.

Tokens lie on a square grid over the image, pixels on one over the patch. What belongs
to such a grid is interpolated onto another one bilinearly (antialiased where it
shrinks):

- the table of positions, so that it spans the image as before; rotary positions, by
  `position_grid` of the backbone, likewise;
- the mixers, which multiply over all tokens: tokens are brought onto the old grid
  before the product and onto the new one after it. Hidden units are kept. Where there
  are more, the new ones add nothing yet; where there are fewer, those go that add
  least;
- the patch embedding, so that a patch that was enlarged gives the token that it gave
  (the least squares of FlexiViT), and the last layer before a linear pixel head, so
  that it draws the patch enlarged.
"""

import math
import typing

import keras
import numpy as np

from keras_sphere.perceptual.resizing import bilinear_matrix

_POSITIONS = "/position_embedding/table"
_MIXER = "/token_in/kernel"
_PATCHES = "/encoder/patch_embedding/patches/kernel"
_PIXELS = tuple(f"/decoder/transformer/head/linear/{x}" for x in ("kernel", "bias"))
_LINEAR_HEADS = ("linear", "patch")


class Sides(typing.NamedTuple):
    """Lengths of a side.

    Attributes:
        tokens: Integer. Tokens along the image.
        pixels: Integer. Pixels along a patch.
    """

    tokens: int
    pixels: int

    @classmethod
    def of(cls, backbone):
        """Those of a backbone."""
        pixels = backbone.architecture["patch_size"]
        return cls(math.isqrt(backbone.num_tokens), pixels)


def keep_positions(architecture, trained):
    """An architecture whose rotary positions span the image as those of a trained one.

    Args:
        architecture: Dict of arguments of a backbone that is to begin with weights.
        trained: Dict of arguments of the backbone that they are of.

    Returns:
        Dict. One that has a `position_grid` already keeps it.
    """
    if architecture.get("position_grid") is not None:
        return architecture
    side, old = _tokens(architecture), _tokens(trained)
    grid = trained.get("position_grid") or old
    return {**architecture, "position_grid": None if grid == side else grid}


def _tokens(architecture):
    return architecture["image_size"] // architecture["patch_size"]


def resized_values(source, target):
    """Values for the weights of a backbone whose grids are of other sizes.

    Args:
        source: `SphereEncoderBackbone`, trained.
        target: `SphereEncoderBackbone`, which is not changed.

    Returns:
        Dict of the path of a weight of the target -> float32 array of its shape. It is
        empty where the grids are the same.
    """
    old, new = Sides.of(source), Sides.of(target)
    values = {variable.path: variable for variable in source.weights}
    shapes = {variable.path: tuple(variable.shape) for variable in target.weights}
    fresh = {variable.path: variable for variable in target.weights}
    found = {}
    for path in (path for path in shapes if path in values):
        if old.tokens != new.tokens:
            if path.endswith(_POSITIONS):
                onto = bilinear_matrix(old.tokens, new.tokens)
                found[path] = _on_grid(onto, _numpy(values[path]))
            elif path.endswith(_MIXER):
                found.update(_mixer(path, values, fresh[path], old, new))
        if old.pixels != new.pixels:
            found.update(_patch(path, values[path], source, old, new))
    return {p: value for p, value in found.items() if value.shape == shapes.get(p)}


def _patch(path, variable, source, old, new):
    """The entry of a weight whose one or two axes are the pixels of a patch."""
    onto = bilinear_matrix(old.pixels, new.pixels)
    if path.endswith(_PATCHES):
        back = np.linalg.pinv(onto).T
        kernel = np.einsum("ai,bj,ij...->ab...", back, back, _numpy(variable))
        return {path: kernel.astype("float32")}
    linear = source.architecture["pixel_head"] in _LINEAR_HEADS
    if path.endswith(_PIXELS) and linear:
        value = _numpy(variable)
        value = value.reshape(*value.shape[:-1], -1, old.pixels, old.pixels)
        value = np.einsum("ai,bj,...ij->...ab", onto, onto, value)
        return {path: value.reshape(*variable.shape[:-1], -1).astype("float32")}
    return {}


def _mixer(path, values, fresh, old, new):
    """The entries of the product over tokens of one block of a mixer.

    Args:
        path: String. Path of the kernel that takes the tokens.
        values: Dict of path -> variable of the source.
        fresh: The target's own variable at that path, drawn at random.
        old, new: `Sides`.
    """
    block = path.removesuffix(_MIXER)
    names = [f"{block}/token_{end}" for end in ("in", "out")]
    paths = [f"{name}/{part}" for name in names for part in ("kernel", "bias")]
    kernel_in, bias_in, kernel_out, bias_out = (_numpy(values[p]) for p in paths)
    onto = bilinear_matrix(old.tokens, new.tokens)
    back = bilinear_matrix(new.tokens, old.tokens)
    units = _units(
        _on_grid(back.T, kernel_in),
        bias_in,
        _on_grid(onto, kernel_out.T).T,
        _numpy(fresh),
    )
    bias_out = _on_grid(onto, bias_out[:, None])[:, 0]
    return dict(zip(paths, (*units, bias_out), strict=True))


def _units(kernel_in, bias_in, kernel_out, fresh):
    """As many hidden units as there are wanted, the columns of `fresh`."""
    more = fresh.shape[1] - len(bias_in)
    if more >= 0:
        kernel_in = np.concatenate([kernel_in, fresh[:, len(bias_in) :]], axis=1)
        kernel_out = np.pad(kernel_out, ((0, more), (0, 0)))
        return kernel_in, np.pad(bias_in, (0, more)), kernel_out
    strength = np.linalg.norm(kernel_out, axis=1)
    kept = np.sort(np.argsort(-strength, kind="stable")[: fresh.shape[1]])
    return kernel_in[:, kept], bias_in[kept], kernel_out[kept]


def _on_grid(matrix, values):
    """Values whose first axis is a square grid in row-major order, on another grid.

    Args:
        matrix: Array of shape `(new, old)`, for both axes of the grid.
        values: Array of shape `(old**2, size)`.

    Returns:
        float32 array of shape `(new**2, size)`.
    """
    new, old = matrix.shape
    grid = values.reshape(old, old, -1)
    grid = np.einsum("ai,ijc->ajc", matrix, grid)
    grid = np.einsum("bj,ajc->abc", matrix, grid)
    return grid.reshape(new * new, -1).astype("float32")


def _numpy(variable):
    return np.asarray(keras.ops.convert_to_numpy(variable), "float32")
