"""Where the datasets with names come from."""

import os
import pathlib

from keras_sphere.data import cifar, digits, mnist, tfds_source
from keras_sphere.data.array_source import ArraySource
from keras_sphere.data.downloads import DataNotFoundError, keras_cache
from keras_sphere.data.path_source import path_source
from keras_sphere.data.synthetic import NUM_IMAGES, SyntheticImages
from keras_sphere.optional_imports import check_installed
from keras_sphere.validation import check_choice, read_integer

# Height and width unless the user says otherwise: those of the paper's runs.
DEFAULT_IMAGE_SIZES = {
    "cifar10": 32,
    "cifar100": 32,
    "fashion_mnist": 28,
    "mnist": 28,
    "imagenet": 256,
    "imagenet64": 64,
    "oxford_flowers102": 256,
    "animal_faces": 256,
    "digits": 16,
    "fake": 32,
}
# Of the split "train", for plans without the data: images and classes.
KNOWN_COUNTS = {
    "animal_faces": (14_630, 3),
    "cifar10": (50_000, 10),
    "cifar100": (50_000, 100),
    "fashion_mnist": (60_000, 10),
    "imagenet": (1_281_167, 1000),
    "imagenet64": (1_281_167, 1000),
    "mnist": (60_000, 10),
    "oxford_flowers102": (1_020, 102),
}
GRAY = ("fashion_mnist", "mnist")
# The split beside "train"; "test" where this does not say. (ImageNet's has no labels.)
HELD_OUT_SPLITS = {"imagenet": "validation", "imagenet64": "validation"}
TFDS_PREFIX = "tfds:"
TFDS_NAMES = {
    "imagenet": "imagenet2012",
    # downsampled_imagenet has no labels.
    "imagenet64": "imagenet_resized/64x64",
    "oxford_flowers102": "oxford_flowers102",
}
# The folders that the public releases of Animal-Faces unpack to.
ANIMAL_FACES = ("afhq", "afhq_v2", "animal_faces")


def is_name(name):
    """Whether a string is the name of a dataset rather than a path."""
    return name in DEFAULT_IMAGE_SIZES or name.startswith(TFDS_PREFIX)


def held_out_split(name):
    """The split of a dataset that is not trained on: `"test"` or another."""
    return HELD_OUT_SPLITS.get(name, "test")


def check_name_or_path(name):
    """Raises a `ValueError` for what is neither a name nor a path of something."""
    if not is_name(name) and not os.path.exists(name):
        raise ValueError(
            f"The data must be one of {', '.join(DEFAULT_IMAGE_SIZES)}, 'tfds:NAME', "
            f"or a path that exists. Received: name_or_path={name!r}"
        )


def named_source(
    name,
    split,
    image_size,
    data_dir,
    download,
    report,
    num_images=None,
    num_classes=None,
):
    """The images of a dataset with a name.

    Args:
        name: String.
        split: String.
        image_size: Integer. Size of images that are made rather than read.
        data_dir: String, path or `None`.
        download: Boolean. Whether it may be downloaded.
        report: `ReadReport`.
        num_images: Integer or `None`, for `"fake"`.
        num_classes: Integer or `None`, for `"fake"`.

    Returns:
        A source for `ImageDataset`.

    Raises:
        ValueError: If there is no such split.
        DataNotFoundError: If the data is not there and cannot be downloaded.
    """
    check_named_source(name, split, data_dir)
    if name == "fake":
        return _synthetic(split, image_size, num_images, num_classes)
    if name == "digits":
        return _digits(split, image_size)
    if name in ("cifar10", "cifar100"):
        return cifar.cifar_source(name, split, data_dir, download)
    if name in ("fashion_mnist", "mnist"):
        return mnist.mnist_source(name, split, data_dir, download)
    if name == "animal_faces":
        return path_source(_animal_faces(data_dir), split, None, report)
    tfds_name = TFDS_NAMES.get(name) or name.removeprefix(TFDS_PREFIX)
    return tfds_source.tfds_source(tfds_name, split, data_dir, download)


def check_named_source(name, split, data_dir):
    """Raises what `named_source` would, as far as it is known without any data.

    Args:
        name: String.
        split: String.
        data_dir: String, path or `None`.
    """
    if name == "fake":
        check_choice("split", split, tuple(NUM_IMAGES))
    elif name == "digits":
        check_choice("split", split, ("train", "test"))
        _check_all_installed(digits.PACKAGES)
    elif name in ("cifar10", "cifar100"):
        cifar.check_arguments(name, split, data_dir)
    elif name in ("fashion_mnist", "mnist"):
        mnist.check_split(name, split)
    elif name == "animal_faces":
        _animal_faces(data_dir)
    else:
        _check_all_installed(tfds_source.PACKAGES)


def _check_all_installed(packages):
    for package in packages:
        check_installed(*package)


def _digits(split, image_size):
    train, test = digits.load_digits(image_size)
    images, labels = train if split == "train" else test
    class_names = tuple("0123456789")
    return ArraySource(images, labels, class_names, "scikit-learn's digits")


def _synthetic(split, image_size, num_images, num_classes):
    num_images = NUM_IMAGES[split] if num_images is None else num_images
    num_classes = 10 if num_classes is None else num_classes
    num_images = read_integer("num_images", num_images)
    num_classes = read_integer("num_classes", num_classes, least=0)
    images = SyntheticImages(split, num_images, image_size, num_classes)
    class_names = tuple(f"wave {label}" for label in range(num_classes))
    labels = images.labels if num_classes else None
    return ArraySource(images, labels, class_names, "computed")


def _animal_faces(data_dir):
    """The folder or archive of a public release of Animal-Faces (AFHQ)."""
    folder = pathlib.Path(data_dir or keras_cache()).expanduser()
    for place in (folder, *(folder / name for name in ANIMAL_FACES)):
        if (place / "train").is_dir():
            return place
    for name in ANIMAL_FACES:
        if (folder / f"{name}.zip").is_file():
            return folder / f"{name}.zip"
    if folder.is_file():
        return folder
    raise DataNotFoundError(
        "Animal-Faces (AFHQ) is not downloaded automatically: get the archive of the "
        "release at https://github.com/clovaai/stargan-v2 (about 7 GB) and put it, or "
        f"its folder with train/cat, train/dog and train/wild, into {folder} as "
        f"{ANIMAL_FACES[0]}.zip or {ANIMAL_FACES[0]}/; `data_dir` names another place. "
        f"Received: data_dir={data_dir!r}"
    )
