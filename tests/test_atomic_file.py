"""Files written under a temporary name."""

import pytest

from keras_sphere.atomic_file import replace_when_done


def test_replaces_the_file_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "folder" / "model.keras"
    for text in ("first", "second"):
        with replace_when_done(path) as temporary:
            assert temporary.suffix == ".keras"
            assert temporary.parent == path.parent
            temporary.write_text(text)
    assert path.read_text() == "second"
    assert list(path.parent.iterdir()) == [path]


def test_a_failure_keeps_the_earlier_file(tmp_path):
    path = tmp_path / "report.json"
    path.write_text("earlier")

    def write_half():
        with replace_when_done(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert path.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [path]
