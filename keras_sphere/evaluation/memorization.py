"""Whether a model copies its training images."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from keras_sphere import metrics
from keras_sphere.evaluation.image_sets import to_bytes
from keras_sphere.image_validation import as_images
from keras_sphere.short_repr import ShortRepr
from keras_sphere.typing import ArrayLike, PathLike
from keras_sphere.validation import read_integer
from keras_sphere.visualization import plot_image_table

if TYPE_CHECKING:
    from keras_sphere.models.sphere_encoder_model import SphereEncoderModel

NUM_SHOWN = 10


@dataclasses.dataclass(frozen=True, repr=False)
class MemorizationReport(ShortRepr):
    """Distances to the nearest training image, in pixels of [0, 1], RMS per pixel.

    Args:
        of_samples: float64 array, of each generated image.
        of_held_out: float64 array, of each held-out image.
        samples: uint8 array, the generated images.
        nearest: uint8 array, the training image nearest to each.
    """

    of_samples: np.ndarray
    of_held_out: np.ndarray
    samples: np.ndarray
    nearest: np.ndarray

    def _facts(self):
        return {"samples": len(self.of_samples), "verdict": self.verdict}

    @property
    def ratio(self) -> float:
        """Median of the samples by median of the held-out images."""
        return float(np.median(self.of_samples) / np.median(self.of_held_out))

    @property
    def share_nearer(self) -> float:
        """Share of the samples nearer than 99 of 100 held-out images are."""
        return float(np.mean(self.of_samples < np.quantile(self.of_held_out, 0.01)))

    @property
    def verdict(self) -> str:
        """One sentence."""
        if self.share_nearer > 0.05:
            return (
                f"Copies: {100 * self.share_nearer:.0f} % of the samples are nearer to "
                "a training image than 99 % of the held-out images are."
            )
        if self.ratio < 1.0:
            return (
                "Close to the training images: samples are nearer to them than unseen "
                f"real images are (median ratio {self.ratio:.2f}), but few are copies "
                f"({100 * self.share_nearer:.1f} % nearer than 99 % of the held-out)."
            )
        return (
            "No sign of copies: samples are no nearer to the training images than "
            f"unseen real images are (median ratio {self.ratio:.2f})."
        )

    def plot(self, path: PathLike) -> None:
        """Draws the samples nearest to a training image beside that image."""
        order = np.argsort(self.of_samples)[:NUM_SHOWN]
        rows = np.stack([self.samples[order], self.nearest[order]])
        names = ["sample", "nearest training image"]
        plot_image_table({"the samples nearest to training images": rows}, names, path)


def report_memorization(
    model: SphereEncoderModel,
    train_images: ArrayLike,
    held_out_images: ArrayLike,
    num_samples: int = 256,
    seed: int = 0,
) -> MemorizationReport:
    """Compares samples with their nearest training images.

    Args:
        model: `SphereEncoderModel`.
        train_images: Array of shape `(count, height, width, channels)`, uint8 or float
            in [-1, 1].
        held_out_images: The same, of images not trained on.
        num_samples: Integer. Images to generate, with balanced labels.
        seed: Integer.

    Returns:
        `MemorizationReport`.
    """
    num_samples = read_integer("num_samples", num_samples)
    train = to_bytes(as_images("train_images", train_images))
    held_out = to_bytes(as_images("held_out_images", held_out_images))
    classes = model.backbone.num_classes
    labels = np.arange(num_samples) * classes // num_samples if classes else None
    samples = model.generate(num_samples, labels=labels, seed=seed)
    samples = to_bytes(samples, "generated images")
    of_samples, nearest = _nearest(samples, train)
    of_held_out, _ = _nearest(held_out, train)
    return MemorizationReport(of_samples, of_held_out, samples, train[nearest])


def _nearest(images, references):
    """Distances to, and indices of, the nearest references."""
    rows, others = (x.reshape(len(x), -1) / 255.0 for x in (images, references))
    distances, nearest = metrics.nearest_neighbors(rows, others)
    return distances / np.sqrt(rows.shape[1]), nearest
