"""Hook of MkDocs: the site loads nothing from other hosts."""

import pathlib
import re

from mkdocs.exceptions import PluginError

LOADED = re.compile(
    r"<(?:script|img|link|iframe|source|video)\b[^>]*"
    r"""\b(?:src|href)=["']?((?:https?:)?//[^"'\s>]+)"""
)
IN_STYLE = re.compile(r"""(?:url\(|@import)\s*["']?((?:https?:)?//[^"')\s]+)""")


def on_post_build(config):
    found = loaded_from_elsewhere(pathlib.Path(config.site_dir))
    if found:
        raise PluginError("Loaded from other hosts:\n" + "\n".join(found))


def loaded_from_elsewhere(folder):
    """What the pages and styles of a site would fetch from other hosts.

    Args:
        folder: Path of the site.

    Returns:
        List of strings, `page: address`.
    """
    patterns = {".html": LOADED, ".css": IN_STYLE}
    return [
        f"{path.relative_to(folder)}: {address}"
        for path in sorted(folder.rglob("*"))
        if path.suffix in patterns
        for address in patterns[path.suffix].findall(path.read_text(encoding="utf-8"))
    ]
