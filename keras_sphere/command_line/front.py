"""The one entry of the command line."""

import importlib
import os
import sys

from keras_sphere.backend.selection import import_keras, select_backend
from keras_sphere.command_line.errors import UsageError
from keras_sphere.command_line.help_text import overview, task_help
from keras_sphere.command_line.parsing import find_task, parse

HELP_OF_ALL = ("--help=all", "--helpfull")
HELP = ("--help", "-h", "-help", "help", *HELP_OF_ALL)


def main(words, load_model=None):
    """Runs a task.

    Args:
        words: List of strings: the task's name and its flags.
        load_model: Callable of `ModelSource` that returns a model, in place of
            loading it: for programs that keep models.

    Returns:
        Integer, the exit status: 0, 1 for an error, 2 for a command that was not
        understood, 130 for an interrupt, 141 if nobody reads the output any more.
    """
    try:
        _run(words, load_model)
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_output()
        return 141
    except UsageError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    except (ValueError, OSError, ImportError, ArithmeticError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    return 0


def _run(words, load_model):
    if not words or words[0] in HELP:
        print(overview())
        return
    task = find_task(words[0])
    if any(word in HELP for word in words[1:]):
        print(task_help(task, any(word in HELP_OF_ALL for word in words)))
        return
    request = parse(task, list(words[1:]), load_model)
    if task.needs_keras:
        select_backend()
    finish = task.prepare(request)
    if task.needs_keras:
        _start_keras(request.settings)
    finish()


def _start_keras(settings):
    """Imports Keras, now that the command was understood and seems to work out."""
    import_keras()
    if settings.get("compilation_cache"):
        cache = importlib.import_module("keras_sphere.backend.compilation_cache")
        cache.keep_compiled_programs()


def _discard_output():
    """Keeps Python from a message of its own when it flushes the output at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
