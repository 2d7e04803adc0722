"""A sweep over steps and guidance: which points of it are measured."""

import math

MOST_NAMED = 10


class Patience:
    """How many values in a row may be no better than the best one before.

    Args:
        most: Integer, after how many the end is reached, or `None` for never.

    Attributes:
        best: Float. The least value so far.
    """

    def __init__(self, most):
        self._most, self._since, self.best = most, 0, math.inf

    def add(self, value):
        """Takes note of a value; NaN is no better than any."""
        self._since = 0 if value < self.best else self._since + 1
        self.best = min(value, self.best) if value == value else self.best

    @property
    def is_over(self):
        """Whether the end is reached."""
        return self._most is not None and self._since >= self._most


def sweep(guidances, steps, measure, stop_when_worse=None):
    """Measures points of a sweep, in their order, until they get no better.

    With `stop_when_worse=N` the steps of one guidance end after N values in a row whose
    Frechet distance is no less than the best one of that guidance; and the sweep ends
    after N guidances in a row whose best distance is no less than the best one before.

    Args:
        guidances: List of dicts of options of generation, in the order of the sweep.
        steps: List of integers or `None`, likewise.
        measure: Callable of a dict of options that returns a list of `Row`.
        stop_when_worse: Integer or `None`.

    Returns:
        List of texts: what was left out.
    """
    left_out, outer = [], Patience(stop_when_worse)
    for number, guidance in enumerate(guidances):
        inner = Patience(stop_when_worse)
        for place, count in enumerate(steps):
            measured = measure({**guidance, "steps": count})
            inner.add(min(row.values.get("frechet", math.nan) for row in measured))
            if inner.is_over and steps[place + 1 :]:
                left_out.append(_text("steps", steps[place + 1 :], guidance))
                break
        outer.add(inner.best)
        if outer.is_over and guidances[number + 1 :]:
            rest = [value for g in guidances[number + 1 :] for value in _given(g)]
            left_out.append(_text("guidance", rest, {}))
            break
    return left_out


def _text(name, values, guidance):
    shown = ", ".join(f"{value:g}" for value in values[:MOST_NAMED])
    more = f" and {len(values) - MOST_NAMED} more" if len(values) > MOST_NAMED else ""
    where = "".join(f" at guidance {value:g}" for value in _given(guidance))
    return f"{name} {shown}{more}{where}, since values before were no better"


def _given(guidance):
    return [value for value in guidance.values() if value is not None]
