"""Images from files of any format that Pillow reads, made to fit a model."""

import io
import pathlib
import warnings

import numpy as np

from keras_sphere.data.image_decoding import known_formats, naming_the_image
from keras_sphere.optional_imports import import_optional

MOST_PIXELS = 2**26


def read_images(paths, image_size, num_channels, fit="crop"):
    """Reads images and makes them fit a model; what was changed is printed.

    Args:
        paths: List of strings or paths.
        image_size: Integer. Height and width asked for.
        num_channels: Integer. 1 for gray, 3 for color.
        fit: What to do with images of another size: `"crop"` scales the shorter side
            and keeps the middle, `"pad"` scales the longer side and fills with
            black, `"stretch"` changes the shape, `"exact"` refuses.

    Returns:
        uint8 array of shape `(len(paths), image_size, image_size, num_channels)`.

    Raises:
        ImportError: If Pillow is not installed.
        ValueError: If files are missing or are no images; all of them are named.
    """
    images, wrong = [], []
    for path in paths:
        try:
            if not pathlib.Path(path).is_file():
                raise ValueError("there is no such file")
            image = _decoded(path)
            images.append(_fitted(image, path, image_size, num_channels, fit))
        except (OSError, ValueError, SyntaxError, MemoryError) as error:
            wrong.append(f"{path} ({error})")
    if wrong:
        raise ValueError(
            f"Not {'an image' if len(wrong) == 1 else 'images'} that can be used: "
            f"{'; '.join(wrong)}"
        )
    return np.stack(images)


def read_image_bytes(content, name, image_size, num_channels):
    """Reads an image that came from anybody, and crops its middle.

    Args:
        content: Bytes of a file of a usual format: see `data.image_decoding.FORMATS`.
        name: String. What it is called in messages.
        image_size: Integer. Height and width asked for.
        num_channels: Integer. 1 for gray, 3 for color.

    Returns:
        uint8 array of shape `(image_size, image_size, num_channels)`: what
        `read_images` makes of the file.

    Raises:
        ImportError: If Pillow is not installed.
        UnreadableImageError: If it is no image, or has too many pixels.
    """
    with naming_the_image(name):
        image = _decoded(io.BytesIO(content), known_formats())
        return _fitted(image, name, image_size, num_channels, "crop")


def _decoded(file, formats=None):
    """An image of mode `L` or `RGB` from a path or a binary file."""
    pillow = import_optional("PIL.Image", "Reading images")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pillow.DecompressionBombWarning)
        try:
            image = pillow.open(file, formats=formats)
        except pillow.UnidentifiedImageError:
            raise ValueError("no format that Pillow knows") from None
    with image:
        if image.width * image.height > MOST_PIXELS:
            raise ValueError(f"{image.width} x {image.height} pixels are too many")
        image.load()
        turned = import_optional("PIL.ImageOps", "Reading images").exif_transpose(image)
        return _as_eight_bits(turned, pillow)


def _as_eight_bits(image, pillow):
    """An image of mode `L` or `RGB`; transparent parts become white."""
    if image.mode.startswith("I"):
        values = np.asarray(image).astype("int64")
        if values.min() < 0 or values.max() > 65535:
            raise ValueError(f"gray levels beyond 16 bits, mode {image.mode}")
        return pillow.fromarray((values // 257).astype("uint8"))
    if image.mode == "F":
        raise ValueError("gray levels as floats, mode F: save it with 8 or 16 bits")
    if image.mode in ("L", "1"):
        return image.convert("L")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = pillow.new("RGBA", image.size, "white")
        image = pillow.alpha_composite(white, image)
    return image.convert("RGB")


def _fitted(image, path, image_size, num_channels, fit):
    operations = import_optional("PIL.ImageOps", "Reading images")
    pillow = import_optional("PIL.Image", "Reading images")
    target, bicubic = (image_size, image_size), pillow.Resampling.BICUBIC
    if image.size != target:
        if fit == "exact":
            raise ValueError(
                f"{image.width} x {image.height} pixels instead of {image_size} x "
                f"{image_size}; --fit=crop, pad or stretch changes that"
            )
        before = f"{image.width} x {image.height}"
        if fit == "stretch":
            image = image.resize(target, bicubic)
        elif fit == "pad":
            image = operations.pad(image, target, bicubic)
        else:
            image = operations.fit(image, target, bicubic)
        print(
            f"{path}: {before} pixels, made {image_size} x {image_size} (--fit={fit})"
        )
    image = image.convert("L" if num_channels == 1 else "RGB")
    return np.asarray(image).reshape(image_size, image_size, num_channels)
