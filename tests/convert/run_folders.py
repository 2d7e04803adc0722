"""Writes and reads run folders of the reference, with the golden weights."""

import json

import keras
import numpy as np
import torch
from safetensors.numpy import save_file

from keras_sphere.convert.checkpoint_files import open_checkpoint
from tests import golden_data


def new_run_folder(folder, name="a2", **changes):
    """Writes the `cfg.json` of a golden model; returns its state dict.

    Args:
        folder: `pathlib.Path`.
        name: String. The golden file.
        **changes: Fields of `cfg.json` to change; `None` leaves one out.
    """
    arrays = golden_data.load(name)
    config = golden_data.config(arrays)
    g, loss, opt = config["G"], config["loss"], config["opt"]
    fields = {
        **{key: g[key] for key in g if key not in ("input_size",)},
        "image_size": g["input_size"],
        "cond_generator": g["num_classes"] > 0,
        "num_classes": g["num_classes"] or 1000,
        "sizes": {"tiny": config["size"]},
        "distance_loss_type": loss["distance_loss_type"],
        "pix_recon_dist_loss_weight": 25.0,
        "pix_recon_perc_loss_weight": loss["perceptual_weight"],
        "pix_con_dist_loss_weight": loss["pixel_consistency_distance_weight"],
        "pix_con_perc_loss_weight": loss["pixel_consistency_perceptual_weight"],
        "lat_con_loss_weight": loss["latent_consistency_weight"],
        "learning_rate": opt["lr"],
        "encoder_lr_scaler": opt["encoder_lr_scaler"],
        "grad_clip": opt["grad_clip"],
        "weight_decay": opt["weight_decay"],
        "ema_model_decay": opt["ema_decay"],
        "batch_size": 128,
        "epochs": 5000,
        "warmup_epochs": 10,
        "min_lr": 1e-6,
        "dataset_name": "cifar10",
        "an_argument_of_no_interest": [1, 2],
        **changes,
    }
    fields = {key: value for key, value in fields.items() if value is not None}
    (folder / "ckpt").mkdir(parents=True, exist_ok=True)
    (folder / "cfg.json").write_text(json.dumps(fields))
    return golden_data.state_dict(arrays)


def save_pth(path, content):
    """Writes arrays in dicts as PyTorch does."""
    torch.save(
        keras.tree.map_structure(
            lambda a: torch.from_numpy(a) if isinstance(a, np.ndarray) else a, content
        ),
        path,
    )


def save(run, format, state_dict, kind="ema", epoch=7):
    """Writes a checkpoint of one kind of weights."""
    key = {"raw": "model", "ema": "ema_model"}[kind]
    path = run / "ckpt" / f"ep{epoch:04d}.{format}"
    if format == "pth":
        save_pth(path, {key: state_dict, "epoch": epoch})
    else:
        tensors = {f"{key}.{name}": a for name, a in state_dict.items()}
        save_file(tensors, path, metadata={"epoch": str(epoch)})
    return path


def stored(path, kind):
    """All tensors of a checkpoint."""
    with open_checkpoint(path) as checkpoint:
        tensors = checkpoint.state_dicts[kind]
        return {name: np.array(t.read()) for name, t in tensors.items()}


def assert_same_bits(actual, expected):
    assert set(actual) == set(expected)
    for name, array in expected.items():
        assert actual[name].shape == array.shape, name
        assert actual[name].tobytes() == array.tobytes(), name
