"""What an engine cannot do is an error that names what can; nothing is ignored."""

import contextlib
import logging
import os
import re
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_sphere import data, distribution
from keras_sphere.data import PaddedBatches, ShuffledBatches
from tests import tiny_models
from tests.distribution.launch import ROOT

BACKEND = keras.backend.backend()


@pytest.fixture(scope="module")
def model():
    model = tiny_models.new_model()
    model.compile(jit_compile=False)
    return model


@contextlib.contextmanager
def two_devices():
    """An engine with two devices, where one process has them."""
    if BACKEND == "jax":
        devices = keras.distribution.list_devices()[:2]
        engine = keras.distribution.DataParallel(devices=devices)
    else:
        import tensorflow as tf

        with contextlib.suppress(RuntimeError):  # once per process
            tf.config.set_logical_device_configuration(
                tf.config.list_physical_devices("CPU")[0],
                [tf.config.LogicalDeviceConfiguration()] * 2,
            )
        engine = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with engine.scope():
        yield


def test_unknown_mode():
    with pytest.raises(ValueError, match="`mode` must be one of"):
        distribution.setup("data-parallel")
    with pytest.raises(ValueError, match="are for mode="):
        distribution.setup("data_parallel", model_devices=2)


def test_none_is_one_device():
    with distribution.setup() as devices:
        assert (devices.num_devices, devices.num_shares) == (1, 1)
        assert devices.is_main
        assert keras.distribution.distribution() is None


@pytest.mark.skipif(BACKEND == "jax", reason="JAX can")
def test_models_are_split_on_jax_only():
    with pytest.raises(ValueError, match="KERAS_BACKEND=jax"):
        distribution.setup("model_parallel")


@pytest.mark.skipif(BACKEND != "jax", reason="JAX")
def test_devices_of_a_model_divide_all_devices():
    with pytest.raises(ValueError, match="must divide the number of devices"):
        distribution.setup("model_parallel", model_devices=7)


@pytest.mark.skipif(BACKEND != "torch", reason="PyTorch")
def test_torch_names_torchrun(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with pytest.raises(ValueError, match="torchrun --standalone"):
        distribution.setup("data_parallel")
    with pytest.raises(ValueError, match="nproc_per_node=8"):
        distribution.setup("data_parallel", simulated_devices=8)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ValueError, match="side by side"):
        distribution.setup("none")


@pytest.mark.skipif(BACKEND != "jax", reason="JAX")
def test_several_jax_processes_need_a_mode(monkeypatch):
    monkeypatch.setenv("KERAS_DISTRIBUTION_JOB_ADDRESSES", "127.0.0.1:1")
    with pytest.raises(ValueError, match="side by side"):
        distribution.setup("none")


SEVERAL_WORKERS = """
import tensorflow as tf
strategy = tf.distribute.MultiWorkerMirroredStrategy()  # at the start of a program
from tests import tiny_models
model = tiny_models.new_model()
model.compile(jit_compile=False)
with strategy.scope():
    model.fit(tiny_models.new_images(), tiny_models.new_labels())
"""


@pytest.mark.skipif(BACKEND != "tensorflow", reason="TensorFlow")
def test_several_tensorflow_workers(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", "{}")
    with pytest.raises(ValueError, match="KERAS_BACKEND=torch and torchrun"):
        distribution.setup("data_parallel")
    monkeypatch.delenv("TF_CONFIG")
    errors = subprocess.run(
        [sys.executable, "-c", SEVERAL_WORKERS],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "KERAS_BACKEND": "tensorflow"},
        capture_output=True,
        text=True,
        check=False,
    ).stderr
    assert "ValueError" in errors, errors[-3000:]
    assert "tf.distribute.MirroredStrategy on one host" in errors


@pytest.mark.skipif(BACKEND == "jax", reason="JAX heeds it")
def test_distributions_of_keras_are_not_ignored(model):
    mesh = keras.distribution.DeviceMesh((1,), ("batch",), ["cpu:0"])
    with (
        keras.distribution.DataParallel(mesh).scope(),
        pytest.raises(ValueError, match='setup\\("data_parallel"\\)'),
    ):
        model.fit(tiny_models.new_images(), tiny_models.new_labels())


@pytest.mark.skipif(BACKEND == "torch", reason="one process has one device")
@pytest.mark.parametrize("method", ["fit", "evaluate", "predict", "stream"])
def test_batches_that_devices_cannot_share(model, method):
    """Raises before the first step, and the weights are still there."""
    images, labels = tiny_models.new_images(7), tiny_models.new_labels(7)
    call = {
        "fit": lambda: model.fit(images, labels, batch_size=4, verbose=0),
        "evaluate": lambda: model.evaluate(images, labels, batch_size=4, verbose=0),
        "predict": lambda: model.predict(images, batch_size=4),
        "stream": lambda: model.fit(iter([(images, labels)]), verbose=0),
    }[method]
    with two_devices(), pytest.raises(ValueError, match="split every batch"):
        call()
    assert all(np.all(np.isfinite(w)) for w in model.backbone.get_weights())


