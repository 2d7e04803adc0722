"""Run folders and presets that are not converted."""

import os
import pickle

import numpy as np
import pytest
import torch

from keras_sphere import convert
from keras_sphere.files.integrity import CorruptFileError
from tests.convert.run_folders import new_run_folder, save


class TestRefusals:
    """Nothing is written, and the message says what is wrong."""

    @pytest.fixture(autouse=True)
    def folders(self, run, tmp_path):
        self.run, self.target = run, tmp_path / "preset"
        self.state_dict = new_run_folder(run)

    def refused(self, message, error=ValueError, **arguments):
        with pytest.raises(error, match=message):
            convert.reference_to_preset(self.run, self.target, **arguments)
        names = {path.name for path in self.target.parent.iterdir()}
        assert names <= {"run"}

    def test_missing_tensor(self):
        del self.state_dict["encoder.blocks.0.norm1.weight"]
        save(self.run, "pth", self.state_dict)
        self.refused(r"missing \['encoder.blocks.0.norm1.weight'\]")

    def test_left_over_tensor(self):
        self.state_dict["encoder.other"] = np.zeros(3, "float32")
        save(self.run, "safetensors", self.state_dict)
        self.refused(r"unexpected \['encoder.other'\]")

    def test_twice(self):
        name = "encoder.pos_embed"
        self.state_dict[f"_orig_mod.{name}"] = self.state_dict[name]
        save(self.run, "pth", self.state_dict)
        self.refused("again, under another prefix")

    def test_wrong_shape(self):
        name = "decoder.blocks.1.attn.qkv.weight"
        self.state_dict[name] = np.ascontiguousarray(self.state_dict[name].T)
        save(self.run, "safetensors", self.state_dict)
        self.refused(rf"'{name}' must have the shape \(192, 64\).*\(64, 192\)")

    def test_wrong_dtype(self):
        self.state_dict["encoder.pos_embed"] = np.zeros((1, 64, 64))
        save(self.run, "pth", self.state_dict)
        self.refused("encoder.pos_embed' of torch.float64")
        save(self.run, "safetensors", self.state_dict, epoch=8)
        self.refused("encoder.pos_embed' of F64")

    def test_not_finite(self):
        self.state_dict["encoder.pos_embed"][0, 0, 0] = np.nan
        save(self.run, "safetensors", self.state_dict)
        self.refused("not finite")

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"spherify_model": None}, r"Received: no \['spherify_model'\]"),
            ({"vit_enc_model_size": "other"}, "Received: 'other'"),
            ({"vit_enc_model_size": [1]}, "wrong type"),
            ({"image_size": "16"}, "`image_size` must be an integer"),
            ({"image_size": 10**9}, "`image_size` must be an integer"),
            ({"patch_size": 0}, "`patch_size` must be an integer"),
            (
                {"sizes": {"tiny": {"width": 64, "layers": 10**9, "heads": 4}}},
                "at most 4096 layers",
            ),
            (
                {
                    "sizes": {
                        "tiny": {
                            "width": 2**20,
                            "layers": 4096,
                            "heads": 4,
                            "in_context_start": 0,
                        }
                    }
                },
                "parameters",
            ),
            ({"sampling": {"steps": 0}}, "`steps` must be"),
            ({"sampling": {"other": 1}}, "wrong type"),
            ({"noise_sigma_max_angle": 95}, "max_angle_degrees"),
        ],
    )
    def test_wrong_configuration(self, changes, message):
        new_run_folder(self.run, **changes)
        save(self.run, "safetensors", self.state_dict)
        self.refused(message)

    def test_no_configuration(self):
        (self.run / "cfg.json").unlink()
        self.refused("cfg.json", FileNotFoundError)

    def test_configuration_is_no_object(self):
        save(self.run, "safetensors", self.state_dict)
        for text in ("[1]", "{", '"text"', "[" * 100_000):
            (self.run / "cfg.json").write_text(text)
            self.refused("cfg.json (must hold|is not a JSON)")

    def test_no_checkpoint(self):
        self.refused("must hold a file epNNNN.pth", FileNotFoundError)

    def test_pickle_that_runs_code(self, tmp_path):
        class Hostile:
            def __reduce__(self):
                return os.mkdir, (str(tmp_path / "hacked"),)

        torch.save({"model": Hostile()}, self.run / "ckpt" / "ep0001.pth")
        self.refused("other objects are not loaded")

    def test_plain_pickle(self):
        path = self.run / "ckpt" / "ep0001.pth"
        path.write_bytes(pickle.dumps({"model": self.state_dict}))
        self.refused("ep0001.pth", (ValueError, CorruptFileError))

    @pytest.mark.parametrize("format", ["pth", "safetensors"])
    def test_cut_short(self, format):
        path = save(self.run, format, self.state_dict)
        path.write_bytes(path.read_bytes()[:-1000])
        self.refused(path.name, CorruptFileError)

    def test_huge_tensor_that_takes_no_space(self):
        tensor = torch.zeros(1).expand(10**6, 10**6)
        torch.save(
            {"model": {"encoder.x_embedder.0.weight": tensor}},
            self.run / "ckpt" / "ep0001.pth",
        )
        self.refused("of four axes")

    def test_existing_target(self):
        save(self.run, "safetensors", self.state_dict)
        convert.reference_to_preset(self.run, self.target)
        with pytest.raises(FileExistsError, match="unless `overwrite=True`"):
            convert.reference_to_preset(self.run, self.target)
        convert.reference_to_preset(self.run, self.target, overwrite=True)


def test_presets_that_the_reference_does_not_have(tmp_path):
    with pytest.raises(ValueError, match="no weights to convert"):
        convert.preset_to_reference("cifar10", tmp_path / "run")
    with pytest.raises(ValueError, match=r"one of \['pth', 'safetensors'\]"):
        convert.preset_to_reference("digits16", tmp_path / "run", "npz")
    with pytest.raises(FileExistsError, match="must not exist"):
        convert.preset_to_reference("digits16", tmp_path)
    assert list(tmp_path.iterdir()) == []
