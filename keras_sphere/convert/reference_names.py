"""Which weight of ours is which tensor of the reference's state dict."""

import numpy as np


def dense(matrix):
    """`[out, in]` to `(in, out)`."""
    return matrix.T


def convolution(kernel):
    """`[out, in, rows, columns]` to `(rows, columns, in, out)`; the transposed
    convolution's `[in, out, rows, columns]` to `(rows, columns, out, in)`."""
    return kernel.transpose(2, 3, 1, 0)


def same(array):
    """As it is."""
    return array


def scalar(array):
    """A mixer's alpha, a scalar or of shape `[1]`, to shape `(1,)`."""
    return np.reshape(array, (1,))


def table(array):
    """`[1, tokens, width]` to `(tokens, width)`."""
    return array[0]


def _linear(name, layer, transform=dense):
    yield f"{name}.weight", layer.kernel, transform
    if layer.bias is not None:
        yield f"{name}.bias", layer.bias, same


def _norm(name, layer):
    yield f"{name}.weight", layer.scale, same


def _block(name, block):
    yield from _norm(f"{name}.norm1", block.norm1)
    yield from _norm(f"{name}.norm2", block.norm2)
    yield from _linear(f"{name}.attn.qkv", block.attention.qkv)
    yield from _linear(f"{name}.attn.proj", block.attention.projection)
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
    if transformer.inserts_tokens:
        tokens = transformer.in_context_tokens
        yield f"{name}.inctx_pos_embed", tokens.positions, same
        if not tokens.conditional:
            yield f"{name}.inctx_embed", tokens.embeddings, same
    for i, block in enumerate(transformer.blocks):
        yield from _block(f"{name}.blocks.{i}", block)
    yield from _modulated_dense(f"{name}.ffn", transformer.head)


def _encoder(encoder):
    embedding = encoder.embedding
    yield from _linear("encoder.x_embedder.0", embedding.patches, convolution)
    yield from _linear("encoder.x_embedder.1", embedding.projection, convolution)
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
    yield from _linear("decoder.out.2", decoder.head.smooth, convolution)
    if decoder.pixel_head == "conv":
        yield from _linear("decoder.out.4", decoder.head.upsample, convolution)


def reference_weights(backbone):
    """Pairs every weight of a backbone with its reference name.

    Args:
        backbone: `SphereEncoderBackbone`.

    Yields:
        Tuples `(name, variable, transform)`: `transform` turns the reference's array
        into the variable's layout.
    """
    yield from _encoder(backbone.encoder)
    yield from _decoder(backbone.decoder)
