"""Emoji as a folder of classes, from a package of a few colored squares."""

import json
import pathlib
import subprocess
import sys
import tarfile

import numpy as np
import pytest
from PIL import Image

from keras_sphere import data

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "examples"))

import prepare_emoji

pytestmark = pytest.mark.any_backend
CATEGORIES = ("Smileys & Emotion", "Flags", "Component")
PER_CATEGORY = 30


def entry(code, row, column):
    return {
        "unified": code,
        "sheet_x": column,
        "sheet_y": row,
        "has_img_google": True,
        "has_img_twitter": column != 1,
    }


def color(row, column):
    return (80 * row + 40, 8 * column, 100)


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A folder in the layout of the package; every emoji is a square of one color."""
    folder = tmp_path_factory.mktemp("npm") / "package"
    emoji, step = [], 34
    sheet = Image.new("RGBA", (step * PER_CATEGORY, step * len(CATEGORIES)))
    for row, category in enumerate(CATEGORIES):
        for column in range(PER_CATEGORY):
            code = f"1F{row}{column:02d}"
            place = (step * column + 1, step * row + 1)
            sheet.paste(
                (*color(row, column), 255), (*place, place[0] + 16, place[1] + 16)
            )
            emoji.append(
                {
                    **entry(code, row, column),
                    "category": category,
                    "subcategory": f"half-{column % 2}",
                    "skin_variations": {"1F3FB": entry(f"{code}-1F3FB", row, column)},
                }
            )
    for vendor in ("google", "twitter"):
        path = folder / "img" / vendor / "sheets" / "32.png"
        path.parent.mkdir(parents=True)
        sheet.save(path)
    (folder / "emoji.json").write_text(json.dumps(emoji))
    return folder


@pytest.fixture(scope="module")
def prepared(package, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out")
    archive = folder / "emoji-datasource.tgz"
    with tarfile.open(archive, "w:gz") as file:
        file.add(package, "package")
    done = subprocess.run(
        [
            *(sys.executable, prepare_emoji.__file__),
            *(f"--package={archive}", f"--output_dir={folder / 'emoji'}"),
        ],
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder / "emoji", done.stdout


def codes(folder):
    return {path.name.split("-")[0] for path in folder.rglob("*.png")}


def test_splits_share_no_emoji(prepared):
    folder, _ = prepared
    train, test = codes(folder / "train"), codes(folder / "test")
    assert not train & test
    assert len(train | test) == 2 * PER_CATEGORY  # no component
    assert 0 < len(test) < len(train) / 4


def test_pictures_are_those_of_the_sheet_on_white(prepared):
    folder, _ = prepared
    (path,) = folder.rglob("1f107-google.png")
    pixels = np.asarray(Image.open(path))
    assert pixels.shape == (32, 32, 3)
    assert path.parent.name == "flags"
    assert (pixels[:16, :16] == color(1, 7)).all()
    assert (pixels[16:] == 255).all()
    assert (pixels[:, 16:] == 255).all()
    assert not list(folder.rglob("1f101-twitter.png"))  # that vendor has none
    assert not list(folder.rglob("*-1f3fb-*"))


def test_licenses_are_printed_and_written(prepared):
    folder, text = prepared
    for line in (folder / "LICENSES.txt").read_text().splitlines():
        assert line in text
    assert "CC-BY 4.0" in text
    assert "Apache License 2.0" in text


def test_the_folder_is_a_dataset(prepared):
    train = data.load(prepared[0], "train", image_size=32, batch_size=2)
    held_out = data.load(prepared[0], "test", image_size=32, batch_size=2)
    assert train.description.class_names == ("flags", "smileys_and_emotion")
    total = train.description.num_images + held_out.description.num_images
    assert total == 4 * PER_CATEGORY - 2


def test_choices(package, tmp_path):
    prepare_emoji.prepare(
        package,
        tmp_path / "flags",
        vendors=["google"],
        categories=["Flags"],
        classes_by="subcategory",
        skin_tones=True,
    )
    train = tmp_path / "flags" / "train"
    assert sorted(path.name for path in train.iterdir()) == ["half_0", "half_1"]
    assert list(train.rglob("*-1f3fb-google.png"))
    assert not list(train.rglob("*-twitter.png"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"vendors": ["google", "apple"]}, "--vendors must be of google, tw.*apple"),
        ({"categories": ["flags", "fruit"]}, "--categories must be of flags.*fruit"),
        ({"package": "nowhere.tgz"}, r"--package must be.*--package=nowhere\.tgz"),
        ({"output_dir": "."}, "--output_dir must be.*does not exist yet"),
    ],
)
def test_bad_input_leaves_no_folder(arguments, message, package, tmp_path):
    arguments = {"package": package, "output_dir": tmp_path / "emoji", **arguments}
    with pytest.raises(SystemExit, match=message):
        prepare_emoji.prepare(**arguments)
    assert not list(tmp_path.iterdir())
