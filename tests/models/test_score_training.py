"""Score matching in a model: what learns, from when on, and what files keep."""

import json
import random

import keras
import numpy as np
import pytest

import keras_sphere
from keras_sphere.losses import ByAngle, ComputedLoss, Drifting
from keras_sphere.losses.item_weights import balanced_weights
from keras_sphere.models.distribution_terms import DEFAULT_WEIGHTS
from keras_sphere.models.training_objective import loss_value
from keras_sphere.training import TrainingCheckpoint
from tests import tiny_models
from tests.differentiation import input_gradients, kernel_gradient
from tests.models.conftest import without_tracing
from tests.testing import perturb_weights, to_numpy

IMAGES, LABELS = tiny_models.new_images(), tiny_models.new_labels()
WARMING = {"start_steps": 2, "warmup_start_steps": 3, "warmup_end_steps": 8}
ONE = np.float32(1.0)


def compiled(model, rate=1e-2, **arguments):
    model.compile(
        keras_sphere.SphereAdamW(rate),
        jit_compile=keras.backend.backend() == "jax",  # XLA takes long elsewhere
        **arguments,
    )
    return model


def disagreeing(model):
    """A model whose networks of real and of generated features are not alike."""
    for networks in model.scores.term.networks.values():
        for network in networks:
            perturb_weights(network, scale=0.3)
    (fake,) = model.scores.term.networks["fake"]
    fake.head.kernel.assign(-fake.head.kernel.value)
    return model


def draws(model, seed=0):
    noise = tiny_models.new_draws(8, seed)["noise"]
    seeds = keras.random.SeedGenerator(seed)
    scores = model.scores.term.draw([keras.ops.convert_to_tensor(IMAGES)], seeds)
    angles = np.float32([1.5, 1.5, 1.2, 0.9, 0.1, 1.4, 1.3, 0.0])
    return {"noise": noise, "angles": angles, "scores": scores}


def terms(model, given):
    outputs = model.training_outputs(IMAGES, LABELS, given)
    return model.loss_terms(IMAGES, outputs), outputs


def states(model):
    """Statistics, balance and steps."""
    return [to_numpy(v) for v in model.scores.non_trainable_weights]


def same(actual, expected, atol=0.0):
    for a, b in zip(actual, expected, strict=True):
        np.testing.assert_allclose(to_numpy(a), to_numpy(b), rtol=0, atol=atol)


def test_one_step_has_the_gradients_of_two():
    """Of networks on fixed images; of the generator by a direction that is fixed."""
    model = disagreeing(tiny_models.new_scoring_model())
    compiled(model).training_outputs(IMAGES, LABELS)  # moves the statistics
    given = draws(model)
    values, outputs = terms(model, given)
    real, fake = (to_numpy(x) / 2.0 + 0.5 for x in (IMAGES, outputs["reconstruction"]))
    weights = model.distribution.weights(given["angles"])
    assert float(to_numpy(values["distribution"])) > 0.0

    def alone(fake, index):
        losses = model.scores.term([real], [fake], weights, LABELS, given["scores"])
        factor = balanced_weights(weights) if index == 0 else 1.0
        return keras.ops.mean(losses[index] * factor)

    for side in ("real", "fake"):
        head = model.scores.term.networks[side][0].head
        together = kernel_gradient(head, lambda: terms(model, given)[0]["total"], ONE)
        apart = kernel_gradient(head, lambda: alone(fake, 1), ONE)
        np.testing.assert_allclose(together, apart, atol=1e-5 * np.abs(apart).max())
        assert np.any(apart)

    (direction,) = input_gradients(lambda x: alone(x, 0), [fake], ONE)
    assert np.abs(direction).max() > 1e-5
    direction = keras.ops.convert_to_tensor(direction)

    def second_pass():
        values, outputs = terms(model, given)
        moved = keras.ops.sum(outputs["reconstruction"] / 2.0 * direction)
        rest = ("pixel_reconstruction", "latent_consistency")
        return sum(values[name] for name in rest) + moved

    layer = model.backbone.decoder.transformer.blocks[0].mlp.contract
    together = kernel_gradient(layer, lambda: terms(model, given)[0]["total"], ONE)
    apart = kernel_gradient(layer, second_pass, ONE)
    np.testing.assert_allclose(together, apart, atol=1e-5 * np.abs(apart).max())


