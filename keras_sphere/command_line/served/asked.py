"""What a page asks for, as a command that was written on the command line."""

import base64
import binascii
import dataclasses
import json
import random
import re
import shlex

import numpy as np

from keras_sphere.command_line.errors import UsageError
from keras_sphere.command_line.parsing import as_words, find_task, parse
from keras_sphere.command_line.picture_task import SEED_BITS
from keras_sphere.command_line.task import Request

_LOOP = ("steps", "guidance_scale", "guidance_degrees", "seed", "use_ema")
# Flags that a page may set; none of them names a file.
FLAGS = {
    "generate": (
        *_LOOP,
        *("classes", "class_mix", "num_images", "numbers", "show_steps"),
    ),
    "interpolate": (*_LOOP, "classes", "seeds", "num_images"),
    "walk": (*_LOOP, "label", "num_images", "angle_degrees"),
    "reconstruct": ("label", "strength", "seed", "use_ema"),
    "variations": (*_LOOP, "label", "strength", "num_variations"),
    "crossover": (*_LOOP, "label", "pattern", "swap", "strength"),
    "classes": (*_LOOP, "classes", "strength"),
    "inpaint": ("guidance_scale", "guidance_degrees", "seed", "use_ema", "label"),
}
IMAGES = {
    **dict.fromkeys(("walk", "reconstruct", "variations", "classes"), ("image",)),
    **dict.fromkeys(("crossover", "inpaint"), ("image", "mask")),
}
KEYS = {"task": str, "flags": dict, "images": dict, "as_picture": bool}
MOST_IMAGES, LONGEST_VALUE = 2, 1000
FILE_NAME = re.compile(r"[^/\\\x00-\x1f\x7f]{1,100}")


@dataclasses.dataclass(frozen=True)
class Asked:
    """A request of a page.

    Args:
        request: `Request`, as the command line makes it of a command.
        images: Dict of flag name -> uint8 array of images.
        command: String. The command that does the same in a terminal.
        as_picture: Boolean. Whether the one picture that the command writes is wanted,
            or the images in it.
    """

    request: Request
    images: dict[str, np.ndarray]
    command: str
    as_picture: bool


def read_asked(content, description, common):
    """Checks the body of a request.

    Args:
        content: Bytes of JSON: `task`; `flags`, a dict; and, if need be, `images`, a
            dict of `"image"` and `"mask"` to lists of a `name` and the `pixels`, 8-bit
            values in base64; `as_picture`.
        description: `ModelDescription`.
        common: Dict of flags that all requests have, such as `preset`.

    Returns:
        `Asked`.

    Raises:
        ValueError: If it is something else, or the command line would refuse it.
    """
    asked = read_object(content, KEYS)
    task, flags = asked.get("task"), asked.get("flags", {})
    if task not in FLAGS:
        raise ValueError(
            f"`task` must be one of {list(FLAGS)}. Received: {task!r:.100}"
        )
    for name, value in flags.items():
        if name not in FLAGS[task]:
            raise ValueError(
                f"{task} takes {list(FLAGS[task])}. Received: flag {name!r:.100}"
            )
        if not isinstance(value, str | int | float) or len(str(value)) > LONGEST_VALUE:
            raise ValueError(
                "A flag's value must be a text, a number or a boolean, of up to "
                f"{LONGEST_VALUE} characters. Received: {name}={value!r:.100}"
            )
    images, names = _read_images(asked.get("images", {}), task, description)
    flags.setdefault("seed", random.getrandbits(SEED_BITS))
    task = find_task(task)
    request = _parse(task, {**common, **flags}, names)
    shown = {name: request.settings[name] for name in (*common, *flags, *names)}
    if shown.get("use_ema") is None:
        shown.pop("use_ema", None)
    words = ["python", "-m", "keras_sphere", task.name, *as_words(task, shown)]
    as_picture = asked.get("as_picture", False)
    return Asked(request, images, shlex.join(words), as_picture)


def read_object(content, keys):
    """A JSON object of known keys.

    Args:
        content: Bytes.
        keys: Dict of name -> type; none must be there.
    """
    try:
        asked = json.loads(content)
    except (ValueError, RecursionError):
        raise ValueError("The request must be JSON.") from None
    if not isinstance(asked, dict):
        raise ValueError(f"The request must be an object of {list(keys)}.")
    for name, value in asked.items():
        if not isinstance(value, keys.get(name, ())):
            raise ValueError(
                f"The request must be an object of {list(keys)}, each of its type. "
                f"Received: {name!r:.100}={value!r:.100}"
            )
    return asked


def _parse(task, flags, names):
    words = [
        f"--{name}={str(value).lower() if isinstance(value, bool) else value}"
        for name, value in flags.items()
        if value is not None
    ]
    words += [f"--{flag}={name}" for flag, files in names.items() for name in files]
    try:
        return parse(task, words)
    except UsageError as error:
        raise ValueError(str(error)) from None


def _read_images(images, task, description):
    """Dicts of flag -> array of images, and flag -> list of their names."""
    arrays, names = {}, {}
    side = description.image_size
    for flag, given in images.items():
        channels = 1 if flag == "mask" else description.num_channels
        most = 1 if flag == "mask" else MOST_IMAGES
        if flag not in IMAGES.get(task, ()):
            raise ValueError(f"{task} takes no images {flag!r:.100}.")
        if not isinstance(given, list) or not 0 < len(given) <= most:
            raise ValueError(f"`images` must hold 1 to {most} of {flag}.")
        shape = (side, side, channels)
        arrays[flag] = np.stack([_pixels(entry, shape) for entry in given])
        names[flag] = [_file_name(entry, flag) for entry in given]
    return arrays, names


def _pixels(entry, shape):
    pixels = entry.get("pixels") if isinstance(entry, dict) else None
    try:
        content = base64.b64decode(pixels, validate=True)
    except (TypeError, ValueError, binascii.Error):
        content = b""
    if len(content) != np.prod(shape):
        raise ValueError(
            f"An image must have `pixels`: base64 of {shape[0]} x {shape[1]} pixels of "
            f"{shape[2]} bytes. Received: {len(content):,} bytes"
        )
    return np.frombuffer(content, "uint8").reshape(shape)


def _file_name(entry, flag):
    name = entry.get("name")
    if isinstance(name, str) and FILE_NAME.fullmatch(name):
        return name
    return f"{flag}.png"
