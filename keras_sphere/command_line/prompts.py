"""What generated images are to follow, where a model is conditional on vectors."""

import numpy as np

from keras_sphere.command_line.errors import UsageError
from keras_sphere.data.vectors import read_vector_file
from keras_sphere.embedders.embedding import embed_texts, known_embedder

SEPARATOR = ";"


def texts_of(text):
    """The texts between semicolons, as a list; empty for `None`.

    Raises:
        UsageError: If one is empty.
    """
    texts = [part.strip() for part in (text or "").split(SEPARATOR)]
    if text is not None and not all(texts):
        raise UsageError(
            "--prompts must be texts with semicolons between them, none of them empty. "
            f"Received: {text!r}"
        )
    return texts if text is not None else []


def check_prompts(job):
    """Raises an error unless the model can follow what the flags say.

    Args:
        job: `Job` of the task `generate`.
    """
    settings, description = job.settings, job.description
    given = [
        name for name in ("prompts", "negative_prompts", "embeddings") if settings[name]
    ]
    if not given:
        return
    if not description.condition_dim:
        raise ValueError(
            f"--{given[0]} needs a model that is conditional on vectors. Received: a "
            "model with condition_dim=0"
        )
    if settings["prompts"] and settings["embeddings"]:
        raise UsageError("Give --prompts or --embeddings, not both.")
    if given != ["embeddings"]:
        _embedder_of(description, given[0])
    job.vectors, job.negative_vector = _vectors(job), _negative_vector(job)


def vector_of(job, number):
    """Which of the vectors image `number` follows, as an index; `None` without any.

    Images of a vector stand in a row, and so do those of a class among them.
    """
    if job.vectors is None:
        return None
    return number * len(job.vectors) // job.settings["num_images"]


def name_of_vector(job, index):
    """What a picture calls a vector: its text, or its row of the file."""
    texts = texts_of(job.settings["prompts"])
    return texts[index] if texts else f"row {index}"


def _vectors(job):
    settings, description = job.settings, job.description
    if settings["prompts"]:
        return _embedded(description, texts_of(settings["prompts"]), "prompts")
    if not settings["embeddings"]:
        return None
    _, vectors = read_vector_file(settings["embeddings"], "--embeddings")
    dim = description.condition_dim
    is_right = vectors.ndim == 2 and vectors.shape[1] == dim and len(vectors) > 0
    if not is_right or vectors.dtype.kind != "f" or not np.all(np.isfinite(vectors)):
        raise ValueError(
            f"--embeddings must hold finite floats of shape (images, {dim}), as many "
            f"channels as the model's vectors have. Received: {settings['embeddings']} "
            f"with an array of {vectors.dtype} of shape {vectors.shape}"
        )
    return vectors.astype("float32")


def _negative_vector(job):
    text = job.settings["negative_prompts"]
    if not text:
        return None
    return _embedded(job.description, [text], "negative_prompts")[0]


def _embedded(description, texts, name):
    embedder = _embedder_of(description, name)
    return embed_texts(embedder, texts, description.condition_dim, f"--{name}")


def _embedder_of(description, name):
    embedder = known_embedder(description.embedder or "")
    if embedder.function is None:
        raise ValueError(
            f"--{name} needs an embedder that ships, such as hashing_256; for another "
            "one compute --embeddings=FILE.npz. Received: a model with embedder="
            f"{description.embedder!r}"
        )
    return embedder
