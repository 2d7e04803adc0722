"""Every kind of image file, to RGB or to a reason why not."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from keras_sphere.data.image_decoding import (
    MAX_PIXELS,
    UnreadableImageError,
    decode_image,
    naming_the_image,
)
from tests.data.image_files import encoded, picture

pytestmark = pytest.mark.any_backend

PICTURE = picture()
GRAY = np.asarray(Image.fromarray(PICTURE).convert("L"))
GRAY_RGB = np.repeat(GRAY[..., None], 3, axis=-1)


def decode(content, *options):
    """Decodes bytes to an array, and what was converted."""
    image, conversions = decode_image(io.BytesIO(content), *options)
    assert image.mode == "RGB"
    return np.asarray(image), conversions


def with_alpha():
    alpha = np.full((*PICTURE.shape[:2], 1), 255, "uint8")
    alpha[:5], alpha[5:10] = 0, 51
    return np.concatenate([PICTURE, alpha], axis=-1)


def large_png(width, height):
    """A PNG of one color that takes next to no space."""

    def chunk(kind, content):
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    packer = zlib.compressobj(9)
    row = bytes(1 + width)
    rows = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n"
    return start + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("file_format", ["PNG", "BMP", "TIFF", "PPM"])
def test_rgb_stays_as_it_is(file_format):
    pixels, conversions = decode(encoded(PICTURE, file_format))
    np.testing.assert_array_equal(pixels, PICTURE)
    assert conversions == ()


@pytest.mark.parametrize("file_format", ["JPEG", "WEBP"])
def test_lossy_formats(file_format):
    pixels, conversions = decode(encoded(PICTURE, file_format, quality=95))
    assert np.abs(pixels.astype(int) - PICTURE).mean() < 4
    assert conversions == ()


def test_gray():
    pixels, conversions = decode(encoded(GRAY))
    np.testing.assert_array_equal(pixels, GRAY_RGB)
    assert conversions == ("gray",)


def test_black_and_white_and_palette():
    bits = Image.fromarray(GRAY).convert("1")
    pixels, conversions = decode(encoded(bits))
    np.testing.assert_array_equal(pixels[..., 0], 255 * np.asarray(bits))
    assert conversions == ("black and white",)
    palette = Image.fromarray(PICTURE).quantize(256)
    pixels, conversions = decode(encoded(palette))
    np.testing.assert_array_equal(pixels, np.asarray(palette.convert("RGB")))
    assert conversions == ("palette",)


def test_transparency_lies_over_white():
    image = with_alpha()
    pixels, conversions = decode(encoded(image))
    assert conversions == ("with transparency, over white",)
    opaque = image[..., 3:] / 255
    expected = image[..., :3] * opaque + 255 * (1 - opaque)
    np.testing.assert_allclose(pixels, expected, atol=1)
    assert (pixels[:5] == 255).all()


def test_transparency_of_gray_and_of_a_color():
    gray = np.stack([GRAY, np.zeros_like(GRAY)], axis=-1)
    assert (decode(encoded(Image.fromarray(gray)))[0] == 255).all()
    flat = np.full((4, 4, 3), (10, 20, 30), "uint8")
    flat[0] = 99
    pixels, _ = decode(encoded(flat, transparency=(10, 20, 30)))
    assert (pixels[0] == 99).all()
    assert (pixels[1:] == 255).all()
    palette = Image.fromarray(flat).quantize(4)
    everything = encoded(palette, transparency=bytes(4))
    assert (decode(everything)[0] == 255).all()


@pytest.mark.parametrize("file_format", ["JPEG", "TIFF"])
def test_cmyk(file_format):
    cmyk = Image.fromarray(PICTURE).convert("CMYK")
    pixels, conversions = decode(encoded(cmyk, file_format))
    assert np.abs(pixels.astype(int) - PICTURE).mean() < 4
    assert conversions == ("CMYK",)


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_16_bit_gray(file_format):
    values = np.arange(480).reshape(20, 24).astype("uint16") * 136
    pixels, conversions = decode(encoded(Image.fromarray(values), file_format))
    np.testing.assert_array_equal(pixels, np.repeat(values[..., None] >> 8, 3, -1))
    assert conversions == ("16-bit gray",)


@pytest.mark.parametrize("file_format", ["GIF", "WEBP", "PNG", "TIFF"])
def test_first_frame_of_several(file_format):
    first, second = (np.full((8, 8, 3), value, "uint8") for value in (40, 200))
    options = {"lossless": True} if file_format == "WEBP" else {}
    content = encoded(
        first,
        file_format,
        save_all=True,
        append_images=[Image.fromarray(second)],
        **options,
    )
    pixels, conversions = decode(content)
    assert (pixels == 40).all()
    assert "first of several frames" in conversions


def test_orientation_of_the_camera():
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        upright = np.asarray(Image.fromarray(PICTURE))
        # How the pixels lie in the file, by the EXIF standard.
        stored = {
            1: upright,
            2: upright[:, ::-1],
            3: upright[::-1, ::-1],
            4: upright[::-1],
            5: upright.transpose(1, 0, 2),
            6: upright.transpose(1, 0, 2)[::-1],
            7: upright.transpose(1, 0, 2)[::-1, ::-1],
            8: upright.transpose(1, 0, 2)[:, ::-1],
        }[orientation]
        content = encoded(np.ascontiguousarray(stored), exif=exif)
        pixels, conversions = decode(content)
        np.testing.assert_array_equal(pixels, upright, err_msg=str(orientation))
        assert bool(conversions) == (orientation > 1)


@pytest.mark.filterwarnings("default:Corrupt EXIF data")
def test_a_wrong_orientation_is_no_harm():
    for content in (b"Exif\0\0garbage", b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3"):
        pixels, conversions = decode(encoded(PICTURE, "JPEG", exif=content))
        assert pixels.shape == PICTURE.shape
        assert conversions == ()


def test_a_wide_jpeg_is_decoded_smaller():
    wide = Image.new("RGB", (20_000, 4_480), (200, 100, 50))
    assert wide.width * wide.height > MAX_PIXELS
    content = encoded(wide, "JPEG")
    pixels, _ = decode(content, 64, True)
    assert pixels.shape == (560, 2500, 3)  # 1/8, the smallest scale of a JPEG
    assert np.abs(pixels.astype(int) - (200, 100, 50)).max() <= 2


def test_scale_of_a_jpeg_that_is_not_too_large():
    content = encoded(picture(400, 300), "JPEG")
    assert decode(content, 75, False)[0].shape == (75, 100, 3)
    assert decode(content, 76, False)[0].shape == (150, 200, 3)
    assert decode(content, 75, True)[0].shape == (300, 400, 3)


@pytest.mark.parametrize("size", [(20_000, 4_500), (20_000, 9_000)])
@pytest.mark.filterwarnings("default::PIL.Image.DecompressionBombWarning")
def test_what_cannot_be_decoded_smaller_is_refused(size):
    with (
        pytest.raises(UnreadableImageError, match=r"huge\.png: .*pixels"),
        naming_the_image("huge.png"),
    ):
        decode(large_png(*size), 64)


def test_a_narrow_image_of_20_000_pixels_is_decoded():
    assert decode(large_png(20_000, 30))[0].shape == (30, 20_000, 3)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"hello", "no image of a known format"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no image of a known"),
        (encoded(PICTURE)[:40], ""),
        (encoded(PICTURE)[:-300], "truncated"),
        (encoded(picture(200, 200), "JPEG")[:-1500], "truncated"),
        (encoded(PICTURE, "JPEG")[:30], ""),
        (b"\xff\xd8\xff" + bytes(100), ""),
        (encoded(Image.fromarray(GRAY.astype("float32")), "TIFF"), "no known range"),
    ],
)
def test_refusals(content, reason):
    with (
        pytest.raises(UnreadableImageError, match=f"folder/x: .*{reason}") as caught,
        naming_the_image("folder/x"),
    ):
        decode(content)
    assert caught.value.path == "folder/x"


def test_every_cut_and_every_flipped_byte_is_refused_or_decoded():
    """No corruption leads to anything but pixels or `UnreadableImageError`."""
    draws = np.random.default_rng(0)
    outcomes = set()
    for file_format in ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"):
        whole = encoded(PICTURE, file_format)
        for _ in range(40):
            content = bytearray(whole)
            content[draws.integers(len(whole))] ^= int(draws.integers(1, 256))
            cut = bytes(content[: draws.integers(1, len(whole))])
            for damaged in (bytes(content), cut):
                try:
                    with naming_the_image("x"):
                        decode(damaged, 8)
                    outcomes.add("decoded")
                except UnreadableImageError:
                    outcomes.add("refused")
    assert outcomes == {"decoded", "refused"}
