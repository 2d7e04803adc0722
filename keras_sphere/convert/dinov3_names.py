"""Which weight of a frozen DINOv3 is which tensor of the reference's state dict."""

import re

from keras_sphere.convert.layouts import convolution, dense, same

# Releases of transformers before the fifth have no `model.` in front of the blocks.
_OLDER_BLOCKS = re.compile(r"^encoder\.encoder\.layer\.")
_BLOCKS = "encoder.encoder.model.layer."


def canonical_name(name):
    """A name as `dinov3_weights` gives it, from that or from the older spelling.

    Args:
        name: String, without the prefixes of compilers. Names of other parts than
            DINOv3's blocks come back as they are.
    """
    return _OLDER_BLOCKS.sub(_BLOCKS, name)


def dinov3_weights(encoder):
    """Pairs every weight of a frozen encoder with its reference name.

    Behind `encoder.encoder.` the names are those of transformers' `DINOv3ViTModel`.
    Its mask token and the weights of its last norm have no part in the encoder.

    Args:
        encoder: `DINOv3Encoder` that is built. Its variables need no values.

    Yields:
        Tuples `(name, variable, layout)`: calling the `Layout` turns the reference's
        array into the variable's.
    """
    network, name = encoder.network, "encoder.encoder.embeddings"
    yield f"{name}.cls_token", network.class_token, same
    if network.num_register_tokens:
        yield f"{name}.register_tokens", network.register_tokens, same
    patches = network.patches
    yield from _pair(
        f"{name}.patch_embeddings", patches.kernel, patches.bias, convolution
    )
    for i, block in enumerate(network.blocks):
        yield from _block(f"{_BLOCKS}{i}", block)
    if encoder.token_channels:
        yield from _linear("encoder.out", encoder.projection)


def _block(name, block):
    for number in (1, 2):
        norm = getattr(block, f"norm{number}")
        yield from _pair(f"{name}.norm{number}", norm.gamma, norm.beta, same)
        scale = getattr(block, f"layer_scale{number}")
        yield f"{name}.layer_scale{number}.lambda1", scale, same
    attention, mlp = block.attention, block.mlp
    yield from _linear(f"{name}.attention.q_proj", attention.query)
    yield from _linear(f"{name}.attention.k_proj", attention.key)
    yield from _linear(f"{name}.attention.v_proj", attention.value)
    yield from _linear(f"{name}.attention.o_proj", attention.projection)
    if mlp.gated_mlp:
        yield from _linear(f"{name}.mlp.gate_proj", mlp.gate)
    yield from _linear(f"{name}.mlp.up_proj", mlp.up)
    yield from _linear(f"{name}.mlp.down_proj", mlp.down)


def _linear(name, layer):
    return _pair(name, layer.kernel, layer.bias, dense)


def _pair(name, weight, bias, layout):
    yield f"{name}.weight", weight, layout
    if bias is not None:
        yield f"{name}.bias", bias, same
