"""One rule for images on every entry: uint8, or finite floats in [-1, 1]."""

import re

import keras
import numpy as np
import pytest

from keras_sphere import editing, evaluate, evaluation, metrics, training, visualization
from tests import tiny_models

pytestmark = pytest.mark.usefixtures("quick_compilation")

IMAGES = tiny_models.new_images(4)
BYTES = ((IMAGES + 1.0) * 127.5).astype("uint8")


def spoiled(value):
    images = IMAGES.copy()
    images[1, 2, 2, 0] = value
    return images


BAD_IMAGES = {
    "int64": (BYTES.astype("int64"), "dtype int64"),
    "bool": (BYTES > 127, "dtype bool"),
    "object": (IMAGES.astype(object), "dtype object"),
    "NaN": (spoiled(np.nan), "NaN"),
    "infinite": (spoiled(np.inf), "NaN or infinite"),
    "in [0, 255]": (BYTES.astype("float32"), "values from"),
}
IN_UNIT_INTERVAL = (IMAGES + 1.0) / 2.0


class Stream:
    """What has images to give, as a data set of `keras_sphere.data` has."""

    def __init__(self, images):
        self.images = images
        self.description = type("Description", (), {"num_images": len(images)})

    def examples(self, indices):
        return self.images[indices], None

    def checksum(self):
        return "0"


def network():
    flat = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Flatten()])
    return evaluation.FeatureNetwork(flat, "pixels")


def measure(source, data, held_out=None):
    return evaluate(source, data, ["frechet"], network(), held_out, num_images=4)


# The name of the argument, and a call of it.
ENTRIES = {
    "encode": ("images", lambda m, x: m.encode(x)),
    "reconstruct": ("images", lambda m, x: m.reconstruct(x)),
    "refine": ("images", lambda m, x: editing.refine(m, x)),
    "variations": ("images", lambda m, x: editing.variations(m, x)),
    "manipulate_class": ("images", lambda m, x: editing.manipulate_class(m, x, 1)),
    "crossover": ("first", lambda m, x: editing.crossover(m, x, IMAGES)),
    "crossover, second": ("second", lambda m, x: editing.crossover(m, IMAGES, x)),
    "direction": ("direction_images", lambda m, x: editing.direction(m, x)),
    "direction, images": ("images", lambda m, x: editing.direction(m, IMAGES, x)),
    "restore": ("images", lambda m, x: editing.restore(m, x, lambda y: y)),
    "inpaint": ("images", lambda m, x: editing.inpaint(m, x, np.ones((16, 16)))),
    "super_resolve": (
        "images",
        lambda m, x: editing.super_resolve(m, x[:, ::2, ::2], 2),
    ),
    "denoise": ("images", lambda m, x: editing.denoise(m, x, 0.1)),
    "evaluate": ("source", lambda m, x: measure(x, IMAGES)),
    "evaluate, data": ("data", measure),
    "evaluate, held out": ("held_out", lambda m, x: measure(m, IMAGES, x)),
    "write_report": (
        "train",
        lambda m, x: evaluation.write_report(m, (x, None), (IMAGES, None), "no.html"),
    ),
    "write_report, held out": (
        "held_out",
        lambda m, x: evaluation.write_report(m, (IMAGES, None), (x, None), "no.html"),
    ),
    "report_memorization": (
        "train_images",
        lambda m, x: evaluation.report_memorization(m, x, IMAGES),
    ),
    "report_memorization, held out": (
        "held_out_images",
        lambda m, x: evaluation.report_memorization(m, IMAGES, x),
    ),
    "diagnose_sphere": ("images", evaluation.diagnose_sphere),
    "ImageLog": ("images", lambda m, x: training.ImageLog("no folder", x)),
    "MemorizationAlarm": ("train", lambda m, x: training.MemorizationAlarm(x, IMAGES)),
    "MemorizationAlarm, held out": (
        "held_out",
        lambda m, x: training.MemorizationAlarm(IMAGES, x),
    ),
}
# They take what a model made, or data sets, which are checked as they are read.
ENTRIES_WITHOUT_WARNING = {
    "evaluate a stream": ("source", lambda m, x: measure(Stream(x[1:]), IMAGES)),
    "ImageLog of a stream": (
        "images",
        lambda m, x: training.ImageLog("no folder", Stream(x)).source.take([1]),
    ),
    "image_grid": ("images", lambda m, x: visualization.image_grid(x, 2)),
    "save_image": ("array", lambda m, x: visualization.save_image("no.png", x[1])),
    "save_animation": (
        "frames",
        lambda m, x: visualization.save_animation("no.gif", x),
    ),
    "plot_image_table": (
        "groups",
        lambda m, x: visualization.plot_image_table({"a": x[None]}, ["b"], "no.png"),
    ),
}


@pytest.fixture(scope="module")
def model():
    return tiny_models.new_model()


@pytest.mark.parametrize("entry", {**ENTRIES, **ENTRIES_WITHOUT_WARNING})
def test_images_of_the_wrong_range_or_type(model, entry):
    argument, call = {**ENTRIES, **ENTRIES_WITHOUT_WARNING}[entry]
    for name, (images, received) in BAD_IMAGES.items():
        with pytest.raises(ValueError, match=f"`{argument}`") as caught:
            call(model, images)
        assert re.search(f"Received.*{received}", str(caught.value)), name


@pytest.mark.parametrize("entry", ENTRIES)
def test_images_in_the_unit_interval_are_said(model, entry):
    _, call = ENTRIES[entry]
    # Warnings are errors here, so that nothing is computed.
    with pytest.raises(UserWarning, match=r"no value below 0.*2 \* x - 1"):
        call(model, IN_UNIT_INTERVAL)


def test_a_report_reads_its_labels_first(model):
    for labels, text in (
        ([0.5] * 4, "must be integers"),
        (["bee"] * 4, "has a name"),
        (np.full((4, 3), 1 / 3, "float32"), "must be one class per image"),
    ):
        with pytest.raises(ValueError, match=f"`labels` {text}.*Received: "):
            evaluation.write_report(model, (IMAGES, None), (IMAGES, labels), "no.html")


def test_the_warning_is_of_the_users_line(model):
    with pytest.warns(UserWarning, match="no value below 0") as caught:
        training.MemorizationAlarm(IN_UNIT_INTERVAL, IMAGES)
    assert caught[0].filename == __file__


def test_right_images_are_measured_alike():
    bytes_, floats = (
        measure(images, BYTES).rows[0].values["frechet"]
        for images in (BYTES, (BYTES + 0.5) / 127.5 - 1.0)
    )
    assert bytes_ == floats == pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize("metric", [metrics.psnr, metrics.ssim])
def test_metrics_of_pairs_want_the_span_of_the_pixels(metric):
    with pytest.raises(ValueError, match=r"`max_value` must be the span.*max_value=1"):
        metric(BYTES, BYTES, 1)
    with pytest.raises(ValueError, match=r"`b` must hold numbers.*dtype bool"):
        metric(BYTES, BYTES > 127, 255)
    with pytest.raises(ValueError, match=r"`a` must hold numbers.*dtype object"):
        metric(BYTES.astype(object), BYTES, 255)
