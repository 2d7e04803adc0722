"""A refiner in place of decoder and encoder: the loop, its checks, its files."""

import logging

import keras
import numpy as np
import pytest

import keras_sphere
from keras_sphere import LatentRefiner, geometry, presets, rotation
from keras_sphere.models.latent_map import latent_map
from keras_sphere.sampling import host_noise
from tests import tiny_models
from tests.testing import perturb_weights

LABELS = np.array([0, 1, 2, 1], "int32")
_SIZE = {"hidden_dim": 16, "num_layers": 1, "num_heads": 2}


def new_refiner(model, **arguments):
    refiner = LatentRefiner.of(model, **{"size": _SIZE, **arguments})
    perturb_weights(refiner)
    return refiner


@pytest.fixture(scope="module")
def adding(quick_compilation):
    model = tiny_models.new_model()
    return model, new_refiner(model)


@pytest.fixture(scope="module")
def rotating(quick_compilation):
    model = tiny_models.new_rotating_model()
    return model, new_refiner(model)


def numpy(tensor):
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def noise(draw):
    return host_noise(5, range(4), draw, tiny_models.LATENT_SHAPE)


def refined(refiner, points, labels, condition):
    told = None if condition is None else np.full(len(points), condition, "float32")
    with keras.StatelessScope():
        return numpy(refiner(points, labels, told))


def test_loop_of_added_noise(adding):
    """Three steps by hand: refine, add noise, project; decode the last points alone."""
    model, refiner = adding
    sigma = geometry.sigma_from_degrees(80.0)
    points = numpy(geometry.spherify(noise(0)))
    images = [numpy(model.backbone.decode(points, LABELS))]
    for draw, strength in ((1, 2 / 3), (2, 1 / 3)):
        points = refined(refiner, points, LABELS, 1.0) + strength * sigma * noise(draw)
        points /= np.sqrt(np.mean(points**2, axis=(1, 2), keepdims=True))
        images.append(numpy(model.backbone.decode(points, LABELS)))
    options = {"steps": 3, "schedule": "decay", "shared_noise": False, "seed": 5}
    options |= {"labels": LABELS, "refiner": refiner}
    made = model.generate(**options)
    np.testing.assert_allclose(made, images[-1], atol=2e-5)
    every = model.generate(**options, return_steps=True)
    np.testing.assert_allclose(every, images, atol=2e-5)
    chunks = model.generate(**options, batch_size=3)
    np.testing.assert_allclose(chunks, made, atol=2e-5)


def test_guidance_is_told_and_guides_the_last_decoder_call(adding):
    model, refiner = adding
    points = numpy(geometry.spherify(noise(0)))
    moved = geometry.perturb(
        refined(refiner, points, LABELS, 1.5),
        noise(1),
        geometry.sigma_from_degrees(80.0),
    )
    null = np.full(4, 3)
    with_class, without = (
        numpy(model.backbone.decode(moved, labels)) for labels in (LABELS, null)
    )
    image = np.clip(without + np.sqrt(1.5) * (with_class - without), -1.0, 1.0)
    made = model.generate(
        labels=LABELS, steps=2, seed=5, guidance_scale=1.5, refiner=refiner
    )
    np.testing.assert_allclose(made, image, atol=2e-5)
    unguided = model.generate(labels=LABELS, steps=2, seed=5, refiner=refiner)
    assert np.abs(made - unguided).max() > 1e-3


def test_loop_of_rotations(rotating):
    """With guidance both streams are refined, each with the angle of its step."""
    model, refiner = rotating
    backbone, start = model.backbone, numpy(model.backbone.spherify(noise(0)))
    for degrees in (0.0, 20.0):
        points, null_points, told = start, start, 85.0
        for _ in range(2):
            points = refined(refiner, points, LABELS, told)
            null_points = refined(refiner, null_points, np.full(4, 3), told)
            if degrees:
                points = backbone.spherify(
                    rotation.rotate_away(
                        points, null_points, np.radians(degrees), epsilon=1e-5
                    )
                )
            points, null_points = (
                numpy(rotation.rotate(p, start, np.radians(75.0)))
                for p in (points, null_points)
            )
            told = 75.0
        image = backbone.decode(points, LABELS, angles=np.float32(np.radians(75.0)))
        made = model.generate(
            labels=LABELS,
            steps=3,
            seed=5,
            loop_angle_degrees=75.0,
            guidance_degrees=degrees,
            refiner=refiner,
        )
        np.testing.assert_allclose(made, np.clip(numpy(image), -1, 1), atol=5e-5)


