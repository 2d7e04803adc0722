"""Writes folders in the layout of the published weights of Sphere Encoder 2."""

import json

import numpy as np
from safetensors.numpy import save_file

from keras_sphere import SphereEncoderBackbone
from keras_sphere.backend.valueless import Valueless
from keras_sphere.convert.reference_names import reference_weights
from tests import golden_data
from tests.convert.run_folders import save_pth

# With a frozen encoder in front: 16 x 16 tokens, as of its patches.
DINOV3 = {"hidden_dim": 64, "num_layers": 1, "num_heads": 1, "mlp_dim": 32}
SIZE = {"width": 32, "layers": 1, "heads": 2, "in_context_start": 0}
IMAGE_SIZE, PATCH_SIZE, NUM_CLASSES, NUM_TOKENS = 32, 2, 3, 256


def architecture(**changes):
    """Arguments of the backbone that `new_folder` writes the weights of."""
    size = {"hidden_dim": 32, "num_layers": 1, "num_heads": 2, "in_context_start": 0}
    return {
        "image_size": IMAGE_SIZE,
        "patch_size": PATCH_SIZE,
        "token_channels": DINOV3["hidden_dim"],
        "num_classes": NUM_CLASSES,
        "encoder_size": size,
        "decoder_size": size,
        "pixel_head": "patch",
        "pixel_activation": "linear",
        "encoder_mixer_depth": 0,
        "decoder_mixer_depth": 0,
        "motion": "rotation",
        "epsilon": 1e-5,
        "qk_norm": True,
        "conditional_encoder": False,
        "angle_condition": "both",
        "pretrained_encoder": DINOV3,
        **changes,
    }


def shapes(**changes):
    """Shapes of the tensors of that backbone by their reference names."""
    with Valueless():
        backbone = SphereEncoderBackbone(**architecture(**changes))
    return {
        name: layout.reference_shape(tuple(variable.shape))
        for name, variable, layout in reference_weights(backbone)
    }


def state_dict(seed=0, **changes):
    """Random weights of that backbone by their reference names."""
    generator = np.random.default_rng(seed)
    return {
        name: generator.normal(0.0, 0.1, shape).astype("float32")
        for name, shape in shapes(**changes).items()
    }


def write_config(folder, **changes):
    """Writes `cfg.json`, and an empty `ckpt/`; `None` leaves a field out."""
    fields = {
        "image_size": IMAGE_SIZE,
        "patch_size": PATCH_SIZE,
        "latent_resolution": 16,
        "token_channels": DINOV3["hidden_dim"],
        "vit_enc_model_size": "tiny",
        "vit_dec_model_size": "tiny",
        "sizes": {"tiny": SIZE},
        "num_classes": NUM_CLASSES,
        "cond_generator": True,
        "halve_model_size": False,
        "spherify_model": False,
        "spherify_mode": "global",
        "pixel_head_type": "linear",
        "pixel_head_use_tanh": False,
        "in_context_size": 0,
        "noise_sigma_max_angle": 90.0,
        "use_angle_condition": True,
        "angle_condition_mode": "both",
        "load_pretrained_encoder": "facebook/dinov3-vits16plus-pretrain-lvd1689m",
        "pretrained_encoder_interpolate_tokens": False,
        "pretrained_encoder_interpolate_pos_embed": False,
        "pretrained_encoder_fix_compression_ratio": False,
        "use_qk_norm": True,
        "dataset_name": "flowers",
        "an_argument_of_no_interest": [1, 2],
        **changes,
    }
    fields = {key: value for key, value in fields.items() if value is not None}
    (folder / "ckpt").mkdir(parents=True, exist_ok=True)
    (folder / "cfg.json").write_text(json.dumps(fields))


def save(folder, format="pth", epoch=299, **dicts):
    """Writes a checkpoint of dicts of arrays, such as `model` and `ema_model`."""
    path = folder / "ckpt" / f"ep{epoch:04d}.{format}"
    if format == "pth":
        save_pth(path, {**dicts, "epoch": epoch})
        return path
    tensors = {
        f"{key}.{n}": a for key, named in dicts.items() for n, a in named.items()
    }
    if format == "npz":
        np.savez(path, epoch=np.int64(epoch), **tensors)
    else:
        save_file(tensors, path, metadata={"epoch": str(epoch)})
    return path


def golden_folder(folder, name="s2b"):
    """Writes a golden model, whose encoder is a transformer of its own."""
    arrays = golden_data.load(name)
    config = golden_data.config(arrays)
    g = dict(config["G1"])
    fields = {
        **g,
        "image_size": g.pop("input_size"),
        "cond_generator": g["num_classes"] > 0,
        "sizes": {"tiny": config["size"]},
    }
    (folder / "ckpt").mkdir(parents=True)
    (folder / "cfg.json").write_text(json.dumps(fields))
    save(folder, ema_model=golden_data.state_dict(arrays))
    return arrays


def class_map(names):
    """The content of a map file, by folders that are not in the order of the ids."""
    count = len(names)
    return {
        f"n{count - index:08d}": {
            "class_id": index,
            "ori_class_id": count - 1 - index,
            "label": name,
        }
        for index, name in reversed(list(enumerate(names)))
    }
