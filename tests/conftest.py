"""What must be set before a test imports Keras."""

import atexit
import contextlib
import gc
import importlib.metadata
import importlib.util
import os
import random
import shutil
import tempfile

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("JAX_DEFAULT_MATMUL_PRECISION", "highest")  # no TF32
# XLA's CPU compiler takes a third of its time without its newer fusions; what these
# give, the slow tests run, for which the Makefile sets these flags without that. An XLA
# that does not know a flag ends the process, so only the version tried gets them.
XLA_FLAGS = "--xla_force_host_platform_device_count=2"
XLA_TRIED = "0.10.2"  # of jaxlib
if importlib.util.find_spec("jaxlib") and (
    importlib.metadata.version("jaxlib") == XLA_TRIED
):
    XLA_FLAGS += " --xla_cpu_use_fusion_emitters=false"
    XLA_FLAGS += " --xla_cpu_parallel_codegen_split_count=1"
os.environ.setdefault("XLA_FLAGS", XLA_FLAGS)

# The settings in a developer's keras.json must not decide what passes, and programs
# that JAX compiled serve the processes of this run, not the user's later ones.
for name in ("KERAS_HOME", "JAX_COMPILATION_CACHE_DIR"):
    if name not in os.environ:
        os.environ[name] = tempfile.mkdtemp(prefix=f"{name.lower()}_")
        atexit.register(shutil.rmtree, os.environ[name], ignore_errors=True)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")

import keras_sphere  # noqa: E402, F401  (picks the backend if nobody has)

# Models leave much garbage, and each collection looks at all programs that are kept.
gc.set_threshold(20_000)


def pytest_configure():
    """Golden tolerances are for true float32; TF32 on a GPU has errors of 1e-3."""
    import keras

    if keras.backend.backend() == "torch":
        import torch

        torch.set_float32_matmul_precision("highest")
        torch.backends.cudnn.allow_tf32 = False


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    """Each test, and all that is set up for it, gets equal seeds.

    Keras' initializers take theirs from `random`.
    """
    random.seed(0)


def pytest_report_header():
    import keras

    return f"keras {keras.__version__} on {keras.backend.backend()}"


@contextlib.contextmanager
def without_optimization():
    """JAX compiles quickly, and so do processes started here, which share programs."""
    import keras

    if keras.backend.backend() != "jax":
        yield
        return
    import jax

    option = "jax_disable_most_optimizations"
    before = jax.config.values[option]
    jax.config.update(option, True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(option.upper(), "1")
        yield
    jax.config.update(option, before)


@pytest.fixture(scope="module")
def quick_compilation():
    """Tests of behavior run a program few times, so they do without optimization."""
    with without_optimization():
        yield


@pytest.fixture
def quick_program():
    """One test without optimization in a module whose others run as users do."""
    with without_optimization():
        yield
