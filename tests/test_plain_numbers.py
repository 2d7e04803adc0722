"""NumPy scalars and arrays without axes work wherever a Python number does."""

import json

import keras
import numpy as np
import pytest

import keras_sphere
from keras_sphere import (
    data,
    editing,
    layers,
    metrics,
    presets,
    training,
    validation,
    visualization,
)
from keras_sphere.losses.pixel_loss import PixelLoss
from keras_sphere.models import Decoder, Encoder
from keras_sphere.models.vision_transformer import VisionTransformer
from keras_sphere.training.options import new_options
from tests import tiny_models

INTEGERS = {
    "int64": np.int64,
    "int32": np.int32,
    "uint8": np.uint8,
    "array": np.array,
    "tensor": lambda value: keras.ops.convert_to_tensor(value),
}
FLOATS = {
    "float64": np.float64,
    "float32": np.float32,
    "array": np.array,
    "tensor": lambda value: keras.ops.convert_to_tensor(value, "float32"),
}
IMAGES = tiny_models.new_images(2)


@pytest.fixture(scope="module")
def model(quick_compilation):
    return tiny_models.new_model()


@pytest.mark.parametrize("kind", INTEGERS)
def test_integers_become_plain(kind):
    two = INTEGERS[kind](2)
    for read in (validation.read_integer, validation.read_seed):
        value = read("steps", two)
        assert value == 2
        assert type(value) is int
    assert type(validation.read_share("share", INTEGERS[kind](1))) is int


@pytest.mark.parametrize("kind", FLOATS)
def test_floats_become_plain(kind):
    for read in (
        validation.read_share,
        validation.read_angle_degrees,
        validation.read_finite,
        validation.read_positive,
        validation.read_not_negative,
    ):
        value = read("x", FLOATS[kind](0.5))
        assert value == 0.5
        assert type(value) is float
    with pytest.raises(ValueError, match="`steps` must be an integer"):
        validation.read_integer("steps", FLOATS[kind](2.0))


@pytest.mark.parametrize(
    "value", [True, np.True_, np.array(True), "1", np.str_("1"), None, [1], np.ones(1)]
)
def test_what_is_no_number(value):
    for read in (
        validation.read_integer,
        validation.read_seed,
        validation.read_share,
        validation.read_angle_degrees,
        validation.read_finite,
        validation.read_positive,
        validation.read_not_negative,
    ):
        with pytest.raises(ValueError, match=r"`x` must be .*Received: x="):
            read("x", value)


@pytest.mark.parametrize("value", ["False", 0, 1.0, None, np.zeros(2, bool)])
def test_what_is_no_truth_value(value):
    with pytest.raises(ValueError, match=r"`x` must be True or False. Received: x="):
        validation.read_boolean("x", value)


def test_truth_values_become_plain():
    for value in (True, np.True_, np.array(True)):
        assert validation.read_boolean("x", value) is True


def backbone(number):
    size = {name: number(value) for name, value in tiny_models._SIZE.items()}
    return keras_sphere.SphereEncoderBackbone(
        number(16),
        number(8),
        number(4),
        num_channels=number(3),
        num_classes=number(3),
        encoder_size=size,
        decoder_size=size,
        encoder_mixer_depth=number(1),
        decoder_mixer_depth=number(0),
        num_in_context_tokens=number(2),
        rematerialize_every=number(1),
    )


def transformer(number):
    return {
        "hidden_dim": number(8),
        "num_layers": number(1),
        "num_heads": number(2),
        "in_context_start": number(0),
        "grid_size": number(2),
        "num_classes": number(3),
        "num_in_context_tokens": number(2),
        "rematerialize_every": number(1),
    }


# Calls of a function that turns Python integers into those of a kind.
CONFIGURED = {
    "backbone": backbone,
    "encoder": lambda n: Encoder(n(2), n(4), transformer(n), n(1)),
    "decoder": lambda n: Decoder(n(2), n(3), transformer(n), mixer_depth=n(1)),
    "transformer": lambda n: VisionTransformer(output_dim=n(4), **transformer(n)),
    "attention": lambda n: layers.RotaryAttention(n(2), n(2)),
    "pyramid": lambda n: layers.GradientPyramid(n(2)),
    "tokens": lambda n: layers.InContextTokens(n(2)),
    "labels": lambda n: layers.LabelEmbedding(n(3), n(8), seed=n(1)),
    "mixer": lambda n: layers.MLPMixer(n(1)),
    "modulation": lambda n: layers.AdaptiveModulation(n(2)),
    "dense": lambda n: layers.ModulatedDense(n(2)),
    "patches": lambda n: layers.PatchEmbedding(n(2), n(8)),
    "linear head": lambda n: layers.LinearPixelHead(n(2), n(3)),
    "conv head": lambda n: layers.ConvPixelHead(n(2), n(3)),
    "block": lambda n: layers.TransformerBlock(n(2), n(2)),
    "noise": lambda n: keras_sphere.NoiseSchedule(n(80), n(0), n(81)),
    "optimizer": lambda n: keras_sphere.SphereAdamW(
        1e-3, weight_decay=n(1), gradient_accumulation_steps=n(2), global_clipnorm=n(1)
    ),
    "schedule": lambda n: keras_sphere.WarmupCosine(n(2), n(1), n(3), n(9)),
    "loss": lambda n: PixelLoss(distance_weight=n(1), perceptual_weight=n(2)),
}


@pytest.mark.parametrize("name", CONFIGURED)
def test_configurations_are_plain(name):
    made = CONFIGURED[name](np.int64)
    expected = CONFIGURED[name](int)
    text = json.dumps({**made.get_config(), "name": ""})
    assert text == json.dumps({**expected.get_config(), "name": ""})


