"""Images in files, or in the entries of an archive."""

import concurrent.futures
import hashlib
import io
import json
import os
import zipfile

import numpy as np

from keras_sphere.data.image_decoding import (
    PACKAGE,
    UnreadableImageError,
    choose_scale,
    decode_image,
    naming_the_image,
    open_image,
)
from keras_sphere.data.listing import files_below, is_hidden
from keras_sphere.data.vectors import OptionalVectors
from keras_sphere.optional_imports import import_optional

CHECKS = ("names", "headers", "all")
# Reading the headers of more images at start-up would take minutes on a slow disk.
MAX_HEADERS_BY_DEFAULT = 100_000
MAX_FILE_BYTES = 2**28


class Folder:
    """Files below a folder.

    Args:
        path: Path of the folder that names are relative to.
    """

    def __init__(self, path):
        self.location = str(path)

    def names(self):
        """Names of all files, with `/`, sorted."""
        return files_below(self.location)

    def path(self, name):
        """What a file is called in messages."""
        return os.path.join(self.location, name)

    def size(self, name):
        """Bytes of a file."""
        return os.path.getsize(self.path(name))

    def open(self, name):
        """Opens a file for reading."""
        if self.size(name) > MAX_FILE_BYTES:
            raise ValueError(f"the file is larger than {MAX_FILE_BYTES:,} bytes")
        return open(self.path(name), "rb")


class Archive:
    """Entries of a zip file; nothing is unpacked to the disk.

    Args:
        path: Path of the archive. If all its entries lie in one folder, names are
            relative to that.

    Raises:
        ValueError: If the file is no zip archive.
    """

    def __init__(self, path):
        try:
            self._archive = zipfile.ZipFile(path)
        except zipfile.BadZipFile as error:
            raise ValueError(
                f"The file is no zip archive: {error}. Received: path={str(path)!r}"
            ) from error
        entries = {
            entry.filename.replace("\\", "/"): entry
            for entry in self._archive.infolist()
            if not entry.is_dir()
        }
        entries = {name: e for name, e in entries.items() if not is_hidden(name)}
        tops = {name.split("/")[0] if "/" in name else None for name in entries}
        prefix = "" if len(tops) != 1 or None in tops else f"{tops.pop()}/"
        self._entries = {name.removeprefix(prefix): e for name, e in entries.items()}
        self.location = f"{path}/{prefix}".rstrip("/")

    def names(self):
        """Names of all files, with `/`, sorted."""
        return sorted(self._entries)

    def path(self, name):
        """What an entry is called in messages."""
        return f"{self.location}/{name}"

    def size(self, name):
        """Bytes of an entry once it is unpacked."""
        return self._entries[name].file_size

    def open(self, name):
        """Opens an entry for reading, in memory."""
        if self.size(name) > MAX_FILE_BYTES:
            raise ValueError(f"the file is larger than {MAX_FILE_BYTES:,} bytes")
        # No more than the size that the entry states is ever unpacked.
        return io.BytesIO(self._archive.read(self._entries[name]))


class FileSource(OptionalVectors):
    """Images in files as a source of an `ImageDataset`.

    Args:
        container: `Folder` or `Archive`.
        names: List of strings. The files.
        labels: List of integers, or `None`.
        class_names: Tuple of strings.
        location: String. Where the images are.
    """

    num_channels = 3

    def __init__(self, container, names, labels, class_names, location):
        self._container = container
        self._names = list(names)
        self.labels = None if labels is None else np.asarray(labels, "int32")
        self.class_names = tuple(class_names)
        self.location = location

    def __len__(self):
        return len(self._names)

    def subset(self, indices):
        """A source of some of the images."""
        subset = FileSource(
            self._container,
            [self._names[index] for index in indices],
            None if self.labels is None else self.labels[indices],
            self.class_names,
            self.location,
        )
        return self._give_vectors(subset, indices)

    @property
    def names(self):
        """Names of the files, relative to where they are, with `/`."""
        return tuple(self._names)

    def text(self, name):
        """The text of a file beside the images, or `None` if there is none.

        Raises:
            ValueError: If the file is no text in UTF-8.
        """
        try:
            with self._container.open(name) as file:
                return file.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ValueError(
                f"A caption must be text in UTF-8. Received: {name}: {error}"
            ) from error
        except (OSError, KeyError):
            return None

    def checksum(self):
        """Hexadecimal digits that tell the names and sizes from those of others."""
        sizes = [(name, self._container.size(name)) for name in self._names]
        return hashlib.sha256(json.dumps(sizes).encode()).hexdigest()

    def path(self, index):
        """What an image is called in messages."""
        return self._container.path(self._names[index])

    def size(self, index):
        """Width and height of an image as it lies in the file, from its header.

        Raises:
            UnreadableImageError: If the header cannot be read.
        """
        with self._reading(index) as file, naming_the_image(self.path(index)):
            return open_image(file).size

    def example(self, index, smallest_side, exact):
        """A `PIL.Image.Image`, its label or `None`, and what was converted.

        Raises:
            UnreadableImageError: If the image cannot be read.
        """
        with self._reading(index) as file, naming_the_image(self.path(index)):
            image, conversions = decode_image(file, smallest_side, exact)
        return image, None if self.labels is None else self.labels[index], conversions

    def checked(self, check, report, num_threads):
        """A source of the images that pass a check.

        Args:
            check: `"names"`: the files are not touched; `"headers"`: those that are
                no image go; `"all"`: those that cannot be decoded go too.
            report: `ReadReport` for the others.
            num_threads: Integer.

        Returns:
            `FileSource`.

        Raises:
            UnreadableImageError: If one fails and the report is strict, or if all fail.
        """
        if check == "names":
            return self
        import_optional(*PACKAGE)
        test = self._header if check == "headers" else self._decoded
        good = []
        with concurrent.futures.ThreadPoolExecutor(num_threads) as pool:
            errors = pool.map(test, range(len(self)))
            try:
                for index, error in enumerate(errors):
                    if error is None:
                        good.append(index)
                    else:
                        report.skip(error.path, error.reason)
            finally:
                pool.shutdown(cancel_futures=True)
        if not good:
            raise UnreadableImageError(
                self.path(0), f"nor can any other of {len(self)} images be read"
            )
        return self if len(good) == len(self) else self.subset(good)

    def _header(self, index):
        """What is wrong with the header of an image, as an error, or `None`."""
        try:
            with self._reading(index) as file, naming_the_image(self.path(index)):
                choose_scale(open_image(file), 1, False)
        except UnreadableImageError as error:
            return error
        return None

    def _decoded(self, index):
        """What is wrong with an image, as an error, or `None`."""
        try:
            self.example(index, 1, True)
        except UnreadableImageError as error:
            return error
        return None

    def _reading(self, index):
        with naming_the_image(self.path(index)):
            return self._container.open(self._names[index])


def default_check(num_images):
    """How many images are checked at start-up if nobody says."""
    return "headers" if num_images <= MAX_HEADERS_BY_DEFAULT else "names"
