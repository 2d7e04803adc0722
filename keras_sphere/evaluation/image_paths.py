"""Images that are given by the path of a folder, or by the name of a dataset."""

import os

import numpy as np

from keras_sphere import data
from keras_sphere.models import SphereEncoderModel


def open_paths(sources, image_size=None):
    """Opens those of several sources of images that are paths or names.

    Args:
        sources: Sequence of strings or paths, as `keras_sphere.data.load` takes them,
            whose split `"train"` is read; and of anything else, which stays as it is.
        image_size: Integer. Height and width at which they are read; by default those
            of the model or of the images among the sources.

    Returns:
        List, with an `ImageDataset` in file order in place of each path.

    Raises:
        ValueError: If nothing says the image size.
    """
    if not any(_is_path(source) for source in sources):
        return list(sources)
    shapes = [shape for shape in map(_shape, sources) if shape is not None]
    own_size, num_channels = shapes[0] if shapes else (None, None)
    image_size = image_size or own_size
    if image_size is None:
        raise ValueError(
            "`image_size` is needed where neither a model nor images say it. "
            "Received: image_size=None"
        )

    def opened(source):
        return data.load(
            source,
            image_size=image_size,
            num_channels=num_channels,
            shuffle=False,
            drop_last=False,
        )

    return [opened(source) if _is_path(source) else source for source in sources]


def _is_path(source):
    return isinstance(source, str | os.PathLike)


def _shape(source):
    """Image size and number of channels, or `None` of what does not say."""
    if isinstance(source, SphereEncoderModel):
        return source.backbone.image_size, source.backbone.num_channels
    if hasattr(source, "description"):
        return source.description.image_size, source.description.num_channels
    shape = np.shape(source) if hasattr(source, "__array__") else ()
    return (shape[1], shape[3]) if len(shape) == 4 else None
