"""From the words of a command to a `Request`."""

from absl import flags

from keras_sphere.command_line.errors import UsageError, nearest_names
from keras_sphere.command_line.flag_types import CommaList
from keras_sphere.command_line.task import Request
from keras_sphere.command_line.tasks import TASKS

_ANY_NUMBER = " ...]"


def find_task(name):
    """The `Task` of a name.

    Raises:
        UsageError: If there is none; the nearest names are in the message.
    """
    if name not in TASKS:
        raise UsageError(
            f"There is no task of that name.{nearest_names(name, TASKS)} "
            f"Tasks: {', '.join(TASKS)}. Received: {name!r}"
        )
    return TASKS[name]


def parse(task, words, load_model=None):
    """Reads flags and arguments of a task.

    Args:
        task: `Task`.
        words: List of strings, what follows the task's name.
        load_model: As in `Request`.

    Returns:
        `Request`.

    Raises:
        UsageError: If a flag is unknown, a value is out of range, or something that
            the task needs is missing.
    """
    values = task.flag_values()
    _refuse_files_of_flags(words)
    try:
        _, *rest = values([task.name, *words])
    except flags.UnrecognizedFlagError as error:
        name = error.flagname
        raise UsageError(
            f"{task.name} has no flag --{name}.{nearest_names(name, _names(values))} "
            f"`python -m keras_sphere {task.name} --help` lists the flags. "
            f"Received: --{name}"
        ) from error
    except flags.Error as error:
        raise UsageError(
            f"{error}. `python -m keras_sphere {task.name} --help` lists the flags"
        ) from error
    settings = {name: values[name].value for name in values}
    settings.update(_arguments(task, rest))
    required = task.required
    if rest and task.required_with_arguments is not None:
        required = task.required_with_arguments
    missing = [f"--{name}" for name in required if settings[name] is None]
    if missing:
        raise UsageError(
            f"{task.name} needs {' and '.join(missing)}, for example "
            f"`python -m keras_sphere {task.name} {task.example}`"
        )
    return Request(task, settings, load_model)


def as_words(task, settings):
    """The words that give these settings, for `parse`; values of `None` are left out.

    Args:
        task: `Task`.
        settings: Dict of flag name -> value.
    """
    values, words = task.flag_values(), []
    for name, value in settings.items():
        if value is None:
            continue
        several = isinstance(values[name], flags.MultiFlag)
        if isinstance(value, list) != several and not _takes_lists(values[name]):
            raise UsageError(f"--{name} has a value of another kind. Received: {value}")
        if several:
            words += [f"--{name}={entry}" for entry in value]
        elif isinstance(value, bool):
            words.append(f"--{name}={str(value).lower()}")
        elif isinstance(value, list):
            words.append(f"--{name}={values[name].serializer.serialize(value)}")
        else:
            words.append(f"--{name}={value}")
    return words


def _names(values):
    """What can be written behind `--`."""
    return [*values, *(f"no{name}" for name in values if values[name].boolean)]


def _takes_lists(flag):
    return isinstance(flag.parser, CommaList)


def _arguments(task, rest):
    needed = [name for name in task.arguments if not name.startswith("[")]
    names = [name.strip("[].").strip().lower() for name in task.arguments]
    if task.arguments and task.arguments[-1].endswith(_ANY_NUMBER):
        return {names[-1]: rest}
    if not len(needed) <= len(rest) <= len(task.arguments):
        expected = " ".join(task.arguments) or "flags only"
        raise UsageError(
            f"{task.name} takes {expected}. Received: {' '.join(rest) or 'nothing'}"
        )
    return dict(zip(names, rest + [None] * len(names), strict=False))


def _refuse_files_of_flags(words):
    """absl reads flags from files, which no task needs."""
    for word in words:
        if word.lstrip("-").partition("=")[0] in ("flagfile", "undefok"):
            raise UsageError(f"There is no such flag. Received: {word}")
