"""Image files of every kind, made for the tests."""

import io
import pathlib

import numpy as np
from PIL import Image


def picture(width=24, height=20, seed=0):
    """A smooth color picture, as a uint8 array of shape `(height, width, 3)`."""
    phase = np.random.default_rng(seed).uniform(0, 3, 3)
    x, y = np.meshgrid(np.linspace(0, 2, width), np.linspace(0, 2, height))
    waves = np.sin(x[..., None] + y[..., None] * phase + phase)
    return np.rint(127.5 + 127.5 * waves).astype("uint8")


def encoded(image, file_format="PNG", **options):
    """Bytes of a file of an image, which may be an array."""
    image = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def write(path, content=None, seed=0):
    """Writes a file and the folders it is in; a PNG picture unless told otherwise."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(picture(seed=seed)) if content is None else content)
    return path


def write_classes(folder, per_class=5, class_names=("cat", "dog", "wild")):
    """Writes a folder of class folders; returns it."""
    folder = pathlib.Path(folder)
    for label, name in enumerate(class_names):
        for number in range(per_class):
            write(folder / name / f"{number}.png", seed=100 * label + number)
    return folder
