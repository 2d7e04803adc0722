"""What makes a site of docs/: the reference has every public name."""

import pathlib
import re
import subprocess
import sys

import griffe
import pytest

from docs_build import formulas, other_hosts, outside_pages, public_names
from docs_build.docstring_extension import OurDocstrings

pytestmark = pytest.mark.any_backend

ROOT = pathlib.Path(__file__).parents[1]
SHOWN_AS_THEY_ARE = {"DEFAULT_METRICS", "EPSILON", "LAYOUT", "NAMES", "__version__"}


def public():
    """Pairs of a module and a name that it exports, which is no module."""
    modules = public_names.public_modules()
    return [
        (module, name)
        for module in modules
        for name in public_names.exported(module)
        if f"{module}.{name}" not in modules
    ]


@pytest.fixture(scope="module")
def package():
    extensions = griffe.load_extensions(
        str(ROOT / "docs_build" / "lazy_names_extension.py")
    )
    return griffe.load(
        public_names.PACKAGE,
        search_paths=[str(ROOT)],
        extensions=extensions,
        resolve_aliases=True,
    )


def test_public_modules():
    modules = public_names.public_modules()
    assert "keras_sphere.geometry" in modules
    assert len(modules) > 14
    assert all(public_names.exported(module) for module in modules)
    assert len(public()) > 120


def test_every_public_name_is_documented(package):
    names = [
        f"{module}.{name}" for module, name in public() if name not in SHOWN_AS_THEY_ARE
    ]
    found = {name: package[name.partition(".")[2]] for name in names}
    undocumented = [name for name in names if not found[name].has_docstring]
    assert undocumented == []


@pytest.mark.slow
def test_the_site_has_every_public_name(tmp_path):
    """Also, it builds without a warning and loads nothing from elsewhere."""
    subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
    )
    pages = {path.stem: path.read_text() for path in tmp_path.glob("reference/*.html")}
    for module, name in public():
        page = pages[module.removeprefix("keras_sphere.")]
        assert name == "__version__" or f'id="{module}.{name}"' in page
    assert 'id="keras_sphere.SphereEncoderModel.generate"' in pages["keras_sphere"]
    assert other_hosts.loaded_from_elsewhere(tmp_path) == []


def test_lazy_places():
    source = "__getattr__ = lazy_names(__name__, {'a': ('A', 'f'), 'b': ('B',)})"
    expected = {"A": "a", "f": "a", "B": "b"}
    assert public_names.lazy_places(source) == expected
    assert public_names.lazy_places("from x.a import A") == {}


@pytest.mark.parametrize(
    ("folder", "link", "on_the_site"),
    [
        ("docs", "[b](../benchmarks/README.md#speed)", "[b](benchmarks.md#speed)"),
        ("docs", "[c](../CHANGELOG.md)", "[c](changelog.md)"),
        ("docs", "[d](data.md)", "[d](data.md)"),
        ("benchmarks", "[o](../docs/training_options.md)", "[o](training_options.md)"),
        ("", "[q](docs/quickstart.md)", "[q](quickstart.md)"),
    ],
)
def test_links_of_the_site(folder, link, on_the_site):
    assert outside_pages.with_site_links(link, folder) == on_the_site


def test_several_arguments_become_one_each():
    value = "Does.\n\nArgs:\n    a, b: Integers,\n        both.\n    c: One.\n\n"
    function = griffe.Function("f", docstring=griffe.Docstring(value))
    OurDocstrings().on_object(obj=function, loader=None)
    assert function.docstring.value.split("\n")[3:8] == [
        "    a: Integers,",
        "        both.",
        "    b: Integers,",
        "        both.",
        "    c: One.",
    ]


def test_formulas_become_mathml():
    page = r'<p><span class="arithmatex">\(a &lt; b\)</span> and `$`</p>'
    content = formulas.on_page_content(page, None, None, None)
    assert re.fullmatch(r"<p><math.*<mo>&#x0003C;</mo>.*</math> and `\$`</p>", content)


@pytest.mark.parametrize(
    ("name", "text", "is_found"),
    [
        ("a.html", '<script src="https://host.test/x.js"></script>', True),
        ("a.html", '<link rel="stylesheet" href="//host.test/x.css">', True),
        ("a.html", '<a href="https://host.test/x">read</a>', False),
        ("a.html", '<img src="x.png">', False),
        ("a.css", "@import url(https://host.test/font.css)", True),
        ("a.css", "a { background: url(x.png) }", False),
    ],
)
def test_other_hosts(tmp_path, name, text, is_found):
    (tmp_path / name).write_text(text)
    assert bool(other_hosts.loaded_from_elsewhere(tmp_path)) == is_found
