"""Any number of devices gives the numbers of one."""

import re

import keras
import numpy as np
import pytest

from keras_sphere.distribution.layouts import LAYOUT
from tests.distribution.launch import results

BACKEND = keras.backend.backend()
RUNS = {
    "jax": [("data_parallel", 8, 1), ("model_parallel", 8, 1)],
    "tensorflow": [("data_parallel", 2, 1)],
    "torch": [("data_parallel", 2, 1), ("data_parallel", 4, 1)],
}
SLOW = {
    "jax": [("data_parallel", 4, 2), ("model_parallel", 8, 2)],
    "tensorflow": [("data_parallel", 4, 1)],
    "torch": [],
}


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """What one device computes."""
    return results(tmp_path_factory.mktemp("one") / "run", "given")[0]


@pytest.fixture(
    scope="module",
    params=[
        *RUNS[BACKEND],
        *(pytest.param(run, marks=pytest.mark.slow) for run in SLOW[BACKEND]),
    ],
    ids=lambda run: "-".join(map(str, run)),
)
def many(request, tmp_path_factory):
    """What each process of several devices holds."""
    mode, devices, processes = request.param
    path = tmp_path_factory.mktemp("many") / "run"
    return results(path, "given", mode, devices, processes)


def part(values, name):
    """The values whose names start with `name/`."""
    return {k: v for k, v in values.items() if k.startswith(f"{name}/")}


def assert_close(actual, desired, atol, rtol=0):
    assert actual.keys() == desired.keys()
    for name, value in desired.items():
        np.testing.assert_allclose(
            actual[name], value, atol=atol, rtol=rtol, err_msg=name
        )


def test_losses(one, many):
    """The loss of each step, and all running means."""
    losses = part(one, "losses")
    assert len(losses) == 9
    assert len(losses["losses/loss"]) == 5
    for process in many:
        assert_close(part(process, "losses"), losses, 1e-6, rtol=1e-6)


def test_weights(one, many):
    """Weights, moments and averages after five steps whose gradients were clipped."""
    after, before = part(one, "after"), part(one, "before")
    moved = [
        np.abs(after["after" + k.removeprefix("before")] - v).max()
        for k, v in before.items()
        if "backbone/" in k and k.endswith("/kernel")
    ]
    assert min(moved) > 1e-4  # of a kernel of the encoder, at a tenth of the rate
    for process in many:
        assert_close(part(process, "after"), after, 1e-5)


def test_inference(one, many):
    """`generate`, `reconstruct`, and an evaluation whose last batch is filled up."""
    for process in many:
        for name, atol in (
            ("generated", 1e-4),
            ("reconstructed", 1e-4),
            ("evaluated", 1e-6),
        ):
            np.testing.assert_allclose(process[name], one[name], atol=atol, rtol=1e-6)


def test_draws(one, many):
    """Every image has noise of its own; radii are stratified over the global batch."""
    expected = part(one, "drawn")
    whole = many[:1] if BACKEND == "jax" else many
    union = {k: np.concatenate([p[k] for p in whole]) for k in expected}
    assert len(union["drawn/noise"]) == 8
    assert len(np.unique(union["drawn/noise"])) == union["drawn/noise"].size
    for name in ("drawn/radii", "drawn/small_radii"):
        radii = np.sort(union[name])
        assert radii[0] == 0
        assert radii[-1] == 1
        np.testing.assert_array_equal(np.floor(radii[1:-1] * 6), np.arange(6))
    assert_close(union, expected, 0)


def test_copies_are_equal(many):
    """Weights and their averages are the same, bit for bit, on every device."""
    for name in part(many[0], "copies"):
        copies = np.concatenate([process[name] for process in many])
        np.testing.assert_array_equal(copies, np.broadcast_to(copies[0], copies.shape))


@pytest.mark.skipif(BACKEND != "torch", reason="one process trains there")
def test_processes_that_do_not_fit_together(many):
    """An optimizer that averages nothing; shares of different sizes."""
    for process in many:
        first, second = process["refused"]
        assert "`SphereAdamW` only" in first
        assert "equally many images" in second


@pytest.mark.skipif(BACKEND != "jax", reason="models are split on JAX only")
def test_variables_are_split(one, many, request):
    """The layout reaches the weights, the moments and the averages."""
    num_parts = 4 if "model_parallel" in request.node.name else 1
    sizes = part(one, "held")
    split = 0
    for name, size in sizes.items():
        path = name.removeprefix("held/")
        if not path.startswith("backbone/"):
            continue
        is_split = any(re.fullmatch(pattern, path) for pattern in LAYOUT)
        slots = f"held/sphere_adamw/{path.replace('/', '_')}_"
        for each in [name, *(n for n in sizes if n.startswith(slots))]:
            split += is_split
            expected = size // num_parts if is_split else size
            assert many[0][each] == expected, each
    assert split > 80
