"""Which images a folder, an archive or a list names, and their classes."""

import dataclasses
import json
import os

from keras_sphere.data.image_decoding import SUFFIXES


@dataclasses.dataclass
class Listing:
    """Images in a fixed order.

    Args:
        names: List of strings: paths relative to where they are, with `/`.
        labels: List of integers, or `None`.
        class_names: Tuple of strings.
        skipped: Dict of name -> reason: images that have no place in the layout.
        other_files: List of names that are no images.
    """

    names: list
    labels: list | None
    class_names: tuple
    skipped: dict
    other_files: list


def files_below(folder):
    """Names of all files below a folder, sorted; links to folders are followed.

    Args:
        folder: Path.

    Returns:
        List of strings, relative to `folder`, with `/`.

    Raises:
        OSError: If one of the folders cannot be read.
    """
    return sorted(_files_in(os.fspath(folder), "", frozenset()))


def _files_in(place, prefix, above):
    """Names, with a prefix, of the files below a folder whose parents are `above`."""
    real = os.path.realpath(place)
    if real in above:  # a link back up would go round for ever
        return
    try:
        entries = list(os.scandir(place))
    except OSError as error:
        raise OSError(
            error.errno, f"A folder of images cannot be read: {error.strerror}", place
        ) from error
    for entry in entries:
        if is_hidden(entry.name):
            continue
        if _may_be_folder(entry):
            yield from _files_in(entry.path, f"{prefix}{entry.name}/", above | {real})
        else:
            yield prefix + entry.name


def _may_be_folder(entry):
    """Whether it is a folder, or cannot be looked at and is not named as an image."""
    try:
        return entry.is_dir()
    except OSError:
        return not entry.name.lower().endswith(SUFFIXES)


def arrange(names):
    """Sorts files into classes: the first folder of a name is its class.

    Without any folders, the images are of no class. Images that lie beside the
    folders are skipped. Classes are numbered in the order of their sorted names.

    Args:
        names: List of strings, with `/`.

    Returns:
        `Listing`.
    """
    images = sorted(name for name in names if name.lower().endswith(SUFFIXES))
    others = sorted(set(names) - set(images))
    skipped = {name: "its name leads elsewhere" for name in images if _leads_out(name)}
    images = [name for name in images if name not in skipped]
    in_folders = [name for name in images if "/" in name]
    if not in_folders:
        return Listing(images, None, (), skipped, others)
    class_names = tuple(sorted({name.split("/")[0] for name in in_folders}))
    label_of = {name: label for label, name in enumerate(class_names)}
    labels = [label_of[name.split("/")[0]] for name in in_folders]
    for name in sorted(set(images) - set(in_folders)):
        skipped[name] = "it lies beside the folders of the classes"
    return Listing(in_folders, labels, class_names, skipped, others)


def choose_split(names, split, location):
    """The files of one split: those below its folder, if there are such folders.

    Args:
        names: List of strings, with `/`.
        split: String. `"test"`, `"val"` and `"validation"` stand for one another.
        location: String. For the message.

    Returns:
        Pair of the folder of the split, `""` or ending in `/`, and the names in it.

    Raises:
        ValueError: If there is no such split.
    """
    folders = {name.split("/")[0] for name in names if "/" in name}
    held_out = ("test", "val", "validation")
    for folder in (split, *(held_out if split in held_out else ())):
        if folder in folders:
            prefix = f"{folder}/"
            inside = [name for name in names if name.startswith(prefix)]
            return prefix, [name.removeprefix(prefix) for name in inside]
    if split == "train" and not folders & set(held_out):
        return "", names
    raise ValueError(
        f"There is no folder of that split in {location}: it has "
        f"{', '.join(sorted(folders)[:20]) or 'no folders'}. A part of the images can "
        f"be set aside with 'train[:90%]' and 'train[90%:]'. Received: split={split!r}"
    )


def read_list(path):
    """Reads a JSON-lines list of images.

    Each line is an object with `image_path` and, unless the images are of no class,
    `class_id` and `class_name`. Blank lines do not count.

    Args:
        path: Path of the list.

    Returns:
        `Listing` whose names are the paths as they are written, in the list's order.

    Raises:
        ValueError: If a line is no such object, or the classes contradict each other.
    """
    names, labels, class_names = [], [], {}
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                name, label, class_name = _read_line(path, number, line)
                if class_names.setdefault(label, class_name) != class_name:
                    raise ValueError(
                        f"{path}, line {number}: class {label} was called "
                        f"{class_names[label]!r} before. Received: "
                        f"class_name={class_name!r}"
                    )
                names.append(name)
                labels.append(label)
    if None in class_names:
        if len(class_names) > 1:
            raise ValueError(
                f"Either all lines or none have a class_id. Received: {path}, where "
                f"{labels.count(None)} of {len(labels)} lines have none"
            )
        return Listing(names, None, (), {}, [])
    count = max(class_names, default=-1) + 1
    called = tuple(class_names.get(label) or f"class {label}" for label in range(count))
    return Listing(names, labels, called, {}, [])


def _read_line(path, number, line):
    """Path, class and name of the class of one line; the latter may be `None`."""
    try:
        entry = json.loads(line)
        name, label = entry["image_path"], entry.get("class_id")
        class_name = entry.get("class_name")
        is_class = isinstance(label, int) and not isinstance(label, bool) and label >= 0
        if not (isinstance(name, str) and name and (label is None or is_class)):
            raise TypeError
        if not isinstance(class_name, str | None):
            raise TypeError
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path}, line {number}: a line must be a JSON object with image_path, a "
            "string, and class_id, an integer of at least 0, and class_name, a string, "
            f"if there are classes. Received: {line.strip()[:200]!r}"
        ) from error
    return name, label, class_name


def is_hidden(name):
    """Whether a file, or a folder that it is in, is of the system's making."""
    return any(
        (part.startswith(".") and part not in (".", "..")) or part == "__MACOSX"
        for part in name.split("/")
    )


def _leads_out(name):
    return name.startswith("/") or ".." in name.split("/")
