"""Which weight of ours is which tensor of the reference's state dict."""

from keras_sphere.convert.dinov3_names import dinov3_weights
from keras_sphere.convert.layouts import (
    convolution,
    dense,
    offset_table,
    pointwise,
    same,
    scalar,
    table,
)
from keras_sphere.models.dinov3 import DINOv3Encoder


def _linear(name, layer, layout=dense):
    yield f"{name}.weight", layer.kernel, layout
    if layer.bias is not None:
        yield f"{name}.bias", layer.bias, same


def _norm(name, layer):
    yield f"{name}.weight", layer.scale, same


def _block(name, block):
    yield from _norm(f"{name}.norm1", block.norm1)
    yield from _norm(f"{name}.norm2", block.norm2)
    yield from _linear(f"{name}.attn.qkv", block.attention.qkv)
    yield from _linear(f"{name}.attn.proj", block.attention.projection)
    if block.qk_norm:
        yield f"{name}.attn.q_norm.weight", block.attention.query_scale, same
        yield f"{name}.attn.k_norm.weight", block.attention.key_scale, same
    yield from _linear(f"{name}.mlp.w12", block.mlp.expand)
    yield from _linear(f"{name}.mlp.w3", block.mlp.contract)
    if block.conditional:
        yield from _linear(f"{name}.adaLN_modulation.1", block.modulation.linear)


def _modulated_dense(name, layer):
    yield from _linear(f"{name}.linear", layer.linear)
    if layer.conditional:
        yield from _norm(f"{name}.norm", layer.norm)
        yield from _linear(f"{name}.adaLN_modulation.1", layer.modulation.linear)


def _mixer(name, mixer):
    for i, block in enumerate(mixer.blocks):
        prefix = f"{name}.blocks.{i}"
        yield f"{prefix}.alpha1", block.alpha1, scalar
        yield f"{prefix}.alpha2", block.alpha2, scalar
        yield from _norm(f"{prefix}.norm1", block.norm1)
        yield from _norm(f"{prefix}.norm2", block.norm2)
        yield from _linear(f"{prefix}.tok_mixer.mix.0", block.token_in)
        yield from _linear(f"{prefix}.tok_mixer.mix.2", block.token_out)
        yield from _linear(f"{prefix}.chn_mixer.mix.0", block.channel_in)
        yield from _linear(f"{prefix}.chn_mixer.mix.2", block.channel_out)
    if mixer.affine:
        yield from _norm(f"{name}.norm", mixer.norm)


def _transformer(name, transformer):
    yield f"{name}.pos_embed", transformer.position_embedding.table, table
    if transformer.num_classes:
        weight = transformer.label_embedding.table
        yield f"{name}.y_embedder.embedding_table.weight", weight, same
    if transformer.angle_condition:
        embedding = transformer.angle_embedding
        yield from _linear(f"{name}.alpha_embedder.mlp.0", embedding.expand)
        yield from _linear(f"{name}.alpha_embedder.mlp.2", embedding.contract)
    if transformer.inserts_tokens:
        tokens = transformer.in_context_tokens
        yield f"{name}.inctx_pos_embed", tokens.positions, same
        if not tokens.conditional:
            yield f"{name}.inctx_embed", tokens.embeddings, same
    for i, block in enumerate(transformer.blocks):
        yield from _block(f"{name}.blocks.{i}", block)
    yield from _modulated_dense(f"{name}.ffn", transformer.head)


# The second layer of the encoder, by the motion of the method: its name and layout.
_PROJECTIONS = {
    "addition": ("encoder.x_embedder.1", convolution),
    "rotation": ("encoder.x_embedder.2", pointwise),
}


def _encoder(encoder, motion):
    if encoder is None:
        return
    if isinstance(encoder, DINOv3Encoder):
        yield from dinov3_weights(encoder)
        return
    embedding, (name, layout) = encoder.embedding, _PROJECTIONS[motion]
    yield from _linear("encoder.x_embedder.0", embedding.patches, convolution)
    yield from _linear(name, embedding.projection, layout)
    yield from _transformer("encoder", encoder.transformer)
    if encoder.mixer_depth:
        yield from _mixer("encoder.out", encoder.mixer)


def _decoder(decoder):
    name = "decoder.x_embedder"
    if decoder.mixer_depth:
        yield from _linear(f"{name}.0", decoder.embedding)
        yield from _mixer(f"{name}.1", decoder.mixer)
    else:
        yield from _linear(name, decoder.embedding)
    yield from _transformer("decoder", decoder.transformer)
    if decoder.pixel_head != "patch":
        yield from _linear("decoder.out.2", decoder.head.smooth, convolution)
    if decoder.pixel_head == "conv":
        yield from _linear("decoder.out.4", decoder.head.upsample, convolution)


def reference_weights(backbone):
    """Pairs every weight of a backbone with its reference name.

    Args:
        backbone: `SphereEncoderBackbone`.

    Yields:
        Tuples `(name, variable, layout)`: calling the `Layout` turns the reference's
        array into the variable's.

    Raises:
        ValueError: If the backbone is conditional on vectors, which have no name there.
    """
    if backbone.condition_dim:
        raise ValueError(
            "Other formats know no model that is conditional on vectors. Received: "
            f"a model with condition_dim={backbone.condition_dim}"
        )
    yield from _encoder(backbone.encoder, backbone.architecture["motion"])
    yield from _decoder(backbone.decoder)


def score_network_weights(name, network):
    """Pairs every weight of a network of scores with its reference name.

    Args:
        name: String. What the names start with.
        network: `models.score_network.ScoreNetwork`, built.

    Yields:
        Triples of a name, a variable and a `Layout`.
    """
    yield f"{name}.pos_embed", network.positions, same
    yield from _linear(f"{name}.in_proj", network.input_projection)
    yield from _linear(f"{name}.sigma_embed.mlp.0", network.noise_embedding.expand)
    yield from _linear(f"{name}.sigma_embed.mlp.2", network.noise_embedding.contract)
    if network.num_classes:
        yield f"{name}.class_embed.weight", network.classes, same
    for i, block in enumerate(network.blocks):
        yield from _block(f"{name}.blocks.{i}", block)
    if network.shared_modulation:
        yield from _linear(f"{name}.adaLN_shared.1", network.modulation.linear)
        yield f"{name}.adaLN_offset", network.offsets, offset_table
    yield f"{name}.norm_out.weight", network.norm.gamma, same
    yield f"{name}.norm_out.bias", network.norm.beta, same
    yield from _linear(f"{name}.out", network.head)
