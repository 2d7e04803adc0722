"""Diagnostics of the sphere: what the latents do, beside what they should."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import keras
import numpy as np

from keras_sphere import geometry, metrics
from keras_sphere.backend.operations import no_gradients
from keras_sphere.class_names import name_of_class
from keras_sphere.evaluation.image_sets import to_bytes
from keras_sphere.models.class_labels import read_classes
from keras_sphere.models.generation import encode_images
from keras_sphere.models.generation_inputs import read_images
from keras_sphere.short_repr import ShortRepr
from keras_sphere.typing import ArrayLike, Labels
from keras_sphere.validation import read_integer, read_seed

if TYPE_CHECKING:
    from keras_sphere.models.sphere_encoder_model import SphereEncoderModel

NUM_DIRECTIONS, NUM_NULL = 64, 100
STRENGTHS = (0.25, 0.5, 0.75, 1.0)
FEWEST_PER_CLASS = 8


@dataclasses.dataclass(frozen=True)
class Uniformity:
    """How evenly the latents of one class, or of all, fill the sphere.

    Args:
        name: String. The class, or `"all"`.
        count: Integer. Latents.
        distance: Float. Sliced Wasserstein distance to the uniform law, in units of
            its standard deviation.
        null_distance: Float. The mean of the same of as many uniform points.
        p_value: Float. Share of uniform sets at least as far.
        mean_angle: Float. Mean angle between pairs, in degrees; 90 if uniform.
        angle_spread: Float. Standard deviation of these angles, in degrees.
        null_angle_spread: Float. That of the exact law.
    """

    name: str
    count: int
    distance: float
    null_distance: float
    p_value: float
    mean_angle: float
    angle_spread: float
    null_angle_spread: float


@dataclasses.dataclass(frozen=True, repr=False)
class SphereDiagnostics(ShortRepr):
    """What `diagnose_sphere` found; `str` shows it as text.

    Args:
        dimensions: Integer. Of the space that the sphere is in.
        latents: float32 array of shape `(images, tokens, channels)`, on the sphere.
        labels: Integer array or `None`.
        uniformity: Tuple of `Uniformity`, all latents first, then each class.
        norms: float64 array, RMS of each latent before it is put on the sphere.
        angles: Dict from noise strength to a pair of degrees: the angle expected and
            the mean of those measured.
        coverage: Share of the sphere within the largest training angle of a latent.
        nearest_angles: float64 array, angles in degrees from uniform points to the
            nearest latent.
        drift: Dict of lists, one value per encode-decode loop: `psnr` to the original
            in dB, `angle` in degrees to the first latent, `step_angle` to the one
            before.
    """

    dimensions: int
    latents: np.ndarray
    labels: np.ndarray | None
    uniformity: tuple[Uniformity, ...]
    norms: np.ndarray
    angles: dict[float, tuple[float, float]]
    coverage: float
    nearest_angles: np.ndarray
    drift: dict[str, list[float]]

    def _facts(self):
        return {
            "latents": len(self.latents),
            "dimensions": self.dimensions,
            "mean angle of pairs": f"{self.uniformity[0].mean_angle:.1f} degrees",
            "covered": f"{100 * self.coverage:.1f} %",
        }

    def __str__(self):
        width = max(len("class"), *(len(u.name) for u in self.uniformity)) + 1
        lines = [
            f"{len(self.latents)} latents on a sphere in {self.dimensions} dimensions",
            "",
            f"{'class':{width}}{'latents':>9}{'distance':>10}{'uniform':>9}{'p':>7}"
            f"{'angle':>8}{'spread':>8}{'uniform':>9}",
        ]
        lines += [
            f"{u.name:{width}}{u.count:9}{u.distance:10.3f}{u.null_distance:9.3f}"
            f"{u.p_value:7.3f}{u.mean_angle:8.2f}{u.angle_spread:8.2f}"
            f"{u.null_angle_spread:9.2f}"
            for u in self.uniformity
        ]
        low, middle, high = np.quantile(self.norms, (0.05, 0.5, 0.95))
        lines += [
            "",
            f"RMS before projection: median {middle:.3f}, 90 % in "
            f"[{low:.3f}, {high:.3f}]",
            "Angle under noise, expected / measured: "
            + ", ".join(
                f"{strength:g}: {expected:.1f} / {measured:.1f}"
                for strength, (expected, measured) in self.angles.items()
            ),
            f"Share of the sphere within the largest training angle of a latent: "
            f"{100 * self.coverage:.1f} %; median angle to the nearest latent "
            f"{np.median(self.nearest_angles):.1f} degrees",
            f"After {len(self.drift['psnr'])} loops without noise: "
            f"{self.drift['psnr'][-1]:.1f} dB to the original (first loop "
            f"{self.drift['psnr'][0]:.1f}), {self.drift['angle'][-1]:.1f} degrees from "
            f"the first latent, {self.drift['step_angle'][-1]:.2f} in the last loop",
        ]
        return "\n".join(lines)


def diagnose_sphere(
    model: SphereEncoderModel,
    images: ArrayLike,
    labels: Labels | None = None,
    num_loops: int = 20,
    seed: int = 0,
    batch_size: int = 64,
    use_ema: bool | None = None,
) -> SphereDiagnostics:
    """Looks at the latents of real images: are they where the method wants them?

    A uniform sphere is what generation relies on: it starts from uniform points.
    Latents are taken with their labels, as in training.

    Args:
        model: `SphereEncoderModel`.
        images: Array of shape `(count, height, width, channels)`, uint8 or float in
            [-1, 1], at least 8 images.
        labels: Integers or names of classes, of shape `(count,)`, or `None`.
        num_loops: Integer. How often images are encoded and decoded for the drift.
        seed: Integer. Of noise, directions and uniform points.
        batch_size: Integer. Images at a time.
        use_ema: Boolean or `None` for the model's default.

    Returns:
        `SphereDiagnostics`.

    Reference:
        - [Sphere Encoder](https://arxiv.org/abs/2602.15030), uniformity of the latents.
    """
    num_loops, seed = read_integer("num_loops", num_loops), read_seed("seed", seed)
    batch_size = read_integer("batch_size", batch_size)
    chunked = {"batch_size": batch_size, "use_ema": use_ema}
    originals = to_bytes(images)
    images = read_images(model.backbone, images)
    labels = read_classes(model.backbone, labels, len(images))
    latents = encode_images(model, images, labels, **chunked)
    rows = latents.reshape(len(latents), -1)
    groups = [("all", np.arange(len(rows)))]
    for label in () if labels is None else np.unique(labels):
        members = np.flatnonzero(labels == label)
        if len(members) >= FEWEST_PER_CLASS:
            name = name_of_class(label, model.backbone.class_names)
            groups.append((name, members))
    coverage, nearest = metrics.cone_coverage(
        rows, model.noise_schedule.max_angle_degrees, seed=seed
    )
    return SphereDiagnostics(
        dimensions=rows.shape[1],
        latents=latents,
        labels=labels,
        uniformity=tuple(
            _uniformity(name, rows[members], seed) for name, members in groups
        ),
        norms=_norms(model, images, labels, batch_size),
        angles=_angles_under_noise(model, latents, seed),
        coverage=coverage,
        nearest_angles=nearest,
        drift=_drift(model, originals, latents, labels, num_loops, chunked),
    )


def _uniformity(name, rows, seed):
    test = metrics.sliced_wasserstein_test(rows, NUM_DIRECTIONS, NUM_NULL, seed)
    angles = metrics.pair_angles(rows, seed=seed)
    law = metrics.cosine_law(rows.shape[1])
    expected = np.degrees(np.arccos(law.ppf((np.arange(1000) + 0.5) / 1000)))
    return Uniformity(
        name,
        len(rows),
        test.value,
        float(test.null.mean()),
        test.p_value,
        float(angles.mean()),
        float(angles.std()),
        float(expected.std()),
    )


def _norms(model, images, labels, batch_size):
    """RMS of the encoder's output before projection, of the weights as trained."""
    norms = []
    for start in range(0, len(images), batch_size):
        rows = slice(start, start + batch_size)
        given = None if labels is None else labels[rows]
        with no_gradients():
            latents = model.backbone.encode(images[rows], given)
            squares = keras.ops.mean(keras.ops.square(latents), axis=(1, 2))
        norms.append(np.sqrt(keras.ops.convert_to_numpy(squares)))
    return np.concatenate(norms).astype("float64")


def _angles_under_noise(model, latents, seed):
    """Angle expected and mean angle measured, by strength of the noise."""
    noise = np.random.default_rng(seed).standard_normal(latents.shape, "float32")
    found = {}
    for strength in STRENGTHS:
        moved_by, degrees = model.noise_schedule.strength(strength)
        with no_gradients():
            moved = model.backbone.perturb(latents, noise, moved_by)
            angles = np.degrees(
                keras.ops.convert_to_numpy(geometry.angle(latents, moved))
            )
        found[strength] = (degrees, float(angles.mean()))
    return found


def _drift(model, originals, first, labels, num_loops, chunked):
    """What happens to images that are encoded and decoded over and over."""
    before = first
    drift = {"psnr": [], "angle": [], "step_angle": []}
    for _ in range(num_loops):
        images = model.decode(before, labels, **chunked)
        latents = encode_images(model, images, labels, **chunked)
        psnr = metrics.psnr(to_bytes(images), originals, 255.0)
        drift["psnr"].append(float(np.mean(psnr)))
        drift["angle"].append(_mean_angle(first, latents))
        drift["step_angle"].append(_mean_angle(before, latents))
        before = latents
    return drift


def _mean_angle(a, b):
    with no_gradients():
        return float(
            np.degrees(keras.ops.convert_to_numpy(geometry.angle(a, b))).mean()
        )
