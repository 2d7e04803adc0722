"""The script of the page computes what the package computes."""

import json
import math
import subprocess

import numpy as np
import pytest

from keras_sphere import geometry, rotation
from keras_sphere.editing.random_walk import walk_points
from keras_sphere.models.latent_paths import path
from keras_sphere.rotation_sampling_options import RotationSamplingOptions
from keras_sphere.sampling_options import SamplingOptions
from tests.testing import to_numpy
from tests.web.page_files import PAGE, needs_node

pytestmark = needs_node

MOST_LINES = 600
# Imports the script and prints what functions of it return. (node takes a file `.js`
# for an older kind of script.) Lists of numbers become the arrays of the page.
PROGRAM = """
import { readFileSync } from "node:fs";
const code = readFileSync(process.argv[1]).toString("base64");
const script = await import(`data:text/javascript;base64,${code}`);
const isList = (value) => Array.isArray(value) && typeof value[0] === "number";
const given = (value) => (isList(value) ? new Float32Array(value) : value);
const plain = (key, value) => (ArrayBuffer.isView(value) ? [...value] : value);
const calls = JSON.parse(readFileSync(0));
const results = calls.map(([name, ...values]) => script[name](...values.map(given)));
console.log(JSON.stringify(results, plain));
"""
TOKENS, CHANNELS = 4, 6
WHOLE = {"perToken": False, "channels": CHANNELS, "epsilon": 1e-5}
PER_TOKEN = {**WHOLE, "perToken": True}


def run(*calls):
    """What functions of the script return: lists of a name and arguments."""
    process = subprocess.run(
        ["node", "--input-type=module", "--eval", PROGRAM, str(PAGE / "sphere.js")],
        input=json.dumps(calls, default=lambda array: array.ravel().tolist()),
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


def draw(count, seed=0):
    generator = np.random.default_rng(seed)
    return generator.standard_normal((count, TOKENS, CHANNELS)).astype("float32")


def assert_close(received, expected):
    expected = to_numpy(expected).reshape(np.shape(received))
    np.testing.assert_allclose(received, expected, atol=3e-6)


def test_length():
    assert len((PAGE / "sphere.js").read_text().splitlines()) <= MOST_LINES


@pytest.mark.parametrize("sphere", [WHOLE, PER_TOKEN], ids=["whole", "per_token"])
def test_moves(sphere):
    x, y = draw(2)
    how = sphere["perToken"], sphere["epsilon"]
    projected, moved, still, turned, away, near = run(
        ["spherify", x, sphere],
        ["perturb", x, y, 1.7, sphere],
        ["perturb", x, y, 0, sphere],
        ["rotate", x, y, 0.8, sphere],
        ["rotateAway", x, y, 0.3, sphere],
        ["rotateAway", x, x, 0.3, sphere],
    )
    x, y = x[None], y[None]
    assert_close(projected, geometry.spherify(x, *how))
    assert_close(moved, geometry.perturb(x, y, 1.7, *how))
    assert_close(still, x)
    assert_close(turned, rotation.rotate(x, geometry.spherify(y, *how), 0.8))
    assert_close(away, rotation.rotate_away(x, y, 0.3, *how))
    assert_close(near, x)


@pytest.mark.parametrize("sphere", [WHOLE, PER_TOKEN], ids=["whole", "per_token"])
def test_great_circles(sphere):
    x, y = draw(2)
    per_token, shares = sphere["perToken"], (0.0, 0.3, 1.0)
    calls = [["slerp", x, y, share, sphere] for share in shares]
    calls += [["slerp", x, -x, share, sphere] for share in shares]
    calls += [["turn", x, y, math.radians(angle), sphere] for angle in (0, 50)]
    *between, same, turned = run(*calls)
    ends = np.stack([x, x]), np.stack([y, -x])
    assert_close(between, path(*ends, shares, per_token=per_token))
    assert_close([same, turned], walk_points(x, y[None], 50.0, 2, per_token))


@pytest.mark.parametrize(
    ("options", "guidance", "trained"),
    [
        (SamplingOptions(steps=4), 1.0, 80.0),
        (SamplingOptions(steps=4, schedule="decay"), 1.44, 80.0),
        (SamplingOptions(steps=3, guidance_position="encoder"), 2.0, 80.0),
        (SamplingOptions(steps=1, guidance_position="decoder"), 2.0, 80.0),
        (SamplingOptions(steps=2, max_angle_degrees=60.0), 0.5, 80.0),
        (RotationSamplingOptions(steps=3), 0.0, 90.0),
        (RotationSamplingOptions(steps=3, loop_angle_degrees=40.0), 15.0, 90.0),
    ],
    ids=str,
)
def test_plans(options, guidance, trained):
    turns = isinstance(options, RotationSamplingOptions)
    description = {
        "config": {"motion": "rotation" if turns else "addition", "num_classes": 3},
        "sampling": options.to_dict(),
        "max_angle_degrees": trained,
    }
    (received,) = run(["planOf", description, options.steps, guidance])
    name = "guidance_degrees" if turns else "guidance_scale"
    expected = options.override(**{name: guidance}).plan(True, trained)
    np.testing.assert_allclose(received["amounts"], expected.strengths)
    np.testing.assert_allclose(received["told"], expected.told)
    names = ["radians"] if turns else ["encoder", "decoder"]
    assert [received[n] for n in names] == pytest.approx(list(expected.guidance))


def test_draws():
    count, large = 20_001, 2**53 - 1
    keys = [(7, 0, 0), (7, 0, 0), (8, 0, 0), (7, 1, 0), (7, 0, 1), (large, 0, 0)]
    first, again, *others = np.array(run(*(["normals", count, *k] for k in keys)))
    np.testing.assert_array_equal(first, again)
    for draws in (first, *others):
        assert abs(np.mean(draws)) < 0.03
        assert abs(np.std(draws) - 1) < 0.03
        assert abs(np.mean(draws**4) - 3) < 0.3
        assert abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < 0.03
    correlations = np.corrcoef([first, *others]) - np.eye(5)
    assert np.max(np.abs(correlations)) < 0.03
