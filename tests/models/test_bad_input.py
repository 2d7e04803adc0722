"""Bad data: a clear error that names the argument, before anything is trained."""

import re

import keras
import numpy as np
import pytest

from keras_sphere import NonFiniteLossError, SphereEncoderModel
from keras_sphere.models.training_inputs import BatchReader
from tests import tiny_models

IMAGES, LABELS = tiny_models.new_images(4), tiny_models.new_labels(4)
LATENTS = np.ones((4, *tiny_models.LATENT_SHAPE), "float32")


def with_nan(images):
    images = images.copy()
    images[2, 0, 0, 0] = np.nan
    return images


BAD_IMAGES = {
    "size": (
        np.zeros((4, 8, 8, 3), "float32"),
        r"`images` must have the shape \(batch, 16, 16, 3\).*Received: shape "
        r"\(4, 8, 8, 3\)",
    ),
    "channels": (
        IMAGES[..., :1],
        r"`images` must have the shape \(batch, 16, 16, 3\).*Received: shape "
        r"\(4, 16, 16, 1\)",
    ),
    "no batch": (
        IMAGES[0],
        r"`images` must have the shape.*Received: shape \(16, 16, 3\)",
    ),
    "empty": (
        IMAGES[:0],
        r"`images` must hold at least one image. Received: shape \(0, 16, 16, 3\)",
    ),
    "dtype": (
        np.zeros((4, 16, 16, 3), "int32"),
        r"`images` must be uint8 in \[0, 255\], or float in \[-1, 1\]. Received: "
        "dtype int32",
    ),
    "int64": (IMAGES.astype("int64"), "`images` must be uint8.*Received: dtype int64"),
    "bool": (IMAGES > 0, "`images` must be uint8.*Received: dtype bool"),
    "object": (IMAGES.astype(object), "`images` must be uint8.*Received: dtype object"),
    "range": (
        (IMAGES + 1.0) * 127.5,
        r"`images`.*\[-1, 1\].*image_dataset_from_directory.*x / 127\.5 - 1\.0.*"
        "Received: values from .* to ",
    ),
    "NaN": (with_nan(IMAGES), "`images` must be finite. Received: images with NaN"),
}

BAD_LABELS = {
    "too large": ([0, 1, 2, 3], r"`labels` must be in \[0, 2\].*Received.*from 0 to 3"),
    "negative": ([0, 1, 2, -1], r"`labels` must be in \[0, 2\].*Received.*from -1 to"),
    "length": ([0, 1, 2], "`labels` must have one entry per image, 4. Received: 3"),
    "one-hot": (np.eye(4, 3, dtype="int64"), r"not one-hot. Received: shape \(4, 3\)"),
    "float": ([0.0, 1.0, 2.0, 0.0], "`labels` must be integers. Received: dtype float"),
    "bool": ([True, False] * 2, "`labels` must be integers. Received: dtype bool"),
    "text": (list("abca"), "`labels` (must be integers|has a name)"),
    "object": (
        np.array(list("abca"), object),
        "`labels` (must be integers|has a name)",
    ),
    "missing": (
        [0, None, 2, 1],
        "`labels` must (be integers|hold numbers).*dtype object",
    ),
    "empty": ([], r"`labels` must hold at least one class. Received: shape \(0,\)"),
}

BATCHES = {
    **{name: (images, LABELS, text) for name, (images, text) in BAD_IMAGES.items()},
    **{
        name: (IMAGES, np.asarray(labels), text)
        for name, (labels, text) in BAD_LABELS.items()
    },
}


def stream(*batches):
    yield from batches


USES = {
    "fit": lambda model, x, y: model.fit(x, y, verbose=0),
    "fit on a dict": lambda model, x, y: model.fit(
        {"images": x, "labels": y}, verbose=0
    ),
    "fit on a stream": lambda model, x, y: model.fit(stream((x, y)), verbose=0),
    "validation": lambda model, x, y: model.fit(
        IMAGES, LABELS, validation_data=(x, y), verbose=0
    ),
    "evaluate": lambda model, x, y: model.evaluate(x, y, verbose=0),
    "evaluate on a stream": lambda model, x, y: model.evaluate(
        stream((x, y)), verbose=0
    ),
    "train_on_batch": lambda model, x, y: model.train_on_batch(x, y),
    "test_on_batch": lambda model, x, y: model.test_on_batch(x, y),
    "predict on a stream": lambda model, x, y: model.predict(stream((x, y)), verbose=0),
    "encode": lambda model, x, y: model.encode(x, y),
    "reconstruct": lambda model, x, y: model.reconstruct(x, y),
}


def refusal(function, *arguments):
    try:
        function(*arguments)
    except ValueError as error:
        return str(error)
    return "no error"


