"""Run folders of the reference to presets and back, on every backend."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

import keras_sphere
from keras_sphere import convert
from keras_sphere.convert.run_config import run_config
from tests import golden_data
from tests.convert.run_folders import (
    assert_same_bits,
    new_run_folder,
    save,
    save_pth,
    stored,
)


@pytest.mark.parametrize("format", ["pth", "safetensors"])
@pytest.mark.parametrize("name", ["a1", "a2"])
def test_round_trip_is_exact(tmp_path, name, format):
    state_dict = new_run_folder(tmp_path / "run", name)
    save(tmp_path / "run", format, state_dict, "raw")
    convert.reference_to_preset(tmp_path / "run", tmp_path / "preset")
    convert.preset_to_reference(tmp_path / "preset", tmp_path / "back", format)
    path = tmp_path / "back" / "ckpt" / f"ep0007.{format}"
    assert_same_bits(stored(path, "raw"), state_dict)
    # From our folder to a preset again: the same configuration.
    convert.reference_to_preset(tmp_path / "back", tmp_path / "again", name="preset")
    first, second = (
        json.loads((tmp_path / folder / "config.json").read_text())
        for folder in ("preset", "again")
    )
    assert first == second


@pytest.mark.parametrize("name", ["a1", "a2"])
def test_the_preset_gives_the_golden_images(tmp_path, name):
    state_dict = new_run_folder(tmp_path / "run", name)
    save(tmp_path / "run", "safetensors", state_dict, "raw")
    convert.reference_to_preset(tmp_path / "run", tmp_path / "preset")
    model = keras_sphere.presets.load(tmp_path / "preset", weights=True)
    arrays = golden_data.load(name)
    decoded = model.decode(arrays["out/fz"], arrays.get("in/y"))
    expected = golden_data.images(arrays["out/dec_fz"])
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(decoded), expected, atol=2e-5, rtol=0
    )


def test_the_recipe_comes_along(run, tmp_path):
    save(run, "pth", new_run_folder(run))
    convert.reference_to_preset(run, tmp_path / "preset", license="CC-BY-4.0")
    preset = keras_sphere.presets.describe(tmp_path / "preset")
    assert preset["license"] == "CC-BY-4.0"
    assert preset["weights"]["kind"] == "ema"
    assert preset["noise"]["max_angle_degrees"] == 80.0
    assert preset["noise"]["hard_case_probability"] == 0.3
    recipe = preset["recipe"]
    assert recipe["losses"]["pixel_reconstruction"]["distance_weight"] == 25.0
    assert recipe["optimizer"]["ema_momentum"] == 0.9
    assert recipe["training"]["min_learning_rate"] == 1e-6
    assert recipe["training"]["epoch"] == 7
    card = (tmp_path / "preset" / "README.md").read_text()
    assert "moving average (EMA)" in card


def test_names_of_classes_come_along(run, tmp_path):
    new_run_folder(run)
    count = json.loads((run / "cfg.json").read_text())["num_classes"]
    names = [f"class of {number}" for number in range(count)]
    save(run, "pth", new_run_folder(run, class_names=names))
    convert.reference_to_preset(run, tmp_path / "preset")
    preset = keras_sphere.presets.describe(tmp_path / "preset")
    assert preset["architecture"]["class_names"] == names
    assert run_config(preset)["class_names"] == names
    save(run, "pth", new_run_folder(run, class_names=names[1:]))
    with pytest.raises(ValueError, match="one name for each of"):
        convert.reference_to_preset(run, tmp_path / "other")


@pytest.mark.parametrize("format", ["pth", "safetensors"])
def test_moving_averages_have_buffers(run, tmp_path, format):
    """Written with the rotary tables, which are checked when they are read."""
    state_dict = new_run_folder(run)
    save(run, format, state_dict)
    convert.reference_to_preset(run, tmp_path / "preset")
    convert.preset_to_reference(tmp_path / "preset", tmp_path / "back", format)
    path = tmp_path / "back" / "ckpt" / f"ep0007.{format}"
    written = stored(path, "ema")
    ropes = {name: written.pop(f"{name}.rope") for name in ("encoder", "decoder")}
    assert_same_bits(written, state_dict)
    assert ropes["encoder"].shape == (1, 64, 32)
    convert.reference_to_preset(tmp_path / "back", tmp_path / "again")
    ropes["encoder"][0, 5, 3] += 0.1
    save(run, format, {**state_dict, "encoder.rope": ropes["encoder"]})
    with pytest.raises(ValueError, match=r"'encoder\.rope' must hold the rotary"):
        convert.reference_to_preset(run, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_rotary_buffer_is_cosines_then_sines(run, tmp_path):
    """As in the golden table of 16 channels on 4 x 4 tokens."""
    changes = {"sizes": {"tiny": {**_golden_size(), "heads": 4}}}
    save(run, "safetensors", new_run_folder(run, "a1", **changes))
    convert.reference_to_preset(run, tmp_path / "preset")
    convert.preset_to_reference(tmp_path / "preset", tmp_path / "back", "safetensors")
    written = stored(tmp_path / "back" / "ckpt" / "ep0007.safetensors", "ema")
    expected = golden_data.load("funcs")["rope/out"]
    np.testing.assert_allclose(written["decoder.rope"][0], expected, atol=1e-6)


def _golden_size():
    return golden_data.config(golden_data.load("a1"))["size"]


def test_moving_average_or_raw(run, tmp_path):
    """Both in one file, the average by default; a later epoch wins."""
    raw = new_run_folder(run)
    ema = {name: array + 1.0 for name, array in raw.items()}
    save(run, "pth", raw, "raw", epoch=3)
    both = {
        "model": {f"_orig_mod.{name}": array for name, array in raw.items()},
        "ema_model": ema,
        "epoch": 20,
    }
    save_pth(run / "ckpt" / "ep0020.pth", both)
    cases = {None: ema, "raw": raw, "ema": ema}
    for weights, expected in cases.items():
        convert.reference_to_preset(run, tmp_path / str(weights), weights)
        kind = weights or "ema"
        convert.preset_to_reference(
            tmp_path / str(weights), tmp_path / f"{weights}-back", "safetensors"
        )
        written = stored(tmp_path / f"{weights}-back/ckpt/ep0020.safetensors", kind)
        written = {k: v for k, v in written.items() if not k.endswith(".rope")}
        assert_same_bits(written, expected)
    with pytest.raises(ValueError, match=r"It has: \['raw'\]"):
        convert.reference_to_preset(run / "ckpt/ep0003.pth", tmp_path / "x", "ema")


def test_a_plain_state_dict(run, tmp_path):
    state_dict = new_run_folder(run)
    path = run / "ckpt" / "ep0001.safetensors"
    save_file(state_dict, path)
    with pytest.raises(ValueError, match="does not say whether"):
        convert.reference_to_preset(run, tmp_path / "preset")
    convert.reference_to_preset(run, tmp_path / "preset", weights="raw")
    kind = keras_sphere.presets.describe(tmp_path / "preset")["weights"]["kind"]
    assert kind == "raw"


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("format", ["pth", "safetensors"])
def test_half_precision(run, tmp_path, format, dtype):
    import safetensors.torch

    state_dict = {
        name: torch.from_numpy(array).to(dtype)
        for name, array in new_run_folder(run).items()
    }
    path = run / "ckpt" / f"ep0001.{format}"
    if format == "pth":
        torch.save(state_dict, path)
    else:
        safetensors.torch.save_file(state_dict, path)
    convert.reference_to_preset(run, tmp_path / "preset", weights="raw")
    convert.preset_to_reference(tmp_path / "preset", tmp_path / "back", format)
    written = stored(tmp_path / f"back/ckpt/ep0000.{format}", "raw")
    expected = {name: value.float().numpy() for name, value in state_dict.items()}
    assert_same_bits(written, expected)


def test_alphas_may_be_scalars(run, tmp_path):
    state_dict = new_run_folder(run)
    alphas = [name for name in state_dict if "alpha" in name]
    assert len(alphas) == 8
    scalars = {name: state_dict[name].reshape(()) for name in alphas}
    save(run, "pth", {**state_dict, **scalars}, "raw")
    convert.reference_to_preset(run, tmp_path / "preset")
    convert.preset_to_reference(tmp_path / "preset", tmp_path / "back", "safetensors")
    written = stored(tmp_path / "back/ckpt/ep0007.safetensors", "raw")
    assert_same_bits(written, state_dict)


def test_tokens_that_no_block_sees(run, tmp_path):
    """They may be there, and are written as zeros for the reference to find them."""
    state_dict = new_run_folder(run, in_context_size=2)
    size = {**_golden_size(), "in_context_start": 2}
    new_run_folder(run, in_context_size=2, sizes={"tiny": size})
    unused = {
        f"{half}.inctx_pos_embed": np.ones((1, 2, 64), "float32")
        for half in ("encoder", "decoder")
    }
    save(run, "pth", {**state_dict, **unused}, "raw")
    convert.reference_to_preset(run, tmp_path / "preset")
    convert.preset_to_reference(tmp_path / "preset", tmp_path / "back")
    written = stored(tmp_path / "back/ckpt/ep0007.pth", "raw")
    zeros = {name: np.zeros_like(array) for name, array in unused.items()}
    assert_same_bits(written, {**state_dict, **zeros})


def test_named_and_halved_sizes():
    from keras_sphere.convert.run_config import run_config

    preset = keras_sphere.presets.describe("cifar10")
    fields = run_config(preset)
    assert fields["vit_enc_model_size"] == fields["vit_dec_model_size"] == "base"
    assert fields["pix_con_perc_loss_weight"] == 0.5
    assert not fields["halve_model_size"]
    half = {"hidden_dim": 768, "num_layers": 6, "num_heads": 12, "in_context_start": 4}
    preset["architecture"].update(encoder_size=half, decoder_size=half)
    fields = run_config(preset)
    assert fields["vit_enc_model_size"] == "base"
    assert fields["halve_model_size"]
    preset["architecture"]["spherify_per_token"] = True
    with pytest.raises(ValueError, match="one sphere"):
        run_config(preset)
    preset["architecture"].update(spherify_per_token=False, position_grid=4)
    with pytest.raises(ValueError, match="position_grid=4"):
        run_config(preset)


@pytest.mark.slow
def test_command(tmp_path):
    """There and back by the command; without torch for safetensors."""
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    if keras.backend.backend() != "torch":
        blocked = tmp_path / "blocked" / "torch"
        blocked.mkdir(parents=True)
        (blocked / "__init__.py").write_text("raise ImportError('torch is blocked')")
        path = os.pathsep.join([str(blocked.parent), os.environ.get("PYTHONPATH", "")])
        environment["PYTHONPATH"] = path

    def command(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "keras_sphere.convert", *map(str, arguments)],
            env=environment,
            capture_output=True,
            text=True,
        )

    first, second = tmp_path / "run", tmp_path / "preset"
    done = command("digits16", first, "--format=safetensors")
    assert done.stdout == f"Wrote the run folder {first}\n", done.stderr
    done = command(first, second, "--dtype=float16")
    assert done.stdout == f"Wrote the preset {second}\n", done.stderr
    images = [
        keras_sphere.presets.load(preset).generate(labels=[3], seed=0)
        for preset in ("digits16", second)
    ]
    np.testing.assert_array_equal(*images)
    refused = command(first, second)
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1].startswith("Error: The folder of the")
    assert "Traceback" not in refused.stderr
    assert command(first).returncode == 1
    if keras.backend.backend() != "torch":
        (first / "ckpt" / "ep0000.pth").write_bytes(b"")
        refused = command(first / "ckpt" / "ep0000.pth", tmp_path / "other")
        assert refused.returncode == 1
        assert "torch" in refused.stderr.splitlines()[-1]
