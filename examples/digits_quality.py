"""Quality of generated digits, with real digits as the yardstick.

Used by `train_digits.py`. What is measured, on 500 samples, 50 per class, as the mean
of three draws:

- class: share of samples that a support vector machine, trained on the real
  training digits, puts into the class that was asked for;
- Frechet distance between Gaussians in the space of the 32 principal components of
  the training images (not whitened), against the test and against the training
  images;
- precision and recall with k = 3 in that space. The real set is the 297 test
  images: precision is the share of samples inside the manifold of the test images,
  recall the share of test images inside the manifold of the 500 samples;
- nearest: median distance, over all pixels in [-1, 1], of a sample to the nearest
  training image, divided by that of the test images. Well below 1 means copies;
- PSNR of reconstructed test images in [0, 1], mean over images.

500 real training images, drawn by class like the samples, give the level that a
perfect sampler of the training distribution would reach; it is the mean of ten
draws, as one draw moves the Frechet distance by 0.3. The test digits are mostly by
other writers than the training digits, which is why that level is not perfect.
"""

from keras_sphere import metrics

import numpy as np
from sklearn.decomposition import PCA
from sklearn.svm import SVC

NUM_CLASSES = 10
SAMPLES_PER_CLASS = 50
NUM_COMPONENTS = 32
NUM_NEIGHBORS = 3
NUM_DRAWS = 3
NUM_REAL_DRAWS = 10
STEPS = (1, 2, 4, 6)

COLUMNS = {
    "class_agreement": ("class %", "{:.1f}", 100.0),
    "frechet_to_test": ("Frechet (test)", "{:.2f}", 1.0),
    "frechet_to_train": ("Frechet (train)", "{:.2f}", 1.0),
    "precision": ("precision", "{:.2f}", 1.0),
    "recall": ("recall", "{:.2f}", 1.0),
    "nearest_ratio": ("nearest", "{:.2f}", 1.0),
}


def sample_labels(samples_per_class=SAMPLES_PER_CLASS):
    """Labels of the samples: `samples_per_class` of each class, in order."""
    return np.repeat(np.arange(NUM_CLASSES, dtype="int32"), samples_per_class)


