"""Measures a model or a set of images against real images."""

import numpy as np

from keras_sphere import metrics as measures
from keras_sphere.evaluation.collection import MAX_KEPT, collect
from keras_sphere.evaluation.compiled_model import CompiledModel
from keras_sphere.evaluation.digits_classifier import digits_features
from keras_sphere.evaluation.feature_networks import FeatureNetwork, InceptionFeatures
from keras_sphere.evaluation.image_paths import open_paths
from keras_sphere.evaluation.image_sets import (
    GeneratedImages,
    GivenImages,
    ReconstructedImages,
)
from keras_sphere.evaluation.model_names import weights_name
from keras_sphere.evaluation.results import Evaluation, Row
from keras_sphere.models import SphereEncoderModel
from keras_sphere.perceptual import LPIPS
from keras_sphere.validation import (
    if_given,
    read_boolean,
    read_integer,
    read_not_negative,
    read_seed,
    read_sequence,
)

SET_METRICS = ("frechet", "kernel", "inception_score", "precision", "recall")
PAIR_METRICS = ("rfid", "psnr", "ssim", "lpips")
DEFAULT_METRICS = (*SET_METRICS, "rfid", "psnr", "ssim")
NUM_NEIGHBORS = 3


def evaluate(
    source,
    data,
    metrics=DEFAULT_METRICS,
    network="inception",
    held_out=None,
    num_images=None,
    steps=None,
    guidance_scales=None,
    seed=0,
    batch_size=64,
    use_ema=None,
    cache_dir=None,
    image_size=None,
    tick=None,
):
    """Measures what a model generates and reconstructs, or images of any origin.

    Frechet distance, kernel distance, Inception score, precision and recall of sets
    of images against `data`, swept over steps and guidance; the same of held-out real
    images, as the yardstick; Frechet distance (rFID), PSNR, SSIM and LPIPS of
    reconstructions, without labels and without noise, of the held-out images (of
    `data` if there are none). All in float64, a batch in memory at a time.

    Args:
        source: `SphereEncoderModel`; or images: an array of shape
            `(count, height, width, channels)`, uint8 or float in [-1, 1], an
            `ImageDataset`, or the path of a folder of images or of anything else that
            `keras_sphere.data.load` takes, of which the split `"train"` is read.
        data: Real images to compare with, likewise; or a `metrics.Gaussian`, such as
            `Gaussian.load` reads from a public file of statistics, with which only
            the Frechet distance can be computed.
        metrics: Sequence of names: `"frechet"`, `"kernel"`, `"inception_score"`,
            `"precision"`, `"recall"`, and `"rfid"`, `"psnr"`, `"ssim"`, `"lpips"` of
            reconstructions. Recall always comes with the Frechet distance.
        network: `"inception"`, the network of the FID, whose weights must be on disk
            (see `InceptionFeatures`); `"digits"`, the classifier that comes with
            this package; or a `FeatureNetwork` of any Keras model.
        held_out: Real images, likewise, that neither the model nor `data` has, or
            `None`.
        num_images: Integer. How many images to generate; defaults to as many as
            there are in `data`. The Frechet distance depends on it.
        steps: Sequence of integers, or `None` for the model's default.
        guidance_scales: Sequence of floats, or `None` for the model's default.
        seed: Integer. Seed of the generated images.
        batch_size: Integer. Images at a time.
        use_ema: Boolean or `None` for the model's default.
        cache_dir: String or path. Folder for statistics: what is there is not computed
            again, and a run that was killed goes on. `None` keeps nothing.
        image_size: Integer. Height and width to which images of paths are brought;
            defaults to those of the model or of the other images.
        tick: Callable of a text and two integers, how many images of how many are
            done, or `None`.

    Returns:
        `Evaluation`: a table with all that a comparison needs to know.

    Raises:
        ValueError: If an argument is out of range.
        FileNotFoundError: If the weights of a network are nowhere to be found.

    Example:

    >>> model = keras_sphere.presets.load("digits16")
    >>> (train, _), (test, _) = keras_sphere.data.load_digits()
    >>> print(keras_sphere.evaluate(model, train, held_out=test, network="digits"))
    """
    metrics = check_metrics(metrics, has_images=not _is_gaussian(data))
    batch_size, seed = read_integer("batch_size", batch_size), read_seed("seed", seed)
    num_images = if_given(read_integer, "num_images", num_images)
    image_size = if_given(read_integer, "image_size", image_size)
    use_ema = if_given(read_boolean, "use_ema", use_ema)
    settings = list(_settings(steps, guidance_scales))
    source, data, held_out = open_paths((source, data, held_out), image_size)
    runner = _Runner(resolve_network(network), batch_size, cache_dir, tick)
    is_model = isinstance(source, SphereEncoderModel)
    if not is_model:
        source = GivenImages(source, "images", num_images, argument="source")
    if held_out is not None:
        held_out = GivenImages(held_out, "held-out images", argument="held_out")
    reference = _Reference(data, runner)
    rows = []
    if is_model:
        count = num_images or reference.count
        weights = weights_name(source, use_ema)
        for sampling in settings:
            images = GeneratedImages(
                source, count, seed, weights, use_ema=use_ema, **sampling
            )
            rows.append(_set_row(images, reference, runner, metrics))
    else:
        rows.append(_set_row(source, reference, runner, metrics))
    if is_model and set(metrics) & set(PAIR_METRICS):
        originals = held_out or reference.images
        if originals is not None:
            images = ReconstructedImages(source, originals, weights, use_ema)
            rows.append(_pair_row(images, runner, metrics))
    if held_out is not None:
        rows.append(_set_row(held_out, reference, runner, metrics))
    return Evaluation(
        tuple(rows),
        {
            "network": runner.network.name,
            "reference": reference.settings,
            "rounding": "floor(255 x)",
            "metrics": list(metrics),
        },
    )


