"""One page about a model: pictures, plots, tables and settings in a single file."""

from __future__ import annotations

import json
import pathlib
import tempfile
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_sphere.class_names import check_same_names, short_name
from keras_sphere.evaluation.diagnostics import diagnose_sphere
from keras_sphere.evaluation.diagnostics_plots import plot_drift, plot_histograms
from keras_sphere.evaluation.evaluating import evaluate
from keras_sphere.evaluation.image_sets import to_bytes
from keras_sphere.evaluation.memorization import report_memorization
from keras_sphere.evaluation.needs import check_report
from keras_sphere.evaluation.page import Page
from keras_sphere.evaluation.quality_plot import plot_quality
from keras_sphere.image_validation import as_images
from keras_sphere.models.class_labels import read_classes
from keras_sphere.typing import ArrayLike, PathLike
from keras_sphere.validation import read_integer, read_seed, read_sequence
from keras_sphere.version import __version__
from keras_sphere.visualization import plot_image_table, plot_sphere

if TYPE_CHECKING:
    from keras_sphere.data.image_dataset import ImageDataset
    from keras_sphere.evaluation.feature_networks import FeatureNetwork
    from keras_sphere.evaluation.results import Evaluation
    from keras_sphere.models.sphere_encoder_model import SphereEncoderModel

COLUMNS, MOST_ROWS = 8, 10
MOST_DIAGNOSED, MOST_COMPARED = 1000, 20_000


def write_report(
    model: SphereEncoderModel,
    train: ImageDataset | tuple[ArrayLike, ArrayLike | None],
    held_out: ImageDataset | tuple[ArrayLike, ArrayLike | None],
    path: PathLike,
    title: str = "Sphere Encoder",
    network: str | FeatureNetwork = "inception",
    steps: Sequence[int] = (1, 4),
    guidance_scales: Sequence[float] | None = None,
    guidance_degrees: Sequence[float] | None = None,
    num_images: int | None = None,
    seed: int = 0,
    batch_size: int = 64,
    use_ema: bool | None = None,
    cache_dir: PathLike | None = None,
    tick: Callable[[str, int, int], object] | None = None,
) -> Evaluation:
    """Measures a model and writes what was found as one HTML file.

    The file holds its pictures and asks for nothing from the network. It shows samples,
    reconstructions, the table of `evaluate` and its plot, the diagnostics of the
    sphere, the samples nearest to training images with a verdict, and all settings.

    Args:
        model: `SphereEncoderModel`.
        train: Images that it was trained on: an `ImageDataset`, or a pair of an array
            of shape `(count, height, width, channels)` and labels (integers, or names
            of the model's classes) or `None`.
        held_out: The same, of images that it was not trained on.
        path: String or path of the `.html` file.
        title: String.
        network, steps, guidance_scales, guidance_degrees, num_images, seed: See
            `evaluate`.
        batch_size, use_ema, cache_dir, tick: Likewise.

    Returns:
        `Evaluation`.

    Raises:
        ImportError: If a package that the page needs is not installed.

    Example:

    >>> model = keras_sphere.presets.load("digits16")
    >>> train, test = keras_sphere.data.load_digits()
    >>> keras_sphere.evaluation.write_report(
    ...     model, train, test, "report.html", network="digits"
    ... )
    """
    check_report(model.backbone.image_size)
    check_same_names("held_out", held_out, model.backbone.class_names)
    train = _read(model.backbone, "train", train)
    held_out = _read(model.backbone, "held_out", held_out)
    steps, seed = read_sequence("steps", steps, read_integer), read_seed("seed", seed)
    evaluation = evaluate(
        model,
        _images(train),
        network=network,
        held_out=_images(held_out),
        num_images=num_images,
        steps=steps,
        guidance_scales=guidance_scales,
        guidance_degrees=guidance_degrees,
        seed=seed,
        batch_size=batch_size,
        use_ema=use_ema,
        cache_dir=cache_dir,
        tick=tick,
    )
    chunked: dict[str, Any] = {"batch_size": batch_size, "use_ema": use_ema}
    images, labels = _some(held_out, MOST_DIAGNOSED)
    diagnostics = diagnose_sphere(
        model, images, _labels(model, labels), seed=seed, **chunked
    )
    copies = report_memorization(
        model, _some(train, MOST_COMPARED)[0], images, num_samples=200, seed=seed
    )
    with tempfile.TemporaryDirectory() as folder:
        page = Page(title, pathlib.Path(folder))
        _add_pictures(page, model, images, steps, seed, chunked)
        page.heading("Numbers")
        page.text(str(evaluation))
        page.picture(
            "quality",
            lambda file: plot_quality(evaluation, file),
            "Quality over network passes; the dashed line is real held-out images.",
        )
        _add_diagnostics(page, diagnostics, seed)
        page.heading("Memorization")
        page.paragraph(copies.verdict)
        page.picture("copies", copies.plot, "Look: are these copies?")
        page.heading("Settings")
        page.text(json.dumps(_settings(model, evaluation), indent=1))
        page.write(path)
    return evaluation


