"""From the bytes of an image file to 8-bit RGB, or a clear refusal."""

import contextlib

import numpy as np

from keras_sphere.optional_imports import import_optional

PACKAGE = ("PIL.Image", "Reading images")
# Few formats, so that a renamed PostScript file starts no interpreter.
FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "PPM")
SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".avif"),
    *(".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"),
)
# Pixels that are decoded at most, 268 MB of RGB: Pillow's limit for a warning.
MAX_PIXELS = 89_478_485
ORIENTATION = 0x0112
JPEG_START = b"\xff\xd8\xff"


class UnreadableImageError(ValueError):
    """An image that cannot be read.

    Args:
        path: String. Which one.
        reason: String. What is wrong with it.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"An image cannot be read: {path}: {reason}")
        self.path = path
        self.reason = reason


@contextlib.contextmanager
def naming_the_image(path):
    """Turns an error of any kind into an `UnreadableImageError`.

    Decoders raise errors of nearly every kind on corrupt bytes.

    Args:
        path: String. Which image is being read.
    """
    try:
        yield
    except (MemoryError, ImportError):
        raise
    except Exception as error:
        reason = str(error) or type(error).__name__
        if isinstance(error, OSError) and error.strerror:
            reason = error.strerror
        elif type(error).__name__ == "UnidentifiedImageError":
            reason = "it is no image of a known format"
        raise UnreadableImageError(path, reason) from error


def open_image(file):
    """Reads the header of an image.

    Args:
        file: Binary file object.

    Returns:
        `PIL.Image.Image` whose pixels are not decoded yet.

    Raises:
        Exception: Of any kind, as Pillow does on corrupt bytes.
    """
    pillow = import_optional(*PACKAGE)
    start = file.read(len(JPEG_START))
    file.seek(0)
    if not start:
        raise ValueError("the file is empty")
    if start == JPEG_START:
        # Past Pillow's limit of pixels, as it may be decoded at a smaller scale.
        return import_optional("PIL.JpegImagePlugin", "Reading images").JpegImageFile(
            file
        )
    return pillow.open(file, formats=[f for f in FORMATS if _is_known(pillow, f)])


def choose_scale(image, smallest_side, exact):
    """Lets an opened JPEG be decoded at a smaller scale, and checks its size.

    Args:
        image: What `open_image` returned.
        smallest_side: Integer. What the shorter side is needed at, at least.
        exact: Boolean. Whether to choose a smaller scale only for an image that
            would otherwise be too large.

    Raises:
        ValueError: If the image is too large to decode.
    """
    too_large = image.width * image.height > MAX_PIXELS
    if image.format == "JPEG" and (too_large or not exact):
        shortest = min(image.size)
        if smallest_side < shortest:  # in integers: 49 * (1 / 49) is less than 1
            size = [length * smallest_side // shortest for length in image.size]
            image.draft(None, size)
    if image.width * image.height > MAX_PIXELS:
        raise ValueError(
            f"{image.width}x{image.height} pixels are more than the {MAX_PIXELS:,} "
            "that are decoded"
        )


def decode_image(file, smallest_side=1, exact=True):
    """Decodes an image to RGB.

    Gray and palette images become RGB; transparent ones are laid over white; CMYK is
    converted without a color profile; of 16-bit gray the upper 8 bits are taken; the
    first frame stands for several; the orientation noted by a camera is applied.

    Args:
        file: Binary file object.
        smallest_side: Integer. See `choose_scale`.
        exact: Boolean. See `choose_scale`.

    Returns:
        Pair of the RGB `PIL.Image.Image` and a tuple of what was converted.

    Raises:
        Exception: Of any kind, as Pillow does on corrupt bytes.
    """
    image = open_image(file)
    choose_scale(image, smallest_side, exact)
    conversions = []
    if getattr(image, "is_animated", False):
        conversions.append("first of several frames")
    image.load()
    turned = _upright(image)
    if turned is not image:
        conversions.append("turned by EXIF orientation")
    rgb, conversion = _to_rgb(turned)
    return rgb, (*conversions, *([conversion] if conversion else []))


def _is_known(pillow, name):
    pillow.init()
    return name in pillow.OPEN


def _upright(image):
    """The image as the camera was held."""
    transpose = import_optional(*PACKAGE).Transpose
    turns = {
        2: transpose.FLIP_LEFT_RIGHT,
        3: transpose.ROTATE_180,
        4: transpose.FLIP_TOP_BOTTOM,
        5: transpose.TRANSPOSE,
        6: transpose.ROTATE_270,
        7: transpose.TRANSVERSE,
        8: transpose.ROTATE_90,
    }
    orientation = 1
    with contextlib.suppress(Exception):  # a broken note does not spoil the picture
        orientation = image.getexif().get(ORIENTATION, 1)
    return image.transpose(turns[orientation]) if orientation in turns else image


def _to_rgb(image):
    """Pair of an RGB image and what was converted, or `None`."""
    if image.mode == "RGB" and "transparency" not in image.info:
        return image, None
    if image.has_transparency_data:
        return _over_white(image.convert("RGBA")), "with transparency, over white"
    if image.mode in ("I", "I;16", "I;16B", "I;16L", "I;16N"):
        return _upper_bits(image).convert("RGB"), "16-bit gray"
    if image.mode == "F":
        raise ValueError("floating-point pixels have no known range")
    names = {"1": "black and white", "L": "gray", "P": "palette"}
    return image.convert("RGB"), names.get(image.mode, image.mode)


def _over_white(image):
    pillow = import_optional(*PACKAGE)
    white = pillow.new("RGBA", image.size, (255, 255, 255, 255))
    return pillow.alpha_composite(white, image).convert("RGB")


def _upper_bits(image):
    pillow = import_optional(*PACKAGE)
    values = np.asarray(image).astype("int64")
    if values.min() < 0 or values.max() > 65535:
        raise ValueError(
            f"gray values from {values.min()} to {values.max()} are not 16-bit"
        )
    return pillow.fromarray((values >> 8).astype("uint8"))
