"""The public implementation of DINOv3, with random weights."""

import numpy as np
import pytest

from keras_sphere.backend.valueless import Valueless
from keras_sphere.convert.dinov3_names import canonical_name, dinov3_weights
from keras_sphere.models import DINOv3Encoder

# A tiny one, by our names.
SIZES = {
    "hidden_dim": 32,
    "num_layers": 3,
    "num_heads": 2,
    "patch_size": 8,
    "mlp_dim": 48,
    "num_register_tokens": 4,
    "input_size": 48,
}
_NAMES = {
    "hidden_dim": "hidden_size",
    "num_layers": "num_hidden_layers",
    "num_heads": "num_attention_heads",
    "patch_size": "patch_size",
    "mlp_dim": "intermediate_size",
    "gated_mlp": "use_gated_mlp",
    "num_register_tokens": "num_register_tokens",
    "rope_theta": "rope_theta",
    "epsilon": "layer_norm_eps",
}


def new_network(arguments, device="cpu"):
    """A `DINOv3ViTModel` whose last norm has no weights; skips where there is none.

    Args:
        arguments: Dict of arguments of `DINOv3Encoder`.
        device: That of torch; on `"meta"`, weights have shapes only.
    """
    transformers = pytest.importorskip("transformers")
    import torch

    theirs = {_NAMES[name]: arguments[name] for name in _NAMES if name in arguments}
    hidden_act = "silu" if arguments["gated_mlp"] else "gelu"
    config = transformers.DINOv3ViTConfig(hidden_act=hidden_act, **theirs)
    with torch.device(device):
        network = transformers.DINOv3ViTModel(config).eval()
        network.norm = torch.nn.LayerNorm(
            arguments["hidden_dim"], eps=1e-5, elementwise_affine=False
        )
    return network


def perturb(network, scale=0.1):
    """Moves every weight, so that each has a part in what comes out."""
    import torch

    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += scale * torch.randn(parameter.shape, generator=generator)
    return network


def reference_tensors(network):
    """Its weights by the names that the reference gives them."""
    state_dict = network.state_dict()
    state_dict.pop("embeddings.mask_token")
    return {
        canonical_name(f"encoder.encoder.{name}"): value
        for name, value in state_dict.items()
    }


def new_encoder(network, image_size, **arguments):
    """Our encoder with the weights of a `DINOv3ViTModel`."""
    encoder = DINOv3Encoder(**arguments)
    encoder.build((None, image_size, image_size, 3))
    tensors = reference_tensors(network)
    for name, variable, layout in dinov3_weights(encoder):
        if name in tensors:
            variable.assign(layout(tensors.pop(name).numpy()))
    assert tensors == {}
    return encoder


def latents(network, images, input_size=None):
    """What the reference's encoder gives for images in [-1, 1], by torch.

    Args:
        network: `DINOv3ViTModel`.
        images: Array of shape `(batch, height, width, 3)`.
        input_size: Integer or `None`. What they are resized to.
    """
    import torch

    x = torch.from_numpy(images).movedim(-1, 1) / 2 + 0.5
    if input_size is not None:
        x = torch.nn.functional.interpolate(
            x,
            (input_size, input_size),
            mode="bilinear",
            antialias=True,
            align_corners=False,
        )
    x = x.clamp(0.0, 1.0)
    mean, deviation = (
        torch.tensor(values)[:, None, None]
        for values in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    )
    with torch.no_grad():
        tokens = network((x - mean) / deviation).last_hidden_state
    return tokens[:, 1 + network.config.num_register_tokens :].numpy()


def shapes_without_values(**arguments):
    """Names and reference shapes of an encoder's weights, which have no values."""
    encoder = DINOv3Encoder(**arguments)
    with Valueless():
        encoder.build((None, 256, 256, 3))
    return {
        name: layout.reference_shape(tuple(variable.shape))
        for name, variable, layout in dinov3_weights(encoder)
    }


def new_images(side, count=2):
    """Images in [-1, 1] and somewhat beyond, as decoders without a bound make them."""
    generator = np.random.default_rng(side)
    return generator.uniform(-1.3, 1.3, (count, side, side, 3)).astype("float32")
