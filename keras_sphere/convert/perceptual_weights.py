"""Public files to the weights of `keras_sphere.perceptual`.

Those of torchvision and LPIPS need PyTorch once; the files that are written do not.
"""

import hashlib
import logging
import pathlib

import numpy as np

from keras_sphere.convert.checkpoint_files import open_checkpoint
from keras_sphere.files.integrity import CorruptFileError, sha256
from keras_sphere.perceptual import (
    LPIPS,
    ConvNeXtLogits,
    ConvNeXtV2,
    EfficientNetLite2Classifier,
)
from keras_sphere.perceptual.efficientnet_weights import (
    PUBLIC_SHA256,
    read_efficientnet_weights,
)
from keras_sphere.perceptual.weight_files import weight_folders, write_weight_file
from keras_sphere.typing import PathLike

logger = logging.getLogger("keras_sphere")

# Places of the convolutions in torchvision's `features`, between which are ReLUs and
# poolings, and its classifier, of which LPIPS has no use.
_VGG16_CONVOLUTIONS = {
    "block1_conv1": 0,
    "block1_conv2": 2,
    "block2_conv1": 5,
    "block2_conv2": 7,
    "block3_conv1": 10,
    "block3_conv2": 12,
    "block3_conv3": 14,
    "block4_conv1": 17,
    "block4_conv2": 19,
    "block4_conv3": 21,
    "block5_conv1": 24,
    "block5_conv2": 26,
    "block5_conv3": 28,
}
_VGG16_UNUSED = {
    f"classifier.{layer}.{part}" for layer in (0, 3, 6) for part in ("weight", "bias")
}
_CONVNEXTV2_UNUSED = {
    f"head.{layer}.{part}" for layer in ("norm", "fc") for part in ("weight", "bias")
}
_HEADS_MD5 = "d507d7349b931f0638a25a48a722f98a"


def convert_lpips(
    vgg16: PathLike,
    heads: PathLike,
    folder: PathLike | None = None,
    verify: bool = True,
) -> pathlib.Path:
    """Writes `lpips_vgg16.npz`, the weights of `keras_sphere.perceptual.LPIPS`.

    Args:
        vgg16: String or path. torchvision's `vgg16-397923af.pth`.
        heads: String or path. `vgg.pth` of the public LPIPS release, v0.1.
        folder: String or path. Where to write; `None` for the first folder in which
            networks look for it.
        verify: Boolean. Whether the files must be the public ones: by the start of
            the SHA-256 in the name of torchvision's, and the MD5 of the heads.

    Returns:
        `pathlib.Path` of the file.

    Raises:
        CorruptFileError: If a file is missing or damaged, or is not the public one.
        ValueError: If a tensor is missing, left over or of the wrong shape.
        ImportError: If PyTorch is not installed.
    """
    if verify:
        _check_sha256(vgg16, "397923af")
        _check_heads(heads)
    network = LPIPS()
    names = {}
    for name, place in _VGG16_CONVOLUTIONS.items():
        names[f"features.{place}.weight"] = f"{name}_kernel"
        names[f"features.{place}.bias"] = f"{name}_bias"
    shapes = network.weight_shapes()
    weights = _read(vgg16, names, shapes, unused=_VGG16_UNUSED)
    head_names = {f"lin{layer}.model.1.weight": f"lin{layer}" for layer in range(5)}
    weights.update(_read(heads, head_names, shapes))
    for name in head_names.values():
        if np.any(weights[name] < 0.0):
            raise ValueError(
                f"The heads of LPIPS must not be negative. Received: {name} of {heads}"
            )
    return _write(network, weights, folder)


