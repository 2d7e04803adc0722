"""Extension of Griffe: names that a package imports when they are first used."""

import pathlib
import sys

import griffe

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from public_names import lazy_places


class LazyNames(griffe.Extension):
    """Adds an alias for each of them, as if it had been imported."""

    def on_module(self, *, mod, loader, **kwargs):
        if not mod.is_init_module:
            return
        source = pathlib.Path(mod.filepath).read_text(encoding="utf-8")
        for name, place in lazy_places(source).items():
            mod.set_member(name, griffe.Alias(name, f"{mod.path}.{place}.{name}"))
