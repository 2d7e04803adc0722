"""Fine-tuning: a training that begins with the weights of a preset."""

import shutil
import signal

import keras
import numpy as np
import pytest

from keras_sphere import presets
from keras_sphere.data import ShuffledBatches, load_digits
from keras_sphere.models.inference import moving_averages
from keras_sphere.presets.resizing import keep_positions
from keras_sphere.training import PlanChangedError
from keras_sphere.training.starting_weights import start_from
from tests import tiny_models
from tests.testing import to_numpy
from tests.training.signaller import Signaller
from tests.training.small_runs import batches

STEPS = 3


class Losses(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.values = []

    def on_train_batch_end(self, batch, logs=None):
        self.values.append(float(logs["loss"]))


def sevens_and_threes():
    """Digits of two classes that `digits16` knows, by other ids, and of a new one."""
    (images, labels), _ = load_digits(image_size=16)
    chosen = np.flatnonzero(np.isin(labels, (7, 3, 0)))[:24]
    ids = {7: 0, 3: 1, 0: 2}
    data = ShuffledBatches(
        images[chosen], np.array([ids[int(label)] for label in labels[chosen]]), 8
    )
    data.class_names = ["7", "3", "ring"]
    return data


def first_losses(model):
    log = Losses()
    stream = sevens_and_threes().starting_at()
    model.fit(stream, steps_per_epoch=STEPS, verbose=0, callbacks=[log])
    return np.array(log.values)


def test_the_loss_starts_lower_than_from_scratch():
    names = sevens_and_threes().class_names
    model = presets.load("digits16", weights=False, num_classes=3, class_names=names)
    model.build_training()
    untrained = tiny_models.state(model)
    from_scratch = first_losses(model)
    tiny_models.restore(model, untrained)
    line = start_from(model, "digits16")
    assert line == (
        "100.0% of the weights begin with those of 'digits16'; 2 of 3 classes are "
        "known, and new ones begin as the mean of all: ring."
    )
    begun = first_losses(model)
    assert len(begun) == STEPS
    assert np.all(begun < 0.8 * from_scratch), (begun, from_scratch)


@pytest.mark.parametrize(
    ("patch_size", "change", "most"),
    [
        (8, "pixels of a patch from 4x4 to 8x8", 0.85),
        (4, "tokens from 4x4 to 8x8", 0.95),
    ],
)
def test_the_loss_starts_lower_at_another_size(patch_size, change, most):
    """Of new classes, too. An untrained model decodes all to one image, which makes its
    consistency perfect, so that its loss as a whole is low.
    """
    (images, labels), _ = load_digits(image_size=32)
    chosen = np.flatnonzero(np.isin(labels, (7, 3)))[:48]
    data = images[chosen], (labels[chosen] == 3).astype("int32")
    sizes = {"image_size": 32, "patch_size": patch_size}
    config = presets.describe("digits16")["architecture"]
    sizes = keep_positions({**sizes, "position_grid": None}, config)
    model = presets.load(
        "digits16", weights=False, num_classes=2, class_names=["7", "3"], **sizes
    )
    from_scratch = model.evaluate(*data, 48, verbose=0, return_dict=True)
    line = start_from(model, "digits16")
    assert f"; all classes are known; resized, {change}: backbone/" in line
    begun = model.evaluate(*data, 48, verbose=0, return_dict=True)
    assert begun["loss"] < most * from_scratch["loss"], (begun, from_scratch)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A preset of the tiny model, with other weights."""
    path = tmp_path_factory.mktemp("sources") / "source"
    model = tiny_models.new_model()
    model.backbone.set_weights([2.0 * w + 0.01 for w in model.backbone.get_weights()])
    model.save_to_preset(path)
    return path


def test_weights_and_average_begin_there_and_once(run, source, tmp_path, capsys):
    """With a learning rate of nothing they stay where they began."""
    own = shutil.copytree(source, tmp_path / "source")
    still = {"init_from": str(own), "learning_rate": 0.0, "min_learning_rate": 0.0}
    stopped = run(tmp_path / "run", callbacks=[Signaller(signal.SIGTERM, 2)], **still)
    assert f"weights begin with those of '{own}'" in capsys.readouterr().out
    assert f"begun from {own}." in presets.describe(tmp_path / "run")["card"]
    expected = presets.load(source).backbone.trainable_variables
    averages = [average for _, average in moving_averages(stopped.model)]
    for variables in (stopped.model.backbone.trainable_variables, averages):
        for variable, value in zip(variables, expected, strict=True):
            np.testing.assert_array_equal(to_numpy(variable), to_numpy(value))
    with pytest.raises(PlanChangedError, match="init_from: "):
        run(tmp_path / "run", **{**still, "init_from": "digits16"})
    shutil.rmtree(own)  # a run that goes on needs it no more
    assert run(tmp_path / "run", **still).is_complete
    assert "weights begin" not in capsys.readouterr().out
    with pytest.raises(ValueError, match="no preset or folder"):
        run(tmp_path / "new", **still)


def test_what_does_not_fit_is_named(source):
    size = {"hidden_dim": 24, "num_layers": 1, "num_heads": 2}
    wider = tiny_models.new_model(size=size)
    with pytest.raises(ValueError, match=r"do not fit .*source.*Received: init_from"):
        start_from(wider, source)
    unconditional = tiny_models.new_model(num_classes=0)
    unconditional.compile()
    unconditional.optimizer.build(unconditional.trainable_variables)
    line = start_from(unconditional, source)
    assert "; left out: backbone/encoder/transformer/label_embedding/table" in line
    assert "classes" not in line
    assert "\n" not in line
    for variable, average in moving_averages(unconditional):
        np.testing.assert_array_equal(to_numpy(average), to_numpy(variable))


def test_what_has_no_weights_to_give(run, source, tmp_path):
    for init_from, message in (
        ("cifar10", "has no weights"),
        (str(tmp_path / "nothing"), "no preset or folder"),
    ):
        with pytest.raises(ValueError, match=message):
            run(tmp_path / "run", init_from=init_from)
    model = presets.load(source)
    model.quantize("int8")
    model.save_to_preset(tmp_path / "int8")
    with pytest.raises(ValueError, match="cannot begin with quantized weights"):
        run(tmp_path / "run", dataset=batches(), init_from=str(tmp_path / "int8"))
    assert not (tmp_path / "run").exists()
