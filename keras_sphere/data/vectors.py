"""A vector for every image: of a file, or of captions, computed once and kept."""

import hashlib
import json
import os
import pathlib
import zipfile
import zlib

import numpy as np

from keras_sphere.data.captions import read_captions
from keras_sphere.data.downloads import keras_cache
from keras_sphere.embedders import embed_texts, find_embedder
from keras_sphere.files.atomic_file import replace_when_done

CACHE_FOLDER = "caption_vectors"
_KEYS = ("names", "embeddings")
_DAMAGE = (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error)
_CONTENTS = (
    "{} must be an .npz file with an array `embeddings` and, for images in files, "
    "their `names`. Received: {}"
)


class OptionalVectors:
    """What sources share: vectors and captions of their images, or `None`.

    Attributes:
        embeddings: float32 array of shape `(num_images, dim)`, or `None`.
        captions: List of strings, or `None`.
        embedder: String, the name of what made the vectors, or `None`.
    """

    embeddings = captions = embedder = None

    def describe_vectors(self):
        """What a `DatasetDescription` says of the vectors, as a dict."""
        if self.embeddings is None:
            return {}
        return {
            "condition_dim": self.embeddings.shape[1],
            "embedder": self.embedder,
            "vectors": hashlib.sha256(self.embeddings.tobytes()).hexdigest()[:16],
        }

    def _give_vectors(self, subset, indices):
        """A source of some of the images, with their vectors and captions."""
        if self.embeddings is not None:
            subset.embeddings = self.embeddings[indices]
        if self.captions is not None:
            subset.captions = [self.captions[index] for index in indices]
        subset.embedder = self.embedder
        return subset


def check_vectors(embeddings, captions, embed):
    """Raises a `ValueError` unless these arguments of `load` go together.

    Returns:
        `Embedder`, or `None` without captions.
    """
    if captions is None and embed is not None:
        raise ValueError(
            "`embed` makes vectors of captions: give `captions`, too. Received: "
            f"embed={embed!r}, captions=None"
        )
    if captions is not None and embed is None:
        raise ValueError(
            "`captions` need `embed`, a callable from a list of strings to an array, "
            "or the name of one that ships, such as 'hashing_256'. Received: "
            "embed=None"
        )
    if captions is not None and embeddings is not None:
        raise ValueError(
            "Give `embeddings`, or `captions` with `embed`. Received: both of them"
        )
    return None if embed is None else find_embedder(embed)


def add_vectors(source, split, embeddings, captions, embedder):
    """Gives a source the vectors of its images, from what `load` was given.

    Args:
        source: `FileSource` or another one, of all images of the split.
        split: String. Which of several a dict has an entry for.
        embeddings: See `load`.
        captions: See `load`.
        embedder: `Embedder`, or `None`.

    Raises:
        ValueError: If an image has no vector or caption, or a vector is not finite.
    """
    if embeddings is not None:
        source.embeddings = _read_embeddings(source, of_split(embeddings, split))
    elif captions is not None:
        source.captions = read_captions(source, of_split(captions, split))
        source.embeddings = caption_vectors(source.captions, embedder)
        source.embedder = embedder.name


def of_split(given, split):
    """The entry of a split, if a dict of splits was given."""
    if not isinstance(given, dict):
        return given
    if split not in given:
        raise ValueError(
            "A dict of embeddings or captions must have the split that is read. "
            f"Received: keys {sorted(given)}, split={split!r}"
        )
    return given[split]


def caption_vectors(captions, embedder):
    """The vectors of captions; those that were computed before are read.

    They are kept in Keras' cache, by a checksum of the captions and of the embedder's
    name: whoever changes what a callable computes gives it another name.

    Args:
        captions: List of strings.
        embedder: `Embedder`.

    Returns:
        float32 array of shape `(len(captions), dim)`.
    """
    texts = sorted(set(captions))
    content = json.dumps([embedder.name, texts]).encode()
    name = f"{hashlib.sha256(content).hexdigest()[:32]}.npz"
    path = keras_cache() / CACHE_FOLDER / name
    vectors = _cached(path, len(texts))
    if vectors is None:
        vectors = embed_texts(embedder, texts)
        with replace_when_done(path) as temporary:
            np.savez(temporary, embeddings=vectors)
    places = {text: place for place, text in enumerate(texts)}
    return vectors[[places[caption] for caption in captions]]


def _cached(path, count):
    """The vectors in a file, or `None` if there are none that can be used."""
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            vectors = file["embeddings"]
    except (*_DAMAGE, KeyError):
        return None
    is_right = vectors.ndim == 2 and len(vectors) == count
    return vectors if is_right and np.all(np.isfinite(vectors)) else None


def _read_embeddings(source, embeddings):
    """The vectors of a source's images, from an array or an `.npz` file, checked."""
    is_path = isinstance(embeddings, (str, os.PathLike))
    origin = f"the file {embeddings}" if is_path else "embeddings"
    names = None
    if is_path:
        names, embeddings = read_vector_file(embeddings)
    embeddings = np.asarray(embeddings)
    if embeddings.ndim != 2 or embeddings.dtype.kind != "f":
        raise ValueError(
            "`embeddings` must be floats of shape (images, channels). Received: shape "
            f"{embeddings.shape} of {embeddings.dtype} in {origin}"
        )
    if names is not None:
        embeddings = embeddings[_places(source, names, len(embeddings), origin)]
    if len(embeddings) != len(source):
        raise ValueError(
            f"`embeddings` must hold a vector for each of the {len(source)} images, in "
            f"their order, or `names` beside them. Received: {len(embeddings)} vectors "
            f"in {origin}"
        )
    bad = np.flatnonzero(~np.all(np.isfinite(embeddings), axis=1))
    if len(bad):
        raise ValueError(
            f"`embeddings` must be finite. Received: NaN or infinity for {len(bad)} "
            f"images, the first of them {source.path(int(bad[0]))}"
        )
    return np.ascontiguousarray(embeddings, "float32")


def read_vector_file(path, argument="`embeddings`"):
    """Names, or `None`, and vectors of an `.npz` file; see `load`.

    Args:
        path: String or path.
        argument: String. What gave the path, for messages.

    Raises:
        ValueError: If there is no such file, or it is damaged or has no vectors.
    """
    path = pathlib.Path(path).expanduser()
    if not path.is_file():
        raise ValueError(
            f"{argument} must be an .npz file. Received: {str(path)!r}, no file"
        )
    try:
        with np.load(path, allow_pickle=False) as file:
            names, vectors = (file.get(key) for key in _KEYS)
    except (*_DAMAGE, TypeError, AttributeError) as error:
        raise ValueError(_CONTENTS.format(argument, f"{path}: {error}")) from error
    if vectors is None:
        raise ValueError(_CONTENTS.format(argument, f"{path} without `embeddings`"))
    return names, vectors


def _places(source, names, count, origin):
    """For each image its row of the file."""
    names = [str(name) for name in names]
    if not hasattr(source, "names") or len(names) != count:
        raise ValueError(
            "`names` in a file of embeddings are of images in files, as many as there "
            f"are vectors. Received: {len(names)} names, {count} vectors in {origin}"
        )
    places = {name: place for place, name in enumerate(names)}
    missing = [name for name in source.names if name not in places]
    if missing:
        raise ValueError(
            f"Each of the {len(source)} images needs a vector; `names` are relative to "
            f"their folder, with '/'. Received: none for {len(missing)} in {origin}, "
            f"the first of them {missing[0]}"
        )
    return [places[name] for name in source.names]
