"""Pictures of samples and reconstructions during a training."""

import gc
import pathlib

import keras
import matplotlib.figure
import numpy as np
import PIL.Image
import pytest

from keras_sphere.training import CSVLog, ImageLog
from keras_sphere.visualization import plot_image_table
from tests import tiny_models
from tests.training import small_fits

IMAGES, LABELS = small_fits.IMAGES, small_fits.LABELS


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def both(*numbers):
    kinds = ("reconstructions", "samples")
    return [f"{kind}-epoch-{number:04d}.png" for kind in kinds for number in numbers]


def test_when_pictures_are_drawn(tmp_path):
    pictures = ImageLog(tmp_path, IMAGES, LABELS, every_epochs=2, rows=2, columns=2)
    small_fits.fit(small_fits.new_model(), [pictures], epochs=5)
    assert names(tmp_path) == both(2, 4, 5)
    assert pictures.pictures == {
        kind: tmp_path / f"{kind}-epoch-0005.png"
        for kind in ("samples", "reconstructions")
    }
    for path in tmp_path.iterdir():
        with PIL.Image.open(path) as image:
            assert image.size > (100, 50)


class Stop(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = epoch == 2


def test_a_training_that_is_stopped_is_drawn_at_its_end(tmp_path):
    pictures = ImageLog(tmp_path, IMAGES, every_epochs=2, rows=1, columns=1)
    small_fits.fit(small_fits.new_model(), [pictures, Stop()], epochs=9)
    assert names(tmp_path) == both(2, 3)


class Copies(keras.callbacks.Callback):
    """Keeps what training has changed after each epoch, read before anything else."""

    def __init__(self):
        super().__init__()
        self.states = []

    def on_epoch_end(self, epoch, logs=None):
        if keras.backend.backend() == "jax":
            self.model.jax_state_sync()
        self.states.append(tiny_models.state(self.model))


@pytest.mark.parametrize("use_ema", [False, True])
def test_pictures_are_of_the_weights_of_their_epoch(tmp_path, use_ema):
    model, copies = small_fits.new_model(), Copies()
    pictures = ImageLog(
        tmp_path, IMAGES, LABELS, 1, rows=3, columns=2, use_ema=use_ema, seed=5
    )
    # The pictures come first: nobody has asked for the weights of this epoch yet.
    small_fits.fit(model, [pictures, copies], epochs=3)
    contents = set()
    for number, state in enumerate(copies.states, 1):
        tiny_models.restore(model, state)
        samples = {
            title: model.generate(
                labels=[0, 0, 1, 1, 2, 2], steps=steps, seed=5, use_ema=use_ema
            ).reshape(3, 2, 16, 16, 3)
            for title, steps in (("1 step", 1), ("4 steps", 4))
        }
        expected = tmp_path / "expected.png"
        plot_image_table(samples, "012", expected, title=f"epoch {number}")
        present = tmp_path / f"samples-epoch-{number:04d}.png"
        assert present.read_bytes() == expected.read_bytes()
        plot_image_table(samples, "012", expected, title="epoch")
        contents.add(expected.read_bytes())
    assert len(contents) == 3  # the weights of each epoch give other samples


def test_reconstructions(tmp_path):
    model = small_fits.new_model()
    pictures = ImageLog(
        tmp_path, np.asarray(127.5 * (IMAGES + 1.0), "uint8"), LABELS, columns=3
    )
    small_fits.fit(model, [pictures])
    images = np.asarray(127.5 * (IMAGES[[0, 3, 1, 4, 2, 5]] + 1.0), "uint8")
    labels, options = [0, 0, 1, 1, 2, 2], {"seed": 0, "use_ema": False}
    rows = {
        "image": images / 127.5 - 1.0,
        "no noise": model.reconstruct(images, labels, **options),
        "half noise": model.reconstruct(images, labels, 0.5, **options),
        "full noise": model.reconstruct(images, labels, 1.0, **options),
    }
    table = {"": np.stack(list(rows.values()))}
    expected = tmp_path / "expected.png"
    plot_image_table(table, list(rows), expected, title="epoch 1")
    present = tmp_path / "reconstructions-epoch-0001.png"
    assert present.read_bytes() == expected.read_bytes()


@pytest.mark.parametrize(
    ("labels", "optimizer"), [(None, None), (np.arange(4) % 2, "sgd")]
)
def test_gray_unconditional_models_with_any_optimizer(tmp_path, labels, optimizer):
    model = small_fits.gray_model(optimizer)
    images = np.zeros((4, 8, 8, 1), "uint8")
    pictures = ImageLog(tmp_path, images, labels, rows=2, columns=1)
    small_fits.fit(model, [pictures], x=images, y=None)
    assert names(tmp_path) == both(1)


class Dataset:
    """What an `ImageDataset` offers beside its batches."""

    class description:
        num_images = 8
        class_names = ("cat", "dog", "a name that is rather long")

    def examples(self, indices):
        return IMAGES[indices], LABELS[indices]


def test_a_dataset_gives_images_labels_and_names(tmp_path):
    options = {"rows": 3, "columns": 2}
    model = small_fits.new_model()
    pictures = [
        ImageLog(tmp_path / "dataset", Dataset(), **options),
        ImageLog(tmp_path / "arrays", IMAGES, LABELS, **options),
    ]
    small_fits.fit(model, pictures)
    name = "reconstructions-epoch-0001.png"
    assert (
        len({(tmp_path / kind / name).read_bytes() for kind in ("dataset", "arrays")})
        == 1
    )


def test_classes_are_spread():
    from keras_sphere.training.image_source import ImageSource

    labels = np.repeat(np.arange(100), 3)
    images = labels.astype("uint8")[:, None, None, None] * np.ones(
        (1, 2, 2, 1), "uint8"
    )
    for count, expected in (
        (5, [0, 25, 50, 74, 99]),
        (2, [0, 99]),
    ):
        source = ImageSource("images", images, labels)
        chosen, chosen_labels = source.take(source.spread_over_classes(count))
        assert len(set(chosen_labels)) == count
        np.testing.assert_array_equal(chosen[:, 0, 0, 0], chosen_labels)
        assert np.max(np.abs(chosen_labels - expected)) < 10
    few = ImageSource("images", images[:6], labels[:6])
    few = few.take(few.spread_over_classes(4))
    np.testing.assert_array_equal(few[1], [0, 0, 1, 1])
    alone = ImageSource("images", images)
    alone = alone.take(alone.spread_over_classes(3))
    assert alone[1] is None
    assert len(alone[0]) == 3


def test_nothing_is_kept_from_one_epoch_to_the_next(tmp_path):
    counts = []

    class Count(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            gc.collect()
            objects = gc.get_objects()
            figures = sum(
                issubclass(type(o), matplotlib.figure.Figure) for o in objects
            )
            counts.append((figures, len(objects)))

    pictures = ImageLog(tmp_path, IMAGES, LABELS, every_epochs=1, rows=1, columns=1)
    small_fits.fit(small_fits.new_model(), [pictures, Count()], epochs=4)
    assert {figures for figures, _ in counts} == {0}
    assert counts[-1][1] - counts[-3][1] < 200  # a figure has thousands


def test_full_disk(tmp_path):
    pictures = ImageLog(tmp_path, IMAGES, every_epochs=1, rows=1, columns=1)
    with (
        small_fits.full_disk(1000),
        pytest.raises(OSError, match=r"The picture .*samples-epoch-0001.png could not"),
    ):
        small_fits.fit(small_fits.new_model(), [pictures])
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"every_epochs": 0}, "`every_epochs` must be"),
        ({"rows": 0}, "`rows` must be"),
        ({"steps": (1, 0)}, "`steps` must be"),
        ({"strengths": (0.0, 2.0)}, "`strengths` must be"),
        ({"labels": LABELS[:3]}, "`images` must be an array"),
        ({"images": IMAGES[0]}, "`images` must be an array"),
        ({"images": Dataset(), "labels": LABELS}, "`images` must be an array"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=f"{message}.*Received: "):
        ImageLog("never_made", **{"images": IMAGES, **arguments})
    assert not pathlib.Path("never_made").exists()


def test_errors_before_the_first_step(tmp_path):
    model = small_fits.new_model()
    small = ImageLog(tmp_path, IMAGES[:, :8])
    with pytest.raises(ValueError, match=r"`images` must .*Received: shape"):
        small_fits.fit(model, [small])
    for labels, message in (
        (LABELS + 0.5, "must be integers"),
        (np.full((len(LABELS), 3), 1 / 3), "must be one class per image"),
    ):
        with pytest.raises(ValueError, match=f"`labels` {message}.*Received: "):
            small_fits.fit(model, [ImageLog(tmp_path, IMAGES, labels)])
    late = [CSVLog(tmp_path / "log.csv"), ImageLog(tmp_path, IMAGES)]
    with pytest.raises(ValueError, match=r"`ImageLog` must be listed before `CSVLog`"):
        small_fits.fit(model, late)
    average = ImageLog(tmp_path, np.zeros((1, 8, 8, 1), "uint8"), use_ema=True)
    gray = small_fits.gray_model("sgd")
    with pytest.raises(ValueError, match=r"`use_ema=True` needs.*Received: optimizer"):
        small_fits.fit(gray, [average], x=np.zeros((4, 8, 8, 1), "uint8"), y=None)
    assert names(tmp_path) == []
