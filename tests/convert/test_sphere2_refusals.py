"""Folders of Sphere Encoder 2 that are not converted."""

import json
import os

import numpy as np
import pytest
import torch

from keras_sphere import convert
from keras_sphere.files.integrity import CorruptFileError
from tests.convert import run_folders
from tests.convert.sphere2_folders import save, state_dict, write_config


class TestRefusals:
    """Nothing is written, and the message says what is wrong."""

    @pytest.fixture(autouse=True)
    def folders(self, tmp_path):
        self.run, self.target = tmp_path / "run", tmp_path / "preset"
        write_config(self.run)

    def refused(self, message, error=ValueError, source=None, **arguments):
        with pytest.raises(error, match=message):
            convert.sphere2_to_preset(source or self.run, self.target, **arguments)
        names = {path.name for path in self.target.parent.iterdir()}
        assert not any("preset" in name for name in names)

    def test_license_before_any_work(self):
        """Also before there is a checkpoint."""
        for arguments in ({}, {"accept_license": None}):
            self.refused("https://ai.meta.com/.*dinov3", part="all", **arguments)
        self.refused(r"must be one of", part="all", accept_license="yes")
        save(self.run, ema_model=state_dict())
        write_config(self.run, load_pretrained_encoder=None)
        self.refused("whatever the license of the files", part="all")

    def test_first_method(self):
        run_folders.save(self.run, "pth", run_folders.new_run_folder(self.run))
        self.refused("of the other method.*`reference_to_preset`")

    def test_this_one_by_the_other_converter(self):
        save(self.run, ema_model=state_dict())
        with pytest.raises(ValueError, match=r"of the other method.*sphere2_to_preset"):
            convert.reference_to_preset(self.run, self.target)

    def test_pickle_that_runs_code(self, tmp_path):
        class Hostile:
            def __reduce__(self):
                return os.mkdir, (str(tmp_path / "hacked"),)

        content = {"ema_model": state_dict(), "score_match": Hostile()}
        run_folders.save_pth(self.run / "ckpt" / "ep0001.pth", content)
        self.refused("other objects are not loaded")
        assert not (tmp_path / "hacked").exists()

    @pytest.mark.parametrize("format", ["pth", "safetensors", "npz"])
    @pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
    def test_cut_short(self, format, share):
        path = save(self.run, format, ema_model=state_dict())
        content = path.read_bytes()
        path.write_bytes(content[: int(share * len(content))])
        self.refused(path.name, CorruptFileError)

    def test_npz_that_holds_objects(self):
        path = self.run / "ckpt" / "ep0001.npz"
        np.savez(path, **{"model.decoder.pos_embed": np.array([{}], object)})
        self.refused("decoder.pos_embed' of object")
        with open(path, "wb") as file:
            np.save(file, np.zeros(3))
        self.refused("no whole .npz", CorruptFileError)

    @pytest.mark.parametrize("part", ["decoder", "all"])
    def test_missing_and_left_over(self, part):
        options = {"part": part, "accept_license": "dinov3"}
        weights = state_dict()
        array = weights.pop("decoder.blocks.0.mlp.w3.bias")
        save(self.run, ema_model=weights)
        self.refused(r"missing \['decoder.blocks.0.mlp.w3.bias'\]", **options)
        weights["decoder.blocks.0.mlp.w3.bias"] = array
        weights["decoder.other"] = array
        save(self.run, ema_model=weights)
        self.refused(r"unexpected \['decoder.other'\]", **options)
        save(self.run, ema_model={})
        self.refused("A state dict must hold 'decoder", **options)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"num_classes": 5}, "embedding_table.weight' must have the shape"),
            ({"patch_size": 0}, "`patch_size` must be an integer"),
            ({"image_size": "32"}, "`image_size` must be an integer"),
            ({"pixel_head_type": "other"}, "a value that cannot be: 'other'"),
            ({"vit_dec_model_size": "other"}, "Received: 'other'"),
            ({"angle_condition_mode": "other"}, "`angle_condition` must be"),
            ({"noise_sigma_max_angle": "90"}, "a value that cannot be"),
            ({"noise_sigma_max_angle": 95}, "`angle_condition_degrees` must be"),
            ({"use_qk_norm": False}, "does not fit the configuration"),
        ],
    )
    def test_wrong_configuration(self, changes, message):
        write_config(self.run, **changes)
        save(self.run, ema_model=state_dict())
        self.refused(message)

    def test_no_configuration_or_checkpoint(self):
        self.refused("must hold a file epNNNN.pth", FileNotFoundError)
        (self.run / "cfg.json").write_text("[1]")
        self.refused("must hold an object")
        (self.run / "cfg.json").unlink()
        self.refused("A run folder holds cfg.json", FileNotFoundError)

    def test_other_pretrained_encoders(self):
        """Their decoder can be converted."""
        write_config(self.run, load_pretrained_encoder="google/siglip2-base")
        weights = {n: a for n, a in state_dict().items() if n.startswith("decoder.")}
        weights["encoder.encoder.vision.weight"] = np.zeros(3, "float32")
        save(self.run, ema_model=weights)
        self.refused("only DINOv3", part="all", accept_license="dinov3")
        convert.sphere2_to_preset(self.run, self.target)

    @pytest.mark.parametrize(
        "content",
        [
            [1],
            {"a": 1},
            {"a": {"class_id": 0}},
            {"a": {"class_id": "x", "label": "a"}},
            {"a": {"class_id": 1, "label": "a"}},
            [{"class_id": 0, "label": "a"}, {"class_id": 0, "label": "b"}],
            3,
        ],
    )
    def test_map_of_classes_that_is_none(self, content):
        save(self.run, ema_model=state_dict())
        file = self.run / "folder_to_id_to_label.json"
        file.write_text(json.dumps(content))
        self.refused("must hold (objects with the fields|each class_id)")

    def test_choices(self):
        self.refused("`part` must be one of", part="encoder")
        self.refused("`weights` must be one of", weights="average")
        self.refused("`dtype` must be one of", dtype="int8", source=self._whole())

    def _whole(self):
        save(self.run, "safetensors", ema_model=state_dict())
        return self.run


def test_huge_tensor_that_takes_no_space(tmp_path):
    write_config(tmp_path / "run")
    tensors = {
        name: torch.from_numpy(array)
        for name, array in state_dict().items()
        if name.startswith("decoder.")
    }
    tensors["decoder.pos_embed"] = torch.zeros(1).expand(1, 10**6, 10**6)
    torch.save({"ema_model": tensors}, tmp_path / "run" / "ckpt" / "ep0001.pth")
    with pytest.raises(ValueError, match="pos_embed' must have the shape"):
        convert.sphere2_to_preset(tmp_path / "run", tmp_path / "preset")
