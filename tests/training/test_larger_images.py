"""The recipe for 512 px, with its patches and tokens and a narrow model."""

import numpy as np
import pytest

from keras_sphere.training import train
from tests.training.small_runs import rows

NARROW = {
    "size": "preset",  # no trial: patches, tokens and mixers are the recipe's
    "hidden_dim": 32,
    "num_layers": 2,
    "num_heads": 2,
    "encoder_mixer_depth": 1,
    "decoder_mixer_depth": 1,
    "perceptual": "gradient",
    "dtype": "float32",
}
FEW = {
    "batch_size": 2,
    "epochs": 1,
    "steps_per_epoch": 3,
    "held_out_split": "test",
    "memorization_alarm": False,
    "log_images_every": 0,
    "verbose": "0",
}


@pytest.fixture(scope="module")
def narrow(tmp_path_factory):
    """The folder of a run of three steps, the recipe narrowed."""
    folder = tmp_path_factory.mktemp("runs") / "narrow"
    run = train("imagenet512_base", "fake", folder, **NARROW, **FEW)
    assert run.is_complete
    return folder, run


@pytest.mark.slow
def test_512_px_train(narrow):
    folder, run = narrow
    backbone = run.model.backbone
    assert (backbone.image_size, backbone.latent_shape) == (512, (1024, 64))
    config = backbone.get_config()
    assert (config["patch_size"], config["rematerialize_every"]) == (16, 1)
    (row,) = rows(folder)
    assert np.isfinite(float(row["loss"]))
    assert run.model.generate(1, labels=[3], steps=1).shape == (1, 512, 512, 3)


@pytest.mark.slow
def test_it_goes_on_at_another_size(narrow, tmp_path, capsys):
    """Patches and mixers of 512 px begin a training at 128 px."""
    choices = {**NARROW, **FEW, "image_size": 128, "patch_size": 8, "max_steps": 1}
    run = train("imagenet512_base", "fake", tmp_path, init_from=narrow[0], **choices)
    said = capsys.readouterr().out
    for change in ("tokens from 32x32 to 16x16", "pixels of a patch from 16x16 to 8x8"):
        assert change in said
    assert "afresh" not in said
    assert run.model.backbone.latent_shape == (256, 64)


@pytest.mark.slow
def test_the_plan_of_the_recipe_as_it_is(capsys, tmp_path):
    """Its memory for each device, without a step of it."""
    choices = {"size": "preset", "dry_run": True, "dry_run_steps": 0}
    train("imagenet512_base", "fake", tmp_path / "run", perceptual="none", **choices)
    said = capsys.readouterr().out
    for text in (
        "32x32 tokens of 64 channels",
        "rematerialised every 1 blocks",
        "mixed_bfloat16",
        "one, or data parallel       5.",
        "model parallel, 8 devices   ",
    ):
        assert text in said
    assert not (tmp_path / "run").exists()
