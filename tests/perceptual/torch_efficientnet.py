"""EfficientNet-Lite2 in plain PyTorch, by the names of its public file."""

import torch
from torch.nn import functional

# Blocks, channels between them and side of the kernels, per stage.
STAGES = ((1, 16, 3), (3, 24, 3), (3, 48, 5), (4, 88, 3), (4, 120, 5), (5, 208, 5))
STAGES = (*STAGES, (1, 352, 3))
HALVING = (1, 4, 7, 15)


def random_tensors(seed=0):
    """Tensors by name, of a size that keeps activations near 1."""
    generator = torch.Generator().manual_seed(seed)
    tensors, channels_in, block = {}, 32, 0

    def convolution(name, norm, out, inputs, side):
        scale = (2.0 / (inputs * side**2)) ** 0.5
        kernel = torch.randn(out, inputs, side, side, generator=generator) * scale
        tensors[f"{name}.weight"] = kernel
        for part in ("weight", "running_var"):
            tensors[f"{norm}.{part}"] = 0.5 + torch.rand(out, generator=generator)
        for part in ("bias", "running_mean"):
            tensors[f"{norm}.{part}"] = 0.3 * torch.randn(out, generator=generator)
        tensors[f"{norm}.num_batches_tracked"] = torch.tensor(3)

    convolution("_conv_stem", "_bn0", 32, 3, 3)
    for count, channels, side in STAGES:
        for _ in range(count):
            name, wide = f"_blocks.{block}", channels_in * (6 if block else 1)
            if block:
                convolution(
                    f"{name}._expand_conv", f"{name}._bn0", wide, channels_in, 1
                )
            convolution(f"{name}._depthwise_conv", f"{name}._bn1", wide, 1, side)
            convolution(f"{name}._project_conv", f"{name}._bn2", channels, wide, 1)
            channels_in, block = channels, block + 1
    convolution("_conv_head", "_bn1", 1280, channels_in, 1)
    tensors["_fc.weight"] = torch.randn(1000, 1280, generator=generator) / 1280**0.5
    tensors["_fc.bias"] = torch.randn(1000, generator=generator)
    return tensors


def forward(tensors, images):
    """What blocks, pooling and the classifier make of images.

    Args:
        tensors: Dict as `torch.load` returns it.
        images: Float array of shape `(batch, height, width, 3)`, in [0, 255].

    Returns:
        List of the outputs of the blocks, channels last, the features and the logits.
    """

    def convolution(x, name, norm, strides=1):
        kernel = tensors[f"{name}.weight"]
        padding = []
        for size, side in (
            (x.shape[3], kernel.shape[3]),
            (x.shape[2], kernel.shape[2]),
        ):
            zeros = max((-(-size // strides) - 1) * strides + side - size, 0)
            padding += [zeros // 2, zeros - zeros // 2]
        groups = x.shape[1] // kernel.shape[1]
        x = functional.conv2d(
            functional.pad(x, padding), kernel, stride=strides, groups=groups
        )
        parts = ("running_mean", "running_var", "weight", "bias")
        return functional.batch_norm(
            x, *(tensors[f"{norm}.{part}"] for part in parts), eps=1e-3
        )

    x = torch.from_numpy((images - 127.0) / 128.0).float().movedim(-1, 1)
    x = functional.relu6(convolution(x, "_conv_stem", "_bn0", 2))
    outputs = []
    for block in range(21):
        name, before = f"_blocks.{block}", x
        if block:
            x = convolution(x, f"{name}._expand_conv", f"{name}._bn0")
            x = functional.relu6(x)
        strides = 2 if block in HALVING else 1
        x = convolution(x, f"{name}._depthwise_conv", f"{name}._bn1", strides)
        x = functional.relu6(x)
        x = convolution(x, f"{name}._project_conv", f"{name}._bn2")
        x = x + before if x.shape == before.shape else x
        outputs.append(x.movedim(1, -1).numpy())
    x = functional.relu6(convolution(x, "_conv_head", "_bn1"))
    features = x.mean((2, 3))
    logits = functional.linear(features, tensors["_fc.weight"], tensors["_fc.bias"])
    return outputs, features.numpy(), logits.numpy()
