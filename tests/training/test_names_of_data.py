"""A training keeps the names of its data's classes, and goes on with no others."""

import numpy as np
import pytest

from keras_sphere.training import ImageLog, MemorizationAlarm
from keras_sphere.training.data_plan import plan_data
from keras_sphere.training.options import new_options
from keras_sphere.training.plan import make_plan
from keras_sphere.training.training_data import open_data
from keras_sphere.training.training_state import Position, load_state, save_state
from tests.training import small_fits
from tests.training.small_runs import batches


def test_a_stream_says_its_names(preset):
    """As what `keras.utils.image_dataset_from_directory` returns does."""
    stream = batches()
    stream.class_names = ["ant", "bee", "cow", "dodo"]
    options = new_options(preset=str(preset), dataset=stream, batch_size=4)
    stream, plan = open_data(options), plan_data(options, "a stream")
    stream.open(plan, options)
    architecture = make_plan(options, plan, stream.description, 4).architecture
    assert architecture["class_names"] == ["ant", "bee", "cow", "dodo"]
    assert architecture["num_classes"] == 4


@pytest.fixture
def named():
    model = small_fits.new_model()
    model.backbone.class_names = ("ant", "bee", "cow")
    yield model
    model.backbone.class_names = None


def test_a_checkpoint_is_of_its_classes(named, tmp_path):
    save_state(named, tmp_path, Position(), 1, 0)
    load_state(named, tmp_path)
    named.backbone.class_names = ("bee", "ant", "cow")
    with pytest.raises(ValueError, match=r"checkpoint: .*in another order"):
        load_state(named, tmp_path)


class Dataset:
    """What an `ImageDataset` offers beside its batches."""

    class description:
        num_images = 8
        class_names = ("bee", "cow", "dodo")

    def examples(self, indices):
        return small_fits.IMAGES[indices], small_fits.LABELS[indices]


def test_callbacks_take_names_and_no_other_ids(named, tmp_path):
    names = np.array(named.backbone.class_names)[small_fits.LABELS]
    options = {"rows": 3, "columns": 2}
    pictures = [
        ImageLog(tmp_path / "names", small_fits.IMAGES, names, **options),
        ImageLog(tmp_path / "ids", small_fits.IMAGES, small_fits.LABELS, **options),
    ]
    small_fits.fit(named, pictures)
    for name in ("samples", "reconstructions"):
        first, second = (log.pictures[name].read_bytes() for log in pictures)
        assert first == second
    other = Dataset()
    for callback, argument in (
        (ImageLog(tmp_path, other), "images"),
        (MemorizationAlarm(small_fits.IMAGES, other), "held_out"),
        (MemorizationAlarm(other, small_fits.IMAGES), "train"),
    ):
        with pytest.raises(
            ValueError, match=rf"`{argument}` must have.*no longer 'ant'; new 'dodo'"
        ):
            small_fits.fit(named, [callback])
