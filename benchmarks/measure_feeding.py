"""Whether the data pipeline keeps up with training on JPEG files at 256 px.

    python benchmarks/measure_feeding.py [--backends=jax,tensorflow,torch]
        [--hidden_dim=64] [--num_layers=3] [--num_images=400]

Each backend, in a process of its own, reads the files of `measure_data.py` without
training; trains on the same images held in memory; and trains on the files. The model
is as small as the demo's, so that it asks for many images a second: the presets at
256 px have several hundred times its work per image. Every measurement is repeated in
turn with the others; the table has the better of the repeats.
"""

import json
import pathlib
import tempfile
import time

import keras
import measure_data
import numpy as np
from absl import app, flags
from own_process import run_case

BACKENDS = flags.DEFINE_list("backends", ["jax", "tensorflow", "torch"], "Which.")
HIDDEN_DIM = flags.DEFINE_integer("hidden_dim", 64, "Width of both transformers.")
NUM_LAYERS = flags.DEFINE_integer("num_layers", 3, "Blocks of each transformer.")
PATCH_SIZE = flags.DEFINE_integer("patch_size", 16, "Side of a patch in pixels.")
TRAINED_FILES = flags.DEFINE_string("files", None, "Measures one backend, on these.")

BATCH_SIZE = 32
NUM_CLASSES = 4  # of measure_data's folder


class WholeTime(keras.callbacks.Callback):
    """Seconds from the begin of a training to its last step.

    Not to the end of `fit`: on TensorFlow, that waits for tf.data.
    """

    def on_train_begin(self, logs=None):
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds = time.perf_counter() - self.start


def new_model():
    """A compiled model for images of the files."""
    import keras_sphere

    size = {
        "hidden_dim": HIDDEN_DIM.value,
        "num_layers": NUM_LAYERS.value,
        "num_heads": 4,
    }
    backbone = keras_sphere.SphereEncoderBackbone(
        image_size=measure_data.IMAGE_SIZE.value,
        patch_size=PATCH_SIZE.value,
        token_channels=8,
        num_classes=NUM_CLASSES,
        encoder_size=size,
        decoder_size=size,
        encoder_mixer_depth=0,
        decoder_mixer_depth=0,
    )
    model = keras_sphere.SphereEncoderModel(backbone, seed=0)
    model.compile()
    return model


def datasets(folder):
    """The files, and the same images in memory."""
    from keras_sphere import data
    from keras_sphere.data.array_source import ArraySource
    from keras_sphere.data.image_dataset import ImageDataset

    size = measure_data.IMAGE_SIZE.value
    files = data.load(
        folder,
        image_size=size,
        batch_size=BATCH_SIZE,
        horizontal_flip=True,
        resize="bicubic",
    )
    images, labels = files.examples(np.arange(files.description.num_images))
    source = ArraySource(images, labels, files.description.class_names)
    in_memory = ImageDataset(
        source, "memory", "train", size, 3, "bicubic", BATCH_SIZE, horizontal_flip=True
    )
    return files, in_memory


def images_per_second(folder):
    """Rates of reading, of training from memory and of training from files."""
    model = new_model()
    files, in_memory = datasets(folder)
    steps = len(files)

    def fit(dataset, epoch, steps):
        times = WholeTime()
        model.fit(
            dataset.starting_at(epoch),
            steps_per_epoch=steps,
            shuffle=False,
            verbose=0,
            callbacks=[times],
        )
        return times.seconds

    def read(epoch):
        start = time.perf_counter()
        batches = files.starting_at(epoch)
        for _ in range(steps):
            next(batches)
        seconds = time.perf_counter() - start
        batches.close()
        return seconds

    fit(in_memory, 0, 2)  # compiles
    read(0)
    work = {
        "reading": read,
        "memory": lambda epoch: fit(in_memory, epoch, steps),
        "files": lambda epoch: fit(files, epoch, steps),
    }
    rates = {name: [] for name in work}
    for repeat in range(2):
        for name, run in work.items():
            rates[name].append(steps * BATCH_SIZE / run(1 + repeat))
    return {name: max(values) for name, values in rates.items()}


def main(_):
    if TRAINED_FILES.value:
        print(json.dumps(images_per_second(TRAINED_FILES.value)))
        return
    print(
        "| backend | reading | training from memory | from files | reading / training |"
    )
    print("|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        measure_data.write_photographs(pathlib.Path(folder))
        for backend in BACKENDS.value:
            rates = run_case(f"--files={folder}", backend)
            numbers = " | ".join(f"{rates[key]:.1f}" for key in rates)
            ratio = rates["reading"] / rates["memory"]
            print(f"| {backend} | {numbers} | {ratio:.1f} |", flush=True)


if __name__ == "__main__":
    app.run(main)
