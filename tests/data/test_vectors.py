"""A vector for every image: of files, arrays and captions."""

import json

import numpy as np
import pytest

from keras_sphere import data
from keras_sphere.data import vectors
from keras_sphere.embedders import HashingEmbedder
from tests.data import image_files

pytestmark = pytest.mark.any_backend
NAMES = [f"{name}/{number}" for name in ("cat", "dog") for number in range(2)]
CAPTIONS = [f"picture of {name.replace('/', ' number ')}" for name in NAMES]


class Counting:
    """An embedder that counts the texts it was given."""

    def __init__(self, name, dim=4):
        self.name, self.count, self.embed = name, 0, HashingEmbedder(dim)

    def __call__(self, texts):
        self.count += len(texts)
        return self.embed(texts)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two classes of two images, each with a caption beside it."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    folder = image_files.write_classes(tmp_path / "photos", 2, ("cat", "dog"))
    for name, caption in zip(NAMES, CAPTIONS, strict=True):
        (folder / f"{name}.txt").write_text(f"{caption}\n", encoding="utf-8")
    return folder


def load(folder, **given):
    return data.load(folder, **{"image_size": 8, "batch_size": 2, **given})


def test_captions_beside_images_become_vectors_once(folder):
    embed = Counting("once")
    dataset = load(folder, captions="txt", embed=embed)
    assert (dataset.description.condition_dim, dataset.description.embedder) == (
        4,
        "once",
    )
    expected = HashingEmbedder(4)(CAPTIONS)
    np.testing.assert_array_equal(dataset.embeddings_of(range(4)), expected)
    assert dataset.captions_of([2]) == [CAPTIONS[2]]
    assert "other" not in dataset.report
    load(folder, captions="txt", embed=embed)
    assert embed.count == 4
    load(folder, captions="txt", embed=Counting("another", 6)).embeddings_of([0])
    (folder / "cat/0.txt").write_text("another text", encoding="utf-8")
    load(folder, captions="txt", embed=embed)
    assert embed.count == 8


def test_batches_hold_the_vectors_of_their_images(folder):
    dataset = load(folder, captions="txt", embed="hashing_4", split="train[:3]")
    known = {
        image.tobytes(): vector
        for image, vector in zip(
            dataset.examples(range(3))[0], dataset.embeddings_of(range(3)), strict=True
        )
    }
    batches = dataset.starting_at()
    for _ in range(3):
        (batch,) = next(batches)
        assert set(batch) == {"images", "labels", "embeddings"}
        for image, vector in zip(batch["images"], batch["embeddings"], strict=True):
            np.testing.assert_array_equal(known[image.tobytes()], vector)
    plain = load(folder, split="train[:3]")
    assert dataset.checksum() != plain.checksum()


def test_a_replaced_image_brings_its_own_vector(folder):
    (folder / "cat/0.png").write_bytes(image_files.encoded(image_files.picture())[:90])
    dataset = load(
        folder, captions="txt", embed="hashing_4", check="names", shuffle=False
    )
    (batch,) = dataset[0]
    expected = dataset.embeddings_of([1, 1])
    np.testing.assert_array_equal(batch["embeddings"], expected)


def test_captions_in_lines_and_in_a_list(folder, tmp_path):
    lines = [
        json.dumps({"image_path": f"{name}.png", "caption": caption})
        for name, caption in zip(NAMES, CAPTIONS, strict=True)
    ]
    (folder / "captions.jsonl").write_text("\n".join(reversed(lines)))
    listed = load(folder, captions="captions.jsonl", embed="hashing_4")
    given = load(folder, captions={"train": CAPTIONS}, embed="hashing_4")
    for dataset in (listed, given):
        assert dataset.captions_of(range(4)) == CAPTIONS


def test_vectors_in_a_file_are_found_by_name(folder, tmp_path):
    numbers = np.arange(8, dtype="float32").reshape(4, 2)
    names = [f"{name}.png" for name in NAMES]
    np.savez(tmp_path / "v.npz", names=names[::-1], embeddings=numbers[::-1])
    dataset = load(folder, embeddings=tmp_path / "v.npz", conditional=False)
    np.testing.assert_array_equal(dataset.embeddings_of(range(4)), numbers)
    assert set(dataset[0][0]) == {"images", "embeddings"}
    np.savez(tmp_path / "few.npz", names=names[:3], embeddings=numbers[:3])
    with pytest.raises(ValueError, match=r"none for 1 .* dog/1\.png"):
        load(folder, embeddings=tmp_path / "few.npz")


def test_digits_take_a_list(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    captions = {"train": ["a digit"] * 1500, "test": ["a digit"] * 297}
    for split, count in (("train", 1500), ("test[:100]", 100)):
        dataset = data.load("digits", split, captions=captions, embed="hashing_4")
        assert dataset.embeddings_of(range(count)).shape == (count, 4)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"captions": "txt"}, "need `embed`"),
        ({"embed": "hashing_4"}, "give `captions`"),
        ({"captions": ["a"], "embed": "hashing_4"}, "4 strings"),
        ({"captions": "none.jsonl", "embed": "hashing_4"}, "in neither"),
        ({"captions": "pictures", "embed": "hashing_4"}, "'txt'"),
        ({"captions": "txt", "embed": "bert"}, "that ships"),
        ({"embeddings": np.zeros((3, 2))}, "each of the 4 images"),
        ({"embeddings": np.full((4, 2), np.nan)}, "4 images, the first .*cat"),
        ({"embeddings": "nothing.npz"}, "no file"),
        ({"embeddings": {"test": np.zeros((4, 2))}}, "keys"),
    ],
)
def test_what_does_not_fit_is_refused(folder, given, message):
    with pytest.raises(ValueError, match=message):
        load(folder, **given)


def test_a_missing_caption_is_named_before_any_is_embedded(folder):
    (folder / "dog/0.txt").unlink()
    embed = Counting("never")
    with pytest.raises(ValueError, match=r"none for 1 of them: .*dog/0\.png"):
        load(folder, captions="txt", embed=embed)
    assert embed.count == 0


def test_a_damaged_file_of_the_cache_is_written_anew(folder):
    embed = Counting("damaged")
    load(folder, captions="txt", embed=embed)
    (path,) = (vectors.keras_cache() / vectors.CACHE_FOLDER).iterdir()
    path.write_bytes(path.read_bytes()[:50])
    dataset = load(folder, captions="txt", embed=embed)
    assert embed.count == 8
    assert np.all(np.isfinite(dataset.embeddings_of(range(4))))
