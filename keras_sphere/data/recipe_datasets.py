"""Which data set a recipe is for."""

import os

from keras_sphere.data.named_sources import check_name_or_path, is_name

DATASET_OF_PRESET = {
    "animal_faces256": "animal_faces",
    "cifar10": "cifar10",
    "digits16": "digits",
    "fashion28": "fashion_mnist",
    "imagenet64": "imagenet64",
    "imagenet256_base": "imagenet",
    "imagenet256_large": "imagenet",
    "imagenet256_xlarge": "imagenet",
    "imagenet512_base": "imagenet",
    "oxford_flowers256": "oxford_flowers102",
    "sphere2_flowers256_base": "oxford_flowers102",
    "sphere2_flowers256_large": "oxford_flowers102",
    "sphere2_flowers512_base": "oxford_flowers102",
    "sphere2_flowers512_large": "oxford_flowers102",
    "sphere2_imagenet256_base": "imagenet",
    "sphere2_imagenet256_large": "imagenet",
    "sphere2_imagenet512_base": "imagenet",
    "sphere2_imagenet512_large": "imagenet",
}


def dataset_of(preset, dataset=None):
    """The data set that is trained on.

    Args:
        preset: String, the name or the folder of a preset, or `None`.
        dataset: Name or path of a data set; `None` for that of the preset.

    Returns:
        String: a name, or a path.

    Raises:
        ValueError: If neither a data set nor a preset that has one is chosen, or
            there is nothing at the path.
    """
    if dataset is not None:
        name = os.fspath(dataset)
        check_name_or_path(name)
        return name if is_name(name) else os.path.normpath(name)
    if preset in DATASET_OF_PRESET:
        return DATASET_OF_PRESET[preset]
    raise ValueError(
        "Only presets of this package have a data set of their own: choose `dataset`, "
        "the name of a data set or the path of images. Received: "
        f"preset={preset!r}, dataset=None"
    )
