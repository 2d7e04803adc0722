"""Flags of `train`: one for each of `TrainingOptions` that text can say."""

import dataclasses
import types
import typing

from absl import flags

from keras_sphere.command_line.shared_flags import define_compilation_cache
from keras_sphere.training_options import TrainingOptions

OF_PYTHON_ONLY = ("num_classes", "condition_dim")
OUTPUT = "output"  # what all tasks call it
# What people change most, which `--help` lists.
COMMON = (
    *(OUTPUT, "hours", "continue_for", "init_from", "preset", "image_size"),
    *("conditional", "augment", "horizontal_flip", "perceptual", "batch_size"),
    *("epochs", "data_license", "seed", "dry_run"),
)


def training_options():
    """The fields of `TrainingOptions` that have flags, in their order."""
    fields = dataclasses.fields(TrainingOptions)
    return [field for field in fields if field.name not in OF_PYTHON_ONLY]


def define_training(values):
    """The flags of a training."""
    for field in training_options():
        _define(field, values)
    flags.DEFINE_alias("output_dir", OUTPUT, values)
    define_compilation_cache(values)


def _define(field, values):
    name, text = _flag_name(field), field.metadata["help"]
    if field.metadata["choices"]:
        choices = field.metadata["choices"]
        flags.DEFINE_enum(name, field.default, choices, text, values)
        return
    define = {
        bool: flags.DEFINE_boolean,
        int: flags.DEFINE_integer,
        float: flags.DEFINE_float,
        str: flags.DEFINE_string,
    }[_kind(field.type)]
    define(name, field.default, text, flag_values=values)


def _flag_name(field):
    return OUTPUT if field.name == "output_dir" else field.name


def _kind(annotation):
    """The type that a flag holds: `int` for `int | None`."""
    if annotation is typing.Any:  # a name or a path, on the command line
        return str
    if isinstance(annotation, types.UnionType):
        return next(kind for kind in annotation.__args__ if kind is not types.NoneType)
    return annotation
