"""Files of weights: what is written, and hostile ones."""

import pathlib

import h5py
import numpy as np
import pytest

from keras_sphere.files.integrity import CorruptFileError
from keras_sphere.preset_files.weights_contents import check_contents
from keras_sphere.preset_files.weights_file import write_weights
from tests import tiny_models
from tests.testing import TestCase, to_numpy


class WriteWeightsTest(TestCase):
    def setUp(self):
        super().setUp()
        self.backbone = tiny_models.new_model().backbone
        self.path = pathlib.Path(self.get_temp_dir()) / "model.weights.h5"
        self.values = [to_numpy(w) for w in self.backbone.weights]

    def load(self):
        """The weights of a fresh backbone that loaded the file by Keras' own means."""
        fresh = type(self.backbone).from_config(self.backbone.get_config())
        fresh.load_weights(self.path)
        return [to_numpy(w) for w in fresh.weights]

    def test_float32_is_exact(self):
        write_weights(self.backbone, self.path)
        for loaded, value in zip(self.load(), self.values, strict=True):
            self.assertTrue(np.array_equal(loaded, value))
        check_contents(self.path, self.backbone.count_params())
        self.assertEqual([p.name for p in self.path.parent.iterdir()], [self.path.name])

    def test_float16_is_half_the_size(self):
        write_weights(self.backbone, self.path, "float16")
        for loaded, value in zip(self.load(), self.values, strict=True):
            self.assertTrue(np.array_equal(loaded, value.astype("float16")))

    def test_averages_are_written_in_place_of_the_weights(self):
        variable = self.backbone.trainable_variables[0]
        average = np.full(variable.shape, 7.0, "float32")
        write_weights(
            self.backbone,
            self.path,
            value_of=lambda other: average if other is variable else None,
        )
        loaded = self.load()
        index = [w is variable for w in self.backbone.weights].index(True)
        self.assertTrue((loaded[index] == 7.0).all())
        self.assertTrue(np.array_equal(to_numpy(variable), self.values[index]))
        self.assertTrue(np.array_equal(loaded[index + 1], self.values[index + 1]))

    def test_bfloat16_variables(self):
        model = tiny_models.new_model(dtype="bfloat16")
        write_weights(model.backbone, self.path)
        check_contents(self.path, model.backbone.count_params())
        expected = [to_numpy(w) for w in model.backbone.weights]
        for loaded, value in zip(self.load(), expected, strict=True):
            self.assertTrue(np.array_equal(loaded, value))

    def test_overflow_is_refused(self):
        self.backbone.trainable_variables[0].assign(
            np.full(self.backbone.trainable_variables[0].shape, 1e6, "float32")
        )
        with self.assertRaisesRegex(ValueError, "not finite as float16"):
            write_weights(self.backbone, self.path, "float16")


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "model.weights.h5"
    with h5py.File(path, "w") as file:
        file["a/vars/0"] = np.zeros((2, 3), "float32")
    return path


def test_a_plain_file_passes(path):
    check_contents(path, 6)


def test_a_wrong_number_of_values(path):
    with pytest.raises(ValueError, match=r"7 weights.*Received: 6 values"):
        check_contents(path, 7)


def test_a_huge_array_that_takes_no_space(path):
    with h5py.File(path, "a") as file:
        file.create_dataset("b", shape=(10**9, 10**3), dtype="float32", chunks=True)
    assert path.stat().st_size < 10**5
    with pytest.raises(ValueError, match="Received: 1000000000006 values"):
        check_contents(path, 6)


@pytest.mark.parametrize(
    "hostile",
    [
        lambda file: file.__setitem__("b", h5py.ExternalLink("/etc/hosts", "/")),
        lambda file: file.__setitem__("b", h5py.SoftLink("/a/vars/0")),
        lambda file: file.__setitem__("b", file["a"]),
        lambda file: file.__setitem__("a/b", file["/"]),
        lambda file: file.create_dataset("b", data="text"),
        lambda file: file.create_dataset(
            "b", (1,), "float32", external=[("/etc/hosts", 0, 4)]
        ),
        lambda file: file.create_virtual_dataset(
            "b", h5py.VirtualLayout((1,), "float32")
        ),
    ],
    ids=["external", "soft", "twice", "circle", "text", "outside", "virtual"],
)
def test_other_contents_are_refused(path, hostile):
    with h5py.File(path, "a") as file:
        hostile(file)
    reasons = "must not refer|is not a tree|must hold arrays"
    with pytest.raises(ValueError, match=rf"model\.weights\.h5 ({reasons})"):
        check_contents(path, 6)


def test_not_hdf5(path):
    path.write_bytes(b"\x80\x04pickle")
    with pytest.raises(CorruptFileError, match="not an HDF5 file"):
        check_contents(path, 6)