def test_before_the_start_training_is_that_without_the_term():
    """Noise included; afterwards it is another, and networks and statistics move."""
    certain = {"label_dropout": 0.0}
    plain = without_tracing(compiled(tiny_models.new_rotating_model(backbone=certain)))
    model = disagreeing(tiny_models.new_scoring_model(backbone=certain, **WARMING))
    model.backbone.set_weights(plain.backbone.get_weights())
    without_tracing(compiled(model))
    networks = model.scores.term.trainable_variables
    before = [to_numpy(v) for v in networks]
    for _ in range(2):
        for each in (plain, model):
            each.train_on_batch(IMAGES, LABELS)
    same(model.backbone.weights, plain.backbone.weights, 1e-7)
    same(networks, before)
    assert [float(np.abs(x).sum()) for x in states(model)] == [2.0, *[0.0] * 6]
    assert int(model.optimizer.updates_apart) == 0
    model.train_on_batch(IMAGES, LABELS)  # networks learn, the generator is as it was
    plain.train_on_batch(IMAGES, LABELS)
    same(model.backbone.weights, plain.backbone.weights, 1e-7)
    assert all(np.any(to_numpy(v) != b) for v, b in zip(networks, before, strict=True))
    assert int(model.optimizer.updates_apart) == 1
    for _ in range(2):
        for each in (plain, model):
            each.train_on_batch(IMAGES, LABELS)
    with pytest.raises(AssertionError):
        same(model.backbone.weights, plain.backbone.weights, 1e-5)
    assert float(model.scores.term.balance["calls"]) == 1.0
    assert float(model.scores.term.moments[0]["calls"]) == 3.0


def test_files_and_averages(tmp_path):
    """A file goes on as the model does; networks have no average and no preset."""
    model = tiny_models.new_scoring_model(**WARMING, learning_rate_warmup=3)
    history = tiny_models.fit(compiled(model), epochs=3)
    assert np.all(np.isfinite(history))
    assert len(model.optimizer.moving_averages()) == len(
        model.backbone.trainable_variables
    )
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.score_matching == model.score_matching
    same(loaded.scores.weights, model.scores.weights)
    same(loaded.optimizer.variables, model.optimizer.variables)
    batch = {"images": IMAGES, "labels": LABELS, "draws": draws(model)}
    again, on = (
        to_numpy(terms(m, batch["draws"])[0]["total"]) for m in (loaded, model)
    )
    np.testing.assert_allclose(again, on, atol=1e-6)
    for use_ema in (True, False):
        folder = tmp_path / f"preset_{use_ema}"
        model.save_to_preset(folder, use_ema=use_ema)
        preset = keras_sphere.presets.load(folder)
        assert preset.score_matching == model.score_matching
        assert preset.optimizer.apart.learning_rate.warmup_steps == 3
        losses = preset._compile_loss._user_loss
        assert {type(losses[n].loss) for n in DEFAULT_WEIGHTS} == {ComputedLoss}
        given = {"labels": LABELS[:2], "seed": 0, "steps": 1}
        same(
            [preset.generate(**given)], [model.generate(**given, use_ema=use_ema)], 1e-5
        )
    without = keras_sphere.presets.load(folder, score_matching=None)
    assert set(without._compile_loss._user_loss) == set(without.objective.weights)


@pytest.mark.parametrize("by_scores", [True, False])
def test_a_preset_whose_compared_maps_are_not_attached_generates(tmp_path, by_scores):
    """Its network needs files of weights: the losses of distributions wait for them."""
    new = tiny_models.new_scoring_model if by_scores else tiny_models.new_rotating_model
    model = new()
    names = model.objective.default_weights(model)
    weights = {**names, "distribution": 0.5}
    compiled(model, loss_weights=weights).save_to_preset(tmp_path, overwrite=True)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    config["recipe"].update(perceptual="lpips", distribution_features="features")
    path.write_text(json.dumps(config))
    loaded = keras_sphere.presets.load(tmp_path)
    assert loaded.score_matching is None
    assert set(loaded._compile_loss._user_loss) == set(model.objective.weights)
    given = {"labels": LABELS[:2], "seed": 0}
    same([loaded.generate(**given)], [model.generate(**given)], 1e-5)


