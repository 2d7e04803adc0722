"""Class labels to vectors."""

import numpy as np

from keras_sphere.layers import LabelEmbedding
from tests.testing import TestCase, to_numpy


def is_null(layer, vectors):
    null = to_numpy(layer.table)[layer.num_classes]
    return np.all(to_numpy(vectors)[:, 0] == null, axis=-1)


class LabelEmbeddingTest(TestCase):
    def test_basics(self):
        self.run_layer_test(
            LabelEmbedding,
            {"num_classes": 2, "hidden_dim": 4, "dropout_rate": 0.0, "seed": 1},
            (2,),
            (2, 1, 4),
            input_dtype="int32",
        )

    def test_rows_of_the_table(self):
        layer = LabelEmbedding(num_classes=3, hidden_dim=4)
        layer.build()
        table = to_numpy(layer.table)
        self.assertEqual(table.shape, (4, 4))
        self.assertLess(table.std(), 0.04)
        labels = np.asarray([3, 0, 2, 0])
        self.assertAllClose(layer(labels), table[labels][:, None])
        self.assertAllClose(layer(np.asarray([-1, 9])), table[[0, 3]][:, None])

    def test_dropout_frequency(self):
        layer = LabelEmbedding(3, 4, dropout_rate=0.3, seed=0)
        labels = np.zeros(4000, "int32")
        first, second = (is_null(layer, layer(labels, training=True)) for _ in "ab")
        for dropped in (first, second):
            self.assertAlmostEqual(dropped.mean(), 0.3, delta=0.04)
        self.assertFalse(np.array_equal(first, second))
        kept = to_numpy(layer(labels, training=True))[~is_null(layer, layer(labels))]
        self.assertNotEmpty(kept)

    def test_kept_labels_stay_as_they_are(self):
        layer = LabelEmbedding(3, 4, dropout_rate=0.5, seed=0)
        labels = np.arange(300) % 3
        dropped = layer(labels, training=True)
        mask = is_null(layer, dropped)
        self.assertAllClose(
            to_numpy(dropped)[~mask], to_numpy(layer(labels))[~mask], atol=0.0
        )

    def test_no_dropout_outside_training(self):
        layer = LabelEmbedding(3, 4, dropout_rate=0.9, seed=0)
        labels = np.zeros(100, "int32")
        self.assertFalse(np.any(is_null(layer, layer(labels))))
        self.assertFalse(np.any(is_null(layer, layer(labels, training=False))))
        layer = LabelEmbedding(3, 4, dropout_rate=0.0)
        self.assertFalse(np.any(is_null(layer, layer(labels, training=True))))