def convert_convnext(
    convnext: PathLike,
    folder: PathLike | None = None,
    verify: bool = True,
    network: ConvNeXtLogits | None = None,
) -> pathlib.Path:
    """Writes `convnext_small.npz`, the weights of `ConvNeXtLogits`.

    Args:
        convnext: String or path. torchvision's `convnext_small-0c510722.pth`.
        folder, verify: See `convert_lpips`.
        network: `ConvNeXtLogits` of other sizes, or `None`.

    Returns:
        `pathlib.Path` of the file.

    Raises:
        CorruptFileError, ValueError, ImportError: See `convert_lpips`.
    """
    if verify:
        _check_sha256(convnext, "0c510722")
    network = ConvNeXtLogits() if network is None else network
    names = dict(_convnext_names(network.depths))
    weights = _read(convnext, names, network.weight_shapes())
    return _write(network, weights, folder)


def convert_convnextv2(
    source: PathLike, folder: PathLike | None = None, network: ConvNeXtV2 | None = None
) -> pathlib.Path:
    """Writes `convnextv2_nano.npz`, the weights of `ConvNeXtV2`.

    Args:
        source: String or path. timm's `convnextv2_nano.fcmae_ft_in1k`, a
            `.safetensors` or `.pth` file of its state dict. Its classifier is left
            out. No checksum of the public file is known here.
        folder: See `convert_lpips`.
        network: `ConvNeXtV2` of other sizes, or `None`.

    Returns:
        `pathlib.Path` of the file.

    Raises:
        CorruptFileError, ValueError, ImportError: See `convert_lpips`.
    """
    network = ConvNeXtV2() if network is None else network
    names = dict(_convnextv2_names(network.depths))
    shapes = network.weight_shapes()
    weights = _read(source, names, shapes, _CONVNEXTV2_UNUSED, dense_axes=(1, 1))
    return _write(network, weights, folder)


def convert_efficientnet_lite2(
    source: PathLike, folder: PathLike | None = None, verify: bool = True
) -> pathlib.Path:
    """Writes `efficientnet_lite2.npz`, the weights of `EfficientNetLite2`.

    Args:
        source: String or path. `efficientnet-lite2-9656183e.pth`, which is read without
            PyTorch, or a file of that kind.
        folder, verify: See `convert_lpips`.

    Returns:
        `pathlib.Path` of the file.

    Raises:
        CorruptFileError, ValueError: See `convert_lpips`.
    """
    if verify:
        _check_sha256(source, PUBLIC_SHA256, "the public file")
    network = EfficientNetLite2Classifier()
    shapes = network.weight_shapes()
    weights = read_efficientnet_weights(source, shapes, list(shapes))
    return _write(network, weights, folder)


def _convnext_names(depths):
    """Pairs of torchvision's name of a tensor and ours."""
    yield from _linear_names("features.0.0", "stem_conv")
    yield from _norm_names("features.0.1", "stem_norm")
    for stage, depth in enumerate(depths):
        if stage:
            yield from _norm_names(f"features.{2 * stage}.0", f"downsample{stage}_norm")
            yield from _linear_names(
                f"features.{2 * stage}.1", f"downsample{stage}_conv"
            )
        for i in range(depth):
            theirs = f"features.{2 * stage + 1}.{i}"
            ours = f"stage{stage}_block{i}"
            yield f"{theirs}.layer_scale", f"{ours}_layer_scale"
            yield from _linear_names(f"{theirs}.block.0", f"{ours}_depthwise")
            yield from _norm_names(f"{theirs}.block.2", f"{ours}_norm")
            yield from _linear_names(f"{theirs}.block.3", f"{ours}_expand")
            yield from _linear_names(f"{theirs}.block.5", f"{ours}_contract")
    yield from _norm_names("classifier.0", "head_norm")
    yield from _linear_names("classifier.2", "head")


def _convnextv2_names(depths):
    """Pairs of timm's name of a tensor and ours."""
    yield from _linear_names("stem.0", "stem_conv")
    yield from _norm_names("stem.1", "stem_norm")
    for stage, depth in enumerate(depths):
        if stage:
            theirs = f"stages.{stage}.downsample"
            yield from _norm_names(f"{theirs}.0", f"downsample{stage}_norm")
            yield from _linear_names(f"{theirs}.1", f"downsample{stage}_conv")
        for i in range(depth):
            theirs, ours = f"stages.{stage}.blocks.{i}", f"stage{stage}_block{i}"
            yield from _linear_names(f"{theirs}.conv_dw", f"{ours}_depthwise")
            yield from _norm_names(f"{theirs}.norm", f"{ours}_norm")
            yield from _linear_names(f"{theirs}.mlp.fc1", f"{ours}_expand")
            yield from _norm_names(f"{theirs}.mlp.grn", f"{ours}_response")
            yield from _linear_names(f"{theirs}.mlp.fc2", f"{ours}_contract")


