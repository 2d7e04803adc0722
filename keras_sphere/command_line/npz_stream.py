"""An .npz file that a run fills, larger than memory if need be."""

import json
import pathlib
import shutil
import zipfile

import numpy as np

from keras_sphere.command_line.png_folder import read_settings, write_settings
from keras_sphere.files.atomic_file import check_space, replace_when_done

SETTINGS, IMAGES, LABELS, DONE = "settings.json", "images.npy", "labels.npy", "done"


class NpzStream:
    """Collects images in `NAME.npz.partial/` and makes the .npz file at the end.

    The images go to a memory-mapped array on the disk. After each batch the array is
    flushed and then the number of images written to `done`, so a killed run knows
    what it has. The .npz file holds `images` (uint8), `labels` (int32; -1: no class)
    and `settings` (JSON text).

    Args:
        path: `pathlib.Path` of the .npz file.
        overwrite: Boolean. Whether it may exist.
    """

    def __init__(self, path, overwrite):
        self.path = path
        self.folder = pathlib.Path(f"{path}.partial")
        if path.exists() and not overwrite:
            raise FileExistsError(
                f"The file exists; --overwrite replaces it. Received: output={path}"
            )

    def settings(self):
        """Settings of the run that was begun, or `None`."""
        return read_settings(self.folder / SETTINGS)

    def begin(self, settings, job, numbers):
        """Makes or opens the arrays; returns the numbers that are missing."""
        total, shape = job.settings["num_images"], job.description
        side = shape.image_size
        images = (total, side, side, shape.num_channels)
        if self.settings() is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            check_space(self.folder / IMAGES, int(np.prod(images)))
            self._new(IMAGES, "uint8", images)
            self._new(LABELS, "int32", (total,))
            self._count(0)
            write_settings(self.folder / SETTINGS, settings)
        self.images = np.load(self.folder / IMAGES, mmap_mode="r+")
        self.labels = np.load(self.folder / LABELS, mmap_mode="r+")
        done = int((self.folder / DONE).read_text())
        return numbers[done:]

    def add(self, numbers, images, labels, record):
        """Writes a batch, the next one in order."""
        self.images[numbers] = images
        self.labels[numbers] = [-1 if label is None else label for label in labels]
        self.images.flush()
        self.labels.flush()
        self._count(numbers[-1] + 1)

    def finish(self):
        """Makes the .npz file and removes what led to it."""
        del self.images, self.labels
        text = np.array((self.folder / SETTINGS).read_text())
        with (
            replace_when_done(self.path) as temporary,
            zipfile.ZipFile(temporary, "w") as archive,
        ):
            for name in (IMAGES, LABELS):
                archive.write(self.folder / name, name)
            with archive.open("settings.npy", "w") as file:
                np.lib.format.write_array(file, text, allow_pickle=False)
        shutil.rmtree(self.folder)

    def _new(self, name, dtype, shape):
        array = np.lib.format.open_memmap(self.folder / name, "w+", dtype, shape)
        array.flush()

    def _count(self, done):
        with replace_when_done(self.folder / DONE) as temporary:
            temporary.write_text(json.dumps(done))
