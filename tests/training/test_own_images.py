"""Images of one's own: a folder in, a trained model out, with nothing else said."""

import json

import numpy as np
import PIL.Image
import PIL.ImageDraw
import pytest

from keras_sphere import presets
from keras_sphere.training import train

TINY = {
    "image_size": 16,
    "hidden_dim": 16,
    "num_layers": 1,
    "num_heads": 2,
    "perceptual": "gradient",
    "hours": 1e-5,
    "verbose": "0",
}


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Drawn circles and squares, 17 of each, in folders named after them."""
    folder = tmp_path_factory.mktemp("photos")
    draws = np.random.default_rng(0)
    for shape in ("circle", "square"):
        (folder / shape).mkdir()
        for index in range(17):
            image = PIL.Image.new("RGB", (24, 20), "white")
            x, y = (int(place) for place in draws.integers(1, 10, 2))
            draw = PIL.ImageDraw.Draw(image)
            draw_shape = draw.ellipse if shape == "circle" else draw.rectangle
            draw_shape([x, y, x + 8, y + 8], fill=("red", "blue")[index % 2])
            image.save(folder / shape / f"{index}.png")
    return folder


def test_a_folder_is_enough(photos, tmp_path, capsys):
    run = train(dataset=photos, output_dir=tmp_path, **TINY)
    output = capsys.readouterr().out
    assert run.is_complete
    assert "2 classes, by the names of the folders" in output
    assert "--held_out_split=train[30:]" in output
    assert "measured: " in output
    plan = json.loads((tmp_path / "plan.json").read_text())
    steps = plan["plan"]["epochs"] * plan["plan"]["steps_per_epoch"]
    assert f"{steps * 30:,} images seen" in output
    assert len(run.history["loss"]) == plan["plan"]["epochs"]
    description = presets.describe(tmp_path / "preset")
    assert description["architecture"]["class_names"] == ["circle", "square"]
    assert description["architecture"]["encoder_size"]["hidden_dim"] == 16
    pictures = {path.name.split("-")[0] for path in (tmp_path / "pictures").iterdir()}
    assert pictures == {"samples", "reconstructions"}
    # The same command chooses nothing anew, and finds the training done.
    again = train(dataset=photos, output_dir=tmp_path, **TINY)
    assert "measured: " not in capsys.readouterr().out
    assert again.plan == run.plan
    assert again.history == {}


@pytest.mark.any_backend
def test_what_nothing_can_be_chosen_from(tmp_path):
    with pytest.raises(ValueError, match=r"choose `dataset`.*preset=None"):
        train(output_dir=tmp_path)
    stream = [(np.zeros((2, 8, 8, 3), "uint8"),)]
    with pytest.raises(ValueError, match=r"choose `preset`.*preset=None"):
        train(dataset=stream, output_dir=tmp_path)
    with pytest.raises(ValueError, match=r"choose `preset`.*preset=None"):
        train(dataset="tfds:unheard_of", output_dir=tmp_path)
