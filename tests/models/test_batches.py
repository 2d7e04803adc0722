"""Batches reach the steps as they are, in order, each of them once."""

import logging
import re

import keras
import numpy as np
import pytest

from keras_sphere.backend.operations import compiled, sync_variables
from tests import tiny_models

BYTES = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), "uint8")
LABELS = tiny_models.new_labels(4)
ON_TORCH = keras.backend.backend() == "torch"


@pytest.fixture(scope="module")
def eager_model():
    model = tiny_models.new_model()
    model.compile(run_eagerly=True)
    return model


@pytest.fixture
def model(request):
    """The shared model; on TensorFlow one that need not be traced for every size."""
    on_tensorflow = keras.backend.backend() == "tensorflow"
    return request.getfixturevalue("eager_model" if on_tensorflow else "model")


class Seen(keras.callbacks.Callback):
    """Keeps the largest pixel and the number of every batch."""

    def __init__(self):
        super().__init__()
        self.largest, self.tested = [], 0

    def on_train_batch_end(self, batch, logs=None):
        sync_variables(self.model)
        self.largest.append(float(self.model.batch_range[1]))

    def on_test_batch_end(self, batch, logs=None):
        self.tested += 1


def dark(share):
    """Float images with no pixel above `share`."""
    return np.minimum(tiny_models.new_images(4), share).astype("float32")


def counted(count, yielded):
    for index in range(count):
        yielded.append(index)
        yield dark(0.1 * index - 0.5), LABELS


class Batches(keras.utils.PyDataset):
    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return self.batches[index]


@pytest.mark.parametrize("form", [iter, list, Batches])
def test_every_batch_keeps_its_dtype_and_size(model, form):
    rows = 4 if keras.backend.backend() == "jax" else 3  # JAX would compile for them
    last = (dark(0.25)[:rows], LABELS[:rows])
    batches = [(BYTES, LABELS), (dark(0.5), LABELS), last]
    seen = Seen()
    steps = {"steps_per_epoch": 3} if form is iter else {"shuffle": False}
    model.fit(form(batches), callbacks=[seen], verbose=0, **steps)
    np.testing.assert_allclose(seen.largest, [1.0, 0.5, 0.25])


def test_nothing_is_read_ahead_or_lost(model):
    yielded, seen = [], Seen()
    model.fit(
        counted(9, yielded), steps_per_epoch=2, epochs=3, callbacks=[seen], verbose=0
    )
    assert yielded == [0, 1, 2, 3, 4, 5]
    np.testing.assert_allclose(seen.largest, 0.1 * np.arange(6) - 0.5, atol=1e-6)


def test_a_generator_validates_every_epoch(model):
    """Keras starts anew with the first two batches, and then goes on."""
    yielded, seen = [], Seen()
    history = model.fit(
        (BYTES, LABELS),
        validation_data=counted(9, yielded),
        validation_steps=3,
        epochs=3,
        callbacks=[seen],
        verbose=0,
    ).history
    assert len(history["val_loss"]) == 3
    assert (seen.tested, len(yielded)) == (9, 5)


@pytest.mark.skipif(ON_TORCH, reason="torch takes one step at a time")
def test_an_end_within_several_steps_at_once(model):
    before, several = int(model.optimizer.iterations), model.steps_per_execution
    model.steps_per_execution = 2
    try:
        with pytest.warns(UserWarning, match="ran out of data"):
            model.fit(counted(3, []), verbose=0)
    finally:
        model.steps_per_execution = several
    assert int(model.optimizer.iterations) == before + 3


def read_once():
    """A data set over a generator: the second epoch finds it empty."""
    tf = pytest.importorskip("tensorflow")
    batches = counted(2, [])
    shapes = [(None, 16, 16, 3), (None,)]
    return tf.data.Dataset.from_generator(
        lambda: batches,
        output_signature=tuple(map(tf.TensorSpec, shapes, ("float32", "int64"))),
    ).skip(0)


@pytest.mark.filterwarnings("ignore:.*ran out of data")
@pytest.mark.parametrize("use", ["x", "validation_data"])
def test_no_batches_are_no_loss_of_zero(model, use):
    losses = []
    end = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: losses.append(logs["loss"])
    )
    data = {"x": (BYTES, LABELS), use: read_once()}
    with pytest.raises(ValueError, match=r"must have batches.*Received: no batches"):
        model.fit(**data, epochs=3, callbacks=[end], verbose=0)
    assert len(losses) <= 1
    assert 0.0 not in losses


