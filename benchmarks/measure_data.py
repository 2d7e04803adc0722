"""Images per second of the data pipeline, beside tf.data and torch's DataLoader.

    python benchmarks/measure_data.py [--num_images=400] [--image_size=256]

Two kinds of data: a folder of JPEG files of 256 to 500 pixels, cut from scikit-learn's
two photographs (resize, crop, flip, batches of 32), and an array of 32-pixel images
(flip, batches of 128). The three pipelines do the same work, each in a process of its
own, which passes over the data once before five timed passes. tf.data decodes and
resizes with TensorFlow's operations and AUTOTUNE; the DataLoader decodes and resizes
with Pillow, in one process per core. Prints a markdown table of medians.
"""

import json
import os
import pathlib
import statistics
import tempfile
import time

import numpy as np
from absl import app, flags
from own_process import run_case

NUM_IMAGES = flags.DEFINE_integer("num_images", 400, "JPEG files.")
NUM_SMALL_IMAGES = flags.DEFINE_integer("num_small_images", 20_000, "Images in memory.")
IMAGE_SIZE = flags.DEFINE_integer("image_size", 256, "What JPEG files are resized to.")
REPEATS = flags.DEFINE_integer("repeats", 5, "Timed passes.")
CASE = flags.DEFINE_list("case", None, "Measures PIPELINE,DATA,FOLDER here.")

BATCH_SIZES = {"JPEG files": 32, "32 px arrays": 128}
CORES = len(os.sched_getaffinity(0))


def write_photographs(folder):
    """Writes JPEG files in class folders."""
    from PIL import Image
    from sklearn.datasets import load_sample_images

    photographs = [Image.fromarray(image) for image in load_sample_images().images]
    draws = np.random.default_rng(0)
    for number in range(NUM_IMAGES.value):
        photograph = photographs[number % len(photographs)]
        width, height = draws.integers((256, 256), (500, 400))
        left, top = draws.integers(0, np.subtract(photograph.size, (width, height)) + 1)
        path = folder / f"class{number % 4}" / f"{number:05}.jpg"
        path.parent.mkdir(exist_ok=True)
        box = (left, top, left + width, top + height)
        photograph.crop(tuple(map(int, box))).save(path, quality=90)


def small_images():
    draws = np.random.default_rng(0)
    images = draws.integers(0, 256, (NUM_SMALL_IMAGES.value, 32, 32, 3), "uint8")
    return images, draws.integers(0, 10, len(images)).astype("int32")


def files_and_labels(folder):
    paths = sorted(folder.glob("*/*.jpg"))
    return [str(path) for path in paths], [int(path.parent.name[5:]) for path in paths]


def keras_sphere_passes(data, folder):
    """Endless iterator of passes over the data, each an iterable of batches."""
    import itertools

    from keras_sphere import data as sphere_data
    from keras_sphere.data.array_source import ArraySource
    from keras_sphere.data.image_dataset import ImageDataset

    if data == "JPEG files":
        dataset = sphere_data.load(
            folder,
            image_size=IMAGE_SIZE.value,
            batch_size=BATCH_SIZES[data],
            horizontal_flip=True,
            resize="bicubic",
        )
    else:
        source = ArraySource(*small_images(), class_names="0123456789")
        dataset = ImageDataset(
            source, "small", "train", 32, 3, "nearest", BATCH_SIZES[data],
            horizontal_flip=True,
        )  # fmt: skip
    batches = dataset.starting_at()
    while True:
        yield itertools.islice(batches, len(dataset))


def tf_data_passes(data, folder):
    """As above, with tf.data."""
    import tensorflow as tf

    size, fastest = IMAGE_SIZE.value, tf.data.AUTOTUNE

    def decode(path, label):
        image = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
        shape = tf.cast(tf.shape(image)[:2], "float32")
        target = tf.cast(tf.round(shape * size / tf.reduce_min(shape)), "int32")
        image = tf.image.resize(image, target, "bicubic", antialias=True)
        image = tf.image.resize_with_crop_or_pad(image, size, size)
        image = tf.cast(tf.clip_by_value(tf.round(image), 0, 255), "uint8")
        return tf.image.random_flip_left_right(image), label

    def flip(image, label):
        return tf.image.random_flip_left_right(image), label

    if data == "JPEG files":
        dataset = tf.data.Dataset.from_tensor_slices(files_and_labels(folder))
        dataset = dataset.shuffle(len(dataset)).map(decode, fastest)
        dataset = dataset.batch(BATCH_SIZES[data], drop_remainder=True)
    else:
        dataset = tf.data.Dataset.from_tensor_slices(small_images())
        dataset = dataset.shuffle(len(dataset))
        dataset = dataset.batch(BATCH_SIZES[data], drop_remainder=True)
        dataset = dataset.map(flip, fastest)  # of whole batches, which is quicker
    while True:
        yield dataset.prefetch(fastest).as_numpy_iterator()


def torch_passes(data, folder):
    """As above, with torch's DataLoader."""
    import torch
    from PIL import Image

    size = IMAGE_SIZE.value

    class Photographs(torch.utils.data.Dataset):
        def __init__(self):
            self.paths, self.labels = files_and_labels(folder)

        def __len__(self):
            return len(self.paths)

        def __getitem__(self, index):
            image = Image.open(self.paths[index]).convert("RGB")
            scale = size / min(image.size)
            target = [round(length * scale) for length in image.size]
            image = image.resize(target, Image.Resampling.BICUBIC)
            left, top = ((length - size) // 2 for length in image.size)
            image = image.crop((left, top, left + size, top + size))
            if torch.rand(()) < 0.5:
                image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            return torch.from_numpy(np.array(image)), self.labels[index]

    class Small(torch.utils.data.Dataset):
        def __init__(self):
            self.images, self.labels = map(torch.from_numpy, small_images())

        def __len__(self):
            return len(self.images)

        def __getitem__(self, index):
            image = self.images[index]
            image = image.flip(1) if torch.rand(()) < 0.5 else image
            return image, self.labels[index]

    loader = torch.utils.data.DataLoader(
        Photographs() if data == "JPEG files" else Small(),
        BATCH_SIZES[data],
        shuffle=True,
        drop_last=True,
        num_workers=CORES,
        persistent_workers=True,
    )
    while True:
        yield loader


PIPELINES = {
    "keras_sphere": keras_sphere_passes,
    "tf.data": tf_data_passes,
    "torch DataLoader": torch_passes,
}


def images_per_second(pipeline, data, folder):
    """Rates of the timed passes."""
    rates = []
    passes = PIPELINES[pipeline](data, folder)
    for _ in range(1 + REPEATS.value):
        start, count = time.perf_counter(), 0
        for images, _ in next(passes):
            count += len(np.asarray(images))
        rates.append(count / (time.perf_counter() - start))
    return rates[1:]


def main(_):
    if CASE.value:
        pipeline, data, folder = CASE.value
        print(json.dumps(images_per_second(pipeline, data, pathlib.Path(folder))))
        return
    print("| data | pipeline | images/s (slowest and quickest pass) |")
    print("|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        write_photographs(pathlib.Path(folder))
        for data in BATCH_SIZES:
            for pipeline in PIPELINES:
                rates = run_case(f"--case={pipeline},{data},{folder}")
                print(
                    f"| {data} | {pipeline} | {statistics.median(rates):.0f} "
                    f"({min(rates):.0f}, {max(rates):.0f}) |",
                    flush=True,
                )


if __name__ == "__main__":
    app.run(main)
