"""Text that travels inside of a picture's file."""

import json
import os

from keras_sphere.optional_imports import import_optional
from keras_sphere.typing import PathLike

MOST_CHARACTERS = 2**16


def as_pillow_image(pillow, array):
    """A uint8 array `(height, width[, channels])` as Pillow's image."""
    if array.ndim == 3 and array.shape[-1] == 1:
        array = array[..., 0]
    return pillow.fromarray(array)


def text_arguments(path, text):
    """What Pillow's `save` takes to store texts in a PNG or GIF file.

    Args:
        path: `pathlib.Path` of the picture.
        text: Dict of strings, or `None`.

    Returns:
        Dict of arguments.

    Raises:
        ValueError: If there is text and the format is another one.
    """
    if not text:
        return {}
    if path.suffix.lower() == ".gif":
        return {"comment": json.dumps(text).encode()}
    if path.suffix.lower() != ".png":
        raise ValueError(
            f"Only PNG and GIF files take `text`. Received: path={str(path)!r}"
        )
    chunks = import_optional("PIL.PngImagePlugin", "`save_image`").PngInfo()
    for key, value in text.items():
        chunks.add_itxt(key, value)
    return {"pnginfo": chunks}


def read_image_text(path: PathLike) -> dict[str, str]:
    """Reads the texts that `save_image` or `save_animation` stored in a file.

    The pixels are not decoded. Texts of other programs come along; none is trusted.

    Args:
        path: String or path of a PNG or GIF file.

    Returns:
        Dict of strings, each of at most 65,536 characters: longer ones are left out.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a PNG or GIF file.
    """
    pillow = import_optional("PIL.Image", "`read_image_text`")
    try:
        with pillow.open(path, formats=("PNG", "GIF")) as image:
            comment = image.info.get("comment")
            texts = _from_comment(comment) if image.format == "GIF" else image.text
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"There is no such file. Received: path={os.fspath(path)!r}"
        ) from error
    except (pillow.UnidentifiedImageError, SyntaxError, ValueError) as error:
        raise ValueError(
            f"{path} is not a PNG or GIF file that can be read. Received: {error}"
        ) from error
    return {
        key: str(value) for key, value in texts.items() if len(value) <= MOST_CHARACTERS
    }


def _from_comment(comment):
    if not comment or len(comment) > 2 * MOST_CHARACTERS:
        return {}
    try:
        texts = json.loads(comment)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(texts, dict):
        return {}
    return {key: value for key, value in texts.items() if isinstance(value, str)}