def _linear_names(theirs, ours):
    yield f"{theirs}.weight", f"{ours}_kernel"
    yield f"{theirs}.bias", f"{ours}_bias"


def _norm_names(theirs, ours):
    yield f"{theirs}.weight", f"{ours}_scale"
    yield f"{theirs}.bias", f"{ours}_bias"


def _read(path, names, shapes, unused=(), dense_axes=()):
    """Reads the tensors of a file under our names, once all are seen to fit.

    Kernels of dense layers may be stored as convolutions, with `dense_axes` more.
    """
    with open_checkpoint(path) as checkpoint:
        tensors = checkpoint.state_dicts.get(None, {})
        missing = set(names) - set(tensors)
        unexpected = set(tensors) - set(names) - set(unused)
        if missing or unexpected or set(checkpoint.state_dicts) - {None}:
            raise ValueError(
                f"{path} must hold the tensors of the network, all of them and no "
                f"others. Received: missing {sorted(missing)[:5]}, unexpected "
                f"{sorted(unexpected)[:5]}"
            )
        for theirs, ours in names.items():
            expected = _torch_shape(ours, shapes[ours], dense_axes)
            if tuple(tensors[theirs].shape) != expected:
                raise ValueError(
                    f"{path}: the tensor {theirs!r} must have the shape {expected}. "
                    f"Received: {tuple(tensors[theirs].shape)}"
                )
        return {
            ours: _to_ours(ours, tensors[theirs].read(), shapes[ours])
            for theirs, ours in names.items()
        }


def _torch_shape(name, shape, dense_axes=()):
    """The shape of a tensor of PyTorch's, by the name and the shape of ours."""
    if len(shape) == 4:
        rows, columns, size, out = shape
        if name.endswith("depthwise_kernel"):
            return (size, out, rows, columns)
        return (out, size, rows, columns)
    if len(shape) == 2:
        return (*shape[::-1], *dense_axes)
    if name.startswith("lin"):
        return (1, *shape, 1, 1)
    return (*shape, 1, 1) if name.endswith("layer_scale") else shape


def _to_ours(name, array, shape):
    """An array in our layout and shape."""
    if len(shape) < 4:
        return array.reshape(shape[::-1]).transpose()
    axes = (2, 3, 0, 1) if name.endswith("depthwise_kernel") else (2, 3, 1, 0)
    return array.transpose(axes)


def _write(network, weights, folder):
    path = (pathlib.Path(folder) if folder else weight_folders()[0]) / network.file_name
    write_weight_file(path, weights)
    logger.info("Wrote %s", path)
    return path


def _check_sha256(path, expected, whose="torchvision's file"):
    if not pathlib.Path(path).is_file():
        raise CorruptFileError(f"{path} is missing.")
    if not sha256(path).startswith(expected):
        raise CorruptFileError(
            f"{path} must be {whose}, whose SHA-256 starts with {expected}. "
            f"Received: {sha256(path)}; `verify=False` (--noverify) takes other weights"
        )


def _check_heads(path):
    if not pathlib.Path(path).is_file():
        raise CorruptFileError(f"{path} is missing.")
    received = hashlib.md5(
        pathlib.Path(path).read_bytes(), usedforsecurity=False
    ).hexdigest()
    if received != _HEADS_MD5:
        raise CorruptFileError(
            f"{path} must be vgg.pth of LPIPS v0.1, whose MD5 is {_HEADS_MD5}. "
            f"Received: {received}; `verify=False` (--noverify) takes other weights"
        )
