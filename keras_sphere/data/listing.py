"""Which images a folder or an archive holds, and their classes."""

import dataclasses
import os

from keras_sphere.data.image_decoding import SUFFIXES

# These names of splits stand for one another.
HELD_OUT = ("test", "val", "validation")


@dataclasses.dataclass
class Listing:
    """Images in a fixed order.

    Args:
        names: List of strings: paths relative to where they are, with `/`.
        labels: List of integers, or `None`.
        class_names: Tuple of strings.
        skipped: Dict of name -> reason: images that have no place in the layout.
        other_files: List of names that are no images.
        partial_classes: Dict of class -> text that says which splits have it, of the
            classes that some splits lack.
    """

    names: list[str]
    labels: list[int] | None
    class_names: tuple[str, ...]
    skipped: dict[str, str] = dataclasses.field(default_factory=dict)
    other_files: list[str] = dataclasses.field(default_factory=list)
    partial_classes: dict[str, str] = dataclasses.field(default_factory=dict)


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


def arrange(names, classes_of=None):
    """Sorts files into classes: the first folder of a name is its class.

    Without any folders, the images are of no class. Images that lie beside the
    folders are skipped. Classes are numbered in the order of the sorted names of all
    splits, so that a class has the same number in each.

    Args:
        names: List of strings, with `/`: the files of one split.
        classes_of: Dict as `classes_of_splits` returns it, or `None` where there are
            no splits.

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
    classes_of = classes_of or {"": {name.split("/")[0] for name in in_folders}}
    class_names = tuple(sorted(set().union(*classes_of.values())))
    label_of = {name: label for label, name in enumerate(class_names)}
    labels = [label_of[name.split("/")[0]] for name in in_folders]
    for name in sorted(set(images) - set(in_folders)):
        skipped[name] = "it lies beside the folders of the classes"
    partial = partial_classes(classes_of)
    return Listing(in_folders, labels, class_names, skipped, others, partial)


def classes_of_splits(names):
    """Which classes each split has: the first folder is the split, the next the class.

    Args:
        names: List of strings, with `/`: the files of all splits.

    Returns:
        Dict of split -> set of the names of its classes, without splits that have
        none.
    """
    found = {}
    for name in names:
        split, *inside = name.split("/")
        is_image = name.lower().endswith(SUFFIXES) and not _leads_out(name)
        if len(inside) > 1 and is_image:
            found.setdefault(split, set()).add(inside[0])
    return found


def partial_classes(classes_of):
    """Dict of class -> its splits, as text, of the classes that some splits lack."""
    every = sorted(set().union(*classes_of.values()))
    splits = {
        name: [split for split in sorted(classes_of) if name in classes_of[split]]
        for name in every
    }
    return {
        name: f"only in {', '.join(having)}"
        for name, having in splits.items()
        if len(having) < len(classes_of)
    }


def find_split(split, known):
    """The name by which a split is known, or `None`; see `HELD_OUT`."""
    candidates = (split, *(HELD_OUT if split in HELD_OUT else ()))
    return next((name for name in candidates if name in known), None)


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
    folder = find_split(split, folders)
    if folder is not None:
        prefix = f"{folder}/"
        inside = [name for name in names if name.startswith(prefix)]
        return prefix, [name.removeprefix(prefix) for name in inside]
    if split == "train" and not folders & set(HELD_OUT):
        return "", names
    raise ValueError(
        f"There is no folder of that split in {location}: it has "
        f"{', '.join(sorted(folders)[:20]) or 'no folders'}. A part of the images can "
        f"be set aside with 'train[:90%]' and 'train[90%:]'. Received: split={split!r}"
    )


def is_hidden(name):
    """Whether a file, or a folder that it is in, is of the system's making."""
    return any(
        (part.startswith(".") and part not in (".", "..")) or part == "__MACOSX"
        for part in name.split("/")
    )


def _leads_out(name):
    return name.startswith("/") or ".." in name.split("/")