class DigitsQuality:
    """Measures generated digits against real ones.

    Args:
        train: Pair of images, uint8 or float in [-1, 1], of shape
            `(batch, height, width, 1)`, and integer labels of shape `(batch,)`.
        test: The same for images held out from training.
    """

    def __init__(self, train, test):
        self.test_images = _to_floats(test[0])
        self.test_labels = np.asarray(test[1])
        self.train_labels = np.asarray(train[1])
        self.train_pixels = _to_rows(train[0])
        self.test_pixels = _to_rows(test[0])
        self.classifier = SVC(C=10.0).fit(self.train_pixels, self.train_labels)
        self.projection = PCA(NUM_COMPONENTS, svd_solver="full").fit(self.train_pixels)
        self.train_features = self.projection.transform(self.train_pixels)
        self.test_features = self.projection.transform(self.test_pixels)
        distances = metrics.nearest_distances(self.test_pixels, self.train_pixels)
        self.test_nearest = float(np.median(distances))

    def measure(self, model, seed=0, use_ema=None, steps=STEPS):
        """Measures everything for a trained `SphereEncoderModel`.

        Args:
            model: `SphereEncoderModel` with ten classes.
            seed: Integer. Seed of the noise of the first draw; the next have the next.
            use_ema: Boolean, or `None` for the model's default. Which weights.
            steps: Sequence of integers. Numbers of generation steps to measure.

        Returns:
            Dict for `format_table` and for JSON, with the keys `samples` (a dict per
            number of steps), `real` and `psnr`.
        """
        samples = {}
        for count in steps:
            draws = [
                self._measure_draw(model, count, seed + i, use_ema)
                for i in range(NUM_DRAWS)
            ]
            samples[str(count)] = _mean(draws)
        given_labels = {"null_label": None, "true_label": self.test_labels}
        psnr = {
            name: self.measure_reconstruction(
                model.reconstruct(self.test_images, given, use_ema=use_ema)
            )
            for name, given in given_labels.items()
        }
        return {"samples": samples, "real": self.measure_real(), "psnr": psnr}

    def _measure_draw(self, model, steps, seed, use_ema):
        labels = sample_labels()
        images = model.generate(labels=labels, steps=steps, seed=seed, use_ema=use_ema)
        return self.measure_samples(images, labels)

    def measure_samples(self, images, labels):
        """Measures one set of samples.

        Args:
            images: Array `(batch, height, width, 1)`, uint8 or float in [-1, 1].
            labels: Integer array `(batch,)`: the classes asked for.

        Returns:
            Dict of floats.
        """
        pixels = _to_rows(images)
        nearest = np.median(metrics.nearest_distances(pixels, self.train_pixels))
        agreement = np.mean(self.classifier.predict(pixels) == np.asarray(labels))
        return {
            "class_agreement": float(agreement),
            **self._compare(self.projection.transform(pixels)),
            "nearest_distance": float(nearest),
            "nearest_ratio": float(nearest / self.test_nearest),
        }

    def measure_real(self):
        """Measures real images the same way: the yardstick.

        Returns:
            Dict with `train` (500 training images, mean of ten draws) and `test`
            (the test images), each a dict of floats.
        """
        draws = [self._compare(self._draw_real(i)) for i in range(NUM_REAL_DRAWS)]
        train = _mean(draws)
        correct = self.classifier.predict(self.test_pixels) == self.test_labels
        to_train = metrics.frechet_distance(self.test_features, self.train_features)
        test = {
            "class_agreement": float(np.mean(correct)),
            "frechet_to_train": to_train,
            "nearest_distance": self.test_nearest,
            "nearest_ratio": 1.0,
        }
        return {"train": train, "test": test}

    def measure_reconstruction(self, reconstructions):
        """PSNR in decibels of reconstructions, in [-1, 1], of the test images."""
        reconstructions = _to_floats(reconstructions)
        values = metrics.psnr(
            (self.test_images + 1.0) / 2.0, (reconstructions + 1.0) / 2.0, max_value=1.0
        )
        return float(np.mean(values))

    def _compare(self, features):
        precision, recall = metrics.precision_recall(
            self.test_features, features, NUM_NEIGHBORS
        )
        return {
            "frechet_to_test": metrics.frechet_distance(features, self.test_features),
            "frechet_to_train": metrics.frechet_distance(features, self.train_features),
            "precision": precision,
            "recall": recall,
        }

    def _draw_real(self, seed):
        """Features of real training images, as many per class as samples have."""
        generator = np.random.default_rng(seed)
        chosen = [
            generator.permutation(np.flatnonzero(self.train_labels == label))
            for label in range(NUM_CLASSES)
        ]
        chosen = [indices[:SAMPLES_PER_CLASS] for indices in chosen]
        return self.train_features[np.concatenate(chosen)]


def format_table(quality):
    """Lays out the result of `DigitsQuality.measure` as text.

    Args:
        quality: Dict as `DigitsQuality.measure` returns it.

    Returns:
        String of several lines.
    """
    rows = [
        (f"samples, {count} step{'s' * (count != '1')}", values)
        for count, values in quality["samples"].items()
    ]
    rows.append(("500 real training images", quality["real"]["train"]))
    rows.append(("real test images", quality["real"]["test"]))
    cells = [["", *(title for title, _, _ in COLUMNS.values())]]
    for name, values in rows:
        cells.append(
            [name]
            + [
                form.format(values[key] * scale) if key in values else "-"
                for key, (_, form, scale) in COLUMNS.items()
            ]
        )
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        row[0].ljust(widths[0])
        + "".join(
            "  " + cell.rjust(width)
            for cell, width in zip(row[1:], widths[1:], strict=True)
        )
        for row in cells
    ]
    lines.append(
        f"PSNR of reconstructed test images: {quality['psnr']['null_label']:.2f} dB "
        f"without label, {quality['psnr']['true_label']:.2f} dB with label"
    )
    return "\n".join(lines)


def _mean(measured):
    """Means of the values of several dicts alike."""
    return {key: float(np.mean([d[key] for d in measured])) for key in measured[0]}


def _to_floats(images):
    """Images as float64 in [-1, 1]."""
    images = np.asarray(images)
    floats = images.astype("float64")
    return floats / 127.5 - 1.0 if images.dtype == np.uint8 else floats


def _to_rows(images):
    """Images in [-1, 1], one row of pixels each."""
    return _to_floats(images).reshape(len(images), -1)
