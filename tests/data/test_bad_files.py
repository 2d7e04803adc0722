"""Files among the images that are none, or are damaged: none goes unnoticed."""

import logging
import zipfile

import numpy as np
import pytest
from PIL import Image

from keras_sphere import data
from keras_sphere.data import file_source, read_report
from tests.data.image_files import encoded, picture, write, write_classes

pytestmark = pytest.mark.any_backend


@pytest.fixture
def folder(tmp_path):
    """Five images of each of three classes, and what else is found in folders."""
    folder = write_classes(tmp_path / "animals")
    cut = folder / "cat" / "3.png"
    write(cut, cut.read_bytes()[:-400])
    write(folder / "cat" / "text.jpg", b"not an image")
    write(folder / "dog" / "empty.png", b"")
    write(folder / "dog" / "gray.png", encoded(picture()[..., 0]))
    write(folder / "wild" / "print.jpg", encoded(Image.new("CMYK", (20, 20)), "JPEG"))
    write(folder / "wild" / "notes.txt", b"text")
    write(folder / "beside.png")
    return folder


def load(path, **options):
    options = {"image_size": 16, "batch_size": 2, "drop_last": False, **options}
    return data.load(path, **options)


def read_all(dataset):
    return [dataset[step] for step in range(len(dataset))]


def test_report(folder):
    dataset = load(folder, shuffle=False)
    what = dataset.description
    assert what.num_images == 17
    assert what.num_skipped == 3
    read_all(dataset)
    assert dataset.report.splitlines() == [
        f"{folder}, train: 17 images of 3 classes, from {folder}",
        "converted so far: 1 CMYK, 1 gray",
        "skipped: 3",
        f"  {folder}/beside.png: it lies beside the folders of the classes",
        f"  {folder}/cat/text.jpg: it is no image of a known format",
        f"  {folder}/dog/empty.png: the file is empty",
        "unreadable in use, another in its place: 1",
        f"  {folder}/cat/3.png: image file is truncated",
        "other files: 1",
        f"  {folder}/wild/notes.txt",
    ]


def test_every_file_is_accounted_for(folder):
    """Images, skipped and other files are all the files there are."""
    dataset = load(folder, check="all")
    what, report = dataset.description, dataset._report
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert what.num_images + what.num_skipped + len(report.other_files) == len(files)
    assert what.num_skipped == 4
    assert f"{folder}/cat/3.png: image file is truncated" in dataset.report
    read_all(dataset)
    assert "unreadable in use" not in dataset.report


def test_checking_names_only_finds_the_rest_in_use(folder):
    dataset = load(folder, check="names")
    assert dataset.description.num_images == 19
    assert dataset.description.num_skipped == 1
    read_all(dataset)
    assert "unreadable in use, another in its place: 3" in dataset.report


def test_the_next_image_takes_the_place_with_its_label(folder):
    dataset = load(folder, shuffle=False, check="names")
    # By name: cat 0 1 2 3 4 text, dog 0 1 2 3 4 empty gray, wild 0 ...
    images, labels = dataset.examples(range(19))
    np.testing.assert_array_equal(images[3], images[4])
    np.testing.assert_array_equal(images[5], images[6])
    np.testing.assert_array_equal(labels, [0] * 5 + [1] * 8 + [2] * 6)
    np.testing.assert_array_equal(images[11], images[12])
    again, again_labels = load(folder, shuffle=False, check="names").examples([11, 3])
    np.testing.assert_array_equal(again, images[[11, 3]])
    np.testing.assert_array_equal(again_labels, labels[[11, 3]])


@pytest.mark.parametrize(
    ("kept", "path"),
    [
        ("beside.png", "beside.png"),
        ("cat/text.jpg", "cat/text.jpg"),
        ("dog/empty.png", "dog/empty.png"),
    ],
)
def test_strict_raises_at_once(folder, kept, path):
    for name in ("beside.png", "cat/text.jpg", "dog/empty.png"):
        if name != kept:
            (folder / name).unlink()
    with pytest.raises(data.UnreadableImageError, match=path):
        load(folder, strict=True)


def test_strict_raises_in_use(folder):
    for name in ("beside.png", "cat/text.jpg", "dog/empty.png"):
        (folder / name).unlink()
    with pytest.raises(data.UnreadableImageError, match=r"cat/3\.png: .*truncated"):
        load(folder, strict=True, check="all")
    dataset = load(folder, strict=True)
    for read in (
        lambda: read_all(dataset),
        lambda: dataset.examples([3]),
        lambda: [next(batches) for batches in [dataset.starting_at()] for _ in "1" * 9],
    ):
        with pytest.raises(data.UnreadableImageError, match=r"cat/3\.png: .*truncated"):
            read()
    (folder / "cat" / "3.png").unlink()
    read_all(load(folder, strict=True))  # the text file is no image by its name


