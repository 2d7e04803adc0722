"""A model whose noise is a rotation, through the calls that both methods share."""

import keras
import numpy as np
import pytest

import keras_sphere
from keras_sphere import editing
from tests import tiny_models
from tests.models.conftest import without_tracing

IMAGES, LABELS = tiny_models.new_images(), tiny_models.new_labels()
GIVEN = {"labels": LABELS[:2], "seed": 0}


@pytest.fixture(scope="module")
def model():
    return tiny_models.new_rotating_model()


def same(actual, expected, atol=1e-5):
    np.testing.assert_allclose(actual, expected, rtol=0, atol=atol)


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="the others compile")
@pytest.mark.parametrize(("degrees", "expected"), [(0.0, (1, 2)), (10.0, (1, 3))])
def test_what_is_not_needed_is_not_computed(model, degrees, expected):
    """The stream without class is encoded with the other one, and not decoded last."""
    calls = {"encode": 0, "decode": 0}

    def counted(name, network):
        def call(*arguments, **named):
            calls[name] += 1
            return network(*arguments, **named)

        return call

    networks = {name: getattr(model.backbone, name) for name in calls}
    for name, network in networks.items():
        setattr(model.backbone, name, counted(name, network))
    try:
        model.generate(**GIVEN, steps=2, guidance_degrees=degrees)
    finally:
        for name in networks:
            delattr(model.backbone, name)
    assert tuple(calls.values()) == expected
    options = model.sampling.override(steps=2, guidance_degrees=degrees)
    rows = 2 if degrees else 1  # of the encoder's batch, per image
    assert options.passes == expected[0] * rows + expected[1]


def test_the_angle_is_told(model):
    noise = np.random.default_rng(0).standard_normal((2, *tiny_models.LATENT_SHAPE))
    images = [
        model.generate(labels=LABELS[:2], noise=noise, steps=1, angle_degrees=angle)
        for angle in (85.0, 60.0)
    ]
    assert np.abs(images[0] - images[1]).max() > 1e-3
    same(model.decode(noise, LABELS[:2], angle_degrees=60.0), images[1])
    each = model.decode(noise, LABELS[:2], angle_degrees=[85.0, 60.0])
    same(each, [images[0][0], images[1][1]])


def test_shared_noise_is_the_start(model):
    """Turned by 90 degrees, a latent is the noise: every step decodes the same."""
    steps = model.generate(
        **GIVEN, steps=3, angle_degrees=90.0, return_steps=True, guidance_degrees=20.0
    )
    same(steps[1], steps[0], 1e-4)
    other = model.generate(**GIVEN, steps=2, angle_degrees=90.0, shared_noise=False)
    assert np.abs(other - steps[0]).max() > 1e-3


def test_what_belongs_to_the_other_method_is_refused_by_name(model):
    other = tiny_models.new_model()
    for name, value in (
        ("guidance_scale", 2.0),
        ("guidance_position", "both"),
        ("schedule", "decay"),
    ):
        with pytest.raises(ValueError, match=rf"`{name}` is not an option.*{value}"):
            model.generate(1, **{name: value})
    for name in ("angle_degrees", "loop_angle_degrees", "guidance_degrees"):
        with pytest.raises(ValueError, match=rf"`{name}` is not an option.*30"):
            other.generate(1, **{name: 30.0})
    with pytest.raises(ValueError, match=r"`angle_degrees` is not an option.*30"):
        other.reconstruct(IMAGES, angle_degrees=30.0)
    with pytest.raises(ValueError, match=r"`angle_degrees` is not an option"):
        other.reconstruct_loop(IMAGES, angle_degrees=30.0)
    with pytest.raises(ValueError, match=r"`angle_degrees` must be None.*30"):
        other.decode(np.zeros((1, *tiny_models.LATENT_SHAPE)), angle_degrees=30.0)
    with pytest.raises(ValueError, match=r"`hard_case_probability` does not belong"):
        tiny_models.new_rotating_model(hard_case_probability=0.1)


