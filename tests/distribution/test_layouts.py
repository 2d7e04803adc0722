"""Which variables are split, and what a device then holds."""

import json
import pathlib
import re

import keras
import numpy as np
import pytest

import keras_sphere
from keras_sphere.distribution import LAYOUT, abstract_variables, memory_per_device
from keras_sphere.distribution.collectives import collective_bytes
from keras_sphere.distribution.layouts import check_patterns, split_dimension

PRESETS = pathlib.Path(keras_sphere.__file__).parent / "presets"


@pytest.fixture(scope="module")
def xlarge():
    config = json.loads((PRESETS / "imagenet256_xlarge/config.json").read_text())
    variables = abstract_variables(config["architecture"])
    keras.utils.clear_session(free_memory=False)
    return variables


def test_nearly_all_of_the_largest_model_is_split(xlarge):
    sizes = {v.path: int(np.prod(v.shape)) for v in xlarge}
    whole = sum(
        size
        for v, size in zip(xlarge, sizes.values(), strict=True)
        if split_dimension(v.path, v.shape, 8) is None
    )
    assert whole < 0.01 * sum(sizes.values())


def test_memory_per_device(xlarge):
    """From the shapes: float32, five copies of what is trained."""
    trained = 4 * sum(int(np.prod(v.shape)) for v in xlarge if v.trainable)
    fixed = sum(
        int(np.prod(v.shape)) * np.dtype(v.dtype).itemsize
        for v in xlarge
        if not v.trainable
    )
    alone = memory_per_device(xlarge)
    assert alone["weights"] == trained + fixed
    assert alone["total"] == 5 * trained + fixed
    assert memory_per_device(xlarge, "data_parallel") == alone
    split = memory_per_device(xlarge, "model_parallel", model_devices=8)
    assert alone["total"] / 8 < split["total"] < alone["total"] / 7.3


@pytest.mark.parametrize(
    ("path", "shape", "expected"),
    [
        ("backbone/encoder/transformer/block_0/attention/qkv/kernel", (24, 72), 1),
        ("m/backbone/decoder/transformer/block_11/mlp/contract/kernel", (64, 24), 0),
        ("backbone/decoder/transformer/block_0/mlp/contract/kernel", (85, 24), 1),
        ("backbone/encoder/transformer/label_embedding/table", (1001, 24), 1),
        ("backbone/encoder/transformer/block_0/norm1/scale", (24,), None),
        ("backbone/encoder/transformer/block_0/attention/qkv/kernel/x", (8, 8), None),
    ],
)
def test_split_dimension(path, shape, expected):
    assert split_dimension(path, shape, 4) == expected


def test_a_dimension_that_cannot_be_split():
    with pytest.raises(ValueError, match=r"shape \(85, 43\)"):
        split_dimension("b/encoder/block_0/mlp/contract/kernel", (85, 43), 4)


def test_patterns_that_match_nothing():
    """As a part of a path would, which must be the whole."""
    paths = [f"backbone/{n}" for n in ("encoder/attention/qkv/kernel", "norm/scale")]
    check_patterns({".*/attention/qkv/kernel": (1,)}, paths)
    with pytest.raises(ValueError, match=re.escape("['attention/qkv/kernel']")):
        check_patterns({"attention/qkv/kernel": (1,)}, paths)
    with pytest.raises(ValueError, match="match none"):
        check_patterns(LAYOUT, [])


def test_two_patterns_for_one_variable():
    layout = {".*/kernel": (0,), ".*/qkv/kernel": (1,)}
    with pytest.raises(ValueError, match="One pattern"):
        split_dimension("a/qkv/kernel", (4, 4), 2, layout)


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="JAX")
def test_fit_raises_for_patterns_that_match_nothing():
    from keras_sphere import distribution
    from tests import tiny_models

    layout = {".*/attention/qkv/kernel": (1,), "mlp/expand/kernel": (1,)}
    with distribution.setup("model_parallel", 2, layout=layout):
        model = tiny_models.new_model()
        model.compile()
        with pytest.raises(ValueError, match=r"match none, \['mlp/expand/kernel'\]"):
            model.fit(tiny_models.new_images(), tiny_models.new_labels(), verbose=0)


def test_collective_bytes():
    program = """
      %a = f32[4,8]{1,0} all-reduce(%x), replica_groups={{0,1}}
      %b = (f32[2]{0}, bf16[3]{0}) all-reduce(%y, %z), to_apply=%add
      ROOT %c = (f32[1,8]{1,0}, f32[2,8]{1,0}) all-gather-start(%w)
      %d = f32[2,8]{1,0} all-gather-done(%c)
      %e = pred[] collective-permute(%p), all-reduce= f32[9] add(%q)
    """
    assert collective_bytes(program) == {
        "all-reduce": 4 * 8 * 4 + 2 * 4 + 3 * 2,
        "all-gather": 2 * 8 * 4,
        "collective-permute": 1,
    }
