"""The Sphere Encoder as one would write it by hand in PyTorch: the peer to be beside.

The two networks, the losses, the optimizer and the sampling loop of a conditional model
with the convolutional pixel head, as the `cifar10` recipe has them, without perceptual
losses. Plain layers, `scaled_dot_product_attention`, fused AdamW, autocast. Images are
NCHW; weights have the names of the paper's PyTorch layout, so that `load_state_dict`
takes those of `keras_sphere.convert`. See `beside_plain_torch.py`.
"""

import copy
import math

import torch
import torch.nn.functional as F
from torch import nn

EPSILON = 1e-6


def spherify(z):
    """Latents, divided by their root mean square over all tokens and channels."""
    z = z.float()
    return z * torch.rsqrt(z.square().mean(dim=(1, 2), keepdim=True) + EPSILON)


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


def stratified_radii(count, device):
    """One radius per image, spread over [0, 1], an exact 0 and an exact 1 included."""
    bins = count - 2
    places = torch.rand(bins, device=device).clamp_min(1e-3)
    inside = (torch.arange(bins, device=device) + places) / bins
    radii = torch.cat([inside, inside.new_tensor([1.0, 0.0])])
    return radii[torch.randperm(count, device=device)]


def cosine_distance(a, b):
    a, b = a.float().flatten(1), b.float().flatten(1)
    return (1.0 - F.cosine_similarity(a, b, eps=EPSILON)).mean()


class SphereEncoder(nn.Module):
    """Both networks, the losses of a training step, and generation.

    Args:
        size: Dict of `patch`, `width`, `layers`, `heads`, `grid`, `channels`,
            `classes` and `depth`, that of the mixers.
        max_angle: Float. Largest noise angle, in degrees.
        hard_angle: Float. That of hard cases.
        hard_share: Float. How often there are hard cases.
        label_dropout: Float. How often a label is left out in training.
    """

    def __init__(
        self, size, max_angle=80.0, hard_angle=85.0, hard_share=0.1, label_dropout=0.1
    ):
        super().__init__()
        self.encoder, self.decoder = Encoder(**size), Decoder(**size)
        self.sigma = math.tan(math.radians(max_angle))
        self.hard_radius = math.tan(math.radians(hard_angle)) / self.sigma
        self.hard_share, self.label_dropout = hard_share, label_dropout
        self.null = size["classes"]

    def draw(self, latents):
        """The random numbers of a training step."""
        count, device = len(latents), latents.device
        return {
            "noise": torch.randn_like(latents),
            "radii": stratified_radii(count, device),
            "small_radii": stratified_radii(count, device),
            "hard_case_scalers": torch.rand(count, device=device),
        }

    def losses(self, images, labels, draws=None):
        """The three weighted losses; no label is dropped if `draws` are given."""
        dropout = 0.0 if draws else self.label_dropout
        latents = self.encoder(images, labels, dropout)
        points = spherify(latents)
        draws = draws or self.draw(points)
        radii, scalers = draws["radii"], draws["hard_case_scalers"]
        hard = 1.0 + scalers * (self.hard_radius - 1.0)
        strong = torch.where(scalers > self.hard_share, radii, hard)
        small = 0.5 * radii * draws["small_radii"]
        noisy = torch.cat(
            [self.perturb(points, draws["noise"], radius) for radius in (strong, small)]
        )
        decoded = self.decoder(noisy, labels.repeat(2), dropout)
        cycled = self.encoder(decoded[: len(images)], labels, dropout)
        reconstruction = (decoded.float() + 1.0) / 2.0
        strongly, slightly = reconstruction.chunk(2)
        return (
            F.smooth_l1_loss(slightly, (images + 1.0) / 2.0),
            0.5 * F.smooth_l1_loss(strongly, slightly.detach()),
            0.1 * cosine_distance(cycled, latents.detach()),
        )

    def perturb(self, points, noise, radius):
        radius = torch.as_tensor(radius, device=points.device).reshape(-1, 1, 1)
        moved = spherify(points + radius * self.sigma * noise)
        return torch.where(radius == 0, points, moved)

    def guided(self, network, inputs, labels, weight):
        """Both passes of guidance as one batch; none if the weight is 1."""
        if weight == 1.0:
            return network(inputs, labels).float()
        both = torch.cat([labels, torch.full_like(labels, self.null)])
        with_class, without = (
            network(torch.cat([inputs, inputs]), both).float().chunk(2)
        )
        return without + weight * (with_class - without)

    @torch.no_grad()
    def generate(self, noise, step_noise, labels, steps, guidance_scale=1.0):
        """Images in [-1, 1], with the noise of every step shared."""
        weight = math.sqrt(guidance_scale)
        images = self.decode(spherify(noise), labels, weight)
        for _ in range(steps - 1):
            points = spherify(self.guided(self.encoder, images, labels, weight))
            images = self.decode(self.perturb(points, step_noise, 1.0), labels, weight)
        return images

    def decode(self, points, labels, weight):
        images = self.guided(self.decoder, points, labels, weight)
        return images if weight == 1.0 else images.clamp(-1.0, 1.0)


class Training:
    """Fused AdamW with a slower encoder, clipping, and an average of the weights."""

    def __init__(self, model, learning_rate=1e-4, ema_momentum=0.9997):
        self.model, self.ema_momentum = model, ema_momentum
        halves = [
            [p for p in half.parameters() if p.requires_grad]
            for half in (model.encoder, model.decoder)
        ]
        self.parameters = [p for half in halves for p in half]
        self.average = [copy.deepcopy(p.detach()) for p in self.parameters]
        groups = [
            {"params": halves[0], "lr": 0.1 * learning_rate},
            {"params": halves[1], "lr": learning_rate},
        ]
        settings = {"betas": (0.9, 0.95), "eps": 1e-8, "weight_decay": 0.0}
        try:
            self.optimizer = torch.optim.AdamW(groups, fused=True, **settings)
        except RuntimeError:  # no fused kernels for this device
            self.optimizer = torch.optim.AdamW(groups, **settings)

    def step(self, images, labels, draws=None, bfloat16=False):
        """One update; returns the loss, a tensor."""
        with torch.autocast(images.device.type, torch.bfloat16, enabled=bfloat16):
            loss = sum(self.model.losses(images, labels, draws))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(self.average, self.parameters, 1 - self.ema_momentum)
        return loss.detach()
