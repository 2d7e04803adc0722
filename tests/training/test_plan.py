"""Plans: the numbers of the paper's recipes, and what the user chose instead."""

import dataclasses
import json
import types

import keras
import numpy as np
import pytest

from keras_sphere import WarmupCosine, presets
from keras_sphere.data.image_fitting import RESIZE_METHODS
from keras_sphere.layers.initializers import FlattenedGlorotUniform
from keras_sphere.preset_files import schema
from keras_sphere.preset_files.recipe import losses_from_recipe
from keras_sphere.training.data_plan import plan_data
from keras_sphere.training.memory import checkpoint_bytes, estimate_memory
from keras_sphere.training.model_building import build_model, count_parameters
from keras_sphere.training.options import new_options
from keras_sphere.training.plan import make_plan
from keras_sphere.training.plan_file import (
    PlanChangedError,
    check_same_plan,
    write_plan,
)
from keras_sphere.training.plan_text import format_plan
from keras_sphere.training.trial import with_trial_defaults

# Of the recipe tables: epochs, warm-up, largest angle, weights of the distances in
# pixel reconstruction and consistency, classes, flip.
RECIPES = {
    "cifar10": (5000, 10, 80.0, 1.0, 0.5, 10, True),
    "animal_faces256": (1000, 10, 85.0, 25.0, 1.0, 0, True),
    "oxford_flowers256": (1000, 10, 85.0, 25.0, 1.0, 102, True),
    "imagenet64": (800, 5, 80.0, 1.0, 0.5, 1000, True),  # ours
    "imagenet256_large": (800, 5, 85.0, 50.0, 25.0, 1000, True),
}


