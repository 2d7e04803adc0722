"""Encoder and decoder as one would write them by hand in PyTorch.

Those of a conditional model with the convolutional pixel head. Images are NCHW; weights
have the names of the paper's PyTorch layout. See `plain_torch.py`.
"""

import torch
import torch.nn.functional as F
from torch import nn

EPSILON = 1e-6


def position_table(grid, width):
    """Sine-cosine table of shape `(1, grid**2, width)`, the column first."""
    quarter = width // 4
    frequencies = 10000.0 ** (-torch.arange(quarter, dtype=torch.float64) / quarter)
    rows, columns = torch.meshgrid(
        torch.arange(grid), torch.arange(grid), indexing="ij"
    )
    angles = [p.reshape(-1, 1) * frequencies for p in (columns, rows)]
    parts = [f(angle) for angle in angles for f in (torch.sin, torch.cos)]
    return torch.cat(parts, dim=1)[None].float()


def rotary_tables(grid, head_dim):
    """Cosines and sines of shape `(grid**2, head_dim)`, the row first."""
    exponents = torch.arange(head_dim // 4, dtype=torch.float64) * 4.0 / head_dim
    frequencies = (10000.0**-exponents).repeat_interleave(2)
    rows, columns = torch.meshgrid(
        torch.arange(grid), torch.arange(grid), indexing="ij"
    )
    angles = torch.cat([p.reshape(-1, 1) * frequencies for p in (rows, columns)], dim=1)
    return angles.cos().float(), angles.sin().float()


def rotate(x, cosines, sines):
    """Rotates adjacent pairs of channels."""
    a, b = x.unflatten(-1, (-1, 2)).unbind(-1)
    turned = torch.stack((-b, a), dim=-1).flatten(-2)
    return x * cosines.to(x.dtype) + turned * sines.to(x.dtype)


class RMSNorm(nn.RMSNorm):
    """In float32: autocast of a CPU leaves the norm as it is."""

    def forward(self, x):
        return super().forward(x.float())


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x, rotary):
        batch, tokens, width = x.shape
        qkv = self.qkv(x).view(batch, tokens, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(
            rotate(q, *rotary), rotate(k, *rotary), v
        )
        return self.proj(mixed.transpose(1, 2).reshape(batch, tokens, width))


class SwiGLU(nn.Module):
    def __init__(self, width):
        super().__init__()
        inner = 8 * width // 3
        self.w12 = nn.Linear(width, 2 * inner)
        self.w3 = nn.Linear(inner, width)

    def forward(self, x):
        a, b = self.w12(x).chunk(2, dim=-1)
        return self.w3(F.silu(a) * b)


def modulation(width, chunks):
    return nn.Sequential(nn.SiLU(), nn.Linear(width, chunks * width))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1 = RMSNorm(width, eps=EPSILON)
        self.attn = Attention(width, heads)
        self.norm2 = RMSNorm(width, eps=EPSILON)
        self.mlp = SwiGLU(width)
        self.adaLN_modulation = modulation(width, 6)

    def forward(self, x, c, rotary):
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = self.adaLN_modulation(
            c
        ).chunk(6, dim=-1)
        y = self.attn(self.norm1(x) * (1 + scale_a) + shift_a, rotary)
        x = x + gate_a * y
        y = self.mlp(self.norm2(x) * (1 + scale_m) + shift_m)
        return x + gate_m * y


class Head(nn.Module):
    def __init__(self, width, channels):
        super().__init__()
        self.norm = RMSNorm(width, eps=EPSILON)
        self.linear = nn.Linear(width, channels)
        self.adaLN_modulation = modulation(width, 2)

    def forward(self, x, c):
        shift, scale = self.adaLN_modulation(c).chunk(2, dim=-1)
        return self.linear(self.norm(x) * (1 + scale) + shift)


class Perceptron(nn.Module):
    def __init__(self, inputs, inner):
        super().__init__()
        self.mix = nn.Sequential(
            nn.Linear(inputs, inner), nn.SiLU(), nn.Linear(inner, inputs)
        )

    def forward(self, x):
        return self.mix(x)


class MixerBlock(nn.Module):
    def __init__(self, tokens, channels):
        super().__init__()
        self.norm1 = RMSNorm(channels, eps=EPSILON)
        self.tok_mixer = Perceptron(tokens, tokens)
        self.norm2 = RMSNorm(channels, eps=EPSILON)
        self.chn_mixer = Perceptron(channels, 2 * channels)
        self.alpha1 = nn.Parameter(torch.zeros(1))
        self.alpha2 = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        mixed = self.tok_mixer(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        x = x + self.alpha1 * mixed
        return x + self.alpha2 * self.chn_mixer(self.norm2(x))


class Mixer(nn.Module):
    def __init__(self, depth, tokens, channels):
        super().__init__()
        self.blocks = nn.ModuleList(MixerBlock(tokens, channels) for _ in range(depth))
        self.norm = RMSNorm(channels, eps=EPSILON)

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return self.norm(x)


class LabelEmbedding(nn.Module):
    def __init__(self, classes, width):
        super().__init__()
        self.classes = classes
        self.embedding_table = nn.Embedding(classes + 1, width)

    def forward(self, labels, dropout):
        if dropout:
            dropped = torch.rand(labels.shape, device=labels.device) < dropout
            labels = torch.where(dropped, self.classes, labels)
        return self.embedding_table(labels)[:, None]


class Transformer(nn.Module):
    """What encoder and decoder share."""

    def __init__(self, width, layers, heads, grid, channels, classes):
        super().__init__()
        table = position_table(grid, width)
        self.pos_embed = nn.Parameter(table, requires_grad=False)
        self.y_embedder = LabelEmbedding(classes, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.ffn = Head(width, channels)
        cosines, sines = rotary_tables(grid, width // heads)
        self.register_buffer("cosines", cosines, persistent=False)
        self.register_buffer("sines", sines, persistent=False)

    def transform(self, x, labels, dropout):
        c = self.y_embedder(labels, dropout)
        x = x + self.pos_embed
        for block in self.blocks:
            x = block(x, c, (self.cosines, self.sines))
        return self.ffn(x, c)


class Encoder(Transformer):
    def __init__(self, patch, width, layers, heads, grid, channels, classes, depth):
        super().__init__(width, layers, heads, grid, channels, classes)
        self.x_embedder = nn.Sequential(
            nn.Conv2d(3, width, patch, patch, bias=False), nn.Conv2d(width, width, 1)
        )
        self.out = Mixer(depth, grid**2, channels)

    def forward(self, images, labels, dropout=0.0):
        x = self.x_embedder(images).flatten(2).transpose(1, 2)
        return self.out(self.transform(x, labels, dropout))


class Decoder(Transformer):
    def __init__(self, patch, width, layers, heads, grid, channels, classes, depth):
        inner = 32
        super().__init__(width, layers, heads, grid, inner, classes)
        self.grid = grid
        self.x_embedder = nn.Sequential(
            nn.Linear(channels, width), Mixer(depth, grid**2, width)
        )
        self.out = nn.Sequential(
            nn.Identity(),
            nn.Identity(),
            nn.Conv2d(inner, inner, 3, padding=1, padding_mode="reflect"),
            nn.SiLU(),
            nn.ConvTranspose2d(inner, 3, patch + 2, patch, padding=1),
            nn.Tanh(),
        )

    def forward(self, latents, labels, dropout=0.0):
        x = self.transform(self.x_embedder(latents), labels, dropout)
        x = x.transpose(1, 2).unflatten(2, (self.grid, self.grid))
        return self.out(x)