def _add_pictures(page, model, held_out, steps, seed, chunked):
    classes = model.backbone.num_classes
    rows = min(classes, MOST_ROWS) or 4
    labels = np.repeat(np.arange(rows), COLUMNS) if classes else None

    def grid(images):
        return images.reshape(rows, COLUMNS, *images.shape[1:])

    samples = {
        f"{count} step{'s' * (count > 1)}": grid(
            model.generate(
                rows * COLUMNS, labels=labels, steps=count, seed=seed, **chunked
            )
        )
        for count in steps
    }
    known = model.backbone.class_names
    names = [short_name(row, known) if classes else "" for row in range(rows)]
    page.heading("Samples")
    page.picture(
        "samples",
        lambda file: plot_image_table(samples, names, file),
        "The same noise in every group"
        + (", a class in each row." if classes else "."),
    )
    images = to_bytes(held_out[: 2 * COLUMNS])
    groups = {"held-out": images}
    for strength in (0.0, 0.5, 1.0):
        groups[f"noise {strength:g}"] = model.reconstruct(
            images, strength=strength, seed=seed, **chunked
        )
    rows_of_pairs = np.stack([to_bytes(group) for group in groups.values()])
    page.heading("Reconstructions")
    page.picture(
        "reconstructions",
        lambda file: plot_image_table({"": rows_of_pairs}, list(groups), file),
        "Held-out images without their labels, and with noise of a part of the "
        "largest training angle's strength.",
    )


def _add_diagnostics(page, diagnostics, seed):
    page.heading("The sphere")
    page.text(str(diagnostics))
    points = np.random.default_rng(seed).standard_normal(diagnostics.latents.shape)
    points /= np.sqrt(np.mean(points**2, axis=(1, 2), keepdims=True))
    page.picture(
        "sphere",
        lambda file: plot_sphere(
            diagnostics.latents, diagnostics.labels, points.astype("float32"), file
        ),
        "If the latents fill the sphere evenly, the panels agree.",
    )
    page.picture(
        "histograms",
        lambda file: plot_histograms(diagnostics, file),
        "Norms before projection, and how far points of the sphere are from a latent.",
    )
    page.picture(
        "drift",
        lambda file: plot_drift(diagnostics, file),
        "Images that are encoded and decoded over and over, without noise.",
    )


def _read(backbone, name, data):
    """A dataset as it is, or a pair of checked images and labels."""
    if _is_dataset(data):
        return data
    images, labels = as_images(name, data[0]), data[1]
    if backbone.num_classes:
        labels = read_classes(backbone, labels, len(images))
    return images, labels


def _images(data):
    """What `evaluate` takes."""
    return data if _is_dataset(data) else data[0]


def _some(data, most):
    """At most so many images and their labels, as arrays, evenly spread."""
    count = data.description.num_images if _is_dataset(data) else len(data[0])
    rows = np.unique(np.linspace(0, count - 1, min(count, most)).astype(int))
    if _is_dataset(data):
        return data.examples(rows)
    return tuple(None if part is None else np.asarray(part)[rows] for part in data)


def _is_dataset(data):
    return hasattr(data, "examples")


def _labels(model, labels):
    return labels if model.backbone.num_classes else None


def _settings(model, evaluation):
    return {
        "keras_sphere": __version__,
        "parameters": model.backbone.count_params(),
        "noise": model.noise_schedule.get_config(),
        "sampling": model.sampling.to_dict(),
        "evaluation": evaluation.settings,
        "sets": [row.settings for row in evaluation.rows],
    }
