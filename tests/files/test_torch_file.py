"""Files of `torch.save` without PyTorch: what is read, and what is refused."""

import os

import numpy as np
import pytest
import torch

from keras_sphere.files.integrity import CorruptFileError
from keras_sphere.files.torch_file import read_torch_file

FORMATS = pytest.mark.parametrize("is_new", [True, False], ids=["zip", "legacy"])


def save(path, content, is_new):
    torch.save(content, path, _use_new_zipfile_serialization=is_new)
    return path


def new_tensors():
    torch.manual_seed(0)
    whole = torch.randn(5, 4)
    return {
        "float": torch.randn(2, 3),
        "half": torch.randn(3).half(),
        "count": torch.tensor(7),
        "transposed": torch.randn(3, 1, 4, 2).permute(3, 2, 0, 1),
        "part": whole[1:3, 1:],
        "same": whole,
        "none": torch.zeros(0, 3),
    }


@FORMATS
def test_tensors_are_those_of_torch(tmp_path, is_new):
    tensors = new_tensors()
    read = read_torch_file(save(tmp_path / "a.pth", tensors, is_new))
    assert list(read) == list(tensors)
    for name, tensor in tensors.items():
        assert read[name].dtype == tensor.numpy().dtype
        np.testing.assert_array_equal(read[name], tensor.numpy())


@FORMATS
def test_a_state_dict(tmp_path, is_new):
    """It is an ordered dict with an attribute, of parameters that have gradients."""
    network = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    read = read_torch_file(save(tmp_path / "a.pth", network.state_dict(), is_new))
    assert read["1.num_batches_tracked"] == 0
    np.testing.assert_array_equal(read["0.weight"], network[0].weight.detach())


class Hostile:
    """A pickle of it makes a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@FORMATS
def test_other_content_is_refused_and_runs_no_code(tmp_path, is_new):
    made = tmp_path / "made"
    for content, message in (
        ({"a": Hostile(made)}, "mkdir"),
        ({"a": torch.zeros(1), "b": 3}, "'b' of int"),
        ([torch.zeros(1)], "list"),
        ({"a": torch.zeros(1, dtype=torch.bfloat16)}, "BFloat16Storage"),
        ({"a": torch.zeros(1).expand(10**12)}, r"'a' of shape \(1000000000000,\)"),
    ):
        path = save(tmp_path / "a.pth", content, is_new)
        with pytest.raises(ValueError, match=f"nothing else.*Received: .*{message}"):
            read_torch_file(path)
    assert not made.exists()


@FORMATS
def test_damaged_files_are_noticed(tmp_path, is_new):
    path = save(tmp_path / "a.pth", new_tensors(), is_new)
    content = path.read_bytes()
    for length in (0, 1, 20, 100, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(CorruptFileError, match="no whole file"):
            read_torch_file(path)
    # Which numbers come last is up to chance; here they are none, only their count.
    content = save(tmp_path / "a.pth", {"none": torch.zeros(0)}, is_new).read_bytes()
    path.write_bytes(content[:-1])
    with pytest.raises(CorruptFileError, match="no whole file"):
        read_torch_file(path)
    path.write_bytes(b"\x80\x02K\x01." * 30)
    with pytest.raises(CorruptFileError, match="another format"):
        read_torch_file(path)
    with pytest.raises(CorruptFileError, match="is missing"):
        read_torch_file(tmp_path / "b.pth")
