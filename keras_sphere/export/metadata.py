"""What an exported file says of itself."""

import json

from keras_sphere.export.graphs import new_session
from keras_sphere.version import __version__

PREFIX = "keras_sphere."


def describe(
    model, part, weights, options, license=None, teacher=None, refiner=None, **sampling
):
    """Texts for the metadata of a file.

    Args:
        model: `SphereEncoderModel`.
        part: String. Name of the part.
        weights: String. Type of the weights.
        options: `SamplingOptions` or `RotationSamplingOptions`.
        license: String or `None`. Of the weights.
        teacher: String or `None`. Checksum of the model, by which a refiner knows it.
        refiner: `LatentRefiner` that the part is, or `None`.
        **sampling: Further plain values beside the sampling defaults.

    Returns:
        Dict of strings; structured ones are JSON.
    """
    backbone = model.backbone
    names = backbone.class_names
    config = {
        "architecture": backbone.architecture,
        "noise": model.noise_schedule.get_config(),
    }
    of_refiner = {}
    if refiner is not None:
        of_refiner = {f"{PREFIX}refiner": json.dumps(_of_refiner(refiner))}
    return {
        f"{PREFIX}version": __version__,
        f"{PREFIX}part": part,
        f"{PREFIX}weights": weights,
        f"{PREFIX}config": json.dumps(config),
        f"{PREFIX}sampling": json.dumps({**options.to_dict(), **sampling}),
        f"{PREFIX}class_names": json.dumps(names and list(names)),
        f"{PREFIX}license": license or "unspecified",
        f"{PREFIX}teacher": teacher or "",
        **of_refiner,
    }


def _of_refiner(refiner):
    """What a refiner was taught: what the loop has to know of it."""
    names = ("condition", "condition_range", "guidance_position", "teacher")
    return {name: getattr(refiner, name) for name in names}


def read_metadata(path):
    """The metadata of a file as plain values, by their names without the prefix.

    Args:
        path: Path of an ONNX file.

    Returns:
        Dict.

    Raises:
        ValueError: If the file is none that `export_onnx` wrote.
    """
    return open_file(path)[1]


def open_file(path):
    """The session of a file, and its metadata; see `read_metadata`."""
    try:
        session = new_session(str(path))
    except Exception as error:  # onnxruntime's own, of no common class
        raise ValueError(
            f"{path} must be an ONNX file of `export_onnx`. Received: "
            f"{type(error).__name__}: {error}"
        ) from error
    own = {
        name.removeprefix(PREFIX): text
        for name, text in session.get_modelmeta().custom_metadata_map.items()
        if name.startswith(PREFIX)
    }
    if not own:
        raise ValueError(
            f"{path} must be a file of `export_onnx`, which says in it what the "
            "model is. Received: an ONNX file without that"
        )
    for name in ("config", "sampling", "class_names", "refiner"):
        if name in own:
            own[name] = json.loads(own[name])
    return session, own
