"""Models that are conditional on vectors, alone or beside classes."""

import keras
import numpy as np
import pytest

from keras_sphere import editing, presets
from keras_sphere.training.distill import distill
from tests import tiny_models

DIM = 8


@pytest.fixture(scope="module", autouse=True)
def quick(quick_compilation):
    """Programs are compiled without optimization."""


@pytest.fixture(scope="module")
def model():
    """Vectors and classes, noise that is added."""
    return tiny_models.new_vector_model(num_classes=3)


@pytest.fixture(scope="module")
def rotating():
    """Vectors alone, by the method of Sphere Encoder 2."""
    return tiny_models.new_vector_model(motion="rotation")


def generate(model, **given):
    return model.generate(**{"num_images": 2, "steps": 2, "seed": 3, **given})


@pytest.mark.parametrize("motion", ["addition", "rotation"])
def test_training_moves_the_table_of_vectors(motion):
    model = tiny_models.new_vector_model(motion=motion)
    table = model.backbone.decoder.transformer.label_embedding.table
    before = np.array(keras.ops.convert_to_numpy(table))
    data = tiny_models.new_vector_data(model)
    history = model.fit(data, batch_size=4, epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"][-1])
    moved = np.abs(keras.ops.convert_to_numpy(table) - before).max(axis=1)
    assert np.all(moved[:DIM] > 0)


def test_a_prompt_is_the_vector_of_its_text(model):
    text = tiny_models.VECTORS[0]
    vector = model.backbone.embedder.function([text])[0]
    by_text = generate(model, prompts=text)
    np.testing.assert_array_equal(by_text, generate(model, embeddings=vector))
    rows = model.condition(embeddings=vector, num_images=2)
    np.testing.assert_array_equal(by_text, generate(model, labels=rows))
    assert np.abs(by_text - generate(model)).max() > 1e-4
    with_class = generate(model, prompts=text, labels=1)
    assert np.abs(by_text - with_class).max() > 1e-4


def test_the_layer_adds_class_and_vector(model):
    rows = model.condition(labels=[2], embeddings=np.arange(DIM))
    layer = model.backbone.decoder.transformer.label_embedding
    table = keras.ops.convert_to_numpy(layer.table)
    expected = table[2] + np.arange(DIM) @ table[4 : 4 + DIM]
    found = keras.ops.convert_to_numpy(layer(rows))[0, 0]
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["model", "rotating"])
def test_guidance_leads_away_from_a_negative_prompt(kind, request):
    model = request.getfixturevalue(kind)
    name = "guidance_degrees" if kind == "rotating" else "guidance_scale"
    given = {"prompts": tiny_models.VECTORS[0], name: 20.0 if kind == "rotating" else 3}
    plain = generate(model, **given)
    other = generate(model, negative_prompts=tiny_models.VECTORS[1], **given)
    assert np.abs(plain - other).max() > 1e-4
    null = model.condition(num_images=1)[0]
    rows = model.backbone.condition_rows
    zero = np.zeros(DIM)
    assert null[rows.num_class_columns :].tolist() == [*zero, 1.0]
    with pytest.raises(ValueError, match="needs `guidance"):
        generate(model, prompts="a", negative_prompts="b")


def test_the_way_between_two_prompts(model):
    start, end = model.condition(prompts=["a red square", "a blue square"])[:, None]
    strip = model.interpolate(1, 1, start, end, num_images=3, steps=1)
    ends = model.generate(
        labels=np.concatenate([start, end]), noise=_noise(model), steps=1
    )
    np.testing.assert_allclose(strip[[0, 2]], ends, atol=1e-5)
    turned = model.interpolate(
        1, 1, start, end, num_images=3, steps=1, label_method="slerp"
    )
    np.testing.assert_allclose(turned[[0, 2]], ends, atol=1e-4)


def _noise(model):
    from keras_sphere import sampling

    one = sampling.host_noise(1, [0], 0, model.backbone.latent_shape)
    return np.concatenate([one, one])


