"""A class has one id in all splits, and a class that a split lacks is said."""

import json
import shutil

import numpy as np
import pytest

from keras_sphere import data
from tests.data.image_files import write, write_classes

pytestmark = pytest.mark.any_backend


def load(path, split="train", **options):
    return data.load(
        path, split=split, image_size=16, batch_size=1, shuffle=False, **options
    )


def labels(dataset):
    return list(dataset.examples(range(dataset.description.num_images))[1])


@pytest.fixture(scope="module")
def animals(tmp_path_factory):
    """Ants are missing in `val`, dodos in `train`; `held` has neither."""
    folder = tmp_path_factory.mktemp("data") / "animals"
    write_classes(folder / "train", 1, ("ant", "bee", "cow"))
    write_classes(folder / "val", 1, ("bee", "cow", "dodo"))
    write_classes(folder / "held", 2, ("cow",))
    write(folder / "notes" / "0.png")
    write(folder / "notes" / "text" / "about.txt", b"no image")
    return folder


@pytest.mark.parametrize("kind", ["folder", "archive"])
def test_ids_are_of_all_splits(animals, tmp_path, kind):
    if kind == "archive":
        animals = shutil.make_archive(tmp_path / "animals", "zip", animals)
    train, val, held = (load(animals, split) for split in ("train", "test", "held"))
    for dataset in (train, val, held):
        assert dataset.description.class_names == ("ant", "bee", "cow", "dodo")
        assert dataset.description.num_classes == 4
        assert (
            "classes that some splits lack: 3\n"
            "  ant: only in train\n"
            "  bee: only in train, val\n"
            "  dodo: only in val"
        ) in dataset.report
    assert labels(train) == [0, 1, 2]
    assert labels(val) == [1, 2, 3]
    assert labels(held) == [2, 2]
    assert labels(load(animals, "train[2:]")) in ([0], [1], [2])


def test_equal_splits_say_nothing(tmp_path):
    for split in ("train", "test"):
        write_classes(tmp_path / split, 1, ("ant", "bee"))
    write(tmp_path / "unlabeled" / "0.png")
    assert "lack" not in load(tmp_path).report
    assert load(tmp_path, "unlabeled").description.num_classes == 0


def write_list(path, lines):
    path.write_text("\n".join(json.dumps({"image_path": "0.png", **x}) for x in lines))
    write(path.parent / "0.png")
    return path


def test_splits_of_a_list(tmp_path):
    lines = [
        {"class_id": 1, "class_name": "bee"},
        {"class_id": 0, "class_name": "ant", "split": "train"},
        {"class_id": 2, "class_name": "cow", "split": "val"},
        {"class_id": 1, "class_name": "bee", "split": "val"},
        {"split": "unlabeled"},
    ]
    path = write_list(tmp_path / "all.jsonl", lines)
    train, val = load(path), load(path, "test")
    for dataset in (train, val):
        assert dataset.description.class_names == ("ant", "bee", "cow")
        assert "ant: only in train\n  cow: only in val" in dataset.report
    assert (labels(train), labels(val)) == ([1, 0], [2, 1])
    assert load(path, "unlabeled").description.num_classes == 0
    with pytest.raises(ValueError, match=r"train, unlabeled, val\..*split='more'"):
        load(path, "more")
    write_list(path, [*lines, {"class_id": 1, "class_name": "wasp", "split": "val"}])
    with pytest.raises(ValueError, match=r"line 6: class 1 was called 'bee' before"):
        load(path)


def test_names_alone_are_numbered(tmp_path):
    names = ("cow", "ant", "cow")
    lines = [{"class_name": name} for name in names]
    path = write_list(tmp_path / "a.jsonl", [*lines, {"class_name": "b", "split": "t"}])
    dataset = load(path)
    assert dataset.description.class_names == ("ant", "b", "cow")
    np.testing.assert_array_equal(labels(dataset), [2, 0, 2])
    write_list(path, [*lines, {}])
    with pytest.raises(ValueError, match=r"all lines or none.*1 of 4 lines have none"):
        load(path)
    write_list(path, [*lines, {"class_id": 0, "class_name": "ant"}])
    with pytest.raises(ValueError, match=r"all lines or none.*3 of 4 lines have none"):
        load(path)