def _settings(steps, guidance_scales):
    """Yields the options of generation to measure, as dicts."""
    steps = None if steps is None else read_sequence("steps", steps, read_integer)
    if guidance_scales is not None:
        guidance_scales = read_sequence(
            "guidance_scales", guidance_scales, read_not_negative
        )
    for scale in guidance_scales or [None]:
        for number in steps or [None]:
            yield {"steps": number, "guidance_scale": scale}


def check_metrics(metrics, has_images=True):
    """The metrics asked for, in the order of tables.

    Args:
        metrics: Sequence of strings.
        has_images: Boolean. Whether the reference has images, not only statistics.

    Raises:
        ValueError: If one is not known.
    """
    known = (*SET_METRICS, *PAIR_METRICS)
    unknown = [name for name in metrics if name not in known]
    if unknown or not metrics:
        raise ValueError(
            f"`metrics` must be some of {list(known)}. Received: {list(metrics)}"
        )
    wanted = set(metrics)
    if has_images and "frechet" in wanted:
        wanted.add("recall")
    if not has_images:
        wanted -= {"kernel", "precision", "recall"}
    return tuple(name for name in known if name in wanted)


def resolve_network(network):
    """The `FeatureNetwork` behind the argument `network` of `evaluate`."""
    if isinstance(network, FeatureNetwork):
        return network
    if network == "inception":
        return InceptionFeatures()
    if network == "digits":
        return digits_features()
    raise ValueError(
        "`network` must be 'inception', 'digits' or a `FeatureNetwork`. "
        f"Received: network={network!r}"
    )


def _is_gaussian(data):
    return isinstance(data, measures.Gaussian)


class _Runner:
    """The feature network, and how to run it over a set."""

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


class _Reference:
    """Real images to compare with, or their statistics."""

    def __init__(self, data, runner):
        if _is_gaussian(data):
            self.images, self.gaussian, self.kept = None, data, None
            self.count = data.count or 50_000
            self.settings = {"set": "statistics from a file", "count": data.count}
        else:
            self.images = GivenImages(data, "reference images", argument="data")
            collected = runner.collect(self.images)
            self.gaussian, self.kept = collected.gaussian, collected.kept
            self.count, self.settings = self.images.count, self.images.settings


def _set_row(images, reference, runner, metrics):
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
    if {"precision", "recall"} & set(metrics):
        values["precision"], values["recall"] = measures.precision_recall(
            reference.kept, collected.kept, NUM_NEIGHBORS
        )
        values["neighbors_among"] = min(len(reference.kept), MAX_KEPT)
    return Row(images.name, images.settings, values)


def _pair_row(images, runner, metrics):
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
