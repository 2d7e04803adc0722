"""How to generate: the options of each method, and the plan of a loop.

Reference:
    - [Sphere Encoder](https://arxiv.org/abs/2602.15030), few-step generation.
    - [Sphere Encoder 2](https://arxiv.org/abs/2610.02208), sampling.
"""

import dataclasses
import functools
import math

import numpy as np

from keras_sphere import geometry
from keras_sphere.choices import GUIDANCE_POSITIONS, SCHEDULES
from keras_sphere.validation import (
    check_choice,
    if_given,
    read_angle_degrees,
    read_boolean,
    read_integer,
    read_not_negative,
    read_right_angle,
    read_share,
)

START = None  # in place of the number of a draw: the noise that the loop starts from


@dataclasses.dataclass(frozen=True)
class LoopPlan:
    """What a loop of some options does, step by step.

    Args:
        strengths: List of floats, one per step: how far noise moves the latent before
            it is decoded, as `backbone.perturb` takes it. A step that decodes noise has
            0.
        told: List of floats, one per step: the angle, in radians, that a decoder with
            an angle condition is told.
        draws: List of the number of the draw that each move takes, from 0; the last
            one serves all further moves.
        null_draws: Likewise, of a stream without class; `None` where there is none.
        guidance: Tuple of floats, or `None` where guidance is off.
    """

    strengths: list
    told: list
    draws: list
    null_draws: list
    guidance: tuple

    @property
    def num_draws(self):
        """How many draws there are beside the start."""
        drawn = (*self.draws, *(self.null_draws or ()))
        drawn = [number for number in drawn if number is not START]
        return max(drawn, default=-1) + 1


class LoopOptions:
    """What the options of both methods share."""

    def _read(self, **readers):
        for name, read in readers.items():
            object.__setattr__(self, name, read(name, getattr(self, name)))

    def override(self, **given):
        """A copy in which every value of `given` that is not `None` replaces.

        Raises:
            ValueError: If a value is out of range, or an option is one of another
                method.
        """
        given = {key: value for key, value in given.items() if value is not None}
        own = [field.name for field in dataclasses.fields(self)]
        for name, value in given.items():
            if name not in own:
                raise ValueError(
                    f"`{name}` is not an option of this model's method, which has "
                    f"{own}. Received: {name}={value!r}"
                )
        return dataclasses.replace(self, **given)

    def to_dict(self):
        """The values as a dict, for a configuration file."""
        return dataclasses.asdict(self)

    @property
    def num_noise_draws(self):
        """How many noises the steps after the first one need."""
        return self.num_draws(self.steps - 1)


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
    def strengths(self):
        """Noise strength in [0, 1] after each decoder call but the last."""
        if self.schedule == "fixed":
            return [1.0] * (self.steps - 1)
        return [1.0 - t / self.steps for t in range(1, self.steps)]

    @property
    def strengths_from_image(self):
        """Noise strength in [0, 1] of each step where the loop starts from images."""
        if self.schedule == "fixed":
            return [1.0] * self.steps
        return [1.0 - t / self.steps for t in range(self.steps)]

    def num_draws(self, num_moves):
        """How many noises `num_moves` moves of a latent need."""
        return min(num_moves, 1) if self.shared_noise else num_moves

    def sigma(self, trained_degrees):
        """Noise strength at full strength, for a model trained up to an angle."""
        degrees = self.max_angle_degrees
        return geometry.sigma_from_degrees(
            trained_degrees if degrees is None else degrees
        )

    def guidance_at(self, place):
        """Guidance weight at `"encoder"` or `"decoder"`; `None` where it is off."""
        if self.guidance_scale <= 1.0:
            return None
        if self.guidance_position == "both":
            return math.sqrt(self.guidance_scale)
        return self.guidance_scale if self.guidance_position == place else None

    def loop_degrees(self, trained_degrees):
        """The angle of the loop's noise at full strength."""
        return self.max_angle_degrees or trained_degrees

    def share_of_loop(self, angle_degrees, loop_degrees):
        """The strength of noise that turns by an angle, as a share of the loop's."""
        sigmas = map(geometry.sigma_from_degrees, (angle_degrees, loop_degrees))
        strength, full = sigmas
        return min(1.0, strength / full)

    @property
    def is_guided(self):
        """Whether a class is stressed, which needs one."""
        return self.guidance_scale > 1.0

    @property
    def depends_on_steps(self):
        """Whether the noise of a step depends on how many follow."""
        return self.schedule != "fixed"

    @property
    def passes(self):
        """How often encoder and decoder run per image, guidance counted twice."""
        twice = {
            place: 2 if self.guidance_at(place) is not None else 1
            for place in ("encoder", "decoder")
        }
        return self.steps * twice["decoder"] + (self.steps - 1) * twice["encoder"]

    def for_reconstruction(self, use_ema=None):
        """Options of one step from images, at the angles of training."""
        options = self.override(
            steps=1, guidance_scale=1.0, schedule="fixed", use_ema=use_ema
        )
        return dataclasses.replace(options, max_angle_degrees=None)

    def reconstruction(self, strength=None, angle_degrees=None, trained_degrees=90.0):
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

    def plan(self, from_noise, trained_degrees, strength=1.0):
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

    def loop_degrees(self, trained_degrees):
        """The angle by which later steps turn the latent."""
        loop = self.loop_angle_degrees
        return self.angle_degrees if loop is None else loop

    def share_of_loop(self, angle_degrees, loop_degrees):
        """The strength of noise that turns by an angle, as a share of the loop's."""
        return min(1.0, angle_degrees / loop_degrees)

    @property
    def is_guided(self):
        """Whether a class is stressed, which needs one."""
        return self.guidance_degrees > 0.0

    def num_draws(self, num_moves):
        """How many noises `num_moves` moves need, from noise."""
        if self.shared_noise:
            return 0
        return max(2 * num_moves - 1, 0) if self.is_guided else num_moves

    @property
    def passes(self):
        """How often encoder and decoder run per image, both streams counted."""
        streams = 2 if self.is_guided else 1
        return self.steps + (self.steps - 1) * (2 * streams - 1)

    def for_reconstruction(self, use_ema=None):
        """Options of one step from images."""
        return self.override(steps=1, guidance_degrees=0.0, use_ema=use_ema)

    def reconstruction(self, strength=None, angle_degrees=None, trained_degrees=90.0):
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

    def plan(self, from_noise, trained_degrees, strength=1.0, first=None):
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
        return LoopPlan(
            [math.radians(turn) for turn in turns],
            [math.radians(angle) for angle in told],
            *self._draws(from_noise, starts_clean=first is not None and turns[0] == 0),
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


# Of each motion, the option that stresses a class, and up to where it is off.
UNGUIDED = {"addition": ("guidance_scale", 1), "rotation": ("guidance_degrees", 0)}
