"""Rows of conditions: their columns, and what is dropped in training."""

import keras
import numpy as np
import pytest

from keras_sphere.condition_rows import ConditionRows
from keras_sphere.layers import LabelEmbedding
from tests.testing import to_numpy


def test_columns_of_a_row():
    both = ConditionRows(2, 3)
    rows = to_numpy(both.pack(np.asarray([1, 0]), np.asarray([[5.0, 6, 7], [8, 9, 0]])))
    np.testing.assert_array_equal(rows, [[0, 1, 0, 5, 6, 7, 0], [1, 0, 0, 8, 9, 0, 0]])
    np.testing.assert_array_equal(
        to_numpy(both.pack(np.asarray([1]))), [[0, 1, 0, 0, 0, 0, 1]]
    )
    np.testing.assert_array_equal(
        to_numpy(both.pack(None, np.ones((1, 3)))), [[0, 0, 1, 1, 1, 1, 0]]
    )
    np.testing.assert_array_equal(both.null(), [0, 0, 1, 0, 0, 0, 1])
    vectors = ConditionRows(0, 2)
    np.testing.assert_array_equal(vectors.null(), [0, 0, 1])
    assert vectors.inputs() == {"embeddings": 3}
    assert both.inputs() == {"labels": 3, "embeddings": 4}
    assert ConditionRows(0).width == 0


def test_a_tenth_is_dropped_in_training():
    layer = LabelEmbedding(0, 4, dropout_rate=0.1, seed=0, condition_dim=3)
    layer.build()
    rows = np.tile(np.asarray([[1.0, -2.0, 3.0, 0.0]], "float32"), (4000, 1))
    null = to_numpy(layer.table)[-1]
    is_null = np.all(to_numpy(layer(rows, training=True))[:, 0] == null, axis=-1)
    assert is_null.mean() == pytest.approx(0.1, abs=0.02)
    expected = rows[0] @ to_numpy(layer.table)
    np.testing.assert_allclose(to_numpy(layer(rows))[5, 0], expected, atol=1e-6)


def test_of_both_each_is_dropped_alone_too():
    columns = ConditionRows(2, 1)
    row = np.asarray([[0.0, 1.0, 0.0, 7.0, 0.0]], "float32")
    rows = keras.ops.convert_to_tensor(np.tile(row, (4, 1)))
    draws = keras.ops.convert_to_tensor([0.0, 0.15, 0.25, 0.35], "float32")
    dropped = to_numpy(columns.drop(rows, draws, 0.1))
    np.testing.assert_array_equal(
        dropped, [[0, 0, 1, 0, 1], [0, 1, 0, 0, 1], [0, 0, 1, 7, 0], row[0]]
    )


def test_what_cannot_be_dropped_is_refused():
    with pytest.raises(ValueError, match="at most 1/3"):
        LabelEmbedding(2, 4, dropout_rate=0.5, condition_dim=3)
    with pytest.raises(ValueError, match="num_classes"):
        LabelEmbedding(0, 4)
