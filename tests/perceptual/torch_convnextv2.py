"""ConvNeXt V2 in PyTorch, with the parameter names of timm's."""

import torch
from torch import nn


class _ChannelsFirstNorm(nn.LayerNorm):
    def forward(self, x):
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


class _ResponseNorm(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.weight, self.bias = (nn.Parameter(torch.zeros(dim)) for _ in range(2))

    def forward(self, x):
        size = x.norm(dim=(2, 3), keepdim=True)
        relative = size / (size.mean(dim=1, keepdim=True) + 1e-6)
        weight, bias = (p[:, None, None] for p in (self.weight, self.bias))
        return x + weight * x * relative + bias


class _Block(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.conv_dw = nn.Conv2d(dim, dim, 7, padding=3, groups=dim)
        self.norm = _ChannelsFirstNorm(dim, eps=1e-6)
        parts = {
            "fc1": nn.Conv2d(dim, 4 * dim, 1),
            "act": nn.GELU(),
            "grn": _ResponseNorm(4 * dim),
            "fc2": nn.Conv2d(4 * dim, dim, 1),
        }
        self.mlp = nn.Sequential()
        for name, part in parts.items():
            self.mlp.add_module(name, part)

    def forward(self, x):
        return x + self.mlp(self.norm(self.conv_dw(x)))


class _Stage(nn.Module):
    def __init__(self, dim_in, dim, depth):
        super().__init__()
        self.downsample = nn.Identity()
        if dim_in is not None:
            norm = _ChannelsFirstNorm(dim_in, eps=1e-6)
            self.downsample = nn.Sequential(norm, nn.Conv2d(dim_in, dim, 2, 2))
        self.blocks = nn.Sequential(*(_Block(dim) for _ in range(depth)))

    def forward(self, x):
        return self.blocks(self.downsample(x))


class ConvNeXtV2(nn.Module):
    """The maps of all stages, of normalized images `(batch, 3, height, width)`."""

    def __init__(self, depths, dims):
        super().__init__()
        stem_norm = _ChannelsFirstNorm(dims[0], eps=1e-6)
        self.stem = nn.Sequential(nn.Conv2d(3, dims[0], 4, 4), stem_norm)
        widths = zip((None, *dims), dims, depths, strict=False)
        self.stages = nn.Sequential(*(_Stage(*width) for width in widths))

    def forward(self, x):
        maps, x = [], self.stem(x)
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps
