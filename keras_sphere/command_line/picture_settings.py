"""All settings of a picture, in the picture's own file."""

import dataclasses
import json
import reprlib
from typing import Any

from keras_sphere.backend.selection import selected_backend
from keras_sphere.version import __version__
from keras_sphere.visualization import read_image_text

KEY = "keras_sphere"
FORMAT_VERSION = 1
_FIELDS = {
    "version": str,
    "task": str,
    "weights_sha256": str,
    "flags": dict,
    "inputs": dict,
    "backend": str,
}
_PLAIN = (str, int, float, bool)
_MOST_ENTRIES, _LONGEST_TEXT = 1000, 4096


@dataclasses.dataclass(frozen=True)
class PictureSettings:
    """What `again` needs to make a picture again.

    Args:
        task: String. The task's name.
        weights_sha256: String. Checksum of the file with the weights.
        flags: Dict of flag name -> value, the random seed and the model's defaults
            filled in.
        inputs: Dict of the path of every file that was read -> its checksum.
        backend: String.
        version: String. Version of this package.
    """

    task: str
    weights_sha256: str
    flags: dict[str, Any]
    inputs: dict[str, str]
    backend: str = dataclasses.field(default_factory=selected_backend)
    version: str = __version__

    def as_text(self):
        """Texts for `visualization.save_image`."""
        content = {"format_version": FORMAT_VERSION, **dataclasses.asdict(self)}
        return {KEY: json.dumps(content)}


def read_picture_settings(path):
    """Reads the settings from a picture, which may come from anybody.

    Only types and sizes are checked here; `parsing.parse` checks the values of the
    flags, as if the user had written them.

    Args:
        path: String or path of a PNG or GIF file.

    Returns:
        `PictureSettings`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file holds no settings, or not what this package writes.
    """
    text = read_image_text(path).get(KEY)
    if text is None:
        raise ValueError(
            f"{path} holds no settings of keras_sphere: another program wrote it, or "
            "changed it and left them out."
        )
    try:
        content = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise _wrong(path, "text that is not JSON") from None
    if not isinstance(content, dict) or content.pop("format_version", 0) != 1:
        raise _wrong(path, "settings of another format version")
    if set(content) != set(_FIELDS):
        raise _wrong(path, f"the keys {sorted(map(str, content))}")
    for key, kind in _FIELDS.items():
        if not isinstance(content[key], kind):
            raise _wrong(path, f"{key}={content[key]!r}")
    for values in (content["flags"], content["inputs"]):
        if len(values) > _MOST_ENTRIES or not all(map(_is_plain, values.values())):
            raise _wrong(path, f"the values {values}")
    return PictureSettings(**content)


def _no_constant(name):
    raise ValueError(name)


def _is_plain(value):
    if isinstance(value, list):
        return len(value) <= _MOST_ENTRIES and all(
            isinstance(entry, _PLAIN) and _is_plain(entry) for entry in value
        )
    if isinstance(value, str):
        return len(value) <= _LONGEST_TEXT
    return value is None or isinstance(value, _PLAIN)


def _wrong(path, received):
    return ValueError(
        f"{path} must hold settings as keras_sphere writes them. "
        f"Received: {reprlib.repr(received)}"
    )
