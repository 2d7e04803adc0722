"""The quality table of the digits, on samples of known quality."""

import json
import pathlib
import sys

import numpy as np
import pytest

from keras_sphere.data import load_digits

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "examples"))

import digits_quality


@pytest.fixture(scope="module")
def data():
    return load_digits()


@pytest.fixture(scope="module")
def quality(data):
    return digits_quality.DigitsQuality(*data)


class CopyingModel:
    """Returns training images of the asked class, and noisy reconstructions."""

    def __init__(self, train):
        self.images, self.labels = train[0] / 127.5 - 1.0, train[1]

    def generate(self, labels, steps, seed, use_ema):
        random = np.random.default_rng(seed)
        chosen = [random.choice(np.flatnonzero(self.labels == i)) for i in labels]
        return self.images[chosen]

    def reconstruct(self, images, labels=None, use_ema=None):
        return images + (0.2 if labels is None else 0.02)


def test_copies_of_training_images(data, quality):
    report = quality.measure(CopyingModel(data[0]), steps=(1, 4))
    assert list(report["samples"]) == ["1", "4"]
    copies, real = report["samples"]["1"], report["real"]["train"]
    assert copies["class_agreement"] > 0.99
    assert copies["nearest_ratio"] == pytest.approx(0.0, abs=1e-6)
    for key in ("frechet_to_test", "precision", "recall"):
        assert copies[key] == pytest.approx(real[key], rel=0.15)
    assert report["psnr"]["null_label"] == pytest.approx(20.0)
    assert report["psnr"]["true_label"] == pytest.approx(40.0)
    json.dumps(report)


def test_level_of_real_images(quality):
    real = quality.measure_real()
    assert real["test"]["frechet_to_train"] == pytest.approx(3.69, abs=0.1)
    assert real["test"]["nearest_distance"] == pytest.approx(3.85, abs=0.05)
    assert real["test"]["class_agreement"] > 0.93
    assert real["train"]["precision"] == pytest.approx(0.71, abs=0.03)
    assert real["train"]["recall"] == pytest.approx(0.77, abs=0.03)


def test_the_test_images_themselves(data, quality):
    images, labels = data[1]
    own = quality.measure_samples(images, labels)
    assert own["frechet_to_test"] == pytest.approx(0.0, abs=1e-6)
    assert (own["precision"], own["recall"]) == (1.0, 1.0)
    assert own["nearest_ratio"] == pytest.approx(1.0)
    wrong = quality.measure_samples(images, (labels + 1) % 10)
    assert wrong["class_agreement"] < 0.05


def test_one_image_per_class_does_not_cover(data, quality):
    images, labels = data[0]
    first = [np.flatnonzero(labels == label)[0] for label in range(10)]
    samples = images[np.repeat(first, 50)]
    poor = quality.measure_samples(samples, digits_quality.sample_labels())
    assert poor["class_agreement"] == 1.0
    assert poor["recall"] == 0.0


def test_table(data, quality):
    report = quality.measure(CopyingModel(data[0]), steps=(1, 4))
    lines = digits_quality.format_table(report).splitlines()
    assert len({len(line) for line in lines[:-1]}) == 1
    assert lines[1].startswith("samples, 1 step ")
    assert lines[2].startswith("samples, 4 steps")
    assert lines[3].split()[-2:] == [f"{report['real']['train']['recall']:.2f}", "-"]
    assert lines[4].split()[-1] == "1.00"
    assert "20.00 dB without label, 40.00 dB with label" in lines[-1]