def new_plan(preset="cifar10", num_images=50_000, num_classes=10, **choices):
    options = new_options(preset=preset, dataset="some", **choices)
    options, _ = with_trial_defaults(options, options.dataset)
    data = plan_data(options, "some")
    description = types.SimpleNamespace(
        num_images=num_images, num_channels=3, num_classes=num_classes
    )
    return make_plan(options, data, description, num_images // data.batch_size)


def new_tiny(plan_of=None, **choices):
    """A plan of the tiny size, with the schedule of another."""
    plan = new_plan(size="tiny", **choices)
    if plan_of is None:
        return plan
    names = ("epochs", "steps_per_epoch", "warmup_updates", "decay_updates")
    names += ("optimizer", "min_learning_rate")
    return dataclasses.replace(plan, **{n: getattr(plan_of, n) for n in names})


@pytest.mark.parametrize("preset", RECIPES)
def test_the_numbers_are_those_of_the_recipe(preset):
    epochs, warmup, angle, reconstruction, consistency, classes, flip = RECIPES[preset]
    plan = new_plan(preset, num_images=2570, num_classes=classes or 3, batch_size=256)
    assert (plan.epochs, plan.steps_per_epoch) == (epochs, 10)
    assert plan.warmup_updates == 10 * warmup
    assert plan.decay_updates == 10 * (epochs - warmup)
    assert plan.optimizer["learning_rate"] == pytest.approx(1e-4)
    assert plan.min_learning_rate == pytest.approx(1e-6)
    assert plan.optimizer["encoder_learning_rate_factor"] == 0.1
    assert plan.optimizer["ema_momentum"] == 0.9997
    assert plan.noise["max_angle_degrees"] == angle
    losses = plan.losses
    assert losses["pixel_reconstruction"]["distance_weight"] == reconstruction
    assert losses["pixel_consistency"]["distance_weight"] == consistency
    assert losses["latent_consistency"]["weight"] == 0.1
    assert plan.architecture["num_classes"] == classes
    assert plan.data.conditional is bool(classes)
    assert plan.data.horizontal_flip is flip
    assert plan.data.resize in RESIZE_METHODS
    assert plan.dtype == "mixed_bfloat16"


def test_learning_rates_follow_the_images_of_an_update():
    """Eight devices of the paper's 16 images: batch 128, learning rate 5e-5."""
    options = new_options(preset="cifar10", dataset="some")
    assert plan_data(options, "some", num_devices=8).batch_size == 128
    plan = new_plan()
    assert plan.data.batch_size == 16
    assert plan.optimizer["learning_rate"] == pytest.approx(1e-4 / 16)
    for choices in (
        {"batch_size": 128},
        {"batch_size": 16, "gradient_accumulation_steps": 8},
    ):
        plan = new_plan(**choices)
        assert plan.optimizer["learning_rate"] == pytest.approx(5e-5)
        assert plan.min_learning_rate == pytest.approx(5e-7)
        assert plan.warmup_updates == pytest.approx(3900, abs=10)
    plan = new_plan(batch_size=128, scale_learning_rates=False, learning_rate=2e-4)
    assert plan.optimizer["learning_rate"] == 2e-4
    assert plan.min_learning_rate == 1e-6


def test_the_learning_rate_over_the_steps():
    """Warm-up, a cosine to (1 - warm-up share) of all steps, then the minimum."""
    plan = new_plan(num_images=256, batch_size=256, epochs=100, warmup_epochs=10)
    schedule = build_model(new_tiny(plan_of=plan)).optimizer._learning_rate
    assert isinstance(schedule, WarmupCosine)
    rates = [float(schedule(step)) for step in (0, 9, 10, 50, 90, 99)]
    expected = [1e-4 / 11, 1e-3 / 11, 1e-4, (1e-4 + 1e-6) / 2, 1e-6, 1e-6]
    np.testing.assert_allclose(rates, expected, rtol=1e-4)


def test_warm_up_takes_a_tenth_of_a_short_run_at_most():
    assert new_plan(num_images=256, batch_size=16, epochs=50).warmup_updates == 80
    plan = new_plan(num_images=256, batch_size=16, epochs=50, warmup_epochs=10)
    assert plan.warmup_updates == 160
    with pytest.raises(ValueError, match="Received: warmup_epochs=30"):
        new_plan(epochs=50, warmup_epochs=30)


def test_choices_override_the_preset():
    plan = new_plan(
        image_size=64,
        patch_size=8,
        size="small",
        max_angle_degrees=70.0,
        conditional=False,
        perceptual="gradient",
        consistency_perceptual_weight=0.25,
        latent_consistency_weight=0.2,
        latent_uniformity_weight=0.3,
        latent_uniformity_per_class=True,
        ema_momentum=0.9,
        dtype="float32",
        decoder_size="base",
        decoder_mixer_depth=1,
        pixel_head="linear",
        hard_case_max_angle_degrees=88.0,
        angle_warmup_epochs=1.5,
        distance="l2",
        beta_2=0.99,
    )
    assert plan.architecture["decoder_size"] == "base"
    assert plan.architecture["decoder_mixer_depth"] == 1
    assert plan.architecture["pixel_head"] == "linear"
    assert plan.noise["hard_case_max_angle_degrees"] == 88.0
    assert plan.losses["pixel_reconstruction"]["distance"] == "l2"
    assert plan.losses["pixel_consistency"]["distance"] == "l2"
    assert plan.optimizer["beta_2"] == 0.99
    assert plan.architecture["image_size"] == plan.data.image_size == 64
    assert plan.architecture["encoder_size"] == "small"
    assert plan.architecture["num_classes"] == 0
    assert plan.sampling["guidance_scale"] == 1.0
    assert plan.noise["max_angle_degrees"] == 70.0
    assert plan.perceptual == "gradient"
    assert plan.losses["pixel_consistency"]["perceptual_weight"] == 0.25
    assert plan.losses["pixel_consistency"]["feature_distance"] == "absolute"
    assert plan.losses["latent_consistency"]["weight"] == 0.2
    assert plan.losses["latent_uniformity"] == {"weight": 0.3, "per_class": True}
    text = format_plan(plan, {"encoder": 1, "decoder": 1, "total": 2}, "jax")
    assert "latents 0.2, uniformity 0.3 per class" in text
    steps = round(1.5 * plan.steps_per_epoch)
    assert plan.objective["angle_warmup"] == {"steps": steps}
    assert f"up to 70 degrees, from 20 in the first {steps:,} steps" in text
    assert "angle_warmup" not in new_plan().objective
    assert plan.optimizer["ema_momentum"] == 0.9
    assert plan.dtype == "float32"
    without = new_plan(perceptual="none")
    assert without.perceptual is None
    losses_from_recipe(without.losses)  # complete
    assert "latent_uniformity" not in new_plan(latent_uniformity_weight=0.0).losses
    losses = new_plan(perceptual="lpips").losses
    assert losses["pixel_reconstruction"]["feature_distance"] == "l2"


def test_options_of_speed_and_memory_reach_the_model():
    together = 1 if keras.backend.backend() == "torch" else 2
    plan = new_tiny(
        rematerialize_every=2,
        dtype="mixed_bfloat16",
        jit_compile="no",
        steps_per_execution=together,
        gradient_accumulation_steps=3,
    )
    model = build_model(plan)
    config = model.backbone.get_config()
    assert config["rematerialize_every"] == 2
    assert model.backbone.dtype_policy.name == "mixed_bfloat16"
    assert model.jit_compile is False
    assert model.steps_per_execution == together
    assert model.optimizer.gradient_accumulation_steps == 3


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"epoch": 3}, "There is no option `epoch`"),
        ({"size": "big"}, "Received: size='big'"),
        ({"epochs": 0}, "Received: epochs=0"),
        ({"batch_size": 0}, "Received: batch_size=0"),
        ({"preset": "cifar11"}, "Received: name_or_path='cifar11'"),
        ({"ema_momentum": 1.5}, "Received: ema_momentum=1.5"),
        ({"angle_warmup_epochs": 9, "epochs": 8}, "angle_warmup_epochs=9, epochs=8"),
    ],
)
def test_bad_choices(choices, message):
    with pytest.raises(ValueError, match=message):
        new_plan(**choices)


