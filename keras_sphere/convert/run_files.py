"""The files of a run folder, and which weights of them are meant."""

import re

from keras_sphere.convert.checkpoint_files import KINDS

CONFIG, CHECKPOINTS = "cfg.json", "ckpt"
# Of equally new ones the last is taken: it needs no PyTorch.
_SUFFIXES = ("pth", "npz", "safetensors")
_CHECKPOINT = re.compile(rf"ep(\d+)\.({'|'.join(_SUFFIXES)})")


def find_config(source):
    """The `cfg.json` of a run folder, or of one of its checkpoints.

    Args:
        source: `pathlib.Path`.

    Raises:
        FileNotFoundError: If there is none.
    """
    folder = source.parent.parent if source.is_file() else source
    config = folder / CONFIG
    if not config.is_file():
        raise FileNotFoundError(
            f"A run folder holds {CONFIG}, and its checkpoints in {CHECKPOINTS}/. "
            f"Received: source={str(source)!r}"
        )
    return config


def find_checkpoint(source):
    """The newest checkpoint of a run folder, or the one that was named.

    Args:
        source: `pathlib.Path`.

    Raises:
        FileNotFoundError: If there is none.
    """
    if source.is_file():
        return source
    folder = source / CHECKPOINTS
    name = newest(file.name for file in folder.glob("*"))
    if name is None:
        raise FileNotFoundError(
            f"{folder} must hold a file epNNNN.pth or epNNNN.safetensors. "
            f"Received: source={str(source)!r}"
        )
    return folder / name


def newest(names):
    """The name of the newest checkpoint among names of files; `None` without one."""
    found = {
        (int(match[1]), _SUFFIXES.index(match[2])): match[0]
        for match in map(_CHECKPOINT.fullmatch, names)
        if match
    }
    return found[max(found)] if found else None


def select(state_dicts, weights, path):
    """The kind of weights to convert, and their tensors."""
    if set(state_dicts) == {None}:
        if weights is None:
            raise ValueError(
                f"{path} does not say whether its weights are raw or their moving "
                "average: say so by `weights`. Received: weights=None"
            )
        return weights, state_dicts[None]
    if None in state_dicts:
        unexpected = sorted(state_dicts[None])[:5]
        raise ValueError(
            f"{path} must hold tensors of {list(KINDS.values())} only. Received: "
            f"{unexpected} besides"
        )
    kind = weights or ("ema" if "ema" in state_dicts else "raw")
    if kind not in state_dicts:
        raise ValueError(
            f"{path} must hold the weights asked for. It has: {sorted(state_dicts)}. "
            f"Received: weights={weights!r}"
        )
    return kind, state_dicts[kind]
