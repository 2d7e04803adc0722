"""A folder of numbered PNG files that a run fills."""

import dataclasses
import json
import re

from keras_sphere.files.atomic_file import replace_when_done
from keras_sphere.visualization import save_image

SETTINGS = "settings.json"
_LARGEST_SETTINGS = 2**20


class PngFolder:
    """Holds one file per image, and `settings.json`.

    A file appears when it is complete, so what is there need not be made again. Every
    file records the settings that make it alone.

    Args:
        path: `pathlib.Path` of the folder, which need not exist.
    """

    def __init__(self, path):
        self.path = path
        if path.exists() and not path.is_dir():
            raise FileExistsError(f"There is a file of that name. Received: {path}")
        if path.is_dir() and not (path / SETTINGS).is_file() and any(path.iterdir()):
            raise FileExistsError(
                f"The folder must be empty, or hold a run that was begun, with its "
                f"{SETTINGS}. Received: {path}"
            )

    def settings(self):
        """Settings of the run that was begun here, or `None`."""
        return read_settings(self.path / SETTINGS)

    def begin(self, settings, job, numbers):
        """Writes the settings; returns the numbers that are missing."""
        write_settings(self.path / SETTINGS, settings)
        self.digits = len(str(job.settings["num_images"] - 1))
        pattern = re.compile(r"(\d+)\.png")
        matches = [pattern.fullmatch(entry.name) for entry in self.path.iterdir()]
        there = {int(match[1]) for match in matches if match}
        return [number for number in numbers if number not in there]

    def add(self, numbers, images, labels, record):
        """Writes a batch of images."""
        for number, image in zip(numbers, images, strict=True):
            flags = {
                **record.flags,
                "numbers": str(number),
                "captions": False,
                "scale": 1,
            }
            text = dataclasses.replace(record, flags=flags).as_text()
            save_image(self.path / f"{number:0{self.digits}}.png", image, text)

    def finish(self):
        """Nothing is left to do: every file is complete."""


def read_settings(path):
    """The settings in a file that this package wrote, or `None` if there is none."""
    if not path.is_file():
        return None
    if path.stat().st_size > _LARGEST_SETTINGS:
        raise ValueError(f"{path} must hold the settings of a run. Received: too much")
    try:
        settings = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        settings = None
    if not isinstance(settings, dict) or not isinstance(settings.get("flags"), dict):
        raise ValueError(f"{path} must hold the settings of a run. Received: none")
    return settings


def write_settings(path, settings):
    """Writes settings at once or not at all."""
    with replace_when_done(path) as temporary:
        temporary.write_text(json.dumps(settings, indent=2) + "\n")