def test_goes_on_from_the_middle_of_the_warmup(tmp_path):
    """Bit for bit, in another process's model of other weights and seeds."""

    def trained(model, folder, epochs, batches=(0, 1)):
        checkpoint = TrainingCheckpoint(folder, every_epochs=1)
        start = checkpoint.resume(model)
        data = [(IMAGES[4 * i : 4 * i + 4], LABELS[4 * i : 4 * i + 4]) for i in batches]
        model.fit(
            data,
            initial_epoch=start.epoch,
            epochs=epochs,
            shuffle=False,
            verbose=0,
            callbacks=[checkpoint],
        )
        return tiny_models.state(model)

    def new_model(seed):
        random.seed(seed)  # Keras' default seeds come from there
        settings = {
            "calibration_calls": 5,
            "balance_calls": 4,
            "learning_rate_decay": 6,
            "augment": True,
        }
        return compiled(tiny_models.new_scoring_model(**WARMING, **settings))

    expected = trained(new_model(0), tmp_path / "whole", 5)
    cut = new_model(0)
    trained(cut, tmp_path / "cut", 3)
    assert 0.0 < float(cut.scores.term.balance["calls"]) < 4.0
    same(trained(new_model(1), tmp_path / "cut", 5), expected)


def test_networks_compare_feature_maps():
    images = keras.Input((16, 16, 3))
    maps = [keras.layers.AveragePooling2D(size)(images) for size in (2, 4)]
    model = tiny_models.new_rotating_model(
        num_classes=0,
        perceptual=keras.Model(images, maps),
        distribution_features="features",
        score_matching={"network": {"width": 8, "num_layers": 1, "num_heads": 1}},
    )
    assert model.scores.term.sizes == [8 * 8 * 3, 4 * 4 * 3]
    compiled(model).training_outputs(IMAGES)
    assert all(np.any(to_numpy(m["square"])) for m in model.scores.term.moments)


def test_bad_arguments():
    new = tiny_models.new_rotating_model
    for settings, message in (
        ({"start": 1}, r"has no 'start'.*start_steps"),
        ({"network": {"num_classes": 3}}, r"`network`.*'num_classes'"),
        ({"start_steps": 5, "warmup_start_steps": 2}, r"in this order.*5, 2, 2"),
        ({"clipnorm": 0.0}, r"`clipnorm`.*0"),
        ({"normalizer": "item"}, r"`normalizer`.*'item'"),
        (True, r"a dict with some of the keys.*True"),
    ):
        with pytest.raises(ValueError, match=message):
            new(score_matching=settings)
    with pytest.raises(ValueError, match=r"`score_matching` must be None.*method"):
        tiny_models.new_model(score_matching={})
    with pytest.raises(ValueError, match=r"needs a `perceptual` network"):
        new(score_matching={}, distribution_features="features")


def test_losses_belong_to_the_term():
    model, plain = tiny_models.new_scoring_model(), tiny_models.new_rotating_model()
    required = dict(model.objective.weights)
    drifting = {
        **model.objective.default_losses(names=tuple(DEFAULT_WEIGHTS), by_scores=True),
        "distribution": ByAngle(Drifting(), "high"),
    }
    for each, loss, names, message in (
        (model, drifting, DEFAULT_WEIGHTS, r"around a `ComputedLoss`.*Drifting"),
        (model, None, (), r"needs losses \['distribution', 'score_networks'\]"),
        (plain, None, DEFAULT_WEIGHTS, r"needs a model with `score_matching`"),
    ):
        weights = {**required, **dict.fromkeys(names, 1.0)}
        with pytest.raises(ValueError, match=message):
            each.compile(loss=loss, loss_weights=weights)


def test_an_image_of_a_low_angle_is_not_moved():
    model = disagreeing(tiny_models.new_scoring_model())
    compiled(model).training_outputs(IMAGES, LABELS)
    given, loss = draws(model), model.distribution
    del given["scores"]
    once, again = (to_numpy(terms(model, given)[1]["scores"][0]) for _ in range(2))
    assert np.any(once != again)  # each step draws noise of its own
    values = again
    tensor = keras.ops.convert_to_tensor(values)
    angles = {"angles": given["angles"]}
    weighed = to_numpy(
        loss.call({"value": None, **angles}, {"value": tensor, **angles})
    )
    assert np.all(values > 0.0)
    assert np.all(weighed[[4, 7]] == 0.0)
    assert np.all(weighed[[0, 1, 5]] > values[[0, 1, 5]])
    pair = ({"value": tensor, **angles},) * 2
    np.testing.assert_allclose(to_numpy(loss_value(loss, *pair)), weighed.mean(), 1e-6)


