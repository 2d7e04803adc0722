"""What the folder of a training run is made of, and the preset that it offers."""

import pathlib

from keras_sphere.preset_files.folder import CONFIG, read_config

PLAN_FILE = "plan.json"
CHECKPOINTS, PRESET, PRESET_EMA = "checkpoints", "preset", "preset_ema"
# Among the notes of a preset: how long it was trained.
STEPS, SECONDS = "steps", "seconds_trained"


def is_run_folder(folder):
    """Whether a folder is that of a run of `training.train`, and no preset itself."""
    folder = pathlib.Path(folder)
    return (folder / PLAN_FILE).is_file() and not (folder / CONFIG).is_file()


def newest_preset(folder):
    """The folder of the preset of a run that was trained the most.

    It is that of the finished run, unless the run went on since; else that of the
    newest checkpoint. A checkpoint's folder is complete before it has its name, so a
    run that was killed, or is being trained at this moment, has one as well.

    Args:
        folder: String or path of a run.

    Returns:
        `pathlib.Path`.

    Raises:
        FileNotFoundError: If the run has left none yet.
    """
    folder = pathlib.Path(folder)
    checkpoints = sorted((folder / CHECKPOINTS).glob("checkpoint-*"))
    found = [path for path in checkpoints if (path / CONFIG).is_file()][-1:]
    if (folder / PRESET / CONFIG).is_file():
        found.append(folder / PRESET)
    if not found:
        why = (
            "its checkpoints are of an earlier version, which kept no presets with them"
            if checkpoints
            else "it has no checkpoint yet"
        )
        raise FileNotFoundError(
            f"The training run in this folder has no model to use: {why}. Let it go on "
            "by the command that began it: each checkpoint, and the end, leave one. "
            f"Received: folder={str(folder)!r}"
        )
    return max(reversed(found), key=_steps)


def _steps(folder):
    steps = read_config(folder)["recipe"]["training"].get(STEPS)  # a note: anything
    return steps if isinstance(steps, int) else 0