def test_a_single_step_does_without_it(adding):
    model, refiner = adding
    options = {"labels": LABELS, "steps": 1, "seed": 5, "guidance_scale": 9.0}
    made = model.generate(**options, refiner=refiner)
    np.testing.assert_array_equal(made, model.generate(**options))


class Perfect(LatentRefiner):
    """What a refiner would be that has learned the map exactly."""

    def call(self, points, labels=None, condition=None):
        condition = keras.ops.broadcast_to(condition, keras.ops.shape(points)[:1])
        return latent_map(
            self.teacher_of(), points, labels, condition, self.guidance_position
        )


@pytest.mark.usefixtures("quick_compilation")
@pytest.mark.parametrize(
    ("position", "guidance"),
    [("both", 1.0), ("both", 1.7), ("encoder", 1.7), ("decoder", 1.7)],
)
def test_the_map_itself_gives_the_ordinary_images(position, guidance):
    model = tiny_models.new_model(sampling={"guidance_position": position})
    refiner = Perfect.of(model, size=_SIZE)
    refiner.teacher_of = lambda: model.backbone
    options = {"labels": LABELS, "steps": 3, "seed": 5, "guidance_scale": guidance}
    made = model.generate(**options, refiner=refiner)
    np.testing.assert_allclose(made, model.generate(**options), atol=5e-5)


@pytest.mark.usefixtures("quick_compilation")
def test_unconditional_models_have_no_condition():
    model = tiny_models.new_model(num_classes=0)
    refiner = new_refiner(model)
    assert refiner.condition is None
    assert refiner.guidance_position is None
    assert model.generate(2, steps=2, refiner=refiner).shape == (2, 16, 16, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"guidance_scale": 2.5}, r"`guidance_scale` must be in \[1, 2\].*=2.5"),
        (
            {"guidance_scale": 1.5, "guidance_position": "decoder"},
            "`guidance_position` must be 'both'.*'decoder'",
        ),
        ({"refiner": True}, "`refiner` is True, and the model has none"),
        ({"refiner": "file"}, "must be a `keras_sphere.LatentRefiner`.*'file'"),
    ],
)
def test_bad_arguments(adding, arguments, message):
    model, refiner = adding
    given = {"labels": LABELS, "refiner": refiner, "steps": 2, **arguments}
    with pytest.raises(ValueError, match=message):
        model.generate(**given)


def test_angles_beyond_what_was_taught(rotating):
    model, refiner = rotating
    assert refiner.condition_range == (70.0, 90.0)
    with pytest.raises(ValueError, match=r"`loop_angle_degrees`.*\[70, 90\].*=60"):
        model.generate(2, refiner=refiner, steps=2, loop_angle_degrees=60.0)


def test_refiners_of_another_model_are_refused(adding):
    model, refiner = adding
    weights = model.backbone.get_weights()
    other = tiny_models.new_model(weights=weights)
    other.generate(2, steps=1, refiner=refiner)  # as good as the teacher
    changed = next(i for i, w in enumerate(weights) if w.ndim == 2)
    weights[changed] = weights[changed] + 0.01
    other.backbone.set_weights(weights)
    for steps in (1, 2):
        with pytest.raises(ValueError, match="taught by another model, or by other"):
            other.generate(2, steps=steps, refiner=refiner)


def test_files_keep_all(adding, tmp_path):
    model, refiner = adding
    refiner.save(tmp_path / "refiner.keras")
    loaded = presets.load_refiner(tmp_path, model)
    assert loaded.get_config() == refiner.get_config()
    options = {"labels": LABELS, "steps": 3, "seed": 5, "guidance_scale": 1.5}
    np.testing.assert_array_equal(
        model.generate(**options, refiner=loaded),
        model.generate(**options, refiner=refiner),
    )


