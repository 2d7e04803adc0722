"""Imports point down only, and backends are imported in few places."""

import ast
import pathlib

import pytest

pytestmark = pytest.mark.any_backend

PACKAGE = "keras_sphere"
ROOT = pathlib.Path(__file__).parents[1] / PACKAGE

# From the bottom up; a part may import what stands below it.
ORDER = (
    "version",
    "choices",
    "short_repr",
    "notebooks",
    "training_options",
    "lazy_names",
    "nearest",
    "optional_imports",
    "readable",
    "files",
    "typing",
    "backend",
    "wide_floats",
    "noise_radii",
    "geometry",
    "rotation",
    "motions",
    "validation",
    "angle_gap",
    "class_names",
    "condition_rows",
    "embedders",
    "image_validation",
    "noise_schedule",
    "layers",
    "losses",
    "score_matching",
    "perceptual",
    "learning_rate",
    "optimizer_groups",
    "optimizers",
    "loop_plan",
    "sampling_options",
    "rotation_sampling_options",
    "sampling",
    "preset_files",
    "models",
    "convert",
    "presets",
    "export",
    "editing",
    "evaluation",
    "distribution",
    "training",
    "web",
    "serve",
    "command_line",
    "__main__",
    "__init__",
)
# Tools know no models; only what stands on both uses them.
TOOLS = ("data", "metrics", "visualization")
MAY_IMPORT_TOOLS = ("editing", "evaluation", "training", "command_line")
TOOLS_MAY_IMPORT = (
    "choices",
    "lazy_names",
    "nearest",
    "optional_imports",
    "files",
    "readable",
    "typing",
    "short_repr",
    "notebooks",
    "wide_floats",
    "geometry",
    "rotation",
    "motions",
    "validation",
    "embedders",
    "image_validation",
)

BACKENDS = ("tensorflow", "jax", "torch")
MAY_IMPORT_BACKENDS = ("backend", "distribution", "convert", "data")
IMPORT_FUNCTIONS = ("import_module", "import_optional", "__import__")
LAZY_NAMES = "lazy_names"  # of a package, its own modules


class _AtRunTime(ast.NodeTransformer):
    """Leaves out what only a type checker imports."""

    def visit_If(self, node):
        is_for_types = ast.unparse(node.test) == "TYPE_CHECKING"
        return node.orelse if is_for_types else self.generic_visit(node)


