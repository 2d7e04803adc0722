"""Which noise a training step adds: angles in degrees outside, radii inside."""

import functools
import math
from collections.abc import Mapping
from typing import Any

import keras

from keras_sphere import geometry
from keras_sphere.backend.replicas import draw_for_batch
from keras_sphere.typing import Tensor
from keras_sphere.validation import (
    check_choice,
    read_angle_degrees,
    read_right_angle,
    read_share,
)
from keras_sphere.wide_floats import as_float


class NoiseSchedule:
    """Draws the noise of a training step and turns it into strengths.

    A radius r in [0, 1] stands for the strength `r sigma` with
    `sigma = tan(max angle)`. The strong noise of an image has a stratified radius,
    enlarged for the hard cases; the weak noise has half the product of that radius
    (before enlarging) and a second stratified one.

    Args:
        max_angle_degrees: Float in (0, 90). Largest angle of an ordinary case.
        hard_case_probability: Float in [0, 1]. Share of hard cases; 0 for none.
        hard_case_max_angle_degrees: Float in (0, 90), at least `max_angle_degrees`.
            `None` means `min(max_angle_degrees + 5, 89)`.
        hard_case_band: `"narrow"` (as the reference does) or `"full"`; see
            `keras_sphere.geometry.hard_case_radii`.

    Example:

    >>> schedule = keras_sphere.NoiseSchedule(max_angle_degrees=80.0)
    >>> round(schedule.sigma, 2)
    5.67
    """

    DRAWS = ("noise", "radii", "small_radii", "hard_case_scalers")

    def __init__(
        self,
        max_angle_degrees: float = 85.0,
        hard_case_probability: float = 0.1,
        hard_case_max_angle_degrees: float | None = None,
        hard_case_band: str = "narrow",
    ) -> None:
        max_angle_degrees = read_angle_degrees("max_angle_degrees", max_angle_degrees)
        hard_case_probability = read_share(
            "hard_case_probability", hard_case_probability
        )
        check_choice("hard_case_band", hard_case_band, ("narrow", "full"))
        if hard_case_max_angle_degrees is None:
            hard_case_max_angle_degrees = max(
                min(max_angle_degrees + 5.0, 89.0), max_angle_degrees
            )
        hard_case_max_angle_degrees = read_angle_degrees(
            "hard_case_max_angle_degrees", hard_case_max_angle_degrees
        )
        if hard_case_max_angle_degrees < max_angle_degrees:
            raise ValueError(
                "`hard_case_max_angle_degrees` must be at least `max_angle_degrees`="
                f"{max_angle_degrees}. Received: "
                f"hard_case_max_angle_degrees={hard_case_max_angle_degrees}"
            )
        self.max_angle_degrees = max_angle_degrees
        self.hard_case_probability = hard_case_probability
        self.hard_case_max_angle_degrees = hard_case_max_angle_degrees
        self.hard_case_band = hard_case_band

    @property
    def sigma(self) -> float:
        """Noise strength at radius 1: the tangent of the largest angle."""
        return geometry.sigma_from_degrees(self.max_angle_degrees)

    def strength(self, share: float) -> tuple[float, float]:
        """The strength, as `backbone.perturb` takes it, of a share of the largest.

        Args:
            share: Float in [0, 1].

        Returns:
            Pair of it and of the angle in degrees that it stands for.
        """
        return share * self.sigma, geometry.degrees_from_sigma(share * self.sigma)

    def draw(
        self, latents: Tensor, seed: keras.random.SeedGenerator
    ) -> dict[str, Tensor]:
        """Draws everything random about the noise of a training step.

        With several devices it is drawn for the global batch; see `draw_for_batch`.

        Args:
            latents: Tensor of shape `(batch, num_tokens, token_dim)`.
            seed: `keras.random.SeedGenerator`.

        Returns:
            Dict of `noise`, of the shape of `latents`, and `radii`, `small_radii`
            and `hard_case_scalers` of shape `(batch,)`.
        """
        shape = keras.ops.shape(latents)
        uniform = functools.partial(_uniform, seed=seed)
        radii = functools.partial(_radii, seed=seed)
        return {
            "noise": draw_for_batch(functools.partial(_normal, seed=seed), shape),
            "radii": draw_for_batch(radii, shape[:1]),
            "small_radii": draw_for_batch(radii, shape[:1]),
            "hard_case_scalers": draw_for_batch(uniform, shape[:1]),
        }

    def sigmas(self, draws: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """The noise strengths of a training step.

        Args:
            draws: Dict as `draw` returns it.

        Returns:
            Pair of tensors of shape `(batch,)`: strong noise, weak noise.
        """
        radii, small_radii, scalers = (
            keras.ops.reshape(as_float(draws[name]), (-1,)) for name in self.DRAWS[1:]
        )
        strong = geometry.hard_case_radii(
            radii,
            scalers,
            self.sigma,
            geometry.sigma_from_degrees(self.hard_case_max_angle_degrees),
            self.hard_case_probability,
            self.hard_case_band,
        )
        return strong * self.sigma, 0.5 * radii * small_radii * self.sigma

    def get_config(self) -> dict[str, Any]:
        return {
            "max_angle_degrees": self.max_angle_degrees,
            "hard_case_probability": self.hard_case_probability,
            "hard_case_max_angle_degrees": self.hard_case_max_angle_degrees,
            "hard_case_band": self.hard_case_band,
        }


class RotationSchedule:
    """Draws the angles of a training step whose noise is a rotation.

    They are stratified: spread evenly over [0, largest], both ends included.

    Args:
        max_angle_degrees: Float in [0, 90].

    Reference:
        - [Sphere Encoder 2](https://arxiv.org/abs/2610.02208), stratified angles.
    """

    DRAWS = ("noise", "angles")

    def __init__(self, max_angle_degrees: float = 90.0) -> None:
        self.max_angle_degrees = read_right_angle(
            "max_angle_degrees", max_angle_degrees
        )

    def strength(self, share: float) -> tuple[float, float]:
        """See `NoiseSchedule.strength`; here it is an angle in radians."""
        degrees = share * self.max_angle_degrees
        return math.radians(degrees), degrees

    def draw(
        self, latents: Tensor, seed: keras.random.SeedGenerator
    ) -> dict[str, Tensor]:
        """Draws noise and angles; see `NoiseSchedule.draw`.

        Args:
            latents: Tensor of shape `(batch, num_tokens, token_dim)`.
            seed: `keras.random.SeedGenerator`.

        Returns:
            Dict of `noise`, of the shape of `latents`, and `angles` of shape
            `(batch,)`, radians.
        """
        shape = keras.ops.shape(latents)
        noise = draw_for_batch(functools.partial(_normal, seed=seed), shape)
        radii = draw_for_batch(functools.partial(_radii, seed=seed), shape[:1])
        return {"noise": noise, "angles": radii * math.radians(self.max_angle_degrees)}

    def get_config(self) -> dict[str, Any]:
        return {"max_angle_degrees": self.max_angle_degrees}


def _uniform(shape, seed):
    return keras.random.uniform(shape, dtype="float32", seed=seed)


def _normal(shape, seed):
    return keras.random.normal(shape, dtype="float32", seed=seed)


def _radii(shape, seed):
    return geometry.stratified_radii(
        _uniform(shape, seed), keras.ops.argsort(_uniform(shape, seed))
    )
