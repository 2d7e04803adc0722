"""A training on one or more simulated devices of TensorFlow, in its own process.

    python -m tests.models.replicas NUM_REPLICAS RESULT.npz

Replicas draw equal noise and Keras cannot hand labels to them: the noise is given, and
there are no labels.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

import keras
import numpy as np

from keras_sphere import SphereAdamW
from tests import tiny_models

ROOT = pathlib.Path(__file__).parents[2]


def train_in_a_process(num_replicas):
    """Dict of what `main` writes."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "result.npz")
        command = [sys.executable, "-m", "tests.models.replicas"]
        subprocess.run([*command, str(num_replicas), path], cwd=ROOT, check=True)
        return dict(np.load(path))


def main(num_replicas, path):
    import tensorflow as tf

    device = tf.config.LogicalDeviceConfiguration()
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [device] * num_replicas
    )
    keras.utils.set_random_seed(0)
    devices = [f"CPU:{i}" for i in range(num_replicas)]
    with tf.distribute.MirroredStrategy(devices).scope():
        model = tiny_models.new_model(perceptual="gradient")
        model.compile(SphereAdamW(0.01, ema_momentum=0.5, global_clipnorm=0.1))
    batch = {"images": tiny_models.new_images(), "draws": tiny_models.new_draws(8)}
    data = tf.data.Dataset.from_tensor_slices(batch).batch(4).repeat(2)
    history = model.fit(data, verbose=0, shuffle=False).history
    averages = [average for _, average in model.optimizer.moving_averages()]
    np.savez(
        path,
        gradient_norm=keras.ops.convert_to_numpy(model.optimizer.gradient_norm),
        **{f"logs/{name}": values[0] for name, values in history.items()},
        **{f"weight{i}": w for i, w in enumerate(model.backbone.get_weights())},
        **{f"average{i}": w.numpy() for i, w in enumerate(averages)},
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