def test_numbers_of_numpy(model):
    one = np.int64(1)
    history = model.fit(
        BYTES,
        LABELS.tolist(),
        batch_size=np.int64(4),
        epochs=np.int64(2),
        initial_epoch=one,
        validation_data=(BYTES, LABELS.tolist()),
        validation_batch_size=np.int64(4),
        validation_freq=one,
        shuffle=np.False_,
        verbose=0,
    ).history
    assert len(history["val_loss"]) == 1
    whole = {"images": BYTES, "labels": LABELS.tolist()}
    model.fit(whole, batch_size=4, verbose=0)
    for method in (model.fit, model.evaluate, model.predict):
        with pytest.raises(ValueError, match="`batch_size` must be an integer"):
            method(BYTES, batch_size=True)
    wrong = {"epochs": 1.5, "validation_split": "0.5", "shuffle": "no"}
    for name, value in wrong.items():
        with pytest.raises(ValueError, match=f"`{name}` must be.*Received: {name}="):
            model.fit(BYTES, **{name: value})


RAGGED = [[0], [1, 2], [0], [1]]
BAD_LISTS = {
    "labels": ((BYTES, RAGGED), "`labels` must be an array of numbers"),
    "text": ((BYTES, list("abca")), "`labels` must hold numbers"),
    "weights": ((BYTES, LABELS, RAGGED), "`sample_weight` must be an array of num"),
    "batch": ([(BYTES, RAGGED)], "`labels` must be an array of numbers"),
    "dict": ([{"images": BYTES, "labels": RAGGED}], "`labels` must be an array"),
    "whole dict": ({"images": BYTES, "labels": RAGGED}, "`labels` must be an array"),
    "images": (BYTES.tolist(), "A batch of `x` must be images.*Received: 16 parts"),
}


@pytest.mark.parametrize("name", BAD_LISTS)
def test_lists_that_are_no_arrays(model, name):
    data, text = BAD_LISTS[name]
    with pytest.raises(ValueError, match=text):
        model.fit(data, verbose=0)
    if isinstance(data, tuple):
        with pytest.raises(ValueError, match=text):
            model.train_on_batch(*data)


BAD_FORMS = {
    "splits": (((BYTES, LABELS), (BYTES, LABELS)), r"`x` given as a tuple.*\(4, 16"),
    "four": ((BYTES, LABELS, LABELS, LABELS), "`x` given as a tuple must be"),
    "no batches": ([], r"The dataset has no batches. Received: x="),
    "empty": ((), "`x` given as a tuple must be"),
}


@pytest.mark.parametrize("name", BAD_FORMS)
def test_tuples_of_another_kind(model, name):
    data, text = BAD_FORMS[name]
    for method in (model.fit, model.evaluate, model.predict):
        with pytest.raises(ValueError, match=text):
            method(data, verbose=0)
    with pytest.raises(ValueError, match=text):
        model.fit((BYTES, LABELS), validation_data=data, verbose=0)


def test_labels_are_given_once(model):
    with pytest.raises(ValueError, match="`y` and `sample_weight` must be left out"):
        model.fit((BYTES, LABELS), LABELS, verbose=0)


def test_one_batch_as_a_pair(model):
    batch = (dark(1.0), LABELS)
    images = model.predict_on_batch(batch)
    np.testing.assert_allclose(images, model.reconstruct(*batch), atol=1e-5)
    for method in (model.test_on_batch, model.train_on_batch):
        values = tiny_models.state(model)
        expected = method(*batch, return_dict=True)
        tiny_models.restore(model, values)
        assert method(batch, return_dict=True) == pytest.approx(expected, rel=1e-5)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="its warning")
def test_many_programs_are_no_retracing():
    """TensorFlow warns of one function that is traced again and again."""
    messages = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())
    logger = logging.getLogger("tensorflow")
    logger.addHandler(handler)
    try:
        for count in range(12):
            compiled(lambda x: x + 1.0)(keras.ops.zeros((count + 1,)))
    finally:
        logger.removeHandler(handler)
    assert not [text for text in messages if re.search("retracing", text)]
