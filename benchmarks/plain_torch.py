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
from plain_torch_networks import EPSILON, Decoder, Encoder
from torch import nn


def spherify(z):
    """Latents, divided by their root mean square over all tokens and channels."""
    z = z.float()
    return z * torch.rsqrt(z.square().mean(dim=(1, 2), keepdim=True) + EPSILON)


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
