"""Pictures of a page's user, made to fit the model."""

from keras_sphere.command_line.image_files import read_image_bytes
from keras_sphere.command_line.served.drawing import encoded

MOST_BYTES = 20_000_000
WHICH = "the one that was sent"


def read_upload(content, description):
    """The answer to a picture: its middle square, as the command line crops it.

    Args:
        content: Bytes of an image file.
        description: `ModelDescription`.

    Returns:
        Dict of `pixels`, 8-bit values in base64.

    Raises:
        UnreadableImageError: If it is no image, or has too many pixels.
    """
    size, channels = description.image_size, description.num_channels
    return {"pixels": encoded(read_image_bytes(content, WHICH, size, channels))}
