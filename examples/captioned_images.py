"""Captions of small pictures from what was measured of them; see `train_captions`."""

import dataclasses

import numpy as np

LEAST_INK = 1e-3


def thickness(images):
    """The mean of the pixels: how much ink there is.

    Args:
        images: Array of shape `(count, side, side, 1)`, in [0, 1], 0 where nothing is.
    """
    return images.mean(axis=(1, 2, 3))


def lean(images):
    """By how many columns the ink moves to the right from one row to the one above."""
    ink = images[..., 0] + LEAST_INK
    rows, columns = np.indices(ink.shape[1:])
    total = ink.sum(axis=(1, 2))

    def mean(values):
        return (ink * values).sum(axis=(1, 2)) / total

    spread = mean(rows**2) - mean(rows) ** 2
    return -(mean(rows * columns) - mean(rows) * mean(columns)) / spread


def width(images):
    """The standard deviation of the ink along a row, by the side."""
    ink = images[..., 0] + LEAST_INK
    columns = np.arange(ink.shape[2])
    share = ink.sum(axis=1) / ink.sum(axis=(1, 2))[:, None]
    center = (share * columns).sum(axis=1, keepdims=True)
    return np.sqrt((share * (columns - center) ** 2).sum(axis=1)) / ink.shape[2]


@dataclasses.dataclass(frozen=True)
class Attribute:
    """One thing that captions say.

    Args:
        name: String.
        measure: Callable of images that returns a number of each.
        words: Three strings: of the lowest third of a class, of the next, the highest.
    """

    name: str
    measure: object
    words: tuple


@dataclasses.dataclass(frozen=True)
class Captions:
    """How the pictures of a data set are described.

    Args:
        text: String with `{name}`, and `{0}` and `{1}` for words of the attributes.
        names: Tuple of strings, of the classes.
        attributes: Two `Attribute`s.
    """

    text: str
    names: tuple
    attributes: tuple

    def of(self, label, levels):
        """The caption of a class and a level (0, 1 or 2) of each attribute."""
        words = [a.words[n] for a, n in zip(self.attributes, levels, strict=True)]
        return self.text.format(*words, name=self.names[label])


CAPTIONS = {
    "digits": Captions(
        "a {0} {name}, {1}",
        tuple("0123456789"),
        (
            Attribute("thickness", thickness, ("thin", "medium", "bold")),
            Attribute("lean", lean, ("leaning left", "upright", "leaning right")),
        ),
    ),
    "fashion_mnist": Captions(
        "a {0} {name}, {1}",
        (
            *("t-shirt", "trouser", "pullover", "dress", "coat"),
            *("sandal", "shirt", "sneaker", "bag", "boot"),
        ),
        (
            Attribute("brightness", thickness, ("dark", "gray", "bright")),
            Attribute("width", width, ("narrow", "regular", "wide")),
        ),
    ),
}


class Thirds:
    """Levels of attributes by the thirds of each class, learned from real images.

    Args:
        captions: `Captions`.
        images: Array of images in [0, 1].
        labels: Integer array.
    """

    def __init__(self, captions, images, labels):
        self.captions = captions
        values = [attribute.measure(images) for attribute in captions.attributes]
        self.bounds = np.array(
            [
                [np.quantile(v[labels == c], (1 / 3, 2 / 3)) for v in values]
                for c in range(len(captions.names))
            ]
        )

    def levels(self, images, labels):
        """Levels of shape `(count, 2)`, by the bounds of the classes given."""
        values = [attribute.measure(images) for attribute in self.captions.attributes]
        bounds = self.bounds[labels]
        return np.stack(
            [(v[:, None] > bounds[:, n]).sum(axis=1) for n, v in enumerate(values)], 1
        )


def is_held_out(label, levels):
    """Whether a combination is kept from the training: one of nine of each class."""
    return levels[0] == label % 3 and levels[1] == label // 3 % 3
