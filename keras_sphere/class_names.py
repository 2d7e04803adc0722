"""Names of classes: what they may be, and which ids they stand for.

A string is always a name and an integer always an id: where the class folder `"7"` has
the id 0, `labels="7"` and `labels=0` are the same class, and `labels=7` is another one.
"""

import numpy as np

from keras_sphere.nearest import by_likeness

LONGEST_NAME = 1000
MOST_NEAR, MOST_SHOWN = 5, 10
_DTYPES_OF_NAMES = ("U", "O", "T")  # NumPy's and pandas' kinds of text


def read_class_names(class_names, num_classes):
    """Checked names of classes.

    Args:
        class_names: List or tuple of strings, one for each class, or `None`.
        num_classes: Integer.

    Returns:
        List of strings, or `None` if there are none.

    Raises:
        ValueError: If it is something else. Two classes may have the same name: then
            only their ids tell them apart.
    """
    if class_names is None:
        return None
    is_sequence = isinstance(class_names, (list, tuple))
    if not is_sequence or not all(map(_is_name, class_names)):
        raise ValueError(
            "`class_names` must be a list or tuple of texts of 1 to "
            f"{LONGEST_NAME} characters. Received: class_names={_short(class_names)}"
        )
    if len(class_names) != num_classes:
        raise ValueError(
            f"`class_names` must hold one name for each of the {num_classes} classes. "
            f"Received: {len(class_names)} names, class_names={_short(class_names)}"
        )
    return list(map(str, class_names)) or None


def class_ids(labels, class_names, argument="labels"):
    """Labels with ids in place of names; what is no name stays as it is.

    Args:
        labels: A name, a sequence or an array of names and ids, or a dict of names
            and ids to weights; or anything else.
        class_names: Sequence of strings, or `None` where the names are not known.
        argument: String. What `labels` are called, for messages.

    Returns:
        An integer, a list or a dict in place of what held names; else `labels`.

    Raises:
        ValueError: If there is no class of a name, or several; or if a dict names a
            class twice.
    """
    if getattr(getattr(labels, "dtype", None), "kind", "") in _DTYPES_OF_NAMES:
        labels = np.asarray(labels).tolist()
    if isinstance(labels, str):
        return class_id(labels, class_names, argument)
    if isinstance(labels, dict):
        ids = {
            class_ids(key, class_names, argument): value
            for key, value in labels.items()
        }
        if len(ids) < len(labels):
            raise ValueError(
                f"`{argument}` given as a dict must name each class once, by its name "
                f"or by its id. Received: {argument}={labels}"
            )
        return ids
    if isinstance(labels, (list, tuple)):
        return [
            class_id(label, class_names, argument) if isinstance(label, str) else label
            for label in labels
        ]
    return labels


def class_id(name, class_names, argument="labels"):
    """The id of the class of a name.

    Args:
        name: String.
        class_names: Sequence of strings, or `None`.
        argument: String. What is said to have been given, for the message.

    Raises:
        ValueError: If there is no such class, with near names, or there are several.
    """
    names = list(class_names or ())
    if names.count(name) == 1:
        return names.index(name)
    if not names:
        why = (
            f"`{argument}` has a name, but the model knows no names of its classes: "
            "give their ids, or tell it the names by "
            "`model.backbone.class_names = [...]`"
        )
    elif name in names:
        ids = ", ".join(str(i) for i, known in enumerate(names) if known == name)
        why = f"Several classes have this name: give one of the ids {ids}"
    else:
        near = by_likeness(name, dict.fromkeys(names))[:MOST_NEAR]
        why = (
            f"There is no class of this name among the {len(names)} of the model; the "
            f"nearest are {', '.join(map(repr, near))}"
        )
    raise ValueError(f"{why}. Received: {argument}={name!r}")


def name_of_class(label, class_names):
    """The name of a class if there is one, else its id, as text."""
    return class_names[label] if class_names else str(label)


def short_name(label, class_names):
    """The same for the margin of a picture: at most 16 characters."""
    return name_of_class(label, class_names)[:16]


def describe_classes(num_classes, class_names, most=MOST_SHOWN):
    """How many classes there are, and at most so many of their names, as text."""
    if not num_classes:
        return "unconditional"
    if not class_names:
        return f"{num_classes} classes"
    more = ", ..." if len(class_names) > most else ""
    return f"{num_classes} classes ({', '.join(class_names[:most])}{more})"


def names_in(data):
    """The names of its classes that a data set says, or `None`.

    Args:
        data: Anything. An `ImageDataset` has a `description` with `class_names`; what
            `keras.utils.image_dataset_from_directory` returns has them itself.
    """
    description = getattr(data, "description", data)
    return getattr(description, "class_names", None) or None


def check_same_names(argument, data, class_names):
    """Raises a `ValueError` if a data set gives the ids of a model to other classes.

    Args:
        argument: String. The name of the data set, for the message.
        data: Anything. What says no names passes.
        class_names: Sequence of strings: those of the model, or `None`.
    """
    names = names_in(data)
    difference = difference_of_names(class_names, names)
    if names and class_names and difference:
        raise ValueError(
            f"`{argument}` must have the classes of the model, with the same ids. For "
            "a model that is to learn others set `model.backbone.class_names` first. "
            f"Received: {argument} with other class names: {difference}"
        )


def difference_of_names(before, now):
    """What differs between two lists of names, as text; `None` if nothing does.

    Args:
        before: Sequence of strings, or `None`.
        now: Likewise.
    """
    before, now = list(before or ()), list(now or ())
    if before == now:
        return None
    parts = [
        f"{what} {', '.join(map(repr, names[:MOST_SHOWN]))}"
        f"{', ...' if len(names) > MOST_SHOWN else ''}"
        for what, names in (
            ("no longer", _without(before, now)),
            ("new", _without(now, before)),
        )
        if names
    ]
    return "; ".join(parts) or "the same names in another order"


def _without(names, others):
    others = set(others)
    return [name for name in names if name not in others]


def _is_name(name):
    return isinstance(name, str) and 0 < len(name) <= LONGEST_NAME


def _short(names):
    text = repr(names)
    return text if len(text) <= 200 else f"{text[:200]}..."
