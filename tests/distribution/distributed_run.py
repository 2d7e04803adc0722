"""Trains a tiny model on some number of devices, in a process of its own.

    python -m tests.distribution.distributed_run TASK MODE DEVICES RESULT.npz [FOLDER]

`TASK` is `given`: five steps with given noise, evaluation, generation and draws; or
`drawn:STOP`: steps with drawn noise and dropped labels up to step `STOP`, going on
from the checkpoints in `FOLDER`; or `restored`: two steps with given noise from the
newest checkpoint there. `DEVICES` are simulated, 0 for those there are. Each
process writes what it holds to `RESULT-PROCESS.npz`.
"""

import os
import random
import signal
import sys

import keras
import numpy as np

import keras_sphere
from keras_sphere import distribution
from keras_sphere.backend import replicas
from keras_sphere.data import PaddedBatches, ShuffledBatches
from keras_sphere.losses import LatentUniformity
from keras_sphere.models.training_objective import UNIFORMITY, AdditionObjective
from keras_sphere.training import TrainingCheckpoint, restore
from tests import tiny_models

BATCH_SIZE, STEPS, STEPS_PER_EPOCH = 8, 5, 3
SIZE = {"hidden_dim": 24, "num_layers": 1, "num_heads": 2}


def start(mode, num_devices):
    model_devices = 4 if mode == "model_parallel" else None
    devices = distribution.setup(mode, model_devices, num_devices or None)
    if keras.backend.backend() == "jax":
        import jax

        jax.config.update("jax_disable_most_optimizations", True)
    return devices


def new_model(devices, uniformity=0.0):
    """The same model in every run; only the first process knows its seed."""
    random.seed(devices.process_index if keras.backend.backend() == "torch" else 0)
    model = tiny_models.new_model(size=SIZE, seed=None)
    jit_compile = "auto" if keras.backend.backend() == "jax" else False
    optimizer = keras_sphere.SphereAdamW(1e-3, ema_momentum=0.9, global_clipnorm=0.1)
    objective = AdditionObjective()
    losses, weights = objective.default_losses(), {**objective.weights}
    if uniformity:  # whose random directions cannot be given to `fit`
        losses[UNIFORMITY] = LatentUniformity(per_class=True)
        weights[UNIFORMITY] = uniformity
    model.compile(optimizer, losses, weights, jit_compile=jit_compile)
    return model


def own_rows(devices, batch):
    """This process's part of a batch."""
    count = len(batch["images"]) // devices.num_processes
    first = devices.process_index * count
    return keras.tree.map_structure(lambda x: x[first : first + count], batch)


def given_batch():
    """A global batch with its noise."""
    return {
        "images": tiny_models.new_images(BATCH_SIZE),
        "labels": tiny_models.new_labels(BATCH_SIZE),
        "draws": tiny_models.new_draws(BATCH_SIZE),
    }


def given(devices):
    model = new_model(devices, uniformity=0.3)
    batch = given_batch()
    before = variables(model)
    history = model.fit(
        own_rows(devices, batch),
        batch_size=BATCH_SIZE // devices.num_processes,
        epochs=STEPS,
        shuffle=False,
        verbose=0,
    ).history
    images, labels = tiny_models.new_images(11), tiny_models.new_labels(11)
    data = devices.shard(PaddedBatches(images, labels, BATCH_SIZE))
    labels = np.array([0, 1, 2, 1, 0])
    return {
        **{f"before/{name}": value for name, value in before.items()},
        **{f"after/{name}": value for name, value in variables(model).items()},
        **copies(model),  # before `evaluate`, which makes processes equal
        **{f"losses/{name}": value for name, value in history.items()},
        "evaluated": list(evaluated(model, data).values()),
        "generated": model.generate(labels=labels, steps=2, seed=3, batch_size=2),
        "reconstructed": model.reconstruct(images[:3], strength=0.5, seed=1),
        **{f"drawn/{name}": x for name, x in drawn(model, BATCH_SIZE).items()},
        **layouts(model),
        "refused": refused(model, own_rows(devices, batch)),
    }


def evaluated(model, data):
    """Losses of an evaluation with noise that is small enough not to matter."""
    model.noise_schedule.max_angle_degrees = 1e-3
    return model.evaluate(data, return_dict=True, verbose=0)


def refused(model, batch):
    """What torch processes that would drift apart, or wait forever, are told."""
    messages = []
    if replicas.in_group():
        more = {"images": batch["images"][: 1 + replicas.processes()[0]]}
        model.optimizer, optimizer = keras.optimizers.SGD(), model.optimizer
        for data in (batch, more):
            try:
                model.fit(data, verbose=0)
            except ValueError as error:
                messages.append(str(error))
            model.optimizer = optimizer
    return messages


def variables(model):
    """All that training changes, by a name that is equal on all devices."""
    values = [*model.variables, *model.optimizer.variables]
    seeds = {id(v) for v in values if "int" in str(v.dtype)}
    with replicas.whole_variables(values):
        return {
            f"{i}/{v.path}": np.array(keras.ops.convert_to_numpy(v))
            for i, v in enumerate(values)
            if id(v) not in seeds
        }


