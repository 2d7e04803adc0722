"""The perceptual networks that a model or a recipe can name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_sphere.choices import CLASSIFIERS, FEATURE_NETWORKS, PERCEPTUAL_NETWORKS
from keras_sphere.perceptual.convnext_logits import ConvNeXtLogits
from keras_sphere.perceptual.convnextv2 import ConvNeXtV2
from keras_sphere.perceptual.efficientnet_lite2 import (
    EfficientNetLite2,
    EfficientNetLite2Classifier,
)
from keras_sphere.perceptual.efficientnet_weights import find_efficientnet_weights
from keras_sphere.perceptual.lpips import LPIPS
from keras_sphere.perceptual.weight_files import find_weight_files
from keras_sphere.perceptual.weighted_sum import WeightedSum
from keras_sphere.typing import PathLike
from keras_sphere.validation import check_choice

if TYPE_CHECKING:
    import keras

# Shares of the networks in the distance; "lpips_convnext" is the paper's.
_SHARES: dict[str, dict[Any, float]] = {
    "lpips": {LPIPS: 1.0},
    "convnext": {ConvNeXtLogits: 1.0},
    "lpips_convnext": {LPIPS: 1.0, ConvNeXtLogits: 0.1},
    "keras_applications": {LPIPS: 1.0, ConvNeXtLogits: 0.1},
    "efficientnet_lite2": {EfficientNetLite2: 1.0},
}
NAMES = PERCEPTUAL_NETWORKS


def load(
    name: str,
    folder: PathLike | None = None,
    dtype: str | keras.DTypePolicy | None = None,
) -> keras.Layer:
    """A perceptual network with its pretrained weights.

    Args:
        name: `"lpips"` (VGG16), `"convnext"` (logits of ConvNeXt-Small),
            `"lpips_convnext"` (the paper's `(1.0 LPIPS + 0.1 logits) / 1.1`),
            `"keras_applications"`: the last with the weights that
            `keras.applications` downloads, an approximation, or
            `"efficientnet_lite2"`, whose weights a package brings.
        folder: String or path. Where the files of weights are; `None` looks in the
            folder that the environment variable `KERAS_SPHERE_PERCEPTUAL_DIR` names,
            then in Keras' cache, and for `"efficientnet_lite2"` in its package.
        dtype: Dtype policy or its name.

    Returns:
        Keras layer; its weights are read when it is built.

    Raises:
        FileNotFoundError: If a file of weights is missing; the message names all of
            them, where they were looked for, and alternatives.

    Example:

    >>> network = keras_sphere.perceptual.load("lpips", folder="weights")
    >>> model = SphereEncoderModel(backbone, perceptual=network)
    """
    check_choice("name", name, NAMES)
    shares = _SHARES[name]
    if name == "keras_applications":
        sources = ["keras_applications"] * len(shares)
    elif name == "efficientnet_lite2":
        path = find_efficientnet_weights(folder)
        sources = ["package" if folder is None else path]
    else:
        files = find_weight_files([cls.file_name for cls in shares], name, folder)
        sources = ["torchvision"] * len(shares) if folder is None else files
    networks = [
        cls(source=source, dtype=dtype, name=cls.__name__.lower())
        for cls, source in zip(shares, sources, strict=True)
    ]
    if len(networks) == 1:
        return networks[0]
    return WeightedSum(networks, list(shares.values()), dtype=dtype, name="perceptual")


def load_classifier(
    name: str,
    folder: PathLike | None = None,
    dtype: str | keras.DTypePolicy | None = None,
) -> keras.Layer:
    """A classifier with its pretrained weights, whose logits a loss can compare.

    Args:
        name: `"convnext"`, ConvNeXt-Small, or `"efficientnet_lite2"`, whose weights a
            package brings.
        folder: See `load`.
        dtype: Likewise.

    Returns:
        Keras layer that maps images in [0, 1] to a structure with logits.

    Raises:
        FileNotFoundError: See `load`.
    """
    check_choice("name", name, CLASSIFIERS)
    if name == "convnext":
        return load(name, folder, dtype)
    path = find_efficientnet_weights(folder)
    return EfficientNetLite2Classifier(
        source="package" if folder is None else path, dtype=dtype, name="classifier"
    )


def load_features(
    name: str,
    folder: PathLike | None = None,
    dtype: str | keras.DTypePolicy | None = None,
) -> keras.Layer:
    """A network whose maps a loss of distributions can compare, with its weights.

    Args:
        name: `"convnextv2_nano"`, stages 1 and 2.
        folder: See `load`.
        dtype: Likewise.

    Returns:
        Keras layer that maps images in [0, 1] to a list of feature maps.

    Raises:
        FileNotFoundError: See `load`.
    """
    check_choice("name", name, FEATURE_NETWORKS)
    (path,) = find_weight_files([ConvNeXtV2.file_name], name, folder)
    source = "timm" if folder is None else path
    return ConvNeXtV2(source=source, dtype=dtype, name="distribution_network")


def feature_distance_of(perceptual: str | keras.Layer | None) -> str | None:
    """Which `PixelLoss(feature_distance=...)` the maps of a network are made for.

    Args:
        perceptual: As `SphereEncoderModel` takes it.

    Returns:
        `"l2"` for the networks of this package that have weights, `"absolute"` for
        `"gradient"`, and `None` where it is not known.
    """
    if isinstance(perceptual, str):
        return "l2" if perceptual in NAMES else "absolute"
    return getattr(perceptual, "feature_distance", None)
