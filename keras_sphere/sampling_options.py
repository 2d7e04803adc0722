"""How to generate where noise is added; `rotation_sampling_options` is its like.

Reference:
    - [Sphere Encoder](https://arxiv.org/abs/2602.15030), few-step generation.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_sphere import geometry
from keras_sphere.choices import GUIDANCE_POSITIONS, SCHEDULES
from keras_sphere.loop_plan import LoopOptions, LoopPlan
from keras_sphere.validation import (
    check_choice,
    if_given,
    read_angle_degrees,
    read_boolean,
    read_integer,
    read_not_negative,
    read_share,
)


@dataclasses.dataclass(frozen=True)
class SamplingOptions(LoopOptions):
    """How to generate.

    Args:
        steps: Integer, at least 1. Decoder calls.
        guidance_scale: Float. Above 1 it pushes the output away from the null
            class; 1 or less turns guidance off.
        guidance_position: `"encoder"`, `"decoder"`, or `"both"`, which takes the
            square root of the scale at each place. Guidance of the encoder has no
            effect on the first step.
        schedule: `"fixed"` adds noise of full strength at every step, `"decay"` of
            strength `1 - t / steps` after decoder call t.
        shared_noise: Boolean. Whether all steps add the same noise.
        max_angle_degrees: Float in (0, 90), the angle of noise of full strength, or
            `None` for the largest angle that the model was trained with.
        use_ema: Boolean. Whether to use the moving average of the weights, which
            the optimizer keeps, instead of the weights themselves.

    Raises:
        ValueError: If a value is out of range.

    Example:

    >>> options = keras_sphere.SamplingOptions(steps=4, schedule="decay")
    >>> options.strengths
    [0.75, 0.5, 0.25]
    """

    steps: int = 4
    guidance_scale: float = 1.0
    guidance_position: str = "both"
    schedule: str = "fixed"
    shared_noise: bool = True
    max_angle_degrees: float | None = None
    use_ema: bool = False

    def __post_init__(self):
        check_choice("guidance_position", self.guidance_position, GUIDANCE_POSITIONS)
        check_choice("schedule", self.schedule, SCHEDULES)
        self._read(
            steps=read_integer,
            guidance_scale=read_not_negative,
            shared_noise=read_boolean,
            max_angle_degrees=functools.partial(if_given, read_angle_degrees),
            use_ema=read_boolean,
        )

    @property
    def strengths(self) -> list[float]:
        """Noise strength in [0, 1] after each decoder call but the last."""
        if self.schedule == "fixed":
            return [1.0] * (self.steps - 1)
        return [1.0 - t / self.steps for t in range(1, self.steps)]

    @property
    def strengths_from_image(self) -> list[float]:
        """Noise strength in [0, 1] of each step where the loop starts from images."""
        if self.schedule == "fixed":
            return [1.0] * self.steps
        return [1.0 - t / self.steps for t in range(self.steps)]

    def num_draws(self, num_moves: int) -> int:
        """How many noises `num_moves` moves of a latent need."""
        return min(num_moves, 1) if self.shared_noise else num_moves

    def sigma(self, trained_degrees: float) -> float:
        """Noise strength at full strength, for a model trained up to an angle."""
        degrees = self.max_angle_degrees
        return geometry.sigma_from_degrees(
            trained_degrees if degrees is None else degrees
        )

    def guidance_at(self, place: str) -> float | None:
        """Guidance weight at `"encoder"` or `"decoder"`; `None` where it is off."""
        if self.guidance_scale <= 1.0:
            return None
        if self.guidance_position == "both":
            return math.sqrt(self.guidance_scale)
        return self.guidance_scale if self.guidance_position == place else None

    def loop_degrees(self, trained_degrees: float) -> float:
        """The angle of the loop's noise at full strength."""
        return self.max_angle_degrees or trained_degrees

    def share_of_loop(self, angle_degrees: float, loop_degrees: float) -> float:
        """The strength of noise that turns by an angle, as a share of the loop's."""
        sigmas = map(geometry.sigma_from_degrees, (angle_degrees, loop_degrees))
        strength, full = sigmas
        return min(1.0, strength / full)

    @property
    def is_guided(self) -> bool:
        """Whether a class is stressed, which needs one."""
        return self.guidance_scale > 1.0

    @property
    def depends_on_steps(self) -> bool:
        """Whether the noise of a step depends on how many follow."""
        return self.schedule != "fixed"

    @property
    def passes(self) -> int:
        """How often encoder and decoder run per image, guidance counted twice."""
        twice = {
            place: 2 if self.guidance_at(place) is not None else 1
            for place in ("encoder", "decoder")
        }
        return self.steps * twice["decoder"] + (self.steps - 1) * twice["encoder"]

    def refined_passes(self, share: float) -> float:
        """`passes` with a refiner, which counts as a share of one between the steps."""
        at_the_end = 2 if self.guidance_at("decoder") is not None else 1
        return at_the_end + (self.steps - 1) * share

    def for_reconstruction(self, use_ema: bool | None = None) -> SamplingOptions:
        """Options of one step from images, at the angles of training."""
        options = self.override(
            steps=1, guidance_scale=1.0, schedule="fixed", use_ema=use_ema
        )
        return dataclasses.replace(options, max_angle_degrees=None)

    def reconstruction(
        self,
        strength: float | None = None,
        angle_degrees: float | None = None,
        trained_degrees: float = 90.0,
    ) -> dict[str, Any]:
        """Arguments of `plan` for a reconstruction.

        Args:
            strength: Float in [0, 1], or `None` for 0.
            angle_degrees: `None`: it belongs to the other method.
            trained_degrees: Not read.

        Returns:
            Dict.
        """
        self.override(angle_degrees=angle_degrees)
        return {
            "strength": 0.0 if strength is None else read_share("strength", strength)
        }

    def plan(
        self,
        from_noise: bool,
        trained_degrees: float,
        strength: float | Sequence[float] = 1.0,
    ) -> LoopPlan:
        """The plan of a loop.

        Args:
            from_noise: Boolean. Whether it starts from noise, else from images.
            trained_degrees: Float. The largest angle that the model was trained with.
            strength: Float, or a list of one per step: a factor of the noise.

        Returns:
            `LoopPlan`.
        """
        shares = [0.0, *self.strengths] if from_noise else self.strengths_from_image
        strengths = np.multiply(shares, strength) * self.sigma(trained_degrees)
        return LoopPlan(
            list(strengths),
            [0.0] * self.steps,
            list(range(self.num_draws(self.steps - from_noise))),
            None,
            tuple(map(self.guidance_at, ("encoder", "decoder"))),
        )
