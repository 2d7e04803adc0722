"""What `--help` prints."""

import textwrap

from absl import flags

from keras_sphere.command_line.flag_types import CommaList
from keras_sphere.command_line.tasks import TASKS

WIDTH = 88


def overview():
    """All tasks, in a line each."""
    width = max(map(len, TASKS))
    lines = [
        "Usage: python -m keras_sphere TASK [flags]",
        "",
        *(f"  {task.name:{width}}  {task.summary}" for task in TASKS.values()),
        "",
        "`python -m keras_sphere TASK --help` lists the flags of a task.",
        "KERAS_BACKEND=jax, tensorflow or torch chooses the backend.",
    ]
    return "\n".join(lines)


def task_help(task, of_all=False):
    """The flags of a task, as they are defined.

    Args:
        task: `Task`.
        of_all: Boolean. Whether to list those that few people change, too.
    """
    usage = " ".join(["python -m keras_sphere", task.name, *task.arguments, "[flags]"])
    lines = [
        f"Usage: {usage}",
        "",
        task.summary,
        "",
        f"Example: python -m keras_sphere {task.name} {task.example}",
        "",
        "Flags:",
    ]
    values = task.flag_values()
    names = list(values) if of_all or not task.common else task.common
    for name in names:
        lines += _flag_lines(values[name], name in task.required)
    if len(names) < len(list(values)):
        more = len(list(values)) - len(names)
        lines += ["", f"--help=all lists {more} more."]
    return "\n".join(lines)


def _flag_lines(flag, required):
    name = f"--[no]{flag.name}" if flag.boolean else f"--{flag.name}={_kind(flag)}"
    text = flag.help.partition(">: ")[2] or flag.help
    words = [text.partition(";\n")[0]]  # absl adds that a flag may be repeated
    limits = getattr(flag.parser, "syntactic_help", "").partition(" in the range ")[2]
    if limits:
        words.append(f"In {limits}.")
    if required:
        words.append("Required.")
    elif flag.default not in (None, "", []):
        words.append(f"Default: {flag.default_as_str.strip(chr(39))}.")
    text = textwrap.wrap(" ".join(words), WIDTH - 8)
    return [f"  {name}", *(f"      {line}" for line in text)]


def _kind(flag):
    parser = flag.parser
    if isinstance(parser, CommaList):
        return "LIST"
    if getattr(parser, "enum_values", None):
        return "|".join(parser.enum_values)
    kinds = {flags.IntegerParser: "INTEGER", flags.FloatParser: "NUMBER"}
    matches = [kind for cls, kind in kinds.items() if isinstance(parser, cls)]
    return matches[0] if matches else "TEXT"
