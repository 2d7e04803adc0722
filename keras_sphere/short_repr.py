"""How objects show themselves: a line in a terminal, a small table in a notebook."""

import html


class ShortRepr:
    """A `repr` of one line, and the same as HTML, from the facts that a class states.

    A dataclass needs `repr=False`, or it writes a `repr` of its own.
    """

    def _facts(self):
        """Dict of name -> value that `str` makes short."""
        raise NotImplementedError

    def __repr__(self):
        facts = "; ".join(f"{name}: {value}" for name, value in self._facts().items())
        return f"<{type(self).__name__} {facts}>"

    def _repr_html_(self):
        rows = [(name, value) for name, value in self._facts().items()]
        return html_table(rows, caption=type(self).__name__)


def html_table(rows, header=(), caption=""):
    """A table as HTML, without any style.

    Args:
        rows: Iterable of sequences of values, which are shown by `str`.
        header: Sequence of values: the names of the columns, if any.
        caption: String.

    Returns:
        String.
    """
    lines = [_row("th", header)] if header else []
    lines += [_row("td", row) for row in rows]
    title = f"<caption>{html.escape(caption)}</caption>" if caption else ""
    return f"<table>{title}{''.join(lines)}</table>"


def _row(tag, values):
    cells = (f"<{tag}>{html.escape(str(value))}</{tag}>" for value in values)
    return f"<tr>{''.join(cells)}</tr>"
