"""Presets and the network, in processes of their own."""

import importlib.util
import os
import pathlib
import subprocess
import sys
import textwrap

import pytest

from tests.presets.local_hub import REVISION, serve

pytestmark = pytest.mark.any_backend

ROOT = pathlib.Path(__file__).parents[2]
SERVED = ROOT / "keras_sphere" / "presets" / "digits16"


def run(program, **environment):
    """Runs a program in a process of its own, on the NumPy backend for speed."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": "numpy", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_hub_needs_its_package():
    program = """
        import sys
        sys.modules["huggingface_hub"] = None
        import keras_sphere
        keras_sphere.presets.load("hf://user/name")
    """
    assert 'pip install "keras-sphere[huggingface]"' in run(program).stderr


def test_nothing_else_touches_the_network():
    program = """
        import sys

        def refuse(event, args):
            if event in ("socket.connect", "socket.getaddrinfo"):
                raise RuntimeError(f"network: {event} {args}")

        sys.addaudithook(refuse)
        import keras_sphere
        keras_sphere.presets.list()
        keras_sphere.presets.describe("cifar10")
        keras_sphere.presets.load("digits16", compile=False)
        print("done")
    """
    result = run(program)
    assert result.stdout == "done\n", result.stderr


@pytest.fixture
def hub():
    """A local server of the preset in `SERVED`: address, requests."""
    with serve({"user/name": SERVED}) as served:
        yield served


@pytest.mark.skipif(
    importlib.util.find_spec("huggingface_hub") is None,
    reason="needs the package huggingface_hub",
)
def test_loading_from_a_hub(tmp_path, hub):
    address, requests = hub
    program = """
        import numpy as np
        import keras_sphere

        def weights(*arguments, **options):
            return keras_sphere.presets.load(*arguments, **options).get_weights()

        drawn = weights("hf://user/name", weights=False)
        remote, local = weights("hf://user/name"), weights("digits16")
        for other in (drawn, local):
            print(all(map(np.array_equal, remote, other)))
    """
    result = run(
        program,
        HF_ENDPOINT=address,
        HF_HOME=str(tmp_path / "cache"),
        HF_HUB_DISABLE_TELEMETRY="1",
        NO_PROXY="127.0.0.1",
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["False", "True"]
    fetched = [(r[3], r[2]) for r in requests if r[0] == "GET"]
    assert fetched == [("config.json", "main"), ("model.weights.h5", REVISION)]
