"""Hook of MkDocs: pages that stand outside docs/ and links to them.

The Markdown keeps the links that are right where it is read as files.
"""

import pathlib
import posixpath

from mkdocs.structure.files import File

ROOT = pathlib.Path(__file__).parents[1]
# Path in the repository -> page of the site.
PAGES = {
    "benchmarks/README.md": "benchmarks.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
}
STYLE = "stylesheets/site.css"


def on_files(files, config):
    for path, page in PAGES.items():
        text = (ROOT / path).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=text))
    style = (ROOT / "docs_build" / "site.css").read_text(encoding="utf-8")
    files.append(File.generated(config, STYLE, content=style))
    return files


def on_page_markdown(markdown, page, config, files):
    sources = {site: path for path, site in PAGES.items()}
    place = sources.get(page.file.src_uri, f"docs/{page.file.src_uri}")
    return with_site_links(markdown, posixpath.dirname(place))


def with_site_links(markdown, folder):
    """Markdown whose links to pages of `PAGES`, and from them to docs/, are the site's.

    Args:
        markdown: String. The text of a page.
        folder: String. Where the page lies in the repository.
    """
    for path, page in PAGES.items():
        markdown = markdown.replace(f"]({posixpath.relpath(path, folder)}", f"]({page}")
    if folder != "docs":
        docs = posixpath.relpath("docs", folder or ".")
        markdown = markdown.replace(f"]({docs}/", "](")
    return markdown
