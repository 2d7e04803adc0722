"""How near samples come to training images."""

import numpy as np
import pytest

from keras_sphere.training import CSVLog, MemorizationAlarm, memorization_alarm
from keras_sphere.training.memorization_alarm import shrink
from tests import tiny_models
from tests.training import small_fits

IMAGES = small_fits.IMAGES
HELD_OUT = tiny_models.new_images(5, seed=9)
NAMES = (
    "nearest_train_distance_of_samples",
    "nearest_train_distance_of_held_out",
    "nearest_train_distance_ratio",
)


def nearest(images, train):
    """Median of root-mean-square differences, pair by pair."""
    images, train = (np.clip((x + 1.0) / 2.0, 0.0, 1.0) for x in (images, train))
    nearest = [min(np.sqrt(np.mean((x - y) ** 2)) for y in train) for x in images]
    return np.median(nearest)


def test_distances(monkeypatch):
    monkeypatch.setattr(memorization_alarm, "CHUNK_IMAGES", 3)
    model = small_fits.new_model()
    alarm = MemorizationAlarm(IMAGES, HELD_OUT, every_epochs=2, num_samples=7, seed=3)
    history = small_fits.fit(model, [alarm], epochs=2)
    samples = model.generate(labels=np.arange(7) % 3, seed=3, use_ema=False)
    expected = nearest(samples, IMAGES), nearest(HELD_OUT, IMAGES)
    values = [history[name] for name in NAMES]
    assert [len(value) for value in values] == [1, 1, 1]  # after the second epoch
    # Training images are kept in steps of 1 / 255.
    np.testing.assert_allclose([values[0][0], values[1][0]], expected, atol=0.001)
    assert values[2][0] == values[0][0] / values[1][0]


class CopyingModel:
    """Makes any model copy its training images."""

    def __init__(self, model, noise=0.0):
        noise = np.random.default_rng(0).normal(scale=noise, size=IMAGES.shape)
        model.generate = lambda num_images, **_: (IMAGES + noise)[:num_images]
        self.model = model

    def __enter__(self):
        return self.model

    def __exit__(self, *error):
        del self.model.generate


@pytest.mark.parametrize(("noise", "is_raised"), [(0.02, True), (2.0, False)])
def test_copies_raise_the_alarm(caplog, tmp_path, noise, is_raised):
    alarm = MemorizationAlarm(IMAGES, HELD_OUT, num_samples=6)
    log = CSVLog(tmp_path / "log.csv")
    with CopyingModel(small_fits.new_model(), noise) as model:
        history = small_fits.fit(model, [alarm, log], epochs=2)
    ratio = history["nearest_train_distance_ratio"][-1]
    assert (ratio < 1.0) == is_raised == alarm.is_raised
    assert ("Memorization: after epoch 2" in caplog.text) == is_raised
    assert f"ratio {ratio:.2f}, below 1" in caplog.text or not is_raised
    assert repr(ratio) in log.path.read_text()


def test_threshold(caplog):
    with CopyingModel(small_fits.new_model(), 0.02) as model:
        alarm = MemorizationAlarm(IMAGES, HELD_OUT, num_samples=6, threshold=1e-3)
        small_fits.fit(model, [alarm])
    assert not alarm.is_raised
    assert "Memorization" not in caplog.text


def test_held_out_images_that_are_trained_on(caplog):
    alarm = MemorizationAlarm(IMAGES, IMAGES, num_samples=4)
    history = small_fits.fit(small_fits.new_model(), [alarm])
    assert np.isnan(history["nearest_train_distance_ratio"][0])
    assert "cannot be measured" in caplog.text
    assert not alarm.is_raised


class Dataset:
    """Gives out images by their indices, and notes which."""

    def __init__(self, images):
        self.images, self.asked = images, []
        self.description = type("Description", (), {"num_images": len(images)})

    def examples(self, indices):
        self.asked += list(indices)
        return self.images[indices], None


def test_subset_of_a_dataset(monkeypatch):
    monkeypatch.setattr(memorization_alarm, "CHUNK_IMAGES", 2)
    train, held_out = Dataset(IMAGES), Dataset(HELD_OUT)
    alarm = MemorizationAlarm(
        train, held_out, every_epochs=1, num_samples=2, max_train_images=4
    )
    history = small_fits.fit(small_fits.new_model(), [alarm], epochs=2)
    # The first of each is looked at before training; all else is read once.
    assert train.asked == [0, 0, 2, 5, 7]
    assert held_out.asked == [0, 0, 4]
    expected = nearest(HELD_OUT[[0, 4]], IMAGES[[0, 2, 5, 7]])
    np.testing.assert_allclose(history[NAMES[1]], [expected] * 2, atol=0.001)


def test_shrink():
    images = np.random.default_rng(0).integers(0, 256, (2, 5, 5, 3), "uint8")
    np.testing.assert_array_equal(shrink(images, 5), images.astype("float32") / 255.0)
    small = shrink(images, 3)
    assert small.shape == (2, 3, 3, 3)
    corners = images[:, 2:4, 0:2].mean(axis=(1, 2)) / 255.0
    np.testing.assert_allclose(small[:, 1, 0], corners, rtol=1e-5)
    np.testing.assert_allclose(small[:, 2, 2], images[:, 4, 4] / 255.0, rtol=1e-5)
    floats = images / 127.5 - 1.0
    np.testing.assert_allclose(shrink(floats, 3), small, atol=1e-6)
    assert shrink(np.zeros((1, 100, 100, 1)), 32).shape == (1, 25, 25, 1)


def test_gray_unconditional_model():
    images = np.random.default_rng(0).integers(0, 256, (8, 8, 8, 1), "uint8")
    alarm = MemorizationAlarm(images[:6], images[6:], num_samples=3)
    model = small_fits.gray_model()
    history = small_fits.fit(model, [alarm], x=images, y=None)
    assert 0.0 < history["nearest_train_distance_ratio"][0] < 2.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"every_epochs": 0}, "`every_epochs` must be"),
        ({"num_samples": 0}, "`num_samples` must be"),
        ({"max_train_images": 0}, "`max_train_images` must be"),
        ({"max_side": 0}, "`max_side` must be"),
        ({"threshold": 0.0}, "`threshold` must be"),
        ({"train": None}, "`train` must be"),
        ({"held_out": IMAGES[:0]}, "`held_out` must be"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=f"{message}.*Received: "):
        MemorizationAlarm(**{"train": IMAGES, "held_out": HELD_OUT, **arguments})


def test_images_of_another_size():
    alarm = MemorizationAlarm(IMAGES, HELD_OUT[:, :8])
    with pytest.raises(ValueError, match=r"`held_out` must .*Received: shape"):
        small_fits.fit(small_fits.new_model(), [alarm])