@pytest.mark.parametrize("kind", ["adding", "rotating"])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_presets_hold_it(kind, dtype, request, tmp_path):
    model, refiner = request.getfixturevalue(kind)
    model.attach_refiner(refiner)
    try:
        model.save_to_preset(tmp_path / "with", dtype=dtype)
        model.attach_refiner(None)
        model.save_to_preset(tmp_path / "without", dtype=dtype)
    finally:
        model.attach_refiner(None)
    loaded = presets.load(tmp_path / "with")
    options = {"labels": LABELS, "steps": 2, "seed": 5}
    made = loaded.generate(**options, refiner=True)
    expected = model.generate(**options, refiner=refiner)
    atol = 1e-6 if dtype == "float32" else 0.02
    np.testing.assert_allclose(made, expected, atol=atol)
    config = (tmp_path / "without" / "config.json").read_text()
    assert '"format_version": 3' in config
    assert "refiner" not in config
    assert presets.load(tmp_path / "without").refiner is None
    with pytest.raises(ValueError, match="holds no refiner"):
        presets.load_refiner(tmp_path / "without", loaded)
    loaded.save_to_preset(tmp_path / "with", overwrite=True)
    names = sorted(path.name for path in (tmp_path / "with").glob("*.h5"))
    assert [name.split("-")[0].split(".")[0] for name in names] == ["model", "refiner"]
    assert presets.load(tmp_path / "with").refiner is not None


def test_a_preset_of_trained_on_weights_leaves_it_out(adding, tmp_path, caplog):
    _model, refiner = adding
    other = tiny_models.new_model()
    other.attach_refiner(refiner)
    other.backbone.set_weights([w * 1.01 for w in other.backbone.get_weights()])
    with caplog.at_level(logging.WARNING, "keras_sphere"):
        other.save_to_preset(tmp_path / "preset")
    assert "refiner is left out" in caplog.text
    assert presets.load(tmp_path / "preset").refiner is None


def test_other_architectures_load_without_it(adding, tmp_path):
    model, refiner = adding
    model.attach_refiner(refiner)
    model.save_to_preset(tmp_path / "preset")
    model.attach_refiner(None)
    assert presets.load(tmp_path / "preset", num_classes=5).refiner is None
    assert presets.load(tmp_path / "preset", weights=False).refiner is None


def test_a_preset_that_lies_about_its_refiner(adding, tmp_path):
    model, refiner = adding
    model.attach_refiner(refiner)
    model.save_to_preset(tmp_path / "preset")
    model.attach_refiner(None)
    path = tmp_path / "preset" / "config.json"
    text = path.read_text()
    count = refiner.count_params()
    for old, new, message in (
        ('"hidden_dim": 16,\n    "num_layers": 1,\n    "num_heads": 2,\n    "cond',
         '"hidden_dim": 800000,\n    "num_layers": 1,\n    "num_heads": 2,\n    "cond',
         f"must have the {count:,} parameters"),
        ('"file": "refiner.weights.h5"', '"file": "../r.weights.h5"', "matches"),
        (f'"parameters": {count}', '"parameters": 7', "must hold the 7 weights"),
    ):  # fmt: skip
        assert old in text
        path.write_text(text.replace(old, new))
        with pytest.raises(ValueError, match=message):
            presets.load(tmp_path / "preset")


def test_sizes_are_near_the_share():
    model = presets.load("digits16", compile=False)
    whole = model.backbone.decoder.count_params()
    for share in (0.1, 0.25, 0.5, 1.0):
        refiner = LatentRefiner.of(model, share)
        assert 0.75 < refiner.count_params() / whole / share < 1.3
    with pytest.raises(ValueError, match="share"):
        LatentRefiner.of(model, 1.5)
    with pytest.raises(ValueError, match=r"condition_range.*0\.5"):
        LatentRefiner.of(model, condition_range=(0.5, 2.0))


def test_it_is_no_part_of_the_model(adding):
    model, refiner = adding
    count = len(model.variables)
    model.attach_refiner(refiner)
    assert len(model.variables) == count
    assert model.refiner is refiner
    model.attach_refiner(None)
    assert keras_sphere.LatentRefiner is LatentRefiner
