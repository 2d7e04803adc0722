"""Operations that torch does in one kernel, beside their parts in NumPy."""

import keras
import numpy as np
import pytest

from keras_sphere.backend import fused_operations
from keras_sphere.layers import Dense, RotaryAttention

RANDOM = np.random.default_rng(0)


def normal(*shape):
    return RANDOM.standard_normal(shape).astype("float32")


def close(actual, expected):
    actual = keras.ops.convert_to_numpy(actual)
    np.testing.assert_allclose(actual, expected, atol=1e-5)


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 4), (2, 5, 3, 4)])
@pytest.mark.parametrize("with_bias", [True, False])
def test_dense(shape, with_bias):
    x, kernel, bias = normal(*shape), normal(4, 6), normal(6)
    tensors = [keras.ops.convert_to_tensor(a) for a in (x, kernel, bias)]
    if with_bias:
        close(fused_operations.dense(*tensors), x @ kernel + bias)
    else:
        close(fused_operations.dense(*tensors[:2]), x @ kernel)


def test_multiply_add_broadcasts_either_way():
    x, row = normal(2, 3, 4), normal(2, 1, 4)
    tensors = [keras.ops.convert_to_tensor(a) for a in (x, row)]
    close(fused_operations.multiply_add(*tensors, tensors[1]), x * row + row)
    close(
        fused_operations.multiply_add(tensors[1], tensors[1], tensors[0]), row * row + x
    )


def test_rotary_attention():
    """Of tables that rotate nothing; the rotation has golden numbers of its own."""
    qkv, still = normal(2, 5, 3 * 12), [np.ones((5, 4)), np.zeros((5, 4))]
    queries, keys, values = np.moveaxis(qkv.reshape(2, 5, 3, 3, 4), 2, 0)
    scores = np.einsum("bqhd,bkhd->bhqk", queries, keys) / 2.0
    shares = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    tensors = [keras.ops.convert_to_tensor(a.astype("float32")) for a in (qkv, *still)]
    actual = fused_operations.rotary_attention(tensors[0], 3, *tensors[1:])
    expected = np.einsum("bhqk,bkhd->bqhd", shares, values)
    close(actual, expected.reshape(2, 5, 12))


def test_the_norm_counts_in_float32():
    x = keras.ops.cast(300.0 * normal(3, 64), "float16")  # whose squares overflow
    norm = fused_operations.rms_normalization(x)
    assert keras.backend.standardize_dtype(norm.dtype) == "float16"
    exact = keras.ops.convert_to_numpy(x).astype("float64")
    exact /= np.sqrt(np.mean(exact**2, axis=-1, keepdims=True))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(norm), exact, atol=2e-3)


def test_dense_layers_take_lora_and_int8():
    x = normal(5, 16)
    for change in ("lora", "int8"):
        layer = Dense(8)
        layer.build(x.shape)
        layer.bias.assign(normal(8))
        before = keras.ops.convert_to_numpy(layer(x))
        if change == "lora":
            layer.enable_lora(2)
            close(layer(x), before)
            layer.lora_kernel_b.assign(normal(2, 8))
            kernel = keras.ops.convert_to_numpy(layer.kernel)
            bias = keras.ops.convert_to_numpy(layer.bias)
            close(layer(x), x @ kernel + bias)
        else:
            layer.quantize("int8")
            assert keras.backend.standardize_dtype(layer.kernel.dtype) == "int8"
            after = keras.ops.convert_to_numpy(layer(x))
            np.testing.assert_allclose(after, before, atol=0.1)


@pytest.mark.skipif(not fused_operations.ON_TORCH, reason="others keep no constants")
def test_constants_of_a_trace_are_not_kept():
    import torch

    fused_operations._kept_constants.cache_clear()
    layer = RotaryAttention(num_heads=2, grid_size=2)
    layer.build((None, 4, 16))
    tokens = torch.as_tensor(normal(1, 4, 16))
    with torch.no_grad():
        program = torch.export.export(layer, (tokens,), strict=False)
        close(program.module()(tokens), keras.ops.convert_to_numpy(layer(tokens)))
        again = torch.export.export(layer, (tokens,), strict=False)
        close(again.module()(tokens), keras.ops.convert_to_numpy(layer(tokens)))
