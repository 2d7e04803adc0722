"""The Gaussian of features that come in batches, in constant memory, and its file."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any

import numpy as np

from keras_sphere.files.atomic_file import replace_when_done
from keras_sphere.metrics.features import as_features
from keras_sphere.typing import ArrayLike, PathLike


@dataclasses.dataclass(frozen=True)
class Gaussian:
    """Mean and covariance of a set of features.

    Args:
        mean: float64 array of shape `(features,)`.
        covariance: float64 array of shape `(features, features)`, unbiased.
        count: Integer, how many items it is of; `None` if a file does not say.
    """

    mean: np.ndarray
    covariance: np.ndarray
    count: int | None = None

    def save(self, path: PathLike) -> None:
        """Writes an .npz file with `mu` and `sigma`, as public files have, and `n`."""
        path = pathlib.Path(path)
        known: dict[str, Any] = {} if self.count is None else {"n": self.count}
        with replace_when_done(path) as temporary, open(temporary, "wb") as file:
            np.savez(file, mu=self.mean, sigma=self.covariance, **known)

    @classmethod
    def load(cls, path: PathLike) -> Gaussian:
        """Reads what `save` wrote, or a public file of `mu` and `sigma`.

        Args:
            path: String or path.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file does not hold finite arrays `mu` of shape
                `(features,)` and `sigma` of shape `(features, features)`.
        """
        if not pathlib.Path(path).is_file():
            raise FileNotFoundError(
                f"There is no such file of statistics. Received: path={str(path)!r}"
            )
        with np.load(path, allow_pickle=False) as file:
            arrays: dict[str, Any] = {
                key: np.asarray(file[key], "float64")
                for key in ("mu", "sigma", "n")
                if key in file.files
            }
        mean: Any = arrays.get("mu")
        covariance: Any = arrays.get("sigma")
        is_valid = (
            mean is not None
            and mean.ndim == 1
            and covariance is not None
            and covariance.shape == (len(mean), len(mean))
            and all(np.all(np.isfinite(array)) for array in arrays.values())
        )
        if not is_valid:
            raise ValueError(
                f"{path} must hold finite `mu` of shape (features,) and `sigma` of "
                "shape (features, features). Received: "
                f"{ {key: array.shape for key, array in arrays.items()} }"
            )
        return cls(mean, covariance, int(arrays["n"]) if "n" in arrays else None)


class GaussianFit:
    """Fits a Gaussian to batches of features, in float64.

    Batches are joined by the update of Chan, Golub and LeVeque, which loses no digits
    where the mean is large beside the spread.

    Args:
        num_features: Integer.

    Example:

    >>> fit = GaussianFit(2048)
    >>> for features in batches:
    ...     fit.update(features)
    >>> fit.gaussian().save("reference.npz")
    """

    def __init__(self, num_features: int) -> None:
        self.count = 0
        self.mean = np.zeros(num_features)
        self.scatter = np.zeros((num_features, num_features))

    def update(self, features: ArrayLike) -> None:
        """Adds features, an array of shape `(items, num_features)`."""
        features = as_features("features", features)
        if features.shape[1] != len(self.mean):
            raise ValueError(
                f"`features` must have {len(self.mean)} columns. Received: features "
                f"with {features.shape[1]}"
            )
        count, total = len(features), self.count + len(features)
        mean = features.mean(axis=0)
        centered, shift = features - mean, mean - self.mean
        self.scatter += centered.T @ centered
        self.scatter += np.outer(shift, shift) * (self.count * count / total)
        self.mean = self.mean + shift * (count / total)
        self.count = total

    def gaussian(self) -> Gaussian:
        """The `Gaussian` of all features so far.

        Raises:
            ValueError: If there are fewer than 2 items.
        """
        if self.count < 2:
            raise ValueError(
                f"A covariance needs at least 2 items. Received: {self.count} items"
            )
        return Gaussian(self.mean.copy(), self.scatter / (self.count - 1), self.count)
