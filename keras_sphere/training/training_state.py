"""What a checkpoint holds: all that a training needs to go on as if uninterrupted."""

import json
import math
import typing

import keras
import numpy as np

from keras_sphere.backend.operations import sync_variables
from keras_sphere.backend.replicas import own_part_of_sum
from keras_sphere.class_names import difference_of_names
from keras_sphere.files.integrity import CorruptFileError
from keras_sphere.models.finite_loss_guard import NonFiniteLossError

MODEL_FILE, STATE_FILE = "model.keras", "state.json"


class Position(typing.NamedTuple):
    """Where a training stands: `step` batches of `epoch` are done, both from 0."""

    epoch: int = 0
    step: int = 0


class Progress(typing.NamedTuple):
    """How much was trained: steps, and the seconds that they took, over all lives."""

    steps: int = 0
    seconds: float = 0.0


def save_state(
    model, folder, position, steps_per_epoch, steps_done, seconds_trained=0.0
):
    """Writes a model and the state of its training.

    A `.keras` file holds weights, optimizer (with moments, moving average and
    iterations, from which schedules follow) and how the model was compiled;
    `state.json` what Keras leaves out: random seeds, position, running metrics.

    Args:
        model: Compiled Keras model, in `fit` or not.
        folder: Path of an empty folder.
        position: `Position`.
        steps_per_epoch: Integer or `None`.
        steps_done: Integer. Steps since the start of the training.
        seconds_trained: Float. How long they took.

    Raises:
        NonFiniteLossError: If a weight or a slot of the optimizer is not finite.
    """
    check_finite_variables(model)
    model.save(folder / MODEL_FILE)
    state = {
        "position": list(position),
        "steps_per_epoch": steps_per_epoch,
        "steps_done": steps_done,
        "seconds_trained": seconds_trained,
        "optimizer": _describe_optimizer(model),
        "class_names": _class_names(model),
        "random": [_numpy(v).tolist() for v in random_variables(model)],
        "metrics": [_numpy(v).tolist() for v in model.metrics_variables],
    }
    text = json.dumps(state, indent=1, allow_nan=False) + "\n"
    (folder / STATE_FILE).write_text(text, encoding="utf-8")


def check_resumable(model):
    """Raises a `ValueError` if files leave out what the training of a model needs."""
    for layer in model._flatten_layers():
        if getattr(layer, "lora_enabled", False):
            raise ValueError(
                "Files of a model merge the matrices of LoRA into its weights, so its "
                "training cannot be resumed: train without checkpoints and call "
                "`model.save` or `save_to_preset` at the end. Received: LoRA in the "
                f"layer {layer.path}"
            )


def load_state(model, folder):
    """Brings a compiled model to the state that `save_state` wrote.

    Args:
        model: Model built and compiled as the saved one was.
        folder: Path that `save_state` wrote to. Its files are trusted to be whole,
            not to be harmless: nothing in them is executed.

    Returns:
        Dict as in `state.json`, with a `Position`, and `progress`.

    Raises:
        ValueError: If the model or its optimizer is not like the saved one.
    """
    if not getattr(model, "compiled", False):
        raise ValueError(
            "Compile the model as it was compiled before, so that its optimizer can "
            "go on too. Received: a model that is not compiled"
        )
    state = _read_state(folder / STATE_FILE)
    model.optimizer.build(model.trainable_variables)
    seeds = random_variables(model)
    _check_equal("optimizer", _describe_optimizer(model), state["optimizer"])
    _check_equal("number of random seeds", len(seeds), len(state["random"]))
    _check_names(_class_names(model), state.get("class_names"))
    model.load_weights(folder / MODEL_FILE)
    for variable, value in zip(seeds, state["random"], strict=True):
        variable.assign(np.array(value, variable.dtype))
    return state


def _read_state(path):
    """The content of `state.json`, each part checked to be of its kind."""
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
        epoch, step = state["position"]
        seeds = np.array(state["random"], dtype="int64").reshape(-1, 2)
        counts = [epoch, step, state["steps_done"], *seeds.ravel().tolist()]
        np.array(state["metrics"], dtype="float64").reshape(len(state["metrics"]))
        is_valid = all(type(count) is int and count >= 0 for count in counts)
        seconds = float(state.get("seconds_trained", 0.0))  # older states have none
        is_valid = is_valid and 0.0 <= seconds < math.inf
    except (ValueError, KeyError, TypeError) as error:
        is_valid, state = False, error
    if not is_valid:
        raise CorruptFileError(
            f"{path} is not the state of a training. Received: {_short(state)}"
        )
    progress = Progress(state["steps_done"], seconds)
    return {**state, "position": Position(epoch, step), "progress": progress}


def restore_metrics(model, values):
    """Sets the running means of an epoch, which `fit` resets at its start."""
    if len(model.metrics_variables) < len(values):
        model.build_metrics()
    variables = model.metrics_variables
    _check_equal("number of metrics", len(variables), len(values))
    for variable, value in zip(variables, values, strict=True):
        variable.assign(own_part_of_sum(np.array(value, variable.dtype)))


def random_variables(model):
    """The states of the seed generators, which Keras' files leave out."""
    weights = {id(variable) for variable in model.weights}
    return [v for v in model.variables if id(v) not in weights]


def check_finite_variables(model):
    """Raises a `NonFiniteLossError` if training has spoiled a variable.

    `SphereAdamW` cannot; other optimizers apply gradients that are not finite, in a
    step whose own loss may still be finite.
    """
    sync_variables(model)
    notes = (  # of the last batch: they say nothing about the weights
        getattr(model, "batch_range", None),
        getattr(model.optimizer, "gradient_norm", None),
    )
    for variable in [*model.variables, *model.optimizer.variables]:
        if any(variable is note for note in notes) or "int" in str(variable.dtype):
            continue
        if not np.all(np.isfinite(_numpy(variable).astype("float32"))):
            raise NonFiniteLossError(
                f"The variable {variable.path} is not finite: training has diverged. "
                "No checkpoint was saved; the earlier ones are as they were."
            )


def _describe_optimizer(model):
    """Class and shapes: Keras skips, with a warning, an optimizer that differs."""
    shapes = [list(variable.shape) for variable in model.optimizer.variables]
    return [type(model.optimizer).__name__, shapes]


def _class_names(model):
    """Names of the classes of a `SphereEncoderModel`, as a list, or `None`."""
    names = getattr(getattr(model, "backbone", None), "class_names", None)
    return None if names is None else list(names)


def _check_names(present, saved):
    difference = difference_of_names(saved, present)
    if present and saved and difference:
        raise ValueError(
            "The classes of the model are not those of the checkpoint: their ids would "
            f"stand for others. Received: {difference}"
        )


def _check_equal(what, present, saved):
    if present != saved:
        raise ValueError(
            f"The {what} of the model is not that of the checkpoint: build and compile "
            f"it as before. Expected: {_short(saved)}. Received: {_short(present)}"
        )


def _short(value):
    text = str(value)
    return text if len(text) <= 200 else text[:200] + "..."


def _numpy(variable):
    return np.asarray(keras.ops.convert_to_numpy(variable))
