"""What a training would take, measured on a few steps of it."""

import statistics
import time

import keras
import numpy as np

from keras_sphere.backend.devices import accelerator
from keras_sphere.readable import readable_duration, readable_size
from keras_sphere.training.memory import estimate_memory, free_host_memory
from keras_sphere.training.model_building import build_model


class StepTimes(keras.callbacks.Callback):
    """Seconds of each call of the training step; the first one compiles."""

    def __init__(self):
        super().__init__()
        self.seconds = []

    def on_train_batch_begin(self, batch, logs=None):
        self._start = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        float(logs["loss"])  # waits until the step is done
        self.seconds.append(time.perf_counter() - self._start)


def measure(plan, parameters, num_steps, batches=None):
    """Times a few real steps, unless the model is too large for this machine.

    Args:
        plan: `TrainingPlan`.
        parameters: Integer. Parameters of the model.
        num_steps: Integer. Steps to measure, after one that compiles.
        batches: Generator of batches, or `None` for random images.

    Returns:
        Lines of text.
    """
    if num_steps == 0:
        return "Not measured: dry_run_steps is 0."
    needed = sum(estimate_memory(parameters, plan).values())
    free = free_host_memory()
    if free is not None and needed > free and accelerator() is None:
        return (
            f"Not measured: {readable_size(needed)} are needed before activations, and "
            f"{readable_size(free)} are free here."
        )
    try:
        model = build_model(plan)
    except FileNotFoundError as error:  # weights of the perceptual network
        return f"Not measured: {error}"
    first, step = time_steps(model, plan, num_steps, batches)
    epoch = readable_duration(step * plan.steps_per_epoch)
    whole = readable_duration(step * plan.total_steps)
    what = "random images" if batches is None else "the data"
    return "\n".join(
        [
            f"Measured over {num_steps * plan.steps_per_execution} steps on {what}:",
            f"  first step   {readable_duration(first)} (compilation)",
            f"  time a step  {1000 * step:.1f} ms, "
            f"{plan.data.batch_size / step:.1f} images/s",
            f"  estimated    {epoch} an epoch, {whole} in all, "
            "without pictures and saving",
        ]
    )


def time_steps(model, plan, num_steps, batches=None):
    """Trains a model for a few steps, and times them.

    Args:
        model: The model of the plan.
        plan: `TrainingPlan`.
        num_steps: Integer. Calls of the training step, after one that compiles.
        batches: Generator of batches, or `None` for random images.

    Returns:
        Pair of seconds: of the first call, and of a step after it.
    """
    times, together = StepTimes(), plan.steps_per_execution
    model.fit(
        _random_batches(plan) if batches is None else batches,
        steps_per_epoch=(1 + num_steps) * together,
        epochs=1,
        shuffle=False,
        verbose=0,
        callbacks=[times],
    )
    return times.seconds[0], statistics.median(times.seconds[1:]) / together


def _random_batches(plan):
    a, generator = plan.architecture, np.random.default_rng(0)
    shape = (plan.data.batch_size, a["image_size"], a["image_size"], a["num_channels"])
    images = generator.integers(0, 256, shape, "uint8")
    labels = generator.integers(0, max(a["num_classes"], 1), shape[0], "int32")
    batch = (images, labels) if a["num_classes"] else (images,)
    if a.get("condition_dim"):
        vectors = generator.standard_normal((shape[0], a["condition_dim"]), "float32")
        batch = ({"images": images, "embeddings": vectors}, *batch[1:])
    while True:
        yield batch
