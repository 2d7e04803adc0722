"""What is chosen of a training, checked."""

import dataclasses
import typing

from keras_sphere.training_options import TrainingOptions
from keras_sphere.validation import read_boolean, read_finite, read_integer


def new_options(**choices):
    """`TrainingOptions` of keyword arguments, each checked, as plain Python values.

    Raises:
        ValueError: If there is no option of a name, or a value is not of its type or
            among its choices.
    """
    plain = {}
    fields = {field.name: field for field in dataclasses.fields(TrainingOptions)}
    for name, value in choices.items():
        if name not in fields:
            raise ValueError(
                f"There is no option `{name}`. There are: {', '.join(fields)}. "
                f"Received: {name}={value!r}"
            )
        allowed = fields[name].metadata["choices"]
        if allowed and value is not None and str(value) not in allowed:
            raise ValueError(
                f"`{name}` must be one of {list(allowed)}. Received: {name}={value!r}"
            )
        plain[name] = _read_option(name, value, fields[name].type)
    return TrainingOptions(**plain)


def _read_option(name, value, declared):
    """A value as the type of its option asks for; text and `None` as they are."""
    kinds = typing.get_args(declared) or (declared,)
    if value is None:
        return None
    if str in kinds and type(value) is int:  # `verbose=0`, as in `fit`
        return str(value)
    if bool in kinds:
        return read_boolean(name, value)
    if int in kinds:
        return read_integer(name, value, least=0)
    return read_finite(name, value) if float in kinds else value