def test_options_are_plain():
    options = keras_sphere.SamplingOptions(
        steps=np.int64(2),
        guidance_scale=np.float32(1.5),
        shared_noise=np.False_,
        max_angle_degrees=np.float32(70),
        use_ema=np.array(False),
    )
    assert json.loads(json.dumps(options.to_dict())) == options.to_dict()
    assert options.strengths == [1.0]
    chosen = new_options(epochs=np.int64(3), learning_rate=np.float32(0.5), keep=2)
    assert (type(chosen.epochs), type(chosen.learning_rate)) == (int, float)
    for wrong in ({"epochs": True}, {"resume": "False"}, {"learning_rate": "0.1"}):
        with pytest.raises(
            ValueError, match=f"`{next(iter(wrong))}` must be .*Received"
        ):
            new_options(**wrong)


def test_optimizers_take_scalars():
    optimizer = keras_sphere.SphereAdamW(np.float32(0.5), beta_1=np.float32(0.5))
    config = optimizer.get_config()
    assert json.loads(json.dumps(config)) == config
    assert config["learning_rate"] == config["beta_1"] == 0.5
    with pytest.raises(ValueError, match="`use_ema` must be True or False"):
        keras_sphere.SphereAdamW(use_ema="False")


CALLS = {
    "generate": lambda m, i, f: m.generate(
        i(2),
        i(1),
        steps=i(2),
        guidance_scale=f(1.5),
        seed=i(3),
        batch_size=i(2),
    ),
    "labels": lambda m, i, f: m.generate(
        labels=[i(1), i(2)], steps=i(2), guidance_scale=1.5, seed=0
    ),
    "mixed labels": lambda m, i, f: m.generate(
        2, {i(1): f(0.5), i(2): f(0.5)}, steps=2, guidance_scale=1.5, seed=0
    ),
    "reconstruct": lambda m, i, f: m.reconstruct(IMAGES, i(1), f(0.5), seed=i(1)),
    "interpolate": lambda m, i, f: m.interpolate(
        i(1), i(2), i(0), i(1), num_images=i(2), seed=i(0), steps=1
    ),
    "interpolate_grid": lambda m, i, f: m.interpolate_grid(
        [i(1), i(2), i(3), i(4)],
        num_rows=i(2),
        num_columns=2,
        seed=0,
        batch_size=2,
        steps=1,
    ),
    "refine": lambda m, i, f: editing.refine(
        m, IMAGES, steps=i(1), strength=f(0.5), seed=i(1)
    ),
    "variations": lambda m, i, f: editing.variations(
        m, IMAGES, i(1), i(1), angle_degrees=f(20.5), seed=0
    ),
    "restore": lambda m, i, f: editing.denoise(
        m, IMAGES, f(0.5), i(1), [f(0.5)], f(0.5), f(0.5), i(1), i(0)
    ),
    "super_resolve": lambda m, i, f: editing.super_resolve(
        m, IMAGES[:, ::2, ::2], i(2), strengths=[f(0.5)], seed=0
    ),
    "random_walk": lambda m, i, f: editing.random_walk(
        m, i(1), f(20.5), i(2), i(1), seed=i(0), steps=1
    ),
    "sweep": lambda m, i, f: editing.sweep(
        m, i(2), 1, np.array([i(1), i(2)]), [f(1.5)], seed=i(0)
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_calls_give_what_python_numbers_give(model, name):
    expected = CALLS[name](model, int, float)
    np.testing.assert_array_equal(CALLS[name](model, np.int64, np.float32), expected)


def test_models_keep_a_plain_seed():
    seed = np.int64(7)
    model = tiny_models.new_model(seed=seed, max_angle_degrees=np.float32(80))
    assert json.loads(json.dumps(model.get_config()["seed"])) == 7
    assert type(model.get_config()["max_angle_degrees"]) is float


def test_tools_take_scalars():
    two = np.int64(2)
    batches = data.ShuffledBatches(IMAGES, None, two, seed=two)
    assert (type(batches.batch_size), type(batches.seed)) == (int, int)
    loaded = data.load("fake", image_size=np.int64(8), batch_size=two, num_images=two)
    assert next(iter(loaded))[0].shape == (2, 8, 8, 3)
    assert visualization.image_grid(IMAGES, np.array(2)).shape == (18, 35, 3)
    rows = IMAGES.reshape(2, -1)
    assert metrics.kernel_distance(rows, rows, two, two, seed=two)
    log = training.ImageLog("no folder", IMAGES, rows=two, steps=np.arange(1, 3))
    assert [type(value) for value in (log.rows, *log.steps)] == [int] * 3
    with pytest.raises(ValueError, match="`seed` must be an integer"):
        data.ShuffledBatches(IMAGES, seed=True)
    with pytest.raises(ValueError, match="`drop_last` must be True or False"):
        data.ShuffledBatches(IMAGES, drop_last="False")
    assert len(loaded.shard(np.int64(0), two)) == 1
    with pytest.raises(ValueError, match="`index` must be an integer"):
        loaded.shard(False, 2)
    with pytest.raises(ValueError, match="`angle_degrees` must be a finite number"):
        metrics.cone_coverage(rows, "80")


def test_a_text_overwrites_nothing(model, tmp_path):
    path = tmp_path / "preset"
    with pytest.raises(ValueError, match="`use_ema` must be True or False"):
        model.save_to_preset(path, use_ema="False")
    path.mkdir()
    with pytest.raises(ValueError, match="`overwrite` must be True or False"):
        model.save_to_preset(path, overwrite="False")
    for name in ("weights", "compile"):
        with pytest.raises(ValueError, match=f"`{name}` must be True or False"):
            presets.load("digits16", **{name: "False"})
