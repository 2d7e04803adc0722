"""Trainings on captions: begun, gone on with, and refused."""

import numpy as np
import pytest

from keras_sphere import presets
from keras_sphere.data import ShuffledBatches
from keras_sphere.embedders import HashingEmbedder
from keras_sphere.training import PlanChangedError
from tests import tiny_models
from tests.data import image_files


def embed(texts):
    """An embedder that does not ship."""
    return HashingEmbedder(5)(texts)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two classes of three images, with captions beside them."""
    folder = image_files.write_classes(
        tmp_path_factory.mktemp("captions") / "photos", 3, ("cat", "dog")
    )
    for path in folder.rglob("*.png"):
        text = f"a {path.parent.name} of number {path.stem}"
        path.with_suffix(".txt").write_text(text, encoding="utf-8")
    return folder


def test_a_run_on_captions(run, folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    options = {
        "dataset": folder,
        "captions": "txt",
        "embed": embed,
        "batch_size": 2,
        "epochs": 2,
        "held_out_split": "train[:2]",
        "memorization_alarm": False,
    }
    first = run(tmp_path / "run", max_steps=3, log_images_every=1, **options)
    assert "vectors of 5 of captions by" in capsys.readouterr().out
    assert list((tmp_path / "run/pictures").glob("samples-*.png"))
    assert first.model.backbone.condition_dim == 5
    images = first.model.generate(prompts=["a cat", "a dog"], steps=1, seed=0)
    assert np.abs(images[0] - images[1]).max() > 0
    config = presets.describe(tmp_path / "run" / "preset")
    assert config["architecture"]["embedder"].endswith("test_captions.embed")
    again = run(tmp_path / "run", log_images_every=0, **options)
    assert again.is_complete
    (folder / "cat/0.txt").write_text("another text")
    with pytest.raises(PlanChangedError, match=r"data\.vectors"):
        run(tmp_path / "run", **options)


def test_missing_captions_are_refused_before_the_run_begins(run, tmp_path):
    folder = image_files.write_classes(tmp_path / "photos", 1, ("cat", "dog"))
    with pytest.raises(ValueError, match="needs a caption"):
        run(
            tmp_path / "run",
            dataset=folder,
            captions="txt",
            embed="hashing_8",
            batch_size=2,
        )
    assert not (tmp_path / "run").exists()


def test_a_stream_has_vectors_of_its_own(run, tmp_path):
    with pytest.raises(ValueError, match="key `embeddings`"):
        run(tmp_path / "run", captions="txt", embed="hashing_8")
    vectors = np.eye(16, 4, dtype="float32")
    images, labels = tiny_models.new_images(16), tiny_models.new_labels(16)
    batches = ShuffledBatches(images, labels, 4, seed=7, embeddings=vectors)
    own = {"dataset": batches, "condition_dim": 4, "embed": "hashing_4", "max_steps": 1}
    model = run(tmp_path / "own", **own).model
    assert model.backbone.embedder.name == "hashing_4"
    assert model.generate(prompts="a", labels=1, steps=1).shape[0] == 1
    with pytest.raises(ValueError, match="as many embeddings"):
        ShuffledBatches(images, embeddings=vectors[:3])
