"""Captions of images: texts beside them, a JSON-lines file, or a list."""

import json
import os
import pathlib

import numpy as np

BESIDE = "txt"  # a file of the same name with this suffix
LONGEST_CAPTION = 10_000
MOST_NAMED = 3
SUFFIXES = (".jsonl", ".ndjson", ".json")


def read_captions(source, captions):
    """The captions of a source's images, in their order.

    Args:
        source: `FileSource` or another one.
        captions: `"txt"`; the path of a JSON-lines file, itself or from the folder of
            the images; or a sequence of strings.

    Returns:
        List of strings.

    Raises:
        ValueError: If an image has none.
    """
    if isinstance(captions, (str, os.PathLike)):
        if not hasattr(source, "names"):
            raise ValueError(
                "`captions` given as text are those of images in files; of others give "
                f"a list of strings. Received: captions={captions!r}"
            )
        found = _beside(source) if captions == BESIDE else _of_lines(source, captions)
    else:
        found = _of_sequence(source, captions)
    empty = [i for i, caption in enumerate(found) if not (caption or "").strip()]
    if empty:
        named = ", ".join(source.path(index) for index in empty[:MOST_NAMED])
        more = ", ..." if len(empty) > MOST_NAMED else ""
        raise ValueError(
            f"Each of the {len(source)} images needs a caption. Received: none for "
            f"{len(empty)} of them: {named}{more}"
        )
    return [caption.strip() for caption in found]


def _of_sequence(source, captions):
    captions = list(np.asarray(captions).flat)
    if len(captions) != len(source) or not all(isinstance(c, str) for c in captions):
        raise ValueError(
            f"`captions` must be {len(source)} strings, one for each image in their "
            f"order. Received: {len(captions)} entries"
        )
    return [str(caption) for caption in captions]


def _beside(source):
    """The texts of files of the images' names with another suffix."""
    return [source.text(f"{os.path.splitext(name)[0]}.txt") for name in source.names]


def _of_lines(source, path):
    """The captions of a JSON-lines file, by the names of the images."""
    text = _text_of(source, path)
    captions = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            name, caption = _read_line(path, number, line)
            captions[name] = caption
    return [captions.get(name) for name in source.names]


def _text_of(source, path):
    path = pathlib.Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(
            f"`captions` must be 'txt', a file that ends in {', '.join(SUFFIXES)}, or "
            f"a list of strings. Received: captions={str(path)!r}"
        )
    text = None if path.is_absolute() else source.text(path.as_posix())
    if text is None and path.is_file():
        text = path.read_text(encoding="utf-8")
    if text is None:
        raise ValueError(
            "`captions` given as a path must be a file, in the folder of the images or "
            f"from here. Received: captions={str(path)!r}, which is in neither"
        )
    return text


def _read_line(path, number, line):
    try:
        entry = json.loads(line)
        name, caption = entry["image_path"], entry["caption"]
        if not isinstance(name, str) or not isinstance(caption, str):
            raise TypeError
    except (ValueError, LookupError, TypeError) as error:
        raise ValueError(
            f"{path}, line {number}: a line must be a JSON object with image_path and "
            f"caption, two strings. Received: {line.strip()[:200]!r}"
        ) from error
    return name, caption[:LONGEST_CAPTION]
