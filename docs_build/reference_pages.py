"""Hook of MkDocs: a page of the reference for each public module."""

import pathlib
import sys

from mkdocs.structure.files import File

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from public_names import PACKAGE, exported, public_modules

FOLDER = "reference"
PLACE = f"{FOLDER}/"  # stands in the navigation for all of these pages


def on_config(config):
    config.nav = [_filled(entry) for entry in config.nav]
    return config


def on_files(files, config):
    for module in public_modules():
        files.append(File.generated(config, page_of(module), content=text_of(module)))
    return files


def page_of(module):
    """Where the page of a module is on the site."""
    return f"{FOLDER}/{module.removeprefix(f'{PACKAGE}.')}.md"


def text_of(module):
    """Markdown of the page of a module, which mkdocstrings fills.

    Args:
        module: String. The dotted name of a public module.
    """
    modules = public_modules()
    names = [name for name in exported(module) if f"{module}.{name}" not in modules]
    entries = [f"::: {module}.{name}" for name in names if not name.startswith("_")]
    options = {"members": "false", "heading_level": "1", "show_root_full_path": "true"}
    lines = (f"      {key}: {value}" for key, value in options.items())
    top = "\n".join([f"::: {module}", "    options:", *lines])
    return "\n\n".join([top, *entries]) + "\n"


def _filled(entry):
    (title, place), *_ = entry.items()
    if place != PLACE:
        return entry
    return {title: [{module: page_of(module)} for module in public_modules()]}
