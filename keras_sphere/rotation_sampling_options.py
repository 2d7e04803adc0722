"""How to generate where noise is a rotation.

Reference:
    - [Sphere Encoder 2](https://arxiv.org/abs/2610.02208), sampling.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_sphere.loop_plan import START, LoopOptions, LoopPlan
from keras_sphere.validation import (
    if_given,
    read_boolean,
    read_integer,
    read_right_angle,
    read_share,
)


@dataclasses.dataclass(frozen=True)
class RotationSamplingOptions(LoopOptions):
    """How to generate with a model whose noise is a rotation.

    Args:
        steps: Integer, at least 1. Decoder calls.
        angle_degrees: Float in [0, 90]. The angle that the first decoder call is told.
        loop_angle_degrees: Float in [0, 90], the angle by which later steps turn the
            latent; `None` for that of the first.
        guidance_degrees: Float in [0, 90]. By how much later steps turn the latent away
            from that of a second image, which is decoded without class; 0 is off.
        shared_noise: Boolean. Whether all steps turn towards the noise that the loop
            started from.
        use_ema: Boolean. Whether to use the moving average of the weights.

    Raises:
        ValueError: If a value is out of range.

    Reference:
        - [Sphere Encoder 2](https://arxiv.org/abs/2610.02208), sampling.
    """

    steps: int = 2
    angle_degrees: float = 85.0
    loop_angle_degrees: float | None = None
    guidance_degrees: float = 0.0
    shared_noise: bool = True
    use_ema: bool = False

    def __post_init__(self):
        self._read(
            steps=read_integer,
            angle_degrees=read_right_angle,
            loop_angle_degrees=functools.partial(if_given, read_right_angle),
            guidance_degrees=read_right_angle,
            shared_noise=read_boolean,
            use_ema=read_boolean,
        )

    depends_on_steps = False

    def loop_degrees(self, trained_degrees: float) -> float:
        """The angle by which later steps turn the latent."""
        loop = self.loop_angle_degrees
        return self.angle_degrees if loop is None else loop

    def share_of_loop(self, angle_degrees: float, loop_degrees: float) -> float:
        """The strength of noise that turns by an angle, as a share of the loop's."""
        return min(1.0, angle_degrees / loop_degrees)

    @property
    def is_guided(self) -> bool:
        """Whether a class is stressed, which needs one."""
        return self.guidance_degrees > 0.0

    def num_draws(self, num_moves: int) -> int:
        """How many noises `num_moves` moves need, from noise."""
        if self.shared_noise:
            return 0
        return max(2 * num_moves - 1, 0) if self.is_guided else num_moves

    @property
    def passes(self) -> int:
        """How often encoder and decoder run per image, both streams counted."""
        streams = 2 if self.is_guided else 1
        return self.steps + (self.steps - 1) * (2 * streams - 1)

    def refined_passes(self, share: float) -> float:
        """`passes` with a refiner, which counts as a share of one between the steps."""
        streams = 2 if self.is_guided else 1
        return 1 + (self.steps - 1) * streams * share

    def for_reconstruction(
        self, use_ema: bool | None = None
    ) -> RotationSamplingOptions:
        """Options of one step from images."""
        return self.override(steps=1, guidance_degrees=0.0, use_ema=use_ema)

    def reconstruction(
        self,
        strength: float | None = None,
        angle_degrees: float | None = None,
        trained_degrees: float = 90.0,
    ) -> dict[str, Any]:
        """Arguments of `plan` for a reconstruction.

        Args:
            strength: Float in [0, 1], a share of the largest angle, or `None` for 0.
            angle_degrees: Float in [0, 90], in place of it.
            trained_degrees: Float. The largest angle that the model was trained with.

        Returns:
            Dict.
        """
        if strength is not None and angle_degrees is not None:
            raise ValueError(
                "Give `strength` or `angle_degrees`, not both. Received: "
                f"strength={strength}, angle_degrees={angle_degrees}"
            )
        if angle_degrees is None:
            share = 0.0 if strength is None else read_share("strength", strength)
            angle_degrees = share * trained_degrees
        angle = read_right_angle("angle_degrees", angle_degrees)
        return {"first": (angle, angle)}

    def plan(
        self,
        from_noise: bool,
        trained_degrees: float,
        strength: float | Sequence[float] = 1.0,
        first: tuple[float, float] | None = None,
    ) -> LoopPlan:
        """The plan of a loop.

        Args:
            from_noise: Boolean. Whether it starts from noise, else from images.
            trained_degrees: Float. The largest angle that the model was trained with.
            strength: Float, or a list of one per step: a factor of the angles by which
                images are turned.
            first: Pair of angles in degrees: by how much the first step turns an image,
                and what the decoder is told; `None` for that of the loop.

        Returns:
            `LoopPlan`.

        Raises:
            ValueError: If an angle is larger than the model was trained with.
        """
        loop = self.loop_degrees(trained_degrees)
        turns = np.multiply([loop] * self.steps, strength)
        told = turns.copy()
        if from_noise:
            turns[0], told[0] = 0.0, self.angle_degrees
        elif first is not None:
            turns[0], told[0] = first
        for name, angles in (("angle_degrees", told[:1]), ("loop_angle_degrees", told)):
            if max(angles) > trained_degrees:
                raise ValueError(
                    f"`{name}` must be in [0, {trained_degrees:g}], the angles that "
                    f"the model was trained with. Received: {name}={max(angles):g}"
                )
        starts_clean = first is not None and turns[0] == 0
        draws, null_draws = self._draws(from_noise, starts_clean)
        return LoopPlan(
            [math.radians(turn) for turn in turns],
            [math.radians(angle) for angle in told],
            draws,
            null_draws,
            (math.radians(self.guidance_degrees) if self.is_guided else None,),
        )

    def _draws(self, from_noise, starts_clean):
        """Draws of the moves, and of those of the stream without class."""
        if self.shared_noise:
            shared = [START if from_noise else 0]
            return shared, shared if self.is_guided else None
        moves = list(range(self.steps - (from_noise or starts_clean)))
        idle = [0] if starts_clean else []  # a turn by 0 degrees takes no draw
        if not self.is_guided:
            return idle + moves, None
        # In the order of use: with class, without class; at the end, with class only.
        return idle + [2 * i for i in moves], idle + [2 * i + 1 for i in moves[:-1]]