def test_trial_defaults_are_said_and_can_be_left():
    options = new_options(preset="cifar10", dataset="digits", epochs=3)
    trial, sentence = with_trial_defaults(options, "digits")
    assert trial.size == "tiny"
    assert trial.epochs == 3
    assert "size=tiny" in sentence
    assert " epochs=" not in sentence
    options = new_options(dataset="digits", size="preset")
    assert with_trial_defaults(options, "digits") == (options, "")
    options = new_options(dataset="cifar10")
    assert with_trial_defaults(options, "cifar10") == (options, "")
    options = new_options(dataset="digits")  # without a preset sizes are chosen
    assert with_trial_defaults(options, "digits") == (options, "")


@pytest.mark.parametrize("preset", ["cifar10", "imagenet256_xlarge"])
def test_parameters_are_counted_without_making_them(preset, monkeypatch):
    """Neither then nor when Keras draws the values of what waits for some."""
    monkeypatch.setattr(FlattenedGlorotUniform, "__call__", None)
    config = presets.describe(preset)
    classes = config["architecture"]["num_classes"]
    parameters = count_parameters(new_plan(preset, num_classes=classes))
    assert parameters["total"] == config["parameters"]
    assert parameters["encoder"] + parameters["decoder"] == parameters["total"]
    with keras.StatelessScope():
        pass


def test_memory_is_that_of_the_variables():
    plan = new_tiny()
    model = build_model(plan)
    model.optimizer.build(model.trainable_variables)
    trained = sum(int(np.prod(v.shape)) for v in model.optimizer.variables)
    parts = estimate_memory(count_parameters(plan)["total"], plan)
    assert checkpoint_bytes(parts) == pytest.approx(
        4 * (trained + 2 * model.backbone.count_params()), rel=1e-2
    )
    accumulating = estimate_memory(10, new_plan(gradient_accumulation_steps=2))
    assert sum(accumulating.values()) == 4 * 10 * 6


def test_the_text_has_the_numbers():
    plan = new_plan()
    parameters = {"encoder": 1, "decoder": 2, "total": 3}
    text = format_plan(plan, parameters, keras.backend.backend())
    for part in (
        "5,000 epochs x 3,125",
        "50,000 images of 32x32x3",
        "6.25e-06",
        "50,000 images of 10 classes ask for about 4.1, 85 degrees",
    ):
        assert part in text
    assert "note" not in text
    far = format_plan(new_plan(max_angle_degrees=89.0), parameters, "jax")
    assert "note           89 degrees are much for 50,000 images of" in far


def test_a_run_of_before_the_second_method_goes_on(tmp_path):
    """Its plan says nothing of what only the second one changes."""
    plan = new_plan()
    write_plan(plan, tmp_path, {})
    content = json.loads((tmp_path / "plan.json").read_text())
    for name in schema.FIRST_METHOD:
        del content["plan"]["architecture"][name]
    del content["plan"]["objective"]
    (tmp_path / "plan.json").write_text(json.dumps(content))
    check_same_plan(plan, tmp_path)
    other = dataclasses.replace(plan, architecture={**plan.architecture, "qk_norm": 1})
    with pytest.raises(PlanChangedError, match=r"architecture\.qk_norm"):
        check_same_plan(other, tmp_path)


def flowers(**choices):
    """A plan of the second method's recipe; batches of 64 are 31 an epoch."""
    given = {"preset": "sphere2_flowers256_base", "batch_size": 64, **choices}
    return new_plan(num_images=2040, num_classes=102, **given)


def test_a_rate_scaled_with_the_square_root_of_the_batch():
    plan = flowers()
    rates = plan.optimizer["learning_rate"], plan.min_learning_rate
    np.testing.assert_allclose(rates, 1e-4 * np.sqrt(64 / 256))
    whole = flowers(gradient_accumulation_steps=4)
    np.testing.assert_allclose(whole.optimizer["learning_rate"], 1e-4)


def test_epochs_of_score_matching_become_steps():
    def steps(plan):
        s = plan.objective["score_matching"]
        starts = (s["start_steps"], s["warmup_start_steps"], s["warmup_end_steps"])
        return (*starts, s["learning_rate_warmup"], s["learning_rate_decay"])

    epochs = np.array([1000, 1050, 1150, 10, 1000])
    np.testing.assert_array_equal(steps(flowers()), 31 * epochs)
    np.testing.assert_array_equal(steps(flowers(epochs=200)), 3.1 * epochs)
    # steps are batches, those of learning rates are updates
    together = steps(flowers(gradient_accumulation_steps=2))
    np.testing.assert_array_equal(together, np.array([31, 31, 31, 15.5, 15.5]) * epochs)


def test_score_matching_can_be_left_out():
    plan = flowers()
    assert {"distribution", "score_networks", "logits"} <= set(plan.losses)
    sizes = dict.fromkeys(("encoder", "decoder", "total"), 1)
    assert "by scores" in format_plan(plan, sizes, "some backend")
    plan = flowers(score_matching=False, perceptual="gradient")
    assert plan.objective["score_matching"] is plan.objective["classifier"] is None
    assert set(plan.losses) == {"pixel_reconstruction", "latent_consistency"}


def test_a_trial_run_needs_no_files_of_weights():
    plan = flowers(size="tiny")
    assert plan.objective["score_matching"] is plan.objective["classifier"] is None
    assert plan.perceptual == "gradient"
    build_model(plan)
