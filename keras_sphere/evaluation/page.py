"""A page of HTML that holds its pictures."""

import base64
import html

from keras_sphere.files.atomic_file import replace_when_done
from keras_sphere.short_repr import html_table

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:66rem;margin:2rem auto;padding:0 1rem}
img{max-width:100%;height:auto}
pre{background:#f4f4f4;padding:.8rem;overflow-x:auto;font-size:12px}
table{border-collapse:collapse;font-size:13px;display:block;overflow-x:auto}
td,th{padding:.2rem .7rem;border-bottom:1px solid #ddd;text-align:left}
figcaption{color:#555;font-size:13px}figure{margin:1rem 0}
"""


class Page:
    """Parts of a page, in order.

    Args:
        title: String.
        folder: Path of a folder for pictures, which are put into the page.
    """

    def __init__(self, title, folder):
        self._folder = folder
        self._parts = [f"<h1>{html.escape(title)}</h1>"]
        self._title = title

    def heading(self, text):
        self._parts.append(f"<h2>{html.escape(text)}</h2>")

    def paragraph(self, text):
        self._parts.append(f"<p>{html.escape(text)}</p>")

    def text(self, text):
        self._parts.append(f"<pre>{html.escape(text)}</pre>")

    def table(self, rows, header):
        self._parts.append(html_table(rows, header))

    def picture(self, name, draw, caption):
        path = self._folder / f"{name}.png"
        draw(path)
        data = base64.b64encode(path.read_bytes()).decode()
        caption = html.escape(caption)
        self._parts.append(
            f'<figure><img id="{name}" alt="{caption}" '
            f'src="data:image/png;base64,{data}"><figcaption>{caption}</figcaption>'
            "</figure>"
        )

    def write(self, path):
        body = "\n".join(self._parts)
        text = (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width">'
            f"<title>{html.escape(self._title)}</title><style>{_STYLE}</style></head>"
            f"<body>\n{body}\n</body></html>\n"
        )
        with replace_when_done(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
