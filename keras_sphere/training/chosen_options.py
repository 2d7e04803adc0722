"""Options that a user left open, and were chosen, each with its reason."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Choice:
    """One option, and the sentence that says why."""

    name: str
    value: object
    reason: str


class Choices:
    """Options that the user left open, one after the other.

    Args:
        options: `TrainingOptions`.

    Attributes:
        options: The same, with all choices made so far.
        made: List of `Choice`.
    """

    def __init__(self, options):
        self.options = options
        self.made = []

    def add(self, name, value, reason):
        """Chooses an option unless the user did; returns its value."""
        given = getattr(self.options, name)
        if given is not None:
            return given
        self.options = dataclasses.replace(self.options, **{name: value})
        self.made.append(Choice(name, value, reason))
        return value

    def forget(self, *names):
        """Leaves options open again that were chosen, not given."""
        gone = [choice.name for choice in self.made if choice.name in names]
        self.made = [choice for choice in self.made if choice.name not in names]
        self.options = dataclasses.replace(self.options, **dict.fromkeys(gone))

    def as_dict(self):
        """Name -> value of what was chosen."""
        return {choice.name: choice.value for choice in self.made}

    def text(self):
        """A line for each choice, with its flag."""
        flags = [(f"--{c.name}={_shown(c.value)}", c.reason) for c in self.made]
        width = max(len(flag) for flag, _ in flags)
        return "\n".join(
            ["Chosen for these images; each is a flag:"]
            + [f"  {flag:{width}}  {reason}".rstrip() for flag, reason in flags]
        )


def _shown(value):
    return f"{value:g}" if isinstance(value, float) else value
