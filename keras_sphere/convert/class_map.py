"""Names of classes in the file that maps folders of images to ids and labels."""

import logging

from keras_sphere.convert.run_fields import read_json

FILE = "folder_to_id_to_label.json"
_FOLDERS = ("", "imagenet.json", "flowers.json")
_PARENTS = 3

logger = logging.getLogger("keras_sphere")


def places(folder):
    """Where the map of the classes of a model may lie, the nearest first.

    Args:
        folder: Path, that of the model.

    Yields:
        Paths: in the folder, the three above it, and the folders of lists in these.
    """
    for parent in (folder, *list(folder.parents)[:_PARENTS]):
        for inner in _FOLDERS:
            yield parent / inner / FILE


def read_class_names(paths, num_classes):
    """Names of classes by the first map that is one of so many classes.

    Args:
        paths: Iterable of paths of files, which need not exist.
        num_classes: Integer.

    Returns:
        List of strings, or `None`.

    Raises:
        ValueError: If a file is no map of ids to labels.
    """
    for path in paths:
        if num_classes and path.is_file():
            names = _read_names(path)
            if len(names) == num_classes:
                return names
            logger.info("%s has %d classes: it is another's.", path, len(names))
    return None


def _read_names(path):
    content = read_json(path)
    entries = content.values() if isinstance(content, dict) else content
    try:
        labels = {int(entry["class_id"]): str(entry["label"]) for entry in entries}
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} must hold objects with the fields class_id and label, one per "
            f"class. Received: {error!r}"
        ) from error
    if sorted(labels) != list(range(len(entries))):
        raise ValueError(
            f"{path} must hold each class_id from 0 once. Received: "
            f"{len(entries)} classes with {len(labels)} ids from {min(labels)} to "
            f"{max(labels)}"
        )
    return [labels[index] for index in range(len(labels))]
