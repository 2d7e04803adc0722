"""Terms of a distribution on one and on two simulated devices of TensorFlow.

    python -m tests.models.replicas_of_terms RESULT.npz

All of them look at the global batch, so values and gradients are those of one device.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

import keras
import numpy as np

from keras_sphere.losses import Drifting
from keras_sphere.losses.frechet_term import FrechetTerm
from keras_sphere.losses.item_weights import balanced_weights
from keras_sphere.models.score_term import ScoreTerm
from tests.testing import perturb_weights

ROOT = pathlib.Path(__file__).parents[2]
BATCH, SHAPE = 8, (4, 5)
NETWORK = {"width": 8, "num_layers": 1, "num_heads": 1, "path_dropout": 0.0}


def run_in_a_process():
    """Dict of what `main` writes."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "result.npz")
        command = [sys.executable, "-m", "tests.models.replicas_of_terms", path]
        subprocess.run(command, cwd=ROOT, check=True)
        return dict(np.load(path))


def new_batch():
    generator = np.random.default_rng(0)

    def normal(*shape):
        return generator.standard_normal((BATCH, *shape)).astype("float32")

    return {
        "real": normal(*SHAPE) + 1.0,
        "fake": normal(*SHAPE),
        "weights": generator.uniform(0.0, 1.0, BATCH).astype("float32"),
        "labels": np.array([0, 1, 1, 0, 0, 1, 0, 1]),
        **{f"{use}0": normal() for use in ("transport", "real", "fake")},
        **{f"{use}1": normal(*SHAPE) for use in ("transport", "real", "fake")},
    }


def terms_and_gradients(score, frechet, batch):
    """Values per image, and gradients by the generated features, of a replica."""
    import tensorflow as tf

    def drifting(fake):
        labels, weights = batch["labels"], batch["weights"]
        loss = Drifting(reduction=None)
        return loss(*loss.pair([batch["real"]], [fake], labels, labels, weights))

    def moved(fake):
        draws = {
            use: [(batch[f"{use}0"], batch[f"{use}1"])]
            for use in ("transport", "real", "fake")
        }
        real, weights = [batch["real"]], batch["weights"]
        moved, learned = score(real, [fake], weights, draws=draws, training=True)
        return moved * balanced_weights(weights) + learned

    def distance(fake):
        weights = batch["weights"]
        values, _ = frechet(batch["real"], fake, weights, training=True)
        return values * balanced_weights(weights)

    results = {}
    for function in (drifting, moved, distance):
        with tf.GradientTape() as tape:
            tape.watch(batch["fake"])
            values = function(batch["fake"])
        name = function.__name__
        results[name] = values
        results[f"{name}_gradient"] = tape.gradient(values, batch["fake"])
    return results


def main(path):
    import tensorflow as tf

    device = tf.config.LogicalDeviceConfiguration()
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [device] * 2
    )
    results = {}
    for count in (1, 2):
        keras.utils.set_random_seed(0)
        devices = [f"CPU:{i}" for i in range(count)]
        strategy = tf.distribute.MirroredStrategy(devices)
        with strategy.scope():
            score, frechet = ScoreTerm(NETWORK, normalizer="batch"), FrechetTerm(0.5)
            score.build([(None, *SHAPE)])
            frechet.build((None, *SHAPE))
        perturb_weights(score)
        data = tf.data.Dataset.from_tensor_slices(new_batch()).batch(BATCH)
        (batch,) = strategy.experimental_distribute_dataset(data)
        outputs = strategy.run(
            tf.function(terms_and_gradients, autograph=False), (score, frechet, batch)
        )
        for name, value in outputs.items():
            parts = strategy.experimental_local_results(value)
            results[f"{name}/{count}"] = np.concatenate(parts)
        variables = [*score.non_trainable_variables, *frechet.variables]
        for index, variable in enumerate(variables):
            results[f"state{index}/{count}"] = keras.ops.convert_to_numpy(variable)
    np.savez(path, **results)


if __name__ == "__main__":
    main(sys.argv[1])
