"""VGG16 and ConvNeXt in PyTorch, with the parameter names of torchvision's."""

import torch
from torch import nn

_VGG16 = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512)


def vgg16_state_dict(kernels, biases):
    """Tensors of VGG16 by name; 0 among its channels is a pooling.

    Args:
        kernels, biases: Lists of arrays, in order.
    """
    layers = []
    for channels in _VGG16:
        layers += [nn.Conv2d(1, 1, 3), nn.ReLU()] if channels else [nn.MaxPool2d(2)]
    features = nn.Sequential(*layers)
    names = [name.removesuffix(".bias") for name in features.state_dict()][1::2]
    tensors = {}
    for name, kernel, bias in zip(names, kernels, biases, strict=True):
        tensors[f"features.{name}.weight"] = torch.from_numpy(kernel)
        tensors[f"features.{name}.bias"] = torch.from_numpy(bias)
    for layer in (0, 3, 6):
        tensors[f"classifier.{layer}.weight"] = torch.zeros(4, 4)
        tensors[f"classifier.{layer}.bias"] = torch.zeros(4)
    return tensors


class _ChannelsFirstNorm(nn.LayerNorm):
    def forward(self, x):
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


class _Move(nn.Module):
    def __init__(self, source, target):
        super().__init__()
        self.source, self.target = source, target

    def forward(self, x):
        return x.movedim(self.source, self.target)


class _Block(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.layer_scale = nn.Parameter(torch.ones(dim, 1, 1))
        self.block = nn.Sequential(
            nn.Conv2d(dim, dim, 7, padding=3, groups=dim),
            _Move(1, -1),
            nn.LayerNorm(dim, eps=1e-6),
            nn.Linear(dim, 4 * dim),
            nn.GELU(),
            nn.Linear(4 * dim, dim),
            _Move(-1, 1),
        )

    def forward(self, x):
        return x + self.layer_scale * self.block(x)


class ConvNeXt(nn.Module):
    """The logits of normalized images of shape `(batch, 3, height, width)`."""

    def __init__(self, depths, dims, num_classes):
        super().__init__()
        stages = []
        for stage, (depth, dim) in enumerate(zip(depths, dims, strict=True)):
            if stage == 0:
                down = [nn.Conv2d(3, dim, 4, 4), _ChannelsFirstNorm(dim, eps=1e-6)]
            else:
                size = dims[stage - 1]
                down = [_ChannelsFirstNorm(size, eps=1e-6), nn.Conv2d(size, dim, 2, 2)]
            stages.append(nn.Sequential(*down))
            stages.append(nn.Sequential(*(_Block(dim) for _ in range(depth))))
        self.features = nn.Sequential(*stages)
        self.classifier = nn.Sequential(
            _ChannelsFirstNorm(dims[-1], eps=1e-6),
            nn.Flatten(),
            nn.Linear(dims[-1], num_classes),
        )

    def forward(self, x):
        return self.classifier(self.features(x).mean((2, 3), keepdim=True))
