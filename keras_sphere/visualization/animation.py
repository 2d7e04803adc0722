"""Animations as GIF or animated PNG."""

import pathlib
from collections.abc import Mapping

from keras_sphere.files.atomic_file import replace_when_done
from keras_sphere.optional_imports import import_optional
from keras_sphere.typing import ArrayLike, PathLike
from keras_sphere.validation import read_integer
from keras_sphere.visualization.image_grid import to_uint8
from keras_sphere.visualization.image_text import as_pillow_image, text_arguments

FORMATS = (".gif", ".png")


def save_animation(
    path: PathLike,
    frames: ArrayLike,
    milliseconds: int = 100,
    text: Mapping[str, str] | None = None,
) -> None:
    """Writes an endless animation, under a temporary name until it is complete.

    Args:
        path: String or path that ends in `.gif` or `.png`.
        frames: Array of shape `(frames, height, width, channels)`, 1 or 3 channels,
            uint8 or float in [-1, 1].
        milliseconds: Integer. How long a frame is shown.
        text: Dict of strings to store in the file, or `None`; see `save_image`.

    Raises:
        ImportError: If Pillow is not installed.
        ValueError: If the suffix, the shape or the values are not as above.
    """
    path = pathlib.Path(path)
    milliseconds = read_integer("milliseconds", milliseconds)
    if path.suffix.lower() not in FORMATS:
        raise ValueError(
            f"An animation must end in {' or '.join(FORMATS)}. Received: path={path}"
        )
    frames = to_uint8(frames, "frames")
    if frames.ndim != 4 or frames.shape[-1] not in (1, 3) or frames.size == 0:
        raise ValueError(
            "`frames` must have the shape (frames, height, width, channels) with 1 or "
            f"3 channels. Received: shape {frames.shape}"
        )
    pillow = import_optional("PIL.Image", "`save_animation`")
    images = [as_pillow_image(pillow, frame) for frame in frames]
    with replace_when_done(path) as temporary:
        images[0].save(
            temporary,
            save_all=True,
            append_images=images[1:],
            duration=milliseconds,
            loop=0,
            **text_arguments(path, text),
        )
