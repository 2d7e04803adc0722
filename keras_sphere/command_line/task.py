"""What a task is, and what is asked of it."""

import dataclasses
import importlib
from collections.abc import Callable
from typing import Any

from absl import flags


@dataclasses.dataclass(frozen=True)
class Task:
    """One entry of the command line.

    Args:
        name: String, as on the command line.
        summary: String. Its line in `--help`.
        define: Tuple of functions that define flags in an `absl.flags.FlagValues`.
        required: Tuple of names of flags that must be given.
        arguments: Tuple of names of arguments without dashes; `"[NAME]"` may be
            left out.
        example: String. Flags that show how it is used.
        needs_keras: Boolean. Whether what `prepare` returns needs Keras.
        common: Tuple of names of the flags that `--help` lists; `--help=all` lists
            the others, too. Empty for all.
    """

    name: str
    summary: str
    define: tuple[Callable[..., Any], ...]
    required: tuple[str, ...] = ("preset",)
    arguments: tuple[str, ...] = ()
    example: str = "--preset=digits16"
    needs_keras: bool = True
    common: tuple[str, ...] = ()

    def flag_values(self):
        """New `absl.flags.FlagValues` with the flags of this task, not yet parsed."""
        values = flags.FlagValues()
        for define in self.define:
            define(values)
        return values

    @property
    def prepare(self):
        """The function that begins it, imported now: callable of a `Request`.

        It checks what can be known without Keras, which nothing imports before it is
        through, and returns the rest of the work as a callable without arguments.
        """
        module = importlib.import_module(
            f"keras_sphere.command_line.runs.{self.name.replace('-', '_')}"
        )
        return module.prepare


@dataclasses.dataclass(frozen=True)
class Request:
    """A task and all that the user said about it.

    Args:
        task: `Task`.
        settings: Dict of flag name -> value; arguments without dashes are in it
            under their names.
        load_model: Callable of `ModelSource` that returns the model, or `None`.
        recorded: `PictureSettings` that the files must agree with, or `None`.
    """

    task: Task
    settings: dict[str, Any]
    load_model: Callable[..., Any] | None = None
    recorded: object = None
