"""Flags of a training, for the examples: one for each of `TrainingOptions`."""

import dataclasses
import sys
import types
import typing

from absl import app, flags, logging

from keras_sphere.backend.compilation_cache import keep_compiled_programs
from keras_sphere.files.integrity import CorruptFileError
from keras_sphere.models.finite_loss_guard import NonFiniteLossError
from keras_sphere.training.options import TrainingOptions
from keras_sphere.training.run import train

_OF_PYTHON_ONLY = ("steps_per_epoch", "num_classes", "num_channels")
_EXPECTED = (
    CorruptFileError,
    ImportError,
    NonFiniteLossError,
    OSError,
    ValueError,
)


def run(required=(), **defaults):
    """Trains as the command line says: all that an example script does.

    Args:
        required: Sequence of names of flags that the user must give.
        **defaults: Defaults of the flags, in place of those of `TrainingOptions`.

    It exits with status 0 when the training is complete, or a signal has ended it and
    it is saved; with status 1 and a message when it cannot go on (`--verbosity=1`
    tells where).
    """
    names = define_flags(defaults)
    text = "Whether to keep compiled programs in the user's cache folder (JAX only)."
    flags.DEFINE_boolean("compilation_cache", True, text)
    flags.FLAGS.register_key_flag_for_module(
        sys.argv[0], flags.FLAGS["compilation_cache"]
    )
    flags.mark_flags_as_required(required)

    def main(_):
        if flags.FLAGS["verbosity"].using_default_value:
            logging.set_verbosity(logging.WARNING)
        if flags.FLAGS["compilation_cache"].value:
            keep_compiled_programs()
        try:
            train(**{name: flags.FLAGS[name].value for name in names})
        except _EXPECTED as error:
            logging.debug("Where it was raised:", exc_info=True)
            sys.exit(f"{type(error).__name__}: {error}")

    app.run(main)


def define_flags(defaults, registry=flags.FLAGS):
    """Defines the flags; `--help` lists them as those of the script.

    Args:
        defaults: Dict of defaults, by name.
        registry: `absl.flags.FlagValues`.

    Returns:
        List of names.

    Raises:
        ValueError: If there is no option of a name.
    """
    options = {
        field.name: field
        for field in dataclasses.fields(TrainingOptions)
        if field.name not in _OF_PYTHON_ONLY
    }
    unknown = sorted(set(defaults) - set(options))
    if unknown:
        raise ValueError(
            f"Defaults must be of flags that there are: {', '.join(options)}. "
            f"Received: {unknown}"
        )
    for name, field in options.items():
        default = defaults.get(name, field.default)
        _define(name, _kind(field.type), default, field.metadata, registry)
        registry.register_key_flag_for_module(sys.argv[0], registry[name])
    return list(options)


def _define(name, kind, default, metadata, registry):
    text = metadata["help"]
    if metadata["choices"]:
        flags.DEFINE_enum(name, default, metadata["choices"], text, registry)
        return
    define = {
        bool: flags.DEFINE_boolean,
        int: flags.DEFINE_integer,
        float: flags.DEFINE_float,
        str: flags.DEFINE_string,
    }[kind]
    define(name, default, text, flag_values=registry)


def _kind(annotation):
    """The type that a flag holds: `int` for `int | None`."""
    if annotation is typing.Any:  # a name or a path, on the command line
        return str
    if isinstance(annotation, types.UnionType):
        return next(kind for kind in annotation.__args__ if kind is not types.NoneType)
    return annotation
