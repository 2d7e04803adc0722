"""Names, paths, layouts and splits."""

import json
import os
import tracemalloc
import zipfile

import numpy as np
import pytest
from PIL import Image

from keras_sphere import data
from keras_sphere.data.listing import files_below
from tests.data.image_files import encoded, picture, write, write_classes

pytestmark = pytest.mark.any_backend


def load(path, **options):
    options = {"image_size": 16, "batch_size": 2, **options}
    return data.load(path, **options)


def zipped(folder, path, top=""):
    """A zip archive of a folder, all below the folder `top`."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in files_below(folder):
            archive.write(folder / name, top + name)
    return path


def test_digits():
    dataset = data.load("digits")
    (images, labels), test = data.load_digits()
    what = dataset.description
    assert (what.image_size, what.num_channels, what.num_classes) == (16, 1, 10)
    assert (what.num_images, what.class_names[3]) == (1500, "3")
    for mine, expected in zip(
        dataset.examples(range(1500)), (images, labels), strict=True
    ):
        np.testing.assert_array_equal(mine, expected)
    held_out = data.load("digits", split="test", image_size=8, batch_size=100)
    assert [len(labels) for _, labels in map(held_out.__getitem__, range(3))] == [
        *(100, 100, 97)
    ]
    np.testing.assert_array_equal(held_out[0][1], test[1][:100])
    color = data.load("digits", num_channels=3)
    assert color[0][0].shape == (32, 16, 16, 3)
    np.testing.assert_array_equal(
        color.examples([5])[0], np.repeat(images[5:6], 3, axis=-1)
    )


def test_synthetic_images_take_no_memory():
    """The 1,000 images that a training by a recipe for 512 px opens are 0.8 GB."""
    tracemalloc.start()
    dataset = data.load("fake", image_size=512, batch_size=2)
    images = next(iter(dataset))[0]
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert images.shape == (2, 512, 512, 3)
    assert most < 100e6
    few = data.load("fake", image_size=512, num_images=3, batch_size=2)
    (few, _), (many, _) = (part.examples(np.arange(2)) for part in (few, dataset))
    np.testing.assert_array_equal(few, many)


def test_synthetic_images():
    dataset = data.load("fake", image_size=24, num_classes=4, num_images=40)
    images, labels = dataset.examples(range(40))
    np.testing.assert_array_equal(labels, np.arange(40) % 4)
    again, _ = data.load("fake", image_size=24, num_classes=4, num_images=40).examples(
        range(40)
    )
    np.testing.assert_array_equal(images, again)
    assert len({image.tobytes() for image in images}) == 40
    test, _ = data.load(
        "fake", "test", image_size=24, num_classes=4, num_images=40
    ).examples(range(40))
    assert not {i.tobytes() for i in test} & {i.tobytes() for i in images}
    # A class can be told from its colors alone.
    colors = np.abs(images - 127.5).mean(axis=(1, 2))
    means = np.stack([colors[labels == label].mean(axis=0) for label in range(4)])
    nearest = np.square(colors[:, None] - means).sum(axis=-1).argmin(axis=-1)
    assert (nearest == labels).mean() > 0.9
    assert len(data.load("fake", num_classes=0)[0]) == 1


def test_folder_of_classes(tmp_path):
    folder = write_classes(tmp_path, class_names=("dog", "Cat", "10", "9"))
    dataset = load(folder)
    what = dataset.description
    assert what.class_names == ("10", "9", "Cat", "dog")
    assert (what.num_classes, what.num_images, what.num_skipped) == (4, 20, 0)
    assert (what.name, what.split, what.source) == (str(folder), "train", str(folder))
    expected = picture(seed=300)[:, 2:22]
    images, labels = load(folder, image_size=20).examples([5, 19])
    np.testing.assert_array_equal(images[0], expected)
    np.testing.assert_array_equal(labels, [1, 3])


def test_flat_folder(tmp_path):
    for number in range(3):
        write(tmp_path / f"{number}.png", seed=number)
    dataset = load(tmp_path)
    assert dataset.description.num_classes == 0
    (images,) = dataset[0]
    assert images.shape == (2, 16, 16, 3)
    with pytest.raises(ValueError, match=r"one folder per class.*conditional=True"):
        load(tmp_path, conditional=True)


def test_splits_of_a_folder(tmp_path):
    write_classes(tmp_path / "train", 4)
    write_classes(tmp_path / "val", 2)
    train, test = load(tmp_path), load(tmp_path, split="test")
    assert train.description.num_images == 12
    assert test.description.num_images == 6
    assert test.description.class_names == ("cat", "dog", "wild")
    assert load(tmp_path, split="val").description.num_images == 6
    with pytest.raises(ValueError, match=r"it has train, val\..*split='extra'"):
        load(tmp_path, split="extra")
    write_classes(tmp_path / "one")
    with pytest.raises(ValueError, match=r"cat, dog, wild.*train\[:90%\].*'test'"):
        load(tmp_path / "one", split="test")


def test_parts_of_a_split(tmp_path):
    folder = write_classes(tmp_path, 10)
    known = {image.tobytes() for image in load(folder).examples(range(30))[0]}
    first, second = (
        load(folder, split=split, shuffle=False)
        for split in ("train[:80%]", "train[80%:]")
    )
    assert first.description.num_images == 24
    assert second.description.num_images == 6
    parts = [
        {image.tobytes() for image in part.examples(range(count))[0]}
        for part, count in ((first, 24), (second, 6))
    ]
    assert parts[0] | parts[1] == known
    assert not parts[0] & parts[1]
    assert len(set(first.examples(range(24))[1])) == 3
    assert load(folder, split="train[3:7]").description.num_images == 4
    assert data.load("digits", "train[:100]").description.num_images == 100
    for wrong in ("train[7:3]", "train[:0]", "train[30:]"):
        with pytest.raises(ValueError, match=r"images between the bounds.*30 in all"):
            load(folder, split=wrong)
    for wrong in ("train[", "train[a:]", "", None):
        with pytest.raises(ValueError, match=r"`split` must be.*Received"):
            load(folder, split=wrong)


@pytest.mark.parametrize("top", ["", "afhq/", "a/"])
def test_archive_reads_as_its_folder(tmp_path, top):
    folder = write_classes(tmp_path / "animals")
    path = zipped(folder, tmp_path / "animals.zip", top)
    dataset, expected = load(path), load(folder)
    assert dataset.description.class_names == ("cat", "dog", "wild")
    for mine, other in zip(
        dataset.examples(range(15)), expected.examples(range(15)), strict=True
    ):
        np.testing.assert_array_equal(mine, other)
    assert sorted(os.listdir(tmp_path)) == ["animals", "animals.zip"]


def test_checksum_of_the_content(tmp_path):
    folder, moved = tmp_path / "animals", tmp_path / "moved"
    write_classes(folder)
    write_classes(moved)
    checksum = load(folder).checksum()
    assert load(moved).checksum() == checksum
    assert load(zipped(folder, tmp_path / "animals.zip")).checksum() == checksum
    assert load(folder, split="train[:3]").checksum() != checksum
    write(moved / "cat" / "1.png", picture(25, 20).tobytes())
    assert load(moved, check="names").checksum() != checksum
    digits, others = (data.load("digits", split) for split in ("train", "test"))
    assert digits.checksum() == data.load("digits").checksum() != others.checksum()


def test_archive_of_images_and_of_splits(tmp_path):
    for number in range(2):
        write(tmp_path / "flat" / f"{number}.png", seed=number)
    flat = zipped(tmp_path / "flat", tmp_path / "flat.zip", "photos/")
    assert load(flat).description.num_classes == 0
    write_classes(tmp_path / "all" / "train")
    write_classes(tmp_path / "all" / "test", 2)
    both = zipped(tmp_path / "all", tmp_path / "all.zip")
    assert load(both, split="test").description.num_images == 6


def write_list(path, entries):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries) + "\n")
    return path


def test_list_of_images(tmp_path):
    inside = write(tmp_path / "lists" / "images" / "0.png", seed=0)
    beside = write(tmp_path / "other" / "1.png", seed=1)
    absolute = write(tmp_path / "far" / "2.png", seed=2)
    entries = [
        {"class_id": 2, "class_name": "c", "image_path": "images/0.png"},
        {"class_id": 0, "class_name": "a", "image_path": "../other/1.png", "more": 1},
        {"class_id": 2, "class_name": "c", "image_path": str(absolute)},
        {"class_id": 2, "class_name": "c", "image_path": "images/0.png"},
    ]
    path = write_list(tmp_path / "lists" / "train.jsonl", entries)
    dataset = load(path, image_size=20)
    assert dataset.description.class_names == ("a", "class 1", "c")
    images, labels = dataset.examples(range(4))
    np.testing.assert_array_equal(labels, [2, 0, 2, 2])
    files = [inside, beside, absolute, inside]
    expected = [np.asarray(Image.open(file))[:, 2:22] for file in files]
    np.testing.assert_array_equal(images, expected)
    elsewhere = write_list(tmp_path / "moved.jsonl", entries)
    assert load(elsewhere, data_dir=tmp_path / "lists").description.num_skipped == 0
    assert load(elsewhere, batch_size=1).description.num_skipped == 3
    with pytest.raises(ValueError, match=r"it has train\. `split` of.*split='test'"):
        load(path, split="test")


def test_list_without_classes(tmp_path):
    write(tmp_path / "0.png")
    path = write_list(tmp_path / "a.jsonl", [{"image_path": "0.png"}] * 2)
    assert load(path).description.num_classes == 0
    write_list(path, [{"image_path": "0.png"}, {"image_path": "0.png", "class_id": 0}])
    with pytest.raises(ValueError, match=r"all lines or none.*1 of 2 lines have none"):
        load(path)


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "3",
        '{"class_id": 0}',
        '{"image_path": 3}',
        '{"image_path": ""}',
        '{"image_path": "0.png", "class_id": -1}',
        '{"image_path": "0.png", "class_id": "0"}',
        '{"image_path": "0.png", "class_id": true}',
        '{"image_path": "0.png", "class_id": 0, "class_name": 5}',
    ],
)
def test_bad_line_of_a_list(tmp_path, line):
    write(tmp_path / "0.png")
    path = tmp_path / "a.jsonl"
    path.write_text('{"image_path": "0.png"}\n' + line + "\n")
    with pytest.raises(ValueError, match=r"a\.jsonl, line 2: .*Received: '"):
        load(path)


def test_contradicting_names_in_a_list(tmp_path):
    entries = [
        {"class_id": 0, "class_name": name, "image_path": "0.png"} for name in "ab"
    ]
    path = write_list(tmp_path / "a.jsonl", entries)
    with pytest.raises(ValueError, match=r"line 2: class 0 was called 'a' before"):
        load(path)


def test_animal_faces(tmp_path, monkeypatch):
    with pytest.raises(data.DataNotFoundError, match=r"train/cat.*into .*afhq\.zip"):
        data.load("animal_faces", data_dir=tmp_path)
    write_classes(tmp_path / "afhq" / "train")
    write_classes(tmp_path / "afhq" / "val", 2)
    for place in (tmp_path, tmp_path / "afhq"):
        dataset = data.load("animal_faces", data_dir=place, batch_size=3)
        what = dataset.description
        assert (what.num_images, what.class_names) == (15, ("cat", "dog", "wild"))
        assert dataset[0][0].shape == (3, 256, 256, 3)
    cache = tmp_path / "home" / "datasets"
    cache.mkdir(parents=True)
    zipped(tmp_path / "afhq", cache / "afhq.zip", "afhq/")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    held_out = data.load("animal_faces", "test", image_size=16)
    assert held_out.description.num_images == 6


def test_what_is_no_data(tmp_path):
    with pytest.raises(ValueError, match=r"cifar10, .*a path that exists.*'nowhere'"):
        load("nowhere")
    with pytest.raises(ValueError, match=r"`image_size` is needed.*own"):
        load(tmp_path, image_size=None)
    with pytest.raises(ValueError, match="no images at this path, but 0 other files"):
        load(tmp_path)
    write(tmp_path / "notes.txt", b"text")
    with pytest.raises(ValueError, match="but 1 other files"):
        load(tmp_path)
    with pytest.raises(ValueError, match=r"a folder, a zip archive or a list"):
        load(tmp_path / "notes.txt")
    with pytest.raises(ValueError, match=r"'fake' only.*num_images=3"):
        data.load("digits", num_images=3)
    for name in ("digits", "fake"):
        with pytest.raises(ValueError, match="`split` must be one of"):
            data.load(name, split="validation")


def test_gray_on_request(tmp_path):
    write(tmp_path / "0.png", encoded(picture()))
    (images,) = load(tmp_path, num_channels=1, batch_size=1)[0]
    assert images.shape == (1, 16, 16, 1)