@pytest.mark.parametrize("use", USES)
def test_bad_data_is_refused_before_anything_happens(model, use):
    before = tiny_models.state(model)
    for name, (images, labels, text) in BATCHES.items():
        message = refusal(USES[use], model, images, labels)
        assert re.search(text, message, re.DOTALL), f"{name}: {message}"
    assert int(model.optimizer.iterations) == 0
    for a, b in zip(tiny_models.state(model), before, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", BAD_LABELS)
def test_generate_and_decode_refuse_bad_labels(shared_model, name):
    labels, text = BAD_LABELS[name]
    with pytest.raises(ValueError, match=text):
        shared_model.generate(4, labels=labels)
    with pytest.raises(ValueError, match=text):
        shared_model.decode(LATENTS, labels)


LABELS_THAT_ARE_NO_ARRAY = {
    "ragged": ([[0], [1, 2]], r"`labels` must be an array of numbers.*type list"),
    "set": ({1, 2}, r"`labels` must hold numbers.*type set"),
    "one text": ("bee", r"`labels` has a name.*labels='bee'"),
    "no weights": ({}, r"`labels` given as a dict must have.*labels=\{\}"),
    "text as class": ({"bee": 1.0}, r"`labels` has a name"),
    "no weight": ({1: None}, r"`labels` must hold numbers.*dtype object"),
    "other classes": (
        np.eye(7, dtype="float32")[:2],
        r"`labels` given as class weights must have the shape \(2, 3\).*\(2, 7\)",
    ),
}


@pytest.mark.parametrize("name", LABELS_THAT_ARE_NO_ARRAY)
def test_labels_that_are_no_array(shared_model, name):
    labels, text = LABELS_THAT_ARE_NO_ARRAY[name]
    with pytest.raises(ValueError, match=text):
        shared_model.generate(labels=labels)
    with pytest.raises(ValueError, match=text.replace("labels", "end_labels")):
        shared_model.interpolate([1, 2], [3, 4], [0, 1], labels, steps=1)


def test_weights_of_another_class_count(tmp_path):
    path = tmp_path / "model.weights.h5"
    tiny_models.new_model(num_classes=5).save_weights(path)
    other = tiny_models.new_model()
    with pytest.raises(ValueError, match=r"(?s)`num_classes`=3.*Received: tables"):
        other.load_weights(path)


def test_images_without_dark_pixels_warn_once(model, monkeypatch):
    monkeypatch.setattr(model, "reader", BatchReader(model.backbone))
    bright = (IMAGES + 1.0) / 2.0
    with pytest.warns(UserWarning, match=r"no value below 0.*2 \* x - 1"):
        model.evaluate(bright, LABELS, verbose=0)
    model.evaluate(bright, LABELS, verbose=0)  # warnings are errors here


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"pictures": IMAGES}, r"must have the key 'images'.*Received: keys"),
        ({"images": IMAGES, "label": LABELS}, "Received: keys .*'label'"),
        ("images", "`x` must be an array of images.*Received.*str"),
        (stream(), "The dataset has no batches. Received: x="),
    ],
    ids=["no images", "unknown key", "text", "no batches"],
)
def test_data_of_another_kind(shared_model, data, text):
    with pytest.raises(ValueError, match=text):
        shared_model.fit(data, verbose=0)


@pytest.mark.parametrize(
    "method", ["fit", "evaluate", "train_on_batch", "test_on_batch"]
)
def test_not_compiled(shared_model, method):
    model = SphereEncoderModel(shared_model.backbone)
    with pytest.raises(
        ValueError, match=rf"Call `model.compile\(\)` before `{method}`"
    ):
        getattr(model, method)(IMAGES, LABELS)


class KeepWeights(keras.callbacks.Callback):
    """Remembers the weights after every step that did not fail."""

    weights = ()

    def on_train_batch_end(self, batch, logs=None):
        self.weights = [*self.weights, self.model.backbone.get_weights()]


BAD_THIRD_BATCH = {
    "label": (
        (IMAGES, np.array([0, 1, 2, 7])),
        ValueError,
        r"`labels` must be in \[0, 2\].*from 0 to 7",
    ),
    "negative label": (
        (IMAGES, np.array([0, -2, 2, 1])),
        ValueError,
        r"`labels` must be in \[0, 2\].*from -2 to 2",
    ),
    "NaN": ((with_nan(IMAGES), LABELS), ValueError, "`images` must be finite"),
    "range": (
        ((IMAGES + 1.0) * 127.5, LABELS),
        ValueError,
        r"`images`.*x / 127\.5 - 1\.0.*values from",
    ),
}


@pytest.mark.parametrize("name", BAD_THIRD_BATCH)
def test_a_later_batch_is_caught_at_its_step(model, name, tmp_path):
    batch, error, text = BAD_THIRD_BATCH[name]
    good = (IMAGES, LABELS)
    path = tmp_path / "checkpoint.weights.h5"
    keep = KeepWeights()
    save = keras.callbacks.ModelCheckpoint(
        str(path), save_freq=1, save_weights_only=True
    )
    with pytest.raises(error, match=rf"(?s){text}.*step 3 of epoch 1"):
        model.fit(
            stream(good, good, batch, good),
            steps_per_epoch=4,
            shuffle=False,
            verbose=0,
            callbacks=[save, keep],
        )
    assert len(keep.weights) == 2
    for weights in model.backbone.get_weights():
        assert np.all(np.isfinite(weights))
    model.load_weights(path)
    for a, b in zip(model.backbone.get_weights(), keep.weights[1], strict=True):
        np.testing.assert_array_equal(a, b)
    assert np.isfinite(model.generate(1, steps=1)).all()


def test_a_later_batch_is_caught_in_evaluation(model):
    bad = (with_nan(IMAGES), LABELS)
    with pytest.raises(ValueError, match=r"must be finite.*evaluation step 2"):
        model.evaluate(stream((IMAGES, LABELS), bad), steps=2, verbose=0)


def test_a_diverging_loss_stops_training(model):
    model.optimizer.learning_rate = 1e30
    with pytest.raises(NonFiniteLossError, match=r"diverged") as caught:
        model.fit(IMAGES, LABELS, batch_size=4, epochs=20, verbose=0)
    assert "at step 1 of epoch 2" in str(caught.value)