def imported_names(source, module, at_run_time=False):
    """Dotted names that a module imports, anywhere in it, by line.

    Args:
        source: String. The module's code.
        module: String. Its dotted name, which relative imports start from; a
            package's ends in `.__init__`.
        at_run_time: Boolean. Whether to leave out imports for annotations.

    Returns:
        List of pairs of a line number and a name, such as `package.part.Class`.
    """
    names, tree = [], ast.parse(source)
    for node in ast.walk(_AtRunTime().visit(tree) if at_run_time else tree):
        if isinstance(node, ast.Import):
            names += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = module.split(".")[: -node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names += [(node.lineno, f"{base}.{alias.name}") for alias in node.names]
        elif isinstance(node, ast.Call) and node.args:
            function = getattr(node.func, "attr", getattr(node.func, "id", None))
            if function in IMPORT_FUNCTIONS and isinstance(node.args[0], ast.Constant):
                names.append((node.lineno, node.args[0].value))
            if function == LAZY_NAMES and isinstance(node.args[-1], ast.Dict):
                package = module.removesuffix(".__init__")
                keys = [key.value for key in node.args[-1].keys]
                names += [(node.lineno, f"{package}.{key}") for key in keys]
    return names


def part_of(name):
    """The part of the package that a dotted name is of; `__init__` is its top."""
    parts = name.split(".")
    known = (*ORDER, *TOOLS)
    return parts[1] if len(parts) > 1 and parts[1] in known else "__init__"


def may_import(part, other):
    if part == other or part == "__init__":
        return True
    if part in TOOLS:
        return other in TOOLS_MAY_IMPORT
    if other in TOOLS:
        return part in MAY_IMPORT_TOOLS
    return ORDER.index(other) < ORDER.index(part)


def violations(source, module):
    """What a module imports and must not, as sentences."""
    part, found = part_of(module), []
    for line, name in imported_names(source, module):
        root = name.split(".")[0]
        if root in BACKENDS and part not in MAY_IMPORT_BACKENDS:
            found.append(f"{module}:{line}: imports the backend {root}")
        if root == PACKAGE and not may_import(part, part_of(name)):
            found.append(f"{module}:{line}: {part} imports {part_of(name)}")
    return found


def cycle(imports):
    """A circle in a dict of module -> imported modules, or `None`."""
    done = set()

    def visit(module, path):
        if module in path:
            return [*path[path.index(module) :], module]
        if module not in done:
            for other in imports.get(module, ()):
                circle = visit(other, [*path, module])
                if circle:
                    return circle
            done.add(module)
        return None

    return next(filter(None, (visit(module, []) for module in imports)), None)


def sources():
    """Dict of dotted module name -> code of the whole package."""
    return {
        ".".join(path.relative_to(ROOT.parent).with_suffix("").parts): path.read_text()
        for path in sorted(ROOT.rglob("*.py"))
    }


def module_imports(modules):
    """Dict of module -> the modules of the package that it imports to run."""

    def resolve(name):
        parts = name.split(".")
        for length in range(len(parts), 0, -1):
            for candidate in (parts[:length], [*parts[:length], "__init__"]):
                if ".".join(candidate) in modules:
                    return ".".join(candidate)
        return None

    return {
        module: sorted(
            {resolve(name) for _, name in imported_names(source, module, True)} - {None}
        )
        for module, source in modules.items()
    }


def test_every_part_has_a_place():
    names = {path.stem for path in ROOT.iterdir() if path.suffix in ("", ".py")}
    unknown = {name for name in names if not name.startswith("__pycache__")}
    assert unknown <= {*ORDER, *TOOLS}


def test_imports_point_down():
    modules = sources()
    assert len(modules) > 30
    found = [v for name, source in modules.items() for v in violations(source, name)]
    assert found == []


def test_no_circles():
    assert cycle(module_imports(sources())) is None


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("geometry", "from keras_sphere import layers"),
        ("geometry", "from keras_sphere.layers import SwiGLU"),
        ("geometry", "import keras_sphere.models.encoder"),
        ("geometry", "from keras_sphere import SphereEncoderModel"),
        ("geometry", "if TYPE_CHECKING:\n    from keras_sphere.layers import SwiGLU"),
        ("layers.swiglu", "from keras_sphere.losses import PixelLoss"),
        ("layers.swiglu", "from ..losses import PixelLoss"),
        ("layers.swiglu", "from .. import models"),
        ("models.encoder", "def f():\n    from keras_sphere import convert"),
        ("models.encoder", "from keras_sphere.data import load_digits"),
        ("metrics.psnr", "from keras_sphere.models import Encoder"),
        ("metrics.psnr", "from keras_sphere.visualization import plot_losses"),
        ("sampling", "import torch"),
        ("models.encoder", "from jax import numpy"),
        ("models.encoder", "def f():\n    import tensorflow.keras as tf"),
        ("metrics.psnr", "torch = import_optional('torch', 'this')"),
        ("sampling", "import importlib\nimportlib.import_module('jax.numpy')"),
    ],
)
def test_the_check_finds(module, line):
    assert len(violations(line, f"{PACKAGE}.{module}")) == 1


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("models.encoder", "from keras_sphere.layers import MLPMixer"),
        ("models.encoder", "from .. import geometry"),
        ("models.encoder", "from keras_sphere.models.sizes import SIZES"),
        ("backend", "import jax"),
        ("convert.reference", "import torch"),
        ("data.digits", "from keras_sphere.validation import read_share"),
        ("training.run", "from keras_sphere import data, metrics, visualization"),
        ("__init__", "from keras_sphere import convert, models"),
        ("sampling", "import numpy, keras\nimport jaxtyping"),
    ],
)
def test_the_check_lets_through(module, line):
    assert violations(line, f"{PACKAGE}.{module}") == []


def test_lazy_names_are_imports():
    """Those of a package count as imported, for circles and for all that follows."""
    source = "f = lazy_names(__name__, {'a': ('A',), 'b': ('B',)})"
    found = imported_names(source, "keras_sphere.models.__init__")
    assert [name for _, name in found] == [
        "keras_sphere.models.a",
        "keras_sphere.models.b",
    ]
    lazy = {name for name, text in sources().items() if f" = {LAZY_NAMES}(" in text}
    imports = module_imports(sources())
    assert "keras_sphere.data.__init__" in lazy
    assert all(len(imports[name]) > 1 for name in lazy)


def test_the_check_finds_circles():
    modules = {
        "keras_sphere.models.__init__": "from keras_sphere.models.a import A",
        "keras_sphere.models.a": "def f():\n    from keras_sphere.models import B",
    }
    assert cycle(module_imports(modules)) is not None
    modules["keras_sphere.models.a"] = (
        "if TYPE_CHECKING:\n    from keras_sphere.models import B"
    )
    assert cycle(module_imports(modules)) is None
    modules["keras_sphere.models.a"] = "from keras_sphere.models.b import B"
    modules["keras_sphere.models.b"] = "import keras"
    assert cycle(module_imports(modules)) is None