def views(model, seed=0):
    """Moves of a batch, of real images and of generated ones."""
    keep = {"rows": np.zeros(8, "int32"), "columns": np.zeros(8, "int32")}
    moved = {**keep, "rows": np.full(8, 2, "int32")}
    flips = np.repeat(np.float32([1.0, -1.0]), 4)
    return [{**moved, "flips": -flips}, {**keep, "flips": flips}]


def test_real_and_generated_images_are_moved_apart():
    """A step compares what it would if the images had been moved by hand."""
    model = disagreeing(tiny_models.new_scoring_model(augment=True))
    compiled(model).training_outputs(IMAGES, LABELS)  # moves the statistics
    given = {**draws(model), "views": views(model)}
    outputs = model.training_outputs(IMAGES, LABELS, given)
    fake = to_numpy(outputs["reconstruction"])
    mirrored = IMAGES[:4, :, ::-1], IMAGES[4:]
    real = np.concatenate(mirrored)
    # row i is row i + 2, the last ones are reflected, edges not repeated
    real = np.concatenate([real[:, 2:], real[:, -2:-4:-1]], axis=1)
    fake = np.concatenate([fake[:4], fake[4:, :, ::-1]])
    weights = model.distribution.weights(given["angles"])
    expected = model.scores.term(
        [real / 2.0 + 0.5], [fake / 2.0 + 0.5], weights, LABELS, given["scores"]
    )
    same(outputs["scores"], expected, 1e-5)
    still = {**given, "views": views(model)[1:] * 2}
    other = model.training_outputs(IMAGES, LABELS, still)["scores"]
    with pytest.raises(AssertionError):
        same(other, expected, 1e-4)


def test_moves_are_drawn_and_go_on(tmp_path):
    model = tiny_models.new_scoring_model(augment=True)
    images = np.zeros((64, 128, 8, 3), "float32")
    real, fake = model.scores.draw_views(images)
    assert set(to_numpy(real["rows"])) == {-2, -1, 0, 1, 2}
    assert np.any(to_numpy(real["rows"]) != to_numpy(fake["rows"]))
    compiled(model).save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.scores.augment is True
    assert tiny_models.new_scoring_model().scores.draw_views(images) is None


def test_a_network_of_their_own(tmp_path):
    """Beside the perceptual one; presets leave it to who loads them."""
    images = keras.Input((16, 16, 3))
    own = keras.Model(images, [keras.layers.AveragePooling2D(4)(images)])
    model = tiny_models.new_rotating_model(
        perceptual="gradient",
        distribution_features=own,
        score_matching={
            "network": {"width": 8, "num_layers": 1, "num_heads": 1},
            "augment": True,
        },
    )
    assert model.scores.term.sizes == [4 * 4 * 3]
    compiled(model).train_on_batch(IMAGES, LABELS)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    same(loaded.scores.weights, model.scores.weights)
    model.save_to_preset(tmp_path / "preset", use_ema=False)
    preset = keras_sphere.presets.load(tmp_path / "preset")
    assert preset.score_matching is None
    preset = keras_sphere.presets.load(tmp_path / "preset", distribution_features=own)
    assert preset.score_matching == model.score_matching


def test_a_named_network_waits_until_it_is_needed(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_SPHERE_PERCEPTUAL_DIR", raising=False)
    named = {"distribution_features": "convnextv2_nano"}
    model = tiny_models.new_rotating_model(**named)
    model.compile()
    with pytest.raises(FileNotFoundError, match=r"convnextv2_nano\.npz"):
        tiny_models.new_rotating_model(**named, score_matching={})
    with pytest.raises(FileNotFoundError, match=r"convnextv2_nano\.npz"):
        model.compile(loss_weights={**model.objective.weights, "distribution": 1.0})
