"""What one backend saves, every other one loads."""

import importlib.util
import shutil

import keras
import pytest

from tests.training import processes

pytestmark = pytest.mark.slow

BACKENDS = ("jax", "tensorflow", "torch")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Files of a model that this process's backend trained."""
    folder = tmp_path_factory.mktemp("written")
    status, _, errors = processes.run(
        "tests.training.backend_file", "write", folder, folder / "outputs.npz"
    )
    assert status == 0, errors[-3000:]
    return folder


@pytest.mark.parametrize("backend", BACKENDS)
def test_another_backend_loads_it_and_goes_on(written, tmp_path, backend):
    if backend == keras.backend.backend():
        pytest.skip("the backend that wrote the files")
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    folder = shutil.copytree(written, tmp_path / "copy")
    status, _, errors = processes.run(
        *("tests.training.backend_file", "read", folder, folder / "outputs.npz"),
        backend=backend,
    )
    assert status == 0, errors[-3000:]
