"""CIFAR-10 and CIFAR-100, through `keras.datasets`."""

import keras

from keras_sphere.data.array_source import ArraySource
from keras_sphere.data.downloads import (
    DataNotFoundError,
    announce_download,
    keras_cache,
)

CIFAR10_CLASSES = "airplane automobile bird cat deer dog frog horse ship truck"
CIFAR100_CLASSES = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus
butterfly camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach
couch crab crocodile cup dinosaur dolphin elephant flatfish forest fox girl hamster
house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree
motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear
pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray road
rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel
streetcar sunflower sweet_pepper table tank telephone television tiger tractor train
trout tulip turtle wardrobe whale willow_tree wolf woman worm
"""
CLASS_NAMES = {
    "cifar10": tuple(CIFAR10_CLASSES.split()),
    "cifar100": tuple(CIFAR100_CLASSES.split()),
}
# What keras.datasets asks for: the name in its cache, the file, its size in bytes.
FILES = {
    "cifar10": (
        "cifar-10-batches-py-target_archive",
        "cifar-10-python.tar.gz",
        170_498_071,
    ),
    "cifar100": (
        "cifar-100-python-target_archive",
        "cifar-100-python.tar.gz",
        169_001_437,
    ),
}
URL = "https://www.cs.toronto.edu/~kriz/"


def cifar_source(name, split, data_dir, download):
    """Reads CIFAR-10 or CIFAR-100 from Keras' cache, or downloads it there.

    Args:
        name: `"cifar10"` or `"cifar100"`.
        split: `"train"` (50,000 images) or `"test"` (10,000).
        data_dir: Must be `None`.
        download: Boolean. Whether it may be downloaded.

    Returns:
        `ArraySource`.

    Raises:
        ValueError: If there is no such split, or `data_dir` is given.
        DataNotFoundError: If it is not there and cannot be downloaded.
    """
    if split not in ("train", "test"):
        raise ValueError(
            f"{name} has the splits 'train' and 'test'. Received: split={split!r}"
        )
    if data_dir is not None:
        raise ValueError(
            f"{name} lies in Keras' cache, which the variable KERAS_HOME moves; "
            f"`data_dir` does not apply. Received: data_dir={str(data_dir)!r}"
        )
    cached, file, num_bytes = FILES[name]
    cache = keras_cache()
    if not (cache / cached).exists():
        announce_download(name, cache, [URL + file], num_bytes, download)
    try:
        train, test = getattr(keras.datasets, name).load_data()
    except Exception as error:  # Keras raises a bare Exception for a failed download
        raise DataNotFoundError(
            f"{name} could not be read or downloaded: {error}. "
            f"Received: cache={str(cache)!r}"
        ) from error
    images, labels = train if split == "train" else test
    if keras.config.image_data_format() == "channels_first":
        images = images.transpose(0, 2, 3, 1)
    return ArraySource(images, labels.reshape(-1), CLASS_NAMES[name], f"{cache}/{name}")
