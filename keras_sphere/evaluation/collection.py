"""One pass over a set of images: what the metrics need, in constant memory."""

import dataclasses
import pathlib

import numpy as np

from keras_sphere.evaluation.image_sets import fingerprint
from keras_sphere.files.atomic_file import replace_when_done
from keras_sphere.metrics import Gaussian, GaussianFit, InceptionScore

# Precision, recall and the kernel distance compare so many images of a set at most.
MAX_KEPT = 10_000
IMAGES_BETWEEN_SAVES = 2_000


@dataclasses.dataclass(frozen=True)
class Collected:
    """What is known of the features of a set of images.

    Args:
        gaussian: `Gaussian`, in float64.
        inception_score: Pair of mean and spread, or `None` without a classifier or
            with too few images.
        kept: float32 array of the features of the first images.
        class_agreement: Float: share of images that the network puts into the class of
            their label, or `None` if it is no classifier of these classes.
    """

    gaussian: Gaussian
    inception_score: tuple[float, float] | None
    kept: np.ndarray
    class_agreement: float | None = None


def collect(image_set, network, batch_size, folder=None, max_kept=MAX_KEPT, tick=None):
    """Runs the feature network over a set of images.

    With a folder, what is known is saved there now and then, so that a run that was
    killed goes on, and one that was complete is not repeated. The file holds `mu` and
    `sigma`, as public files of statistics do, and more.

    Args:
        image_set: `GivenImages`, `GeneratedImages` or `ReconstructedImages`.
        network: `FeatureNetwork`.
        batch_size: Integer. Images at a time.
        folder: String or path, or `None`.
        max_kept: Integer. How many features are kept one by one.
        tick: Callable of the number of images done, or `None`.

    Returns:
        `Collected`.
    """
    path = None
    if folder is not None:
        name = {"network": network.name, "kept": max_kept, "format": 2}
        name |= image_set.settings
        path = pathlib.Path(folder) / f"statistics-{fingerprint(name)}.npz"
    progress = _Progress.load(path)
    saved = progress.count
    while progress.count < image_set.count:
        stop = min(progress.count + batch_size, image_set.count)
        images, labels = image_set.batch(progress.count, stop)
        outputs = network(images)
        progress.add(outputs, max_kept)
        progress.add_labels(outputs["logits"], labels, image_set.num_classes)
        is_last = progress.count == image_set.count
        if path and (is_last or progress.count - saved >= IMAGES_BETWEEN_SAVES):
            progress.save(path)
            saved = progress.count
        if tick is not None:
            tick(progress.count)
    return progress.collected()


class _Progress:
    """How far a pass is."""

    def __init__(self):
        self.fit = None
        self.score = InceptionScore()
        self.kept = []
        self.labelled = self.agreed = 0

    @property
    def count(self):
        return 0 if self.fit is None else self.fit.count

    def add(self, outputs, max_kept):
        features = outputs["features"]
        if self.fit is None:
            self.fit = GaussianFit(features.shape[1])
        room = max_kept - self.count
        if room > 0:
            self.kept.append(features[:room].astype("float32"))
        self.fit.update(features)
        if outputs["logits"] is not None:
            self.score.update(outputs["logits"])

    def add_labels(self, logits, labels, num_classes):
        """Counts the images that a classifier of these classes agrees on."""
        if labels is None or logits is None or logits.shape[1] != num_classes:
            return
        self.labelled += len(labels)
        self.agreed += int(np.sum(np.argmax(logits, axis=1) == np.asarray(labels)))

    def save(self, path):
        count = self.fit.count
        with replace_when_done(path) as temporary, open(temporary, "wb") as file:
            np.savez(
                file,
                mu=self.fit.mean,
                sigma=self.fit.scatter / max(count - 1, 1),
                n=count,
                scatter=self.fit.scatter,
                kept=np.concatenate(self.kept),
                labels=np.array([self.labelled, self.agreed]),
                **{f"score_{k}": v for k, v in self.score.state().items()},
            )

    @classmethod
    def load(cls, path):
        progress = cls()
        if path is None or not path.is_file():
            return progress
        with np.load(path, allow_pickle=False) as file:
            progress.fit = GaussianFit(len(file["mu"]))
            progress.fit.count = int(file["n"])
            progress.fit.mean = file["mu"]
            progress.fit.scatter = file["scatter"]
            progress.kept = [file["kept"]]
            progress.labelled, progress.agreed = file["labels"].tolist()
            names = [name for name in file.files if name.startswith("score_")]
            state = {name.removeprefix("score_"): file[name] for name in names}
            progress.score = InceptionScore.from_state(state)
        return progress

    def collected(self):
        has_score = self.score.count >= self.score.num_splits
        return Collected(
            self.fit.gaussian(),
            self.score.result() if has_score else None,
            np.concatenate(self.kept),
            self.agreed / self.labelled if self.labelled else None,
        )
