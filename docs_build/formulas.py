"""Hook of MkDocs: formulas as MathML, which browsers draw without any script."""

import html
import re

from latex2mathml.converter import convert

FORMULA = re.compile(
    r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</(?:span|div)>', re.S
)


def on_page_content(content, page, config, files):
    return FORMULA.sub(_as_mathml, content)


def _as_mathml(found):
    display = "block" if found[1] == "div" else "inline"
    return convert(html.unescape(found[2]), display=display)
