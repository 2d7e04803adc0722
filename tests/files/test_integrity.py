"""Files that were cut short or changed."""

import pytest

from keras_sphere.files.integrity import CorruptFileError, check_sha256, sha256

pytestmark = pytest.mark.any_backend


def test_an_untouched_file_passes(tmp_path):
    path = tmp_path / "weights.h5"
    path.write_bytes(b"abc")
    assert sha256(path).startswith("ba7816bf8f01cfea")
    check_sha256(path, sha256(path))


@pytest.mark.parametrize("content", [b"ab", b"abd", b""])
def test_a_changed_file_is_named(tmp_path, content):
    path = tmp_path / "weights.h5"
    path.write_bytes(b"abc")
    expected = sha256(path)
    path.write_bytes(content)
    with pytest.raises(CorruptFileError, match=r"weights\.h5 is damaged"):
        check_sha256(path, expected)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CorruptFileError, match=r"weights\.h5 is missing"):
        check_sha256(tmp_path / "weights.h5", "0" * 64)
