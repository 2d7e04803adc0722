"""What is computed of a set of images: features, distances, and a row of a table."""

import numpy as np

from keras_sphere import metrics as measures
from keras_sphere.evaluation.collection import MAX_KEPT, collect
from keras_sphere.evaluation.compiled_model import CompiledModel
from keras_sphere.evaluation.image_sets import (
    GeneratedImages,
    GivenImages,
    is_refined,
)
from keras_sphere.evaluation.needs import NEIGHBOR_METRICS
from keras_sphere.evaluation.results import Row, row_of_seeds
from keras_sphere.perceptual import LPIPS


class Runner:
    """The feature network, and how to run it over a set.

    Args:
        network: `FeatureNetwork`.
        batch_size: Integer. Images at a time.
        folder: Path of a folder for statistics, or `None`.
        tick: Callable of a text and two integers, or `None`; see `evaluate`.
    """

    def __init__(self, network, batch_size, folder, tick):
        self.network, self.batch_size = network, batch_size
        self._folder, self._tick = folder, tick

    def collect(self, images):
        return collect(
            images, self.network, self.batch_size, self._folder, tick=self.tick(images)
        )

    def tick(self, images):
        """What tells how far a set is, or `None`."""
        if self._tick is None:
            return None
        return lambda done: self._tick(images.name, done, images.count)

    def batches(self, images):
        """Yields the bounds of batches."""
        tick = self.tick(images)
        for start in range(0, images.count, self.batch_size):
            stop = min(start + self.batch_size, images.count)
            yield start, stop
            if tick:
                tick(stop)


class Reference:
    """Real images to compare with, or their statistics.

    Args:
        data: What `evaluate` takes, or a `metrics.Gaussian`.
        runner: `Runner`.
    """

    def __init__(self, data, runner):
        if isinstance(data, measures.Gaussian):
            self.images, self.gaussian, self.kept = None, data, None
            self.count = data.count or 50_000
            self.settings = {"set": "statistics from a file", "count": data.count}
        else:
            self.images = GivenImages(data, "reference images", argument="data")
            collected = runner.collect(self.images)
            self.gaussian, self.kept = collected.gaussian, collected.kept
            self.count, self.settings = self.images.count, self.images.settings


class GeneratedRows:
    """What a model generates, a row for each loop at a point of a sweep.

    Args:
        model: `SphereEncoderModel`, or what generates like one.
        count: Integer. Images of a set.
        seeds: Sequence of integers.
        weights_name: String. See `GeneratedImages`.
        use_ema: Boolean or `None`.
        loops: List of `LatentRefiner` or `None`, what stands between the steps.
    """

    def __init__(self, model, count, seeds, weights_name, use_ema, loops):
        self._model, self._count, self._seeds = model, count, seeds
        self._weights_name, self._use_ema = weights_name, use_ema
        self._loops = loops

    def measure(self, sampling, reference, runner, metrics):
        """List of `Row`; where there is a single step, only that of no refiner.

        Args:
            sampling: Dict of options of generation.
            reference, runner, metrics: See `set_row`.
        """
        loops = self._loops if is_refined(self._model, sampling) else [None]
        return [
            row_of_seeds(
                [
                    set_row(images, reference, runner, metrics)
                    for images in self._sets(loop, sampling)
                ]
            )
            for loop in loops
        ]

    def _sets(self, loop, sampling):
        """A set of images for each seed."""
        given = self._weights_name, loop
        how = {**sampling, "use_ema": self._use_ema}
        for seed in self._seeds:
            yield GeneratedImages(self._model, self._count, seed, *given, **how)


def set_row(images, reference, runner, metrics):
    """Measures one set of images against the reference."""
    collected = runner.collect(images)
    values = {}
    if "frechet" in metrics:
        values["frechet"] = measures.frechet_distance_of_gaussians(
            collected.gaussian, reference.gaussian
        )
    if "kernel" in metrics:
        values["kernel"], values["kernel_spread"] = measures.kernel_distance(
            collected.kept, reference.kept
        )
    if "inception_score" in metrics and collected.inception_score is not None:
        score, spread = collected.inception_score
        values.update(inception_score=score, inception_score_spread=spread)
    if NEIGHBOR_METRICS & set(metrics):
        # Density asks for more neighbors, and so for more images.
        options = (
            {} if {"density", "coverage"} & set(metrics) else {"density_neighbors": 3}
        )
        found = measures.neighbor_measures(reference.kept, collected.kept, **options)
        values.update({name: found[name] for name in metrics if name in found})
        values["neighbors_among"] = min(len(reference.kept), MAX_KEPT)
    if "class_agreement" in metrics and collected.class_agreement is not None:
        values["class_agreement"] = collected.class_agreement
    return Row(images.name, images.settings, values)


def pair_row(images, runner, metrics):
    """Measures reconstructions against their originals."""
    values = {}
    if "rfid" in metrics:
        values["rfid"] = measures.frechet_distance_of_gaussians(
            runner.collect(images).gaussian, runner.collect(images.originals).gaussian
        )
    functions = _pair_functions(metrics, images)
    sums = dict.fromkeys(functions, 0.0)
    for start, stop in runner.batches(images) if functions else ():
        pair = images.batch(start, stop)[0], images.originals.batch(start, stop)[0]
        for name, function in functions.items():
            sums[name] += float(np.sum(function(*pair)))
    values.update({name: total / images.count for name, total in sums.items()})
    return Row(images.name, images.settings, values)


def _pair_functions(metrics, images):
    """Dict of functions of two uint8 batches that return one value per image."""
    functions = {}
    if "psnr" in metrics:
        functions["psnr"] = lambda a, b: measures.psnr(a, b, 255.0)
    if "ssim" in metrics:
        functions["ssim"] = lambda a, b: measures.ssim(a, b, 255.0)
    if "lpips" in metrics:
        functions["lpips"] = _lpips(images.model.backbone.image_size)
    return functions


def _lpips(image_size):
    """LPIPS between batches of uint8 images: one value per image."""
    network = LPIPS(source="torchvision")
    network.build((None, image_size, image_size, 3))
    run = CompiledModel(network)

    def distance(a, b):
        return sum(
            np.mean(np.square(x - y, dtype="float64"), axis=tuple(range(1, x.ndim)))
            for x, y in zip(run(a), run(b), strict=True)
        )

    return distance
