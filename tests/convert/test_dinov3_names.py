"""Names of the frozen encoder's weights in files of the reference."""

import pytest

from keras_sphere.backend.valueless import Valueless
from keras_sphere.convert.dinov3_names import canonical_name, dinov3_weights
from keras_sphere.models import DINOv3Encoder

TINY = {
    "hidden_dim": 8,
    "num_layers": 2,
    "num_heads": 2,
    "patch_size": 4,
    "mlp_dim": 12,
    "input_size": 8,
}
EMBEDDINGS = {
    "encoder.encoder.embeddings.cls_token": (1, 1, 8),
    "encoder.encoder.embeddings.register_tokens": (1, 4, 8),
    "encoder.encoder.embeddings.patch_embeddings.weight": (8, 3, 4, 4),
    "encoder.encoder.embeddings.patch_embeddings.bias": (8,),
}
BLOCK = {
    "norm1.weight": (8,),
    "norm1.bias": (8,),
    "attention.q_proj.weight": (8, 8),
    "attention.q_proj.bias": (8,),
    "attention.k_proj.weight": (8, 8),
    "attention.v_proj.weight": (8, 8),
    "attention.v_proj.bias": (8,),
    "attention.o_proj.weight": (8, 8),
    "attention.o_proj.bias": (8,),
    "layer_scale1.lambda1": (8,),
    "norm2.weight": (8,),
    "norm2.bias": (8,),
    "mlp.up_proj.weight": (12, 8),
    "mlp.up_proj.bias": (12,),
    "mlp.down_proj.weight": (8, 12),
    "mlp.down_proj.bias": (8,),
    "layer_scale2.lambda1": (8,),
}
GATE = {"mlp.gate_proj.weight": (12, 8), "mlp.gate_proj.bias": (12,)}
OUT = {"encoder.out.weight": (5, 8), "encoder.out.bias": (5,)}


def new_encoder(**arguments):
    encoder = DINOv3Encoder(**TINY, **arguments)
    with Valueless():
        encoder.build((None, 8, 8, 3))
    return encoder


@pytest.mark.parametrize(
    ("arguments", "block", "others"),
    [
        ({}, {**BLOCK, **GATE}, EMBEDDINGS),
        ({"gated_mlp": False, "token_channels": 5}, BLOCK, {**EMBEDDINGS, **OUT}),
    ],
)
def test_every_weight_has_one_name(arguments, block, others):
    encoder = new_encoder(**arguments)
    expected = dict(others)
    for i in range(2):
        start = f"encoder.encoder.model.layer.{i}"
        expected |= {f"{start}.{name}": shape for name, shape in block.items()}
    weights = list(dinov3_weights(encoder))
    received = {
        name: layout.reference_shape(tuple(variable.shape))
        for name, variable, layout in weights
    }
    assert received == expected
    variables = {id(variable) for _, variable, _ in weights}
    assert variables == {id(variable) for variable in encoder.weights}
    assert len(weights) == len(encoder.weights)


def test_no_registers_have_no_name():
    names = [name for name, _, _ in dinov3_weights(new_encoder(num_register_tokens=0))]
    assert not any("register" in name for name in names)


def test_older_names():
    known = [name for name, _, _ in dinov3_weights(new_encoder(token_channels=5))]
    older = [name.replace(".model.layer.", ".layer.") for name in known]
    assert sum(a != b for a, b in zip(older, known, strict=True)) == 2 * 19
    assert [canonical_name(name) for name in older] == known
    assert [canonical_name(name) for name in known] == known
    for other in ("decoder.layer.0.weight", "encoder.blocks.0.norm1.weight"):
        assert canonical_name(other) == other
