"""What `compile` accepts trains, and what it cannot use is refused by name."""

import keras
import numpy as np
import pytest

from keras_sphere.losses import LatentCosineDistance, LatentUniformity, PixelLoss
from tests import tiny_models

NAMES = ["pixel_reconstruction", "pixel_consistency", "latent_consistency"]
ONES = dict.fromkeys(NAMES, 1.0)
ALL_ONES = {**ONES, "latent_uniformity": 1.0}
LOSSES = dict(
    zip(NAMES, [PixelLoss(), PixelLoss(), LatentCosineDistance()], strict=True)
)
ON_TORCH = keras.backend.backend() == "torch"


class OnePerImage(keras.losses.Loss):
    """A loss that is not reduced to one number."""

    def __init__(self):
        super().__init__(reduction=None)

    def call(self, y_true, y_pred):
        return keras.ops.mean(y_pred - y_true, axis=(1, 2))


REFUSED = {
    "one loss": ({"loss": "mse"}, "`loss` must be a dict with the keys.*loss='mse'"),
    "list of losses": ({"loss": [PixelLoss()] * 3}, r"`loss` must be a dict.*loss=\["),
    "unknown loss": (
        {"loss": {**LOSSES, "pixels": PixelLoss()}},
        "`loss` must be a dict with the keys.*Received: loss=.*'pixels'",
    ),
    "missing losses": (
        {"loss": {"latent_consistency": "mse"}},
        r"`loss` and `loss_weights`.*keys \['latent_consistency'\], .*'pixel_rec",
    ),
    "loss of other tensors": (
        {"loss": {**LOSSES, "pixel_consistency": "mse"}},
        "'pixel_consistency' must be .*two dicts of `images` and `features`.*='mse'",
    ),
    "loss of dicts": (
        {"loss": {**LOSSES, "latent_consistency": PixelLoss()}},
        "'latent_consistency' must be .*two tensors of latents.*PixelLoss",
    ),
    "another loss of uniformity": (
        {"loss": {**LOSSES, "latent_uniformity": "mse"}, "loss_weights": ALL_ONES},
        "'latent_uniformity' must be a `LatentUniformity`.*='mse'",
    ),
    "uniformity without weight": (
        {"loss": {**LOSSES, "latent_uniformity": LatentUniformity()}},
        "must have the same keys.*'latent_uniformity'.*loss_weights",
    ),
    "loss that is not known": (
        {"loss": {**LOSSES, "latent_consistency": "mean"}},
        "'latent_consistency' must be.*='mean', which fails",
    ),
    "loss that is not reduced": (
        {"loss": {**LOSSES, "latent_consistency": OnePerImage()}},
        r"'latent_consistency' must be.*values of shape \(2,\), not one",
    ),
    "list of weights": (
        {"loss_weights": [1.0, 0.0, 0.0]},
        r"`loss_weights` must be a dict with the keys.*loss_weights=\[1\.0, 0\.0",
    ),
    "unknown weight": (
        {"loss_weights": {**ONES, "pixels": 1.0}},
        "`loss_weights` must be a dict.*'pixels'",
    ),
    "missing weights": (
        {"loss_weights": {"pixel_reconstruction": 1.0}},
        r"loss_weights with the keys \['pixel_reconstruction'\]",
    ),
    **{
        f"weight {value!r}": (
            {"loss_weights": {**ONES, "pixel_consistency": value}},
            r"`loss_weights\['pixel_consistency'\]` must be a finite number, at",
        )
        for value in (float("nan"), float("inf"), -1.0, "1", True, None)
    },
    "metrics": ({"metrics": ["mse"]}, r"`metrics` must be left out.*=\['mse'\]"),
    "weighted metrics": (
        {"weighted_metrics": ["mse"]},
        r"`weighted_metrics` must be left out.*=\['mse'\]",
    ),
    **{
        f"optimizer {value!r}": (
            {"optimizer": value},
            "`optimizer` must be a Keras optimizer.*Received: optimizer=",
        )
        for value in (5, "adamm", keras.optimizers.Adam)
    },
    "scaling": ({"auto_scale_loss": "no"}, "`auto_scale_loss`.*='no'"),
    "compilation": ({"jit_compile": "yes"}, "`jit_compile`.*='yes'"),
    "eager": ({"run_eagerly": "no"}, "`run_eagerly`.*='no'"),
    "no steps": ({"steps_per_execution": 0}, "`steps_per_execution`.*=0"),
    "text of steps": ({"steps_per_execution": "2"}, "`steps_per_execution`.*='2'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_refused_by_name(model, name):
    arguments, text = REFUSED[name]
    optimizer = model.optimizer
    with pytest.raises(ValueError, match=f"(?s){text}"):
        model.compile(**arguments)
    assert model.optimizer is optimizer


@pytest.mark.skipif(not ON_TORCH, reason="the others take several steps at once")
def test_several_steps_at_once_are_refused_on_torch(model):
    with pytest.raises(ValueError, match=r"must be 1 with the PyTorch backend.*=2"):
        model.compile(steps_per_execution=2)


def pixel_error(y_true, y_pred):
    """A loss as a plain function."""
    return keras.ops.mean(keras.ops.abs(y_true["images"] - y_pred["images"]))


ACCEPTED = {
    "NumPy weights": {"loss_weights": dict.fromkeys(NAMES, np.float32(0.5))},
    "0-d weights": {"loss_weights": dict.fromkeys(NAMES, np.array(0.5))},
    "function": {"loss": {**LOSSES, "pixel_consistency": pixel_error}},
    "name of a loss": {"loss": {**LOSSES, "latent_consistency": "mse"}},
    "one loss of the three": {
        "loss": {"pixel_reconstruction": PixelLoss()},
        "loss_weights": {"pixel_reconstruction": 2.0},
    },
    "a loss left out": {"loss": {**LOSSES, "pixel_consistency": None}},
    "weight of uniformity": {"loss_weights": {**ONES, "latent_uniformity": 0.3}},
    "uniformity": {
        "loss": {**LOSSES, "latent_uniformity": LatentUniformity(8)},
        "loss_weights": ALL_ONES,
    },
    "no metrics": {"metrics": [], "jit_compile": None},
    "name of an optimizer": {"optimizer": "sgd"},
}


@pytest.fixture(scope="module")
def own_model():
    return tiny_models.new_model()


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_is_accepted_weighs_the_losses(own_model, name):
    """The loss of Keras' loop is the sum of `loss_terms`, for every form."""
    own_model.compile(**ACCEPTED[name])
    images = tiny_models.new_images(4)
    latents = np.random.default_rng(0).normal(size=(2, 4, *tiny_models.LATENT_SHAPE))
    outputs = {
        "reconstruction": images * 0.5,
        "noisy_reconstruction": images * 0.1,
        "latents": latents[0].astype("float32"),
        "cycled_latents": latents[1].astype("float32"),
        "features": [[], [], []],
    }
    if own_model.uniformity is not None:
        outputs["matched_projections"] = latents[0, 0], latents[1, 0]
    terms = own_model.loss_terms(images, outputs)
    loss = own_model.compute_loss({"images": images}, y_pred=outputs)
    assert float(loss) == pytest.approx(float(terms.pop("total")), rel=1e-5)
    expected = set(ACCEPTED[name].get("loss_weights", ONES))
    if name == "a loss left out":
        expected.remove("pixel_consistency")
    assert set(terms) == expected
    assert all(float(term) > 0 for term in terms.values())