@pytest.mark.parametrize("angle", [-1.0, 85.0, 120.0, float("nan")])
def test_angles_are_those_of_training(angle):
    model = tiny_models.new_rotating_model(
        backbone={"angle_condition_degrees": 80.0}, max_angle_degrees=80.0
    )
    latents = np.ones((2, *tiny_models.LATENT_SHAPE))
    for call in (
        lambda: model.generate(1, angle_degrees=angle),
        lambda: model.generate(1, angle_degrees=10.0, loop_angle_degrees=angle),
        lambda: model.decode(latents, angle_degrees=angle),
        lambda: model.decode(latents, angle_degrees=[10.0, angle]),
        lambda: model.reconstruct(IMAGES, angle_degrees=angle),
        lambda: model.reconstruct_loop(IMAGES, angle_degrees=angle),
    ):
        with pytest.raises(ValueError, match=r"angle_degrees` must be.*Received"):
            call()


def test_a_told_angle_and_the_noise_have_one_largest_angle():
    with pytest.raises(ValueError, match=r"angle_condition_degrees.*90.*80"):
        tiny_models.new_rotating_model(max_angle_degrees=80.0)


def test_strength_is_a_share_of_the_largest_angle(model):
    options = {"labels": LABELS, "seed": 0}
    half = model.reconstruct(IMAGES, strength=0.5, **options)
    same(half, model.reconstruct(IMAGES, angle_degrees=45.0, **options))
    assert np.abs(half - model.reconstruct(IMAGES, **options)).max() > 1e-3
    with pytest.raises(ValueError, match=r"not both.*0\.5.*45"):
        model.reconstruct(IMAGES, strength=0.5, angle_degrees=45.0)


def test_guidance_needs_classes():
    model = tiny_models.new_rotating_model(num_classes=0)
    assert model.generate(2, steps=2, seed=0).shape == (2, 16, 16, 3)
    with pytest.raises(ValueError, match=r"`guidance_degrees` above 0.*5\.0"):
        model.generate(2, guidance_degrees=5.0)


def test_editing(model):
    images, labels = IMAGES[:2], LABELS[:2]
    same(
        editing.refine(model, images, labels, steps=1, strength=0.0),
        model.reconstruct(images, labels),
    )
    varied = editing.variations(
        model, images, labels, num_variations=2, angle_degrees=30.0, seed=0
    )
    assert varied.shape == (2, 2, 16, 16, 3)
    assert np.abs(varied[:, 0] - varied[:, 1]).max() > 1e-3
    moved = editing.direction(model, IMAGES[2:4], labels=labels, seed=0)
    plain = model.generate(2, labels, seed=0)
    assert np.abs(moved - plain).max() > 1e-3
    walk = editing.random_walk(model, angle_degrees=5.0, num_images=3, seed=0)
    assert len(walk) == 3
    swept = editing.sweep(model, 2, steps=(1, 2), guidance_degrees=(0.0, 10.0), seed=0)
    assert swept.shape == (2, 2, 2, 16, 16, 3)
    same(swept[1, 1], model.generate(2, steps=2, guidance_degrees=10.0, seed=0))


def test_training_and_a_file(tmp_path):
    model = tiny_models.new_rotating_model(
        cycle_encoder="averaged", backbone={"path_dropout": 0.3}
    )
    model.compile(keras_sphere.SphereAdamW(1e-2))
    losses = tiny_models.fit(model, epochs=3)
    assert losses[-1] < losses[0]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    pairs = zip(
        loaded.encoder_average.weights, model.encoder_average.weights, strict=True
    )
    for a, b in pairs:
        same(*map(keras.ops.convert_to_numpy, (a, b)), 0)
    same(loaded.generate(**GIVEN), model.generate(**GIVEN))
    noise = np.random.default_rng(0).standard_normal((4, *tiny_models.LATENT_SHAPE))
    draws = {"noise": noise.astype("float32"), "angles": np.float32([0, 0.5, 1, 1.5])}
    batch = {"images": IMAGES[:4], "labels": LABELS[:4], "draws": draws}
    for _ in range(2):
        again, on = (twin.train_on_batch(batch)[0] for twin in (loaded, model))
        same(again, on, 1e-6)


