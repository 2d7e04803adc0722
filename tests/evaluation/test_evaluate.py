"""Evaluations of a tiny model and of plain images."""

import dataclasses
import json
import shutil

import keras
import numpy as np
import pytest
from PIL import Image

import keras_sphere
from keras_sphere import LatentRefiner, evaluation, metrics
from keras_sphere.evaluation import Evaluation, FeatureNetwork, IncomparableError
from keras_sphere.perceptual.resizing import resize_bilinear
from tests import tiny_models


def to_bytes(images):
    return np.floor(255.0 * (np.clip(images, -1, 1) + 1.0) / 2.0).astype("uint8")


@pytest.fixture(scope="module")
def network():
    """Means over patches as features, and three of them as logits."""
    images = keras.Input((16, 16, 3))
    pooled = keras.layers.AveragePooling2D(8, data_format="channels_last")(images)
    features = keras.layers.Flatten()(pooled)
    return FeatureNetwork(
        keras.Model(images, {"features": features, "logits": features[:, :3]}),
        "patches",
    )


@pytest.fixture(scope="module")
def model(quick_compilation):
    return tiny_models.new_model(sampling={"steps": 2})


@pytest.fixture(scope="module")
def reference():
    return to_bytes(tiny_models.new_images(40))


@pytest.fixture(scope="module")
def held_out():
    return to_bytes(tiny_models.new_images(24, seed=1))


def test_a_model(model, network, reference, held_out, tmp_path):
    result = keras_sphere.evaluate(
        model,
        reference,
        network=network,
        held_out=held_out,
        num_images=20,
        steps=[1, 2],
        guidance_scales=[1.0, 1.5],
        batch_size=8,
    )
    rows = result.rows
    assert [row.name for row in rows] == [
        *["generated"] * 4,
        "reconstructed",
        "held-out images",
    ]
    passes = [row.settings.get("passes") for row in rows[:4]]
    assert passes == [1, 3, 2, 6]
    samples = model.generate(
        labels=np.arange(20) * 3 // 20, steps=2, guidance_scale=1.5, seed=0
    )
    features = [network(x)["features"] for x in (to_bytes(samples), reference)]
    assert rows[3].values["frechet"] == pytest.approx(
        metrics.frechet_distance(*features), rel=1e-4
    )
    precision, recall = metrics.precision_recall(features[1], features[0])
    assert rows[3].values["recall"] == pytest.approx(recall)
    assert rows[3].values["precision"] == pytest.approx(precision)
    both = metrics.density_coverage(features[1], features[0])
    assert (rows[3].values["density"], rows[3].values["coverage"]) == both
    nearest = metrics.nearest_distances(features[0], features[1])
    assert rows[3].values["nearest"] == pytest.approx(np.median(nearest))
    agreed = features[0][:, :3].argmax(1) == np.arange(20) * 3 // 20
    assert rows[3].values["class_agreement"] == np.mean(agreed)
    assert "class_agreement" not in rows[5].values  # they came without labels
    reconstructed = to_bytes(model.reconstruct(held_out))
    assert rows[4].values["psnr"] == pytest.approx(
        metrics.psnr(reconstructed, held_out, 255.0).mean(), rel=1e-4
    )
    assert set(rows[4].values) == {"rfid", "psnr", "ssim"}
    assert rows[5].values["frechet"] > 0
    text = str(result)
    words = ("passes", "recall", "patches", "Seed: 0", "floor(255 x)", "raw ")
    for word in (*words, "rFrechet", "score", "no FID"):
        assert word in text
    inception = {**result.settings, "network": "inception-2015-12-05 (0), x resize"}
    text_of_inception = str(dataclasses.replace(result, settings=inception))
    assert "rFID" in text_of_inception
    assert "no FID" not in text_of_inception
    result.save(tmp_path)
    assert Evaluation.load(tmp_path) == result
    assert (tmp_path / "evaluation.png").stat().st_size > 1000
    assert (tmp_path / "evaluation.txt").read_text() == text + "\n"


def test_several_seeds(model, network, reference):
    """Means of what each seed gives by itself; `tell` has every row as it comes."""
    given = {"network": network, "num_images": 12, "metrics": ["frechet"], "steps": [1]}
    told = []
    result = keras_sphere.evaluate(
        model, reference, seed=3, seeds=2, tell=told.append, **given
    )
    alone = [
        keras_sphere.evaluate(model, reference, seed=seed, **given).rows[0].values
        for seed in (3, 4)
    ]
    (row,) = result.rows
    assert list(row.each) == alone
    assert row.settings["seeds"] == [3, 4]
    distances = [values["frechet"] for values in alone]
    assert row.values["frechet"] == pytest.approx(np.mean(distances))
    assert distances[0] != distances[1]
    assert [found.rows for found in told] == [result.rows]
    with pytest.raises(ValueError, match="`stop_when_worse` compares Frechet"):
        keras_sphere.evaluate(
            model, reference, stop_when_worse=2, **{**given, "metrics": ["kernel"]}
        )