@pytest.mark.skipif(BACKEND != "tensorflow", reason="TensorFlow")
def test_one_batch_is_not_given_to_every_replica(model):
    with two_devices(), pytest.raises(ValueError, match="Use `fit`"):
        model.train_on_batch(tiny_models.new_images(), tiny_models.new_labels())


class Eight:
    """Devices as eight in two processes would be."""

    num_shares, num_processes, process_index, is_main = 8, 2, 1, True
    check_batch_size = distribution.Devices.check_batch_size
    shard = distribution.Devices.shard


def test_batch_size():
    Eight().check_batch_size(16)
    for size in (0, 4, 12):
        with pytest.raises(ValueError, match=re.escape(f"batch_size={size}")):
            Eight().check_batch_size(size)


def test_dropped_images_are_counted(caplog):
    images = tiny_models.new_images(20)
    with caplog.at_level(logging.INFO, "keras_sphere"):
        shard = Eight().shard(ShuffledBatches(images, batch_size=8))
    assert "4 images of each epoch are left out" in caplog.text
    assert len(shard) == 2


def test_shards_are_the_batches():
    """Together the rows of the global batches, in order: no image twice."""
    images = np.arange(22).reshape(22, 1, 1, 1)
    whole = ShuffledBatches(images, batch_size=8, seed=3, drop_last=True)
    shards = [whole.shard(i, 4).starting_at(1, 1) for i in range(4)]
    for (batch,), *_ in zip(whole.starting_at(1, 1), range(3), strict=False):
        parts = [next(shard)[0] for shard in shards]
        np.testing.assert_array_equal(np.concatenate(parts), batch)
    epoch = np.concatenate([next(b)[0] for b in [whole.starting_at()] for _ in "ab"])
    assert len(np.unique(epoch)) == 16
    for index, count in ((4, 4), (0, 3)):
        with pytest.raises(ValueError, match="`index` must be in"):
            whole.shard(index, count)


def test_shards_of_a_loaded_dataset():
    dataset = data.load("fake", image_size=16, batch_size=8, horizontal_flip=True)
    shards = [dataset.shard(i, 2).starting_at(0, 1) for i in range(2)]
    images, labels = next(dataset.starting_at(0, 1))
    parts = [next(shard) for shard in shards]
    np.testing.assert_array_equal(np.concatenate([p[0] for p in parts]), images)
    np.testing.assert_array_equal(np.concatenate([p[1] for p in parts]), labels)
    assert len(dataset.shard(0, 2)) == len(dataset)


@pytest.mark.skipif(BACKEND == "torch", reason="its devices are processes")
def test_images_are_augmented_outside_of_the_engine():
    def batches():
        return data.load("fake", image_size=8, batch_size=8, augment="flip,affine")

    expected = next(batches().starting_at(0, 1))[0]
    with two_devices():
        dataset = batches()
        np.testing.assert_array_equal(next(dataset.starting_at(0, 1))[0], expected)
        dataset[0]
        np.testing.assert_array_equal(dataset[1][0], expected)
    seed = dataset._augmentation._layer.variables[0].value
    if BACKEND == "jax":
        assert len(seed.devices()) == 1
    else:
        assert "Mirrored" not in type(seed).__name__


def test_padded_batches_count_each_image_once():
    images = np.arange(11.0).reshape(11, 1, 1, 1)
    batches = PaddedBatches(images, np.arange(11), batch_size=8)
    total = count = 0
    for index in range(2):
        shard = batches.shard(index, 2)
        for number in range(len(batches)):
            batch, labels, weights = shard[number]
            assert batch.shape == (4, 1, 1, 1)
            np.testing.assert_array_equal(batch.ravel(), labels)
            total += np.sum(batch.ravel() * weights)
            count += len(batch)
    np.testing.assert_allclose(total / count, images.mean())


def test_padded_evaluation_is_the_mean_over_images():
    """Without noise: the losses of a filled-up batch are those of its images."""
    model = tiny_models.new_model(max_angle_degrees=1e-3)
    model.compile()
    images, labels = tiny_models.new_images(6), tiny_models.new_labels(6)
    padded = PaddedBatches(images, labels, batch_size=4)
    received, expected = (
        model.evaluate(*given, batch_size=size, return_dict=True, verbose=0)
        for given, size in (((padded,), None), ((images, labels), 2))
    )
    for name in ("loss", "pixel_reconstruction_loss"):
        np.testing.assert_allclose(received[name], expected[name], atol=1e-4)
