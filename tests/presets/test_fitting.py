"""Weights of one architecture in another."""

import numpy as np
import pytest

from keras_sphere.presets.fitting import copy_fitting
from tests import tiny_models
from tests.testing import to_numpy

TABLES = [
    f"backbone/{half}/transformer/label_embedding/table"
    for half in ("encoder", "decoder")
]


def backbone(names=None, num_classes=None, **arguments):
    model = tiny_models.new_model(num_classes or len(names or ()), **arguments)
    model.backbone.class_names = names
    return model.backbone


def values(backbone):
    return {v.path: to_numpy(v) for v in backbone.trainable_variables}


@pytest.fixture(scope="module")
def source():
    return backbone(["ant", "bee", "cow"])


def test_classes_keep_their_rows_by_name(source):
    """In another order, one of them gone and two new."""
    target = backbone(["cow", "dodo", "ant", "eel"])
    fitted = copy_fitting(source, target, by_class=True)
    assert fitted == ([], [], 1.0, [0, 2], [])
    before, after = values(source), values(target)
    for path in before:
        if path not in TABLES:
            np.testing.assert_array_equal(after[path], before[path], err_msg=path)
    for path in TABLES:
        ant, bee, cow, null = before[path]
        mean = (ant + bee + cow) / 3.0
        np.testing.assert_allclose(after[path], [cow, mean, ant, mean, null], rtol=1e-6)


def test_classes_without_names(source):
    """Equally many are the same; a name that two classes have is nobody's."""
    for names, count, known in (
        (None, 3, [0, 1, 2]),
        (None, 2, []),
        (["bee", "bee"], None, [0, 1]),
        (["x", "y", "z"], None, []),
    ):
        fitted = copy_fitting(source, backbone(names, count), by_class=True)
        assert fitted.known_classes == known
        assert fitted.afresh == fitted.left_out == []
    twins = backbone(["bee", "bee", "cow"])
    assert copy_fitting(twins, backbone(["bee", "cow"]), True).known_classes == [1]


def test_with_classes_and_without(source):
    unconditional = backbone()
    fitted = copy_fitting(source, unconditional, by_class=True)
    assert fitted.known_classes is None
    assert fitted.afresh == []
    assert set(TABLES) < set(fitted.left_out)
    fitted = copy_fitting(unconditional, backbone(["ant", "bee"]), by_class=True)
    assert fitted.known_classes is None
    assert set(TABLES) < set(fitted.afresh)
    assert 0.0 < fitted.share < 1.0


def test_another_width(source):
    wider = backbone(
        ["ant", "bee"], size={"hidden_dim": 24, "num_layers": 1, "num_heads": 2}
    )
    before = values(wider)
    fitted = copy_fitting(source, wider, by_class=True)
    assert set(TABLES) < set(fitted.afresh) & set(fitted.left_out)
    assert fitted.share < 0.01
    for path in fitted.afresh:
        np.testing.assert_array_equal(values(wider)[path], before[path])