def test_nothing_readable(tmp_path):
    for number in range(3):
        write(tmp_path / f"{number}.png", b"text")
    with pytest.raises(data.UnreadableImageError, match=r"0\.png.*any other of 3"):
        load(tmp_path)
    with pytest.raises(data.UnreadableImageError, match=r"nor can 2 images after"):
        load(tmp_path, check="names")[0]


def test_a_disk_that_goes_away_stops_the_training(tmp_path):
    for number in range(120):
        write(tmp_path / f"{number:03}.png")
    dataset = load(tmp_path, num_threads=1)
    for number in range(120):
        (tmp_path / f"{number:03}.png").unlink()
    with pytest.raises(data.UnreadableImageError, match=r"No such file.*99 images"):
        dataset.examples([0])


def test_large_files_and_headers_are_limited(folder, monkeypatch):
    monkeypatch.setattr(file_source, "MAX_FILE_BYTES", 100)
    with pytest.raises(data.UnreadableImageError, match="any other"):
        load(folder)
    monkeypatch.undo()
    assert file_source.default_check(100_000) == "headers"
    assert file_source.default_check(100_001) == "names"


def test_warnings_do_not_flood(caplog):
    report = read_report.ReadReport()
    with caplog.at_level(logging.WARNING):
        for number in range(1, 1201):
            report.replace(f"{number}.png", "gone")
            report.replace("1.png", "gone")
    messages = [record.message for record in caplog.records]
    assert len(messages) == 12
    assert "10.png: gone" in messages[9]
    assert messages[10:] == [
        f"{count} images are replaced by another one by now." for count in (100, 1000)
    ]
    text = report.text("title").splitlines()
    assert text[2] == "unreadable in use, another in its place: 1200"
    assert text[-1] == "  and 1100 more"


def test_skipped_images_are_told_at_once(folder, caplog):
    with caplog.at_level(logging.WARNING, logger="keras_sphere"):
        load(folder)
    assert any("empty.png" in record.message for record in caplog.records)


def test_archive_with_damage_and_hostile_entries(tmp_path):
    path = tmp_path / "animals.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/0.png", encoded(picture(seed=0)))
        archive.writestr("a/1.png", encoded(picture(seed=1)))
        archive.writestr("b/2.png", encoded(picture(seed=2)))
        archive.writestr("../outside.png", encoded(picture()))
        archive.writestr("/absolute.png", encoded(picture()))
        archive.writestr("a/bomb.png", bytes(file_source.MAX_FILE_BYTES + 1))
        archive.writestr("__MACOSX/a/0.png", b"resource fork")
        archive.writestr("readme.md", "text")
    content = bytearray(path.read_bytes())
    content[content.index(encoded(picture(seed=1))[20:40]) + 5] ^= 255
    path.write_bytes(content)
    dataset = load(path, shuffle=False)
    assert dataset.description.class_names == ("a", "b")
    assert dataset.description.num_images == 2
    for part in (
        f"{path}/../outside.png: its name leads elsewhere",
        f"{path}//absolute.png: its name leads elsewhere",
        f"{path}/a/bomb.png: the file is larger than 268,435,456 bytes",
        f"{path}/a/1.png: Bad CRC-32",
        f"other files: 1\n  {path}/readme.md",
    ):
        assert part in dataset.report
    assert [entry.name for entry in tmp_path.iterdir()] == ["animals.zip"]


def test_archive_whose_entry_lies_about_its_size(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0.png", encoded(picture()))
        archive.writestr("1.png", bytes(10**6))
    content = path.read_bytes()
    path.write_bytes(content.replace((10**6).to_bytes(4, "little"), b"\x10\0\0\0"))
    dataset = load(path)
    assert dataset.description.num_images == 1
    assert f"{path}/1.png" in dataset.report


def test_what_only_looks_like_an_archive(tmp_path):
    path = write(tmp_path / "a.zip", b"PK\5\6" + b"\xff" * 18)
    with pytest.raises(ValueError, match=r"no zip archive|a zip archive or a list"):
        load(path)


def test_jpegs_of_any_size_pass_the_check(tmp_path):
    """49 times a 49th is less than one: such files were lost."""
    sizes = (49, 98, 103, 107, 161, 187)
    for size in sizes:
        content = encoded(picture(size, size + 1), "JPEG")
        write(tmp_path / "photos" / f"{size}.jpg", content)
    dataset = data.load(tmp_path, image_size=8, batch_size=1, check="headers")
    assert dataset.description.num_images == len(sizes)
    assert dataset.description.num_skipped == 0
