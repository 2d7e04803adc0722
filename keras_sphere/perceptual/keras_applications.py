"""ImageNet weights of `keras.applications`, under our names.

They are not those that LPIPS and the paper's recipes were made with: VGG16 is the
original one of Caffe, on blue, green, red in [0, 255]; ConvNeXt is that of its authors.
"""

import contextlib

import keras
import numpy as np

# The mean over channels of the weights of LPIPS' public heads (v0.1, VGG), per layer.
HEAD_MEANS = (0.108, 0.069, 0.068, 0.101, 0.092)


def vgg16_weights(weights="imagenet"):
    """Weights of `LPIPS`, with uniform heads.

    Args:
        weights: As `keras.applications.VGG16` takes them.

    Returns:
        Dict of name -> array.
    """
    with _loading("VGG16"):
        model = keras.applications.VGG16(weights=weights, include_top=False)
    arrays, block = {}, 0
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            kernel, bias = layer.get_weights()
            arrays[f"{layer.name}_kernel"], arrays[f"{layer.name}_bias"] = kernel, bias
        elif isinstance(layer, keras.layers.MaxPooling2D):
            arrays[f"lin{block}"] = np.full(bias.shape, HEAD_MEANS[block], "float32")
            block += 1
    # Our images are red, green, blue.
    arrays["block1_conv1_kernel"] = arrays["block1_conv1_kernel"][:, :, ::-1]
    return arrays


def convnext_weights(weights="imagenet"):
    """Weights of `ConvNeXtLogits`.

    Args:
        weights: As `keras.applications.ConvNeXtSmall` takes them.

    Returns:
        Dict of name -> array.
    """
    with _loading("ConvNeXtSmall"):
        model = keras.applications.ConvNeXtSmall(weights=weights)
    arrays = {}
    layers = [inner for layer in model.layers for inner in _inner_layers(layer)]
    for layer in filter(lambda layer: layer.weights, layers):
        place, parts = _convnext_place(layer.name.removeprefix(f"{model.name}_"))
        for part, value in zip(parts, layer.get_weights(), strict=True):
            arrays[f"{place}_{part}"] = value
    return {
        name: value.transpose(0, 1, 3, 2) if "depthwise_kernel" in name else value
        for name, value in arrays.items()
    }


def _inner_layers(layer):
    return layer.layers if isinstance(layer, keras.Sequential) else [layer]


def _convnext_place(name):
    """Our name of a layer of Keras' ConvNeXt, and of its weights in order."""
    affine, linear = ("scale", "bias"), ("kernel", "bias")
    kinds = {
        "depthwise_conv": ("depthwise", linear),
        "layernorm": ("norm", affine),
        "pointwise_conv_1": ("expand", linear),
        "pointwise_conv_2": ("contract", linear),
        "layer_scale": ("layer", ("scale",)),
    }
    fixed = {
        "stem_conv": ("stem_conv", linear),
        "stem_layernorm": ("stem_norm", affine),
        "head_layernorm": ("head_norm", affine),
        "head_dense": ("head", linear),
        **{
            f"downsampling_layernorm_{i}": (f"downsample{i + 1}_norm", affine)
            for i in range(3)
        },
        **{
            f"downsampling_conv_{i}": (f"downsample{i + 1}_conv", linear)
            for i in range(3)
        },
    }
    if name in fixed:
        return fixed[name]
    _, stage, _, block, kind = name.split("_", 4)
    ours, parts = kinds[kind]
    return f"stage{stage}_block{block}_{ours}", parts


@contextlib.contextmanager
def _loading(name):
    """Settings under which Keras builds its applications; says if it cannot.

    `keras.applications` follows global settings that are the user's, and downloads by
    an `Exception` without a class of its own where there is no network.
    """
    data_format, dtype = keras.config.image_data_format(), keras.config.dtype_policy()
    keras.config.set_image_data_format("channels_last")
    keras.config.set_dtype_policy("float32")
    try:
        yield
    except Exception as error:
        raise FileNotFoundError(
            f"The ImageNet weights of keras.applications.{name} are neither in Keras' "
            "cache (`models` in $KERAS_HOME or ~/.keras) nor could they be downloaded. "
            "Without a network, put the file that the message below names there, or "
            "train with perceptual='gradient' (no weights; `--perceptual=gradient` of "
            f"the examples). Received: {error}"
        ) from error
    finally:
        keras.config.set_image_data_format(data_format)
        keras.config.set_dtype_policy(dtype)
