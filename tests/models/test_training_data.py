"""Everything that `fit`, `evaluate` and `predict` take gives the same training."""

import keras
import numpy as np
import pytest

from tests import tiny_models

HISTORY_KEYS = {
    "loss",
    "pixel_reconstruction_loss",
    "pixel_consistency_loss",
    "latent_consistency_loss",
    "psnr",
    "latent_norm",
    "latent_norm_std",
    "cycle_angle",
}
IMAGES, LABELS = tiny_models.new_images(), tiny_models.new_labels()
BATCHES = [(IMAGES[:4], LABELS[:4]), (IMAGES[4:], LABELS[4:])]


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return len(BATCHES)

    def __getitem__(self, index):
        return BATCHES[index]


def tf_data():
    tf = pytest.importorskip("tensorflow")
    return tf.data.Dataset.from_tensor_slices((IMAGES, LABELS)).batch(4)


def torch_data_loader():
    torch = pytest.importorskip("torch")
    pairs = torch.utils.data.TensorDataset(
        torch.from_numpy(IMAGES), torch.from_numpy(LABELS)
    )
    return torch.utils.data.DataLoader(pairs, batch_size=4)


def to_dict(batch):
    return {"images": batch[0], "labels": batch[1].tolist()}


LABELLED = {
    "dict": lambda: {"images": IMAGES, "labels": LABELS},
    "pair": lambda: (IMAGES, LABELS),
    "listed pair": lambda: [IMAGES, LABELS.tolist()],
    "list of batches": lambda: [list(batch) for batch in BATCHES],
    "tf.data": tf_data,
    "DataLoader": torch_data_loader,
    "PyDataset": Batches,
    "generator": lambda: (batch for batch in BATCHES),
    "iterator of dicts": lambda: map(to_dict, BATCHES),
}


def batching(data, steps="steps_per_epoch"):
    """Arguments that make two batches of `data`."""
    is_pair = isinstance(data, (tuple, list)) and data[0] is IMAGES
    if is_pair or isinstance(data, (np.ndarray, dict)):
        return {"batch_size": 4}
    return {steps: 2} if hasattr(data, "__next__") else {}


def fit(model, *data):
    """Trains two steps of four images, in order; returns the history."""
    return model.fit(*data, **batching(data[0]), shuffle=False, verbose=0).history


@pytest.fixture(scope="module")
def array_history(shared_model):
    values = tiny_models.state(shared_model)
    history = fit(shared_model, IMAGES, LABELS)
    tiny_models.restore(shared_model, values)
    return history


@pytest.mark.parametrize("kind", LABELLED)
def test_fit_is_the_same_whatever_holds_the_data(model, array_history, kind):
    before = model.get_weights()
    history = fit(model, LABELLED[kind]())
    assert set(history) == HISTORY_KEYS
    for name, values in history.items():
        np.testing.assert_allclose(values, array_history[name], rtol=1e-4)
    assert int(model.optimizer.iterations) == 2
    assert any(
        not np.array_equal(a, b)
        for a, b in zip(model.get_weights(), before, strict=True)
    )


def test_fit_on_images_alone_trains_without_classes(model, array_history):
    history = fit(model, IMAGES)
    assert set(history) == HISTORY_KEYS
    assert np.all(np.isfinite([*history.values()]))
    assert int(model.optimizer.iterations) == 2
    assert abs(history["loss"][0] - array_history["loss"][0]) > 1e-4


def test_validation_data_adds_its_losses(model):
    history = model.fit(
        IMAGES,
        LABELS,
        batch_size=4,
        validation_data=(IMAGES[:4], LABELS[:4]),
        verbose=0,
    ).history
    assert set(history) == HISTORY_KEYS | {f"val_{key}" for key in HISTORY_KEYS}


@pytest.mark.parametrize("kind", [kind for kind in LABELLED if kind != "dict"])
def test_evaluate_is_the_same_whatever_holds_the_data(model, kind):
    values = tiny_models.state(model)
    expected = model.evaluate(IMAGES, LABELS, batch_size=4, verbose=0, return_dict=True)
    tiny_models.restore(model, values)
    data = LABELLED[kind]()
    losses = model.evaluate(
        data, **batching(data, "steps"), verbose=0, return_dict=True
    )
    assert set(losses) == HISTORY_KEYS
    for name, value in losses.items():
        assert value == pytest.approx(expected[name], rel=1e-4)


def test_evaluate_changes_no_weights(model):
    before = model.backbone.get_weights()
    model.evaluate(IMAGES, LABELS, batch_size=4, verbose=0)
    for a, b in zip(model.backbone.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_bytes_are_the_floats_they_stand_for(model):
    as_bytes = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), "uint8")
    as_floats = as_bytes.astype("float32") / 127.5 - 1.0
    draws = tiny_models.new_draws(4)
    losses = [
        model.test_on_batch({"images": images, "draws": draws}, return_dict=True)
        for images in (as_bytes, as_floats)
    ]
    assert set(losses[0]) == HISTORY_KEYS
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    np.testing.assert_allclose(
        model.predict(as_bytes, verbose=0), model.reconstruct(as_floats), atol=1e-5
    )


def test_predict_reconstructs(model):
    with_classes = model.reconstruct(IMAGES, LABELS)
    without = model.reconstruct(IMAGES)
    assert np.abs(with_classes - without).max() > 1e-3
    for data, expected in (
        (IMAGES, without),
        *((LABELLED[kind](), with_classes) for kind in ("dict", "pair", "tf.data")),
        *((LABELLED[kind](), with_classes) for kind in ("DataLoader", "generator")),
    ):
        images = model.predict(data, **batching(data, "steps"), verbose=0)
        np.testing.assert_allclose(images, expected, atol=1e-5)


def test_sample_weights_scale_loss_and_gradient(model):
    def train(weight):
        values = tiny_models.state(model)
        weights = np.full(4, weight, "float32")
        loss = model.train_on_batch(IMAGES[:4], LABELS[:4], weights, return_dict=True)
        moved = any(
            not np.array_equal(a, b)
            for a, b in zip(tiny_models.state(model), values, strict=True)
            if a.ndim >= 2
        )
        tiny_models.restore(model, values)
        return loss["loss"], moved

    loss, moved = train(1.0)
    assert moved
    assert train(2.0)[0] == pytest.approx(2.0 * loss, rel=1e-5)
    assert train(0.0) == (0.0, False)
