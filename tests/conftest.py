"""What must be set before a test imports Keras."""

import atexit
import os
import shutil
import tempfile

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=2")

if "KERAS_HOME" not in os.environ:
    # The settings in a developer's keras.json must not decide what passes.
    os.environ["KERAS_HOME"] = tempfile.mkdtemp(prefix="keras_home_")
    atexit.register(shutil.rmtree, os.environ["KERAS_HOME"], ignore_errors=True)

import keras_sphere  # noqa: F401  (picks the backend if nobody has)


def pytest_report_header():
    import keras

    return f"keras {keras.__version__} on {keras.backend.backend()}"


@pytest.fixture(scope="module")
def quick_compilation():
    """Tests of behavior run a program few times, so they do without optimization."""
    import keras

    if keras.backend.backend() != "jax":
        yield
        return
    import jax

    option = "jax_disable_most_optimizations"
    before = jax.config.values[option]
    jax.config.update(option, True)
    yield
    jax.config.update(option, before)
