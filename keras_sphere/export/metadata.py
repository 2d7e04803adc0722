"""What an exported file says of itself."""

import json

from keras_sphere.version import __version__

PREFIX = "keras_sphere."


def describe(model, part, weights, options, license=None, **sampling):
    """Texts for the metadata of a file.

    Args:
        model: `SphereEncoderModel`.
        part: String. Name of the part.
        weights: String. Type of the weights.
        options: `SamplingOptions` or `RotationSamplingOptions`.
        license: String or `None`. Of the weights.
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
    return {
        f"{PREFIX}version": __version__,
        f"{PREFIX}part": part,
        f"{PREFIX}weights": weights,
        f"{PREFIX}config": json.dumps(config),
        f"{PREFIX}sampling": json.dumps({**options.to_dict(), **sampling}),
        f"{PREFIX}class_names": json.dumps(names and list(names)),
        f"{PREFIX}license": license or "unspecified",
    }


def parse(texts):
    """The metadata of a file as plain values, by their names without the prefix.

    Args:
        texts: Dict of strings, as onnxruntime returns it.

    Returns:
        Dict, empty if the file is of no export of this package.
    """
    own = {
        name.removeprefix(PREFIX): text
        for name, text in texts.items()
        if name.startswith(PREFIX)
    }
    for name in ("config", "sampling", "class_names"):
        if name in own:
            own[name] = json.loads(own[name])
    return own