def test_editing_takes_rows(model):
    images = tiny_models.new_images(2)
    rows = model.condition(prompts="a red square")
    edited = editing.manipulate_class(model, images, labels=rows, steps=1, seed=0)
    other = editing.manipulate_class(model, images, labels=1, steps=1, seed=0)
    assert np.abs(edited - other).max() > 1e-4


def test_a_preset_keeps_vectors_and_their_embedder(model, rotating, tmp_path):
    for name, saved in {"both": model, "vectors": rotating}.items():
        saved.save_to_preset(tmp_path / name)
        loaded = presets.load(str(tmp_path / name))
        config = presets.describe(str(tmp_path / name))
        assert config["format_version"] == 5
        assert "hashing_8" in config["card"]
        prompts = tiny_models.VECTORS[:2]
        np.testing.assert_allclose(
            generate(loaded, prompts=prompts),
            generate(saved, prompts=prompts),
            atol=1e-5,
        )
    keras_file = tmp_path / "model.keras"
    model.save(keras_file)
    assert keras.saving.load_model(keras_file).backbone.embedder.name == "hashing_8"


def test_a_preset_without_vectors_says_nothing_of_them(tmp_path):
    tiny_models.new_model().save_to_preset(tmp_path / "classes")
    text = (tmp_path / "classes" / "config.json").read_text()
    assert '"format_version": 3' in text
    assert "condition_dim" not in text
    assert "embedder" not in text


def test_an_embedder_that_does_not_ship_is_set_by_its_user(rotating, tmp_path):
    own = rotating.backbone.embedder
    rotating.backbone.embedder = _zeros
    try:
        rotating.save_to_preset(tmp_path / "own")
        loaded = presets.load(str(tmp_path / "own"))
        with pytest.raises(ValueError, match=r"trained with .*_zeros"):
            loaded.generate(prompts="a")
        loaded.backbone.embedder = _zeros
        assert loaded.generate(prompts=["a", "b"], steps=1).shape[0] == 2
    finally:
        rotating.backbone.embedder = own


def _zeros(texts):
    return np.zeros((len(texts), DIM), "float32")


@pytest.mark.slow
def test_a_refiner_learns_vectors(rotating, tmp_path):
    rows = rotating.condition(prompts=list(tiny_models.VECTORS))
    with pytest.raises(ValueError, match=r"rows of `model\.condition`"):
        distill(rotating, output_dir=tmp_path / "none", epochs=1, steps_per_epoch=1)
    run = distill(
        rotating,
        labels=rows,
        output_dir=tmp_path / "refiner",
        epochs=1,
        steps_per_epoch=2,
        batch_size=2,
        chain=2,
        verbose=0,
    )
    images = [
        generate(rotating, prompts=text, refiner=run.refiner)
        for text in tiny_models.VECTORS[:2]
    ]
    assert np.abs(images[0] - images[1]).max() > 1e-5


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"embeddings": np.zeros((2, 5))}, r"shape \(2, 8\).*Received: shape \(2, 5\)"),
        ({"embeddings": np.full(DIM, np.nan)}, "finite numbers"),
        ({"embeddings": np.zeros(DIM), "prompts": "a"}, "not both"),
        ({"prompts": [3]}, "text"),
        ({"labels": 1}, "no classes"),
    ],
)
def test_bad_vectors_are_refused(rotating, given, message):
    with pytest.raises(ValueError, match=message):
        generate(rotating, **given)


def test_bad_data_are_refused_before_the_first_step(rotating):
    data = tiny_models.new_vector_data(rotating)
    for change, message in (
        (np.zeros((8, 5), "float32"), r"shape \(batch, 8\)"),
        (np.full((8, DIM), np.inf, "float32"), "8 of 8 rows"),
        (np.zeros((8, DIM), "int32"), "floats"),
    ):
        with pytest.raises(ValueError, match=message):
            rotating.fit({**data, "embeddings": change}, verbose=0)
    with pytest.raises(ValueError, match="condition_dim=0"):
        tiny_models.new_model().generate(prompts="a", steps=1)
