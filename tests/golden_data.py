"""Reads the golden arrays and turns their layouts into ours."""

import json
import pathlib

import numpy as np

FOLDER = pathlib.Path(__file__).parent / "golden"


def load(name):
    """All arrays of one golden file, as a dict."""
    with np.load(FOLDER / f"{name}.npz") as arrays:
        return {key: arrays[key] for key in arrays.files}


def config(arrays):
    """The configuration of a golden model."""
    return json.loads(str(arrays["config"]))


def state_dict(arrays, prefix="sd/"):
    """The weights, by their reference names."""
    return {
        key.removeprefix(prefix): value
        for key, value in arrays.items()
        if key.startswith(prefix)
    }


def images(array):
    """NCHW images to NHWC; further axes in front stay."""
    return np.moveaxis(array, -3, -1)


def draws(arrays):
    """The random draws of the training forward, under our names."""
    return {
        "noise": arrays["in/e"],
        "radii": arrays["in/r"],
        "small_radii": arrays["in/r2"],
        "hard_case_scalers": arrays["in/scalers"],
    }
