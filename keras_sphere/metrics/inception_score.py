"""Inception score of class probabilities that come in batches."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from keras_sphere.metrics.features import as_features
from keras_sphere.typing import Array, ArrayLike
from keras_sphere.validation import read_integer


class InceptionScore:
    """`exp(mean KL(p(class | image) || p(class)))`, in constant memory.

    The images are dealt to `num_splits` groups in turn; the score is the mean over the
    groups, and its spread their standard deviation. A score depends on the number of
    images per group.

    Args:
        num_splits: Integer, at least 1. Defaults to `10`.

    Reference:
        - [Salimans et al., 2016](https://arxiv.org/abs/1606.03498)
    """

    def __init__(self, num_splits: int = 10) -> None:
        self.num_splits = num_splits = read_integer("num_splits", num_splits)
        self.count = 0
        self._counts = np.zeros(num_splits)
        self._entropies = np.zeros(num_splits)
        self._probabilities: Array | None = None

    def update(self, logits: ArrayLike) -> None:
        """Adds logits of the classifier, of shape `(images, classes)`."""
        logits = as_features("logits", logits)
        logs = logits - logits.max(axis=1, keepdims=True)
        logs = logs - np.log(np.sum(np.exp(logs), axis=1, keepdims=True))
        probabilities = np.exp(logs)
        if self._probabilities is None:
            self._probabilities = np.zeros((self.num_splits, logits.shape[1]))
        groups = (self.count + np.arange(len(logits))) % self.num_splits
        np.add.at(self._counts, groups, 1)
        entropies = -np.sum(probabilities * logs, axis=1)
        np.add.at(self._entropies, groups, entropies)
        np.add.at(self._probabilities, groups, probabilities)
        self.count += len(logits)

    def state(self) -> dict[str, Array]:
        """All that has been added so far, as a dict of arrays, for `from_state`."""
        probabilities = self._probabilities
        if probabilities is None:
            probabilities = np.zeros((self.num_splits, 0))
        return {
            "count": np.asarray(self.count),
            "counts": self._counts,
            "entropies": self._entropies,
            "probabilities": probabilities,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Array]) -> InceptionScore:
        """The score whose `state` was kept."""
        score = cls(len(state["counts"]))
        score.count = int(state["count"])
        score._counts, score._entropies = state["counts"], state["entropies"]
        if state["probabilities"].size:
            score._probabilities = state["probabilities"]
        return score

    def result(self) -> tuple[float, float]:
        """Pair of floats: the mean score over the groups, and its spread.

        Raises:
            ValueError: If a group has no image.
        """
        if self.count < self.num_splits:
            raise ValueError(
                f"There must be at least {self.num_splits} images, one per group. "
                f"Received: {self.count} images"
            )
        counts = self._counts[:, None]
        marginal = self._probabilities / counts
        logs = np.log(np.maximum(marginal, np.finfo("float64").tiny))
        divergences = -np.sum(marginal * logs, axis=1) - self._entropies / self._counts
        scores = np.exp(divergences)
        return float(scores.mean()), float(scores.std())
