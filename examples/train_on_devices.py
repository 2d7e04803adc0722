"""Trains a Sphere Encoder on 16x16 digits on many devices, and goes on if stopped.

    python examples/train_on_devices.py --distribution=data_parallel \\
        --simulated_devices=8

Data: scikit-learn's 1,797 scanned digits; nothing is downloaded. The same command in
one or many processes, on any backend: docs/distribution.md has one for each. Into
`output_dir` go checkpoints and `samples.png`; run again, it goes on from there, on as
many devices as it then finds. The defaults show how it works; a longer training with
its scores is in `train_digits.py`.
"""

import logging
import pathlib

import keras_sphere
from keras_sphere import distribution
from keras_sphere.data import PaddedBatches, ShuffledBatches, load_digits
from keras_sphere.training import StopOnSignal, TrainingCheckpoint
from keras_sphere.visualization import image_grid, save_image

import numpy as np
from absl import app, flags

OUTPUT_DIR = flags.DEFINE_string("output_dir", "runs/devices", "Folder to write to.")
EPOCHS = flags.DEFINE_integer("epochs", 2, "Passes over the training images.")
BATCH_SIZE = flags.DEFINE_integer("batch_size", 64, "Images per step, of all devices.")
distribution.define_flags()


def new_model():
    size = {"hidden_dim": 48, "num_layers": 1, "num_heads": 4}
    backbone = keras_sphere.SphereEncoderBackbone(
        *(16, 4, 8),
        num_channels=1,
        num_classes=10,
        encoder_size=size,
        decoder_size=size,
        encoder_mixer_depth=0,
        decoder_mixer_depth=0,
    )
    model = keras_sphere.SphereEncoderModel(backbone, max_angle_degrees=80.0, seed=0)
    model.compile(keras_sphere.SphereAdamW(2e-3, encoder_learning_rate_factor=0.5))
    return model


def main(_):
    with distribution.setup_from_flags(flags.FLAGS) as devices:
        train(devices)


def train(devices):
    (images, labels), (held_out, held_out_labels) = load_digits()
    size = BATCH_SIZE.value
    batches = devices.shard(ShuffledBatches(images, labels, size, seed=0))
    validation = devices.shard(PaddedBatches(held_out, held_out_labels, size))
    model = new_model()
    checkpoint = TrainingCheckpoint(pathlib.Path(OUTPUT_DIR.value) / "checkpoints")
    start = checkpoint.resume(model)
    stop = StopOnSignal()
    model.fit(
        batches.starting_at(*start),
        steps_per_epoch=len(batches),
        initial_epoch=start.epoch,
        epochs=EPOCHS.value,
        validation_data=validation,
        shuffle=False,
        verbose=2 if devices.is_main else 0,
        callbacks=[stop, checkpoint],
    )
    if stop.received:  # the same in all processes
        return
    # Every process generates its part; one writes.
    samples = model.generate(labels=np.arange(40) % 10, steps=4, seed=0)
    if devices.is_main:
        path = pathlib.Path(OUTPUT_DIR.value) / "samples.png"
        save_image(path, image_grid(samples, columns=10))
        logging.info("Trained on %s; wrote %s", devices, path)


if __name__ == "__main__":
    app.run(main)