def drawn(model, batch_size):
    """The draws of a step, as the engine runs it: of all rows, or a process's own."""
    schedule, seed = model.noise_schedule, model.seed_generator
    state = np.array(keras.ops.convert_to_numpy(seed.state))
    count = batch_size // replicas.local_shares() // replicas.processes()[1]

    def draw(latents):
        # Traced on JAX: the state is a constant there, and written back after.
        seed.state.assign(state)
        return schedule.draw(latents, seed)

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        strategy = tf.distribute.get_strategy()
        latents = tf.zeros((count, *tiny_models.LATENT_SHAPE))
        parts = strategy.run(tf.function(lambda: draw(latents)))
        return {
            name: np.concatenate(strategy.experimental_local_results(value))
            for name, value in parts.items()
        }
    if keras.backend.backend() == "jax":
        import jax

        latents = jax.numpy.zeros((batch_size, *tiny_models.LATENT_SHAPE))

        def program(latents):
            with keras.StatelessScope():
                return draw(latents)

        layout = keras.distribution.distribution()
        if layout is not None:
            sharding = layout.get_data_layout(latents.shape).backend_layout
            latents = jax.make_array_from_callback(
                latents.shape, sharding, np.asarray(latents).__getitem__
            )
        parts = replicas.whole_arrays(jax.jit(program)(latents))
        return {name: np.array(value) for name, value in parts.items()}
    latents = keras.ops.zeros((count, *tiny_models.LATENT_SHAPE))
    return {k: keras.ops.convert_to_numpy(v) for k, v in draw(latents).items()}


def copies(model):
    """Weights and averages on each device that has a copy, stacked."""
    averages = [average for _, average in model.optimizer.moving_averages()]
    chosen = [model.trainable_variables[5], averages[5], averages[-1]]
    if keras.backend.backend() == "jax":
        parts = [[x.data for x in v.value.addressable_shards] for v in chosen]
        is_copy = [v.value.is_fully_replicated for v in chosen]
        parts = [p for p, whole in zip(parts, is_copy, strict=True) if whole]
    elif keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        local = tf.distribute.get_strategy().experimental_local_results
        parts = [local(v.value) for v in chosen]
    else:
        parts = [[keras.ops.convert_to_numpy(v)] for v in chosen]
    return {
        f"copies/{i}": np.stack([keras.ops.convert_to_numpy(x) for x in part])
        for i, part in enumerate(parts)
    }


def layouts(model):
    """How many of the values of each variable one device holds (JAX)."""
    if keras.backend.backend() != "jax":
        return {}
    shapes = {
        v.path: v.value.addressable_shards[0].data.size
        for v in [*model.variables, *model.optimizer.variables]
    }
    return {f"held/{path}": size for path, size in shapes.items()}


class Stop(keras.callbacks.Callback):
    """Ends the run after a step, or kills this process there."""

    def __init__(self, steps, stop, kill):
        super().__init__()
        self.steps, self.stop, self.kill = steps, stop, kill

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1
        self.losses.append([self.steps, float(logs["loss"])])
        if self.steps == self.stop:
            if self.kill:
                os.kill(os.getpid(), signal.SIGKILL)
            self.model.stop_training = True

    losses = []


def train(devices, stop, folder, kill=False):
    model = new_model(devices)
    count = BATCH_SIZE * STEPS_PER_EPOCH + 3
    images, labels = tiny_models.new_images(count), tiny_models.new_labels(count)
    data = devices.shard(ShuffledBatches(images, labels, BATCH_SIZE, seed=7))
    checkpoint = TrainingCheckpoint(folder, every_steps=2)
    position = checkpoint.resume(model)
    stopping = Stop(position.epoch * STEPS_PER_EPOCH + position.step, stop, kill)
    history = model.fit(
        data.starting_at(*position),
        steps_per_epoch=len(data),
        initial_epoch=position.epoch,
        epochs=2,
        shuffle=False,
        verbose=0,
        callbacks=[checkpoint, stopping],
    ).history
    return {
        **{f"after/{name}": value for name, value in variables(model).items()},
        "losses": stopping.losses,
        "epoch_loss": history["loss"][-1],
    }


def restored(devices, folder):
    model = new_model(devices)
    restore(model, folder)
    history = model.fit(
        given_batch(), batch_size=BATCH_SIZE, epochs=2, shuffle=False, verbose=0
    ).history
    return {
        **{f"after/{name}": value for name, value in variables(model).items()},
        "losses": history["loss"],
    }


def main(task, mode, num_devices, result, folder=None):
    devices = start(mode, int(num_devices))
    with devices:
        if task == "given":
            values = given(devices)
        elif task == "restored":
            values = restored(devices, folder)
        else:
            kill = task.startswith("killed") and devices.process_index == 1
            values = train(devices, int(task.split(":")[1]), folder, kill)
        np.savez(f"{result}-{devices.process_index}.npz", **values)


if __name__ == "__main__":
    main(*sys.argv[1:])
