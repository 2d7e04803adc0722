"""A preset's configuration with some of its values changed."""

from keras_sphere.choices import PERCEPTUAL_NETWORKS as PRETRAINED
from keras_sphere.loop_plan import UNGUIDED
from keras_sphere.nearest import by_likeness

# No part of a preset: they change how a model is computed, not what.
_BACKBONE_OPTIONS = ("rematerialize_every",)
_MODEL_ARGUMENTS = ("perceptual", "seed", "name")
RECIPE_ARGUMENTS = (
    "cycle_encoder",
    "cycle_encoder_momentum",
    "distribution_features",
    "score_matching",
    "classifier",
    "frechet_matching",
)


def resolve_arguments(config, overrides):
    """Arguments of backbone and model, from a configuration and changes to it.

    What no longer fits follows: a new largest angle gives new hard cases, a model
    without classes has no guidance, another number of classes has no names. A
    perceptual network or a classifier that needs files of weights is left out unless it
    is asked for: generation has no use of it.

    Args:
        config: Dict, as `preset_files.schema.schema` describes it.
        overrides: Dict of arguments of `SphereEncoderBackbone` and
            `SphereEncoderModel`; `sampling` may hold only some of the options.

    Returns:
        Three dicts: the architecture, what else to give to the backbone, and the
        arguments of the model.

    Raises:
        ValueError: If there is no argument of that name.
    """
    architecture, noise = dict(config["architecture"]), dict(config["noise"])
    sampling = dict(config["sampling"])
    perceptual = config["recipe"]["perceptual"]
    perceptual = None if perceptual in PRETRAINED else perceptual
    model = {name: config["recipe"][name] for name in RECIPE_ARGUMENTS}
    options, model = {}, {**model, "perceptual": perceptual, "classifier": None}
    own = (*_MODEL_ARGUMENTS, *RECIPE_ARGUMENTS)
    known = [*architecture, *noise, *_BACKBONE_OPTIONS, *own, "sampling"]
    num_classes = architecture["num_classes"]
    if overrides.get("num_classes", num_classes) != num_classes:
        architecture["class_names"] = None
    if overrides.get("condition_dim", -1) == 0:
        architecture["embedder"] = None
    if "max_angle_degrees" in overrides and "hard_case_max_angle_degrees" in noise:
        noise["hard_case_max_angle_degrees"] = None
    if "max_angle_degrees" in overrides and architecture["angle_condition"]:
        architecture["angle_condition_degrees"] = overrides["max_angle_degrees"]
    for name, value in overrides.items():
        if name not in known:
            raise ValueError(
                f"A preset has no value `{name}` to override. It has: "
                f"{', '.join(by_likeness(name, known))}. Received: {name}={value!r}"
            )
        if name == "sampling":
            sampling.update(value)
        elif name in _BACKBONE_OPTIONS:
            options[name] = value
        elif name in own:
            model[name] = value
        else:
            (architecture if name in architecture else noise)[name] = value
    name, off = UNGUIDED[architecture["motion"]]
    told = architecture["num_classes"] or architecture["condition_dim"]
    if not told and name not in overrides.get("sampling", {}):
        sampling[name] = float(off)
    return architecture, options, {**noise, **model, "sampling": sampling}
