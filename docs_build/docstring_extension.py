"""Extension of Griffe: what only our docstrings have, in words that it knows."""

import re

import griffe

CALL = (r"^Call arguments:$", "Other Parameters: Call arguments:")
# Of a layer without a constructor of its own: they are not in the signature.
INHERITED = (r"^Args:$", "Other Parameters: Args:")
SEVERAL = re.compile(
    r"^( +)(\*{0,2}\w+(?:,\s+\*{0,2}\w+)+): (.*(?:\n\1 {4}.*)*)$", re.MULTILINE
)


class OurDocstrings(griffe.Extension):
    """Sections of Keras, and `a, b: As for x.`, which becomes an entry for each."""

    def on_object(self, *, obj, loader, **kwargs):
        if obj.docstring:
            inherits = obj.is_class and obj.bases and "__init__" not in obj.members
            text = SEVERAL.sub(_one_each, obj.docstring.value)
            for title, known in [CALL, *([INHERITED] if inherits else [])]:
                text = re.sub(title, known, text, flags=re.MULTILINE)
            obj.docstring.value = text


def _one_each(found):
    indent, names, text = found.groups()
    return "\n".join(f"{indent}{name}: {text}" for name in re.split(r",\s+", names))