def test_images_and_statistics(network, reference, held_out, tmp_path):
    fit = metrics.GaussianFit(12)
    fit.update(network(reference)["features"])
    fit.gaussian().save(tmp_path / "reference.npz")
    gaussian = metrics.Gaussian.load(tmp_path / "reference.npz")
    by_file = evaluation.evaluate(held_out, gaussian, network=network)
    by_images = evaluation.evaluate(
        held_out, reference, metrics=["frechet"], network=network
    )
    assert set(by_images.rows[0].values) >= {"frechet", "recall"}
    assert "recall" not in by_file.rows[0].values
    assert by_file.rows[0].values["frechet"] == pytest.approx(
        by_images.rows[0].values["frechet"], rel=1e-6
    )


def write_images(folder, images):
    folder.mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{number:03}.png")


def test_a_folder_of_images(network, reference, held_out, tmp_path):
    folder, cache = tmp_path / "samples", tmp_path / "cache"
    write_images(folder, held_out)
    arguments = {"network": network, "metrics": ["frechet", "kernel"]}
    expected = evaluation.evaluate(held_out, reference, **arguments).rows[0].values

    def values(**others):
        return (
            evaluation.evaluate(folder, reference, **arguments, **others).rows[0].values
        )

    assert values() == pytest.approx(expected)
    assert values(cache_dir=cache) == pytest.approx(expected)
    shutil.rmtree(folder)
    write_images(folder, held_out[::-1] // 2)  # other images of the same name
    assert values(cache_dir=cache)["frechet"] != pytest.approx(expected["frechet"])


def test_a_network_takes_images_of_several_sizes():
    network = evaluation.FeatureNetwork(
        keras.layers.GlobalAveragePooling2D(data_format="channels_last"),
        "means",
        lambda images: resize_bilinear(images, 4) / 255.0,
    )
    for side in (8, 9, 8, 10):
        images = np.full((2, side, side, 3), 51, "uint8")
        np.testing.assert_allclose(network(images)["features"], 0.2, rtol=1e-6)


def test_paths_alone_do_not_say_the_size(network, reference, tmp_path):
    write_images(tmp_path / "samples", reference)
    arguments = {"metrics": ["frechet"], "network": network}
    with pytest.raises(ValueError, match=r"`image_size` is needed .*image_size=None"):
        evaluation.evaluate(tmp_path / "samples", tmp_path / "samples", **arguments)
    result = evaluation.evaluate(
        str(tmp_path / "samples"), tmp_path / "samples", image_size=16, **arguments
    )
    assert result.rows[0].values["frechet"] < 1e-6
    assert "40 at 16 px" in str(result.settings["reference"])


def test_a_run_that_was_interrupted_goes_on(network, reference, tmp_path, monkeypatch):
    from keras_sphere.evaluation import collection

    monkeypatch.setattr(collection, "IMAGES_BETWEEN_SAVES", 8)
    arguments = {"network": network, "metrics": ["frechet"], "batch_size": 8}
    expected = evaluation.evaluate(reference, reference, **arguments)
    seen = []

    def stop_late(name, done, total):
        seen.append(done)
        if len(seen) == 8:
            raise KeyboardInterrupt

    arguments["cache_dir"] = tmp_path
    images = np.flip(reference, axis=2).copy()
    with pytest.raises(KeyboardInterrupt):
        evaluation.evaluate(images, reference, tick=stop_late, **arguments)
    assert seen == [8, 16, 24, 32, 40, 8, 16, 24]
    seen.clear()
    resumed = evaluation.evaluate(
        images, reference, tick=lambda *state: seen.append(state[1]), **arguments
    )
    assert seen == [24 + 8, 40]
    whole = evaluation.evaluate(images, reference, **{**arguments, "cache_dir": None})
    assert resumed.rows[0].values == pytest.approx(whole.rows[0].values, rel=1e-9)
    assert expected.rows[0].values["frechet"] < 1e-6
    for path in tmp_path.glob("*.npz"):
        assert metrics.Gaussian.load(path).count == 40


def test_what_does_not_compare_is_not_joined(network, reference, held_out):
    arguments = {"metrics": ["frechet"], "network": network}
    a = evaluation.evaluate(held_out, reference, **arguments)
    b = evaluation.evaluate(held_out, reference[:30], **arguments)
    same = evaluation.evaluate(reference[:20], reference, **arguments)
    assert len(a.join(same).rows) == 2
    with pytest.raises(IncomparableError, match=r"reference: .*'count': 30"):
        a.join(b)
    joined = a.join(b, allow_incomparable=True)
    assert joined.rows[1].name == "images (not comparable)"
    json.dumps(joined.to_dict())


def test_bad_arguments(network, reference):
    with pytest.raises(ValueError, match=r"some of \['frechet'.*Received: \['fid'\]"):
        evaluation.evaluate(reference, reference, metrics=["fid"], network=network)
    with pytest.raises(ValueError, match="network='resnet'"):
        evaluation.evaluate(reference, reference, network="resnet")
    with pytest.raises(ValueError, match="at least one image"):
        evaluation.evaluate(reference[:0], reference, network=network)


def test_the_classifier_of_digits_knows_digits():
    from keras_sphere.evaluation.classifiers import classifier_features

    _, (images, labels) = keras_sphere.data.load_digits()
    outputs = classifier_features("digits")(images)
    assert outputs["features"].shape == (297, 64)
    assert np.mean(outputs["logits"].argmax(1) == labels) > 0.97
    large = images.repeat(2, axis=1).repeat(2, axis=2).repeat(3, axis=3)
    agreement = classifier_features("digits")(large)["logits"].argmax(1) == labels
    assert np.mean(agreement) > 0.95


def test_the_classifier_of_fashion_comes_with_the_package():
    """Its accuracy is in docs/evaluation.md: the images are not in the package."""
    from keras_sphere.evaluation.classifiers import classifier_features

    network = classifier_features("fashion_mnist")
    assert "Fashion-MNIST classifier (d30bd8c4)" in network.name
    generator = np.random.default_rng(0)
    outputs = network(generator.integers(0, 256, (3, 28, 28, 1), "uint8"))
    assert outputs["features"].shape == (3, 64)
    assert outputs["logits"].shape == (3, 10)
    outputs = network(generator.integers(0, 256, (2, 32, 32, 3), "uint8"))
    assert outputs["features"].shape == (2, 64)


@pytest.mark.slow
def test_lpips_of_reconstructions(
    model, network, reference, held_out, tmp_path, monkeypatch
):
    from keras_sphere.perceptual import LPIPS
    from keras_sphere.perceptual.weight_files import write_weight_file

    generator = np.random.default_rng(0)
    shapes = LPIPS(source=None).weight_shapes()
    weights = {name: 0.05 * generator.random(shape) for name, shape in shapes.items()}
    write_weight_file(tmp_path / LPIPS.file_name, weights)
    monkeypatch.setenv("KERAS_SPHERE_PERCEPTUAL_DIR", str(tmp_path))
    result = evaluation.evaluate(
        model, reference, metrics=["lpips"], network=network, held_out=held_out
    )
    (row,) = (row for row in result.rows if row.name == "reconstructed")
    images = [held_out, to_bytes(model.reconstruct(held_out))]
    lpips = LPIPS(source="torchvision")
    maps = [lpips(image.astype("float32") / 255.0) for image in images]
    expected = sum(
        np.square(keras.ops.convert_to_numpy(a) - keras.ops.convert_to_numpy(b)).mean()
        for a, b in zip(*maps, strict=True)
    )
    assert expected > 0
    assert row.values["lpips"] == pytest.approx(expected, rel=1e-4)


def test_both_loops_in_one_table(model, network, reference):
    refiner = LatentRefiner.of(
        model, size={"hidden_dim": 16, "num_layers": 1, "num_heads": 2}
    )
    given = {"network": network, "num_images": 12, "metrics": ["frechet"]}
    result = keras_sphere.evaluate(
        model, reference, steps=[1, 3], guidance_scales=[1.5], refiner=refiner, **given
    )
    names = [row.name for row in result.rows]
    assert names == ["generated", "generated", "generated, refiner"]
    share = refiner.count_params() / model.backbone.decoder.count_params()
    passes = [row.settings["passes"] for row in result.rows]
    np.testing.assert_allclose(passes, [2, 10, 2 + 2 * share])
    images = model.generate(
        labels=np.arange(12) * 3 // 12,
        seed=0,
        steps=3,
        guidance_scale=1.5,
        refiner=refiner,
    )
    alone = keras_sphere.evaluate(images, reference, **given)
    distances = [row.values["frechet"] for row in (result.rows[2], alone.rows[0])]
    np.testing.assert_allclose(*distances, rtol=0.02)
    assert result.rows[1].values["frechet"] != distances[0]
    with pytest.raises(ValueError, match="`refiner` is of a model"):
        keras_sphere.evaluate(images, reference, refiner=refiner, **given)