def test_the_average_looks_at_decoded_images():
    """It starts from the weights, and moves by what the updates leave of them."""
    model = tiny_models.new_rotating_model(
        cycle_encoder="averaged", cycle_encoder_momentum=0.5
    )
    model.compile(keras_sphere.SphereAdamW(1e-2, encoder_learning_rate_factor=1.0))
    encoder = model.backbone.encoder.trainable_variables
    expected, before = None, None
    for _ in range(3):
        weights = [np.array(keras.ops.convert_to_numpy(v)) for v in encoder]
        expected = weights if expected is None else before
        before = [0.5 * (a + b) for a, b in zip(expected, weights, strict=True)]
        model.train_on_batch(IMAGES[:4], LABELS[:4])
    for average, value in zip(model.encoder_average.averages, before, strict=True):
        same(keras.ops.convert_to_numpy(average), value, 1e-6)


def test_a_preset(tmp_path, model):
    model.compile()
    model.save_to_preset(tmp_path / "preset", use_ema=False)
    loaded = keras_sphere.presets.load(tmp_path / "preset")
    same(loaded.generate(**GIVEN), model.generate(**GIVEN))
    assert loaded.get_config()["backbone"] == model.get_config()["backbone"]
    losses = loaded._compile_loss._user_loss
    assert losses["pixel_reconstruction"].regime == "low"
    text = str(keras_sphere.presets.describe(tmp_path / "preset"))
    assert "85 and then 85 degrees" in text


def test_a_decoder_alone_generates_in_one_step(tmp_path):
    whole = tiny_models.new_rotating_model()
    model = tiny_models.new_rotating_model(backbone={"has_encoder": False})
    model.backbone.decoder.set_weights(whole.backbone.decoder.get_weights())
    same(model.generate(**GIVEN, steps=1), whole.generate(**GIVEN, steps=1))
    model.compile()
    for call in (
        lambda: model.generate(**GIVEN, steps=2),
        lambda: model.encode(IMAGES),
        lambda: model.reconstruct(IMAGES),
        lambda: model.fit(IMAGES, LABELS),
    ):
        with pytest.raises(ValueError, match=r"needs the encoder.*part=\"all\""):
            call()
    model.save_to_preset(tmp_path / "preset", use_ema=False)
    loaded = keras_sphere.presets.load(tmp_path / "preset")
    same(loaded.generate(**GIVEN, steps=1), whole.generate(**GIVEN, steps=1))


@pytest.mark.parametrize(
    ("features", "perceptual"), [("pixels", None), ("features", "gradient")]
)
def test_a_loss_of_distributions(features, perceptual):
    model = tiny_models.new_rotating_model(
        distribution_features=features, perceptual=perceptual
    )
    losses = model.objective.default_losses(perceptual, ("distribution",))
    weights = {**model.objective.weights, "distribution": 0.5}
    model.compile(keras_sphere.SphereAdamW(1e-2), losses, weights)
    draws = tiny_models.new_draws(8)
    # The only image at a large angle shares its class with one that does not count.
    draws = {"noise": draws["noise"], "angles": np.float32([1.5, *[0.1] * 7])}
    outputs = model.training_outputs(IMAGES, LABELS, draws)
    terms = model.loss_terms(IMAGES, outputs)
    assert np.isfinite(float(keras.ops.convert_to_numpy(terms["total"])))
    history = tiny_models.fit(model, epochs=4)
    assert np.all(np.isfinite(history))
    with pytest.raises(ValueError, match=r"`distribution_features`|perceptual"):
        tiny_models.new_rotating_model(distribution_features="features").compile(
            loss=losses, loss_weights=weights
        )


def test_training_in_16_bits():
    """Tokens stay wide between blocks, also where blocks are computed again."""
    start, losses = None, []
    for dtype in ("float32", "mixed_bfloat16"):
        arguments = {"dtype": dtype, "rematerialize_every": 1, "label_dropout": 0.0}
        model = tiny_models.new_rotating_model(backbone=arguments)
        if start is not None:
            model.backbone.set_weights(start)
        start = model.backbone.get_weights()
        block = model.backbone.decoder.transformer.blocks[0]
        assert block.branch_dtype == (None if dtype == "float32" else "bfloat16")
        model.compile(
            keras_sphere.SphereAdamW(1e-2),
            jit_compile=keras.backend.backend() == "jax",  # XLA takes long elsewhere
        )
        losses.append(tiny_models.fit(without_tracing(model), epochs=1))
    np.testing.assert_allclose(losses[1], losses[0], rtol=0.03)
    assert not tiny_models.new_model().backbone.decoder.transformer.wide_residuals
