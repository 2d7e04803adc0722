"""Images at a path: a folder, an archive or a list."""

import pathlib
import zipfile

from keras_sphere.data import listing
from keras_sphere.data.file_source import Archive, FileSource, Folder
from keras_sphere.data.list_file import read_list

LIST_SUFFIXES = (".jsonl", ".ndjson", ".json")


def path_source(path, split, data_dir, report):
    """Finds the images of a split at a path.

    Args:
        path: String or path of a folder, a zip archive or a JSON-lines list.
        split: String. The folder of that name, if there are such folders, or the
            lines of that split of a list.
        data_dir: String, path or `None`. What the paths of a list are relative to;
            `None` for the folder that the list is in.
        report: `ReadReport` for what is no image or has no place.

    Returns:
        `FileSource`.

    Raises:
        ValueError: If there are no images.
    """
    path = pathlib.Path(path)
    if path.is_file() and path.suffix.lower() in LIST_SUFFIXES:
        container = Folder(path.parent if data_dir is None else data_dir)
        found, prefix = read_list(path, split), ""
    elif path.is_dir() or zipfile.is_zipfile(path):
        container = Folder(path) if path.is_dir() else Archive(path)
        every = container.names()
        prefix, names = listing.choose_split(every, split, str(path))
        classes_of = listing.classes_of_splits(every) if prefix else None
        found = listing.arrange(names, classes_of)
    else:
        raise ValueError(
            "A path must be one of a folder, a zip archive or a list that ends in "
            f"{', '.join(LIST_SUFFIXES)}. Received: path={str(path)!r}"
        )
    if not found.names:
        raise ValueError(
            f"There are no images at this path, but {len(found.other_files)} other "
            f"files. Received: path={str(path)!r}, split={split!r}"
        )
    report.other_files += [container.path(prefix + name) for name in found.other_files]
    for name, reason in found.skipped.items():
        report.skip(container.path(prefix + name), reason)
    report.partial_classes = found.partial_classes
    names = [prefix + name for name in found.names]
    return FileSource(container, names, found.labels, found.class_names, str(path))
