"""The task `generate` of a model that is conditional on vectors."""

import re

import numpy as np
import pytest

from keras_sphere.command_line.picture_settings import read_picture_settings
from keras_sphere.visualization.image_grid import to_uint8
from tests import tiny_models
from tests.command_line.test_generate import BARE, tiles

TEXTS = ["a red square", "a blue square, leaning"]


@pytest.fixture(scope="module")
def model():
    return tiny_models.new_vector_model(num_classes=3)


@pytest.fixture
def flags(model, command):
    """Those of every command, whose preset lies in its folder."""
    model.save_to_preset("vectors", overwrite=True)
    return ("generate", "--preset=vectors", "--seed=5", "--steps=2", *BARE)


def test_images_follow_their_prompts(flags, succeed, model):
    flags = (*flags, "--num_images=4", "--guidance_scale=2")
    texts = f"--prompts={';'.join(TEXTS)}"
    succeed(*flags, texts, "--negative_prompts=a green square", "--output=a.png")
    given = {"prompts": np.repeat(TEXTS, 2).tolist(), "steps": 2, "guidance_scale": 2.0}
    expected = model.generate(
        **given, negative_prompts="a green square", seed=5, batch_size=4
    )
    difference = tiles("a.png").astype(int) - to_uint8(expected)
    assert np.max(np.abs(difference)) <= 1
    assert read_picture_settings("a.png").flags["prompts"] == ";".join(TEXTS)
    np.savez("v.npz", embeddings=model.backbone.embedder.function(TEXTS))
    succeed(*flags, "--embeddings=v.npz", "--output=b.png")
    expected = model.generate(**given, seed=5, batch_size=4)
    difference = tiles("b.png").astype(int) - to_uint8(expected)
    assert np.max(np.abs(difference)) <= 1


def test_classes_of_every_prompt(flags, succeed, model):
    texts = f"--prompts={';'.join(TEXTS)}"
    succeed(*flags, texts, "--classes=0,2", "--num_images=4", "--output=c.png")
    expected = model.generate(
        labels=[0, 2, 0, 2],
        prompts=np.repeat(TEXTS, 2).tolist(),
        steps=2,
        seed=5,
        batch_size=4,
    )
    difference = tiles("c.png").astype(int) - to_uint8(expected)
    assert np.max(np.abs(difference)) <= 1


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--prompts=a;;b", "none of them empty"),
        ("--embeddings=bad.npz", r"shape \(images, 8\)"),
        ("--embeddings=none.npz", "no file"),
    ],
)
def test_bad_prompts_are_refused(flags, command, flag, message):
    np.savez("bad.npz", embeddings=np.zeros((2, 5)))
    status, _, errors = command(*flags, flag)
    assert status != 0
    assert re.search(message, errors)
