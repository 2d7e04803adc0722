"""The plan of a sampling loop, and what the options of both methods share."""

import dataclasses
from typing import Any, Self

from keras_sphere.short_repr import ShortRepr

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

    strengths: list[float]
    told: list[float]
    draws: list[int | None]
    null_draws: list[int | None] | None
    guidance: tuple[float | None, ...]

    @property
    def num_draws(self):
        """How many draws there are beside the start."""
        drawn = (*self.draws, *(self.null_draws or ()))
        drawn = [number for number in drawn if number is not START]
        return max(drawn, default=-1) + 1


@dataclasses.dataclass(frozen=True, repr=False)
class LoopOptions(ShortRepr):
    """What the options of both methods share."""

    def _facts(self):
        return dataclasses.asdict(self)

    def _read(self, **readers):
        for name, read in readers.items():
            object.__setattr__(self, name, read(name, getattr(self, name)))

    def override(self, **given: Any) -> Self:
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

    def to_dict(self) -> dict[str, Any]:
        """The values as a dict, for a configuration file."""
        return dataclasses.asdict(self)

    @property
    def num_noise_draws(self) -> int:
        """How many noises the steps after the first one need."""
        return self.num_draws(self.steps - 1)


# Of each motion, the option that stresses a class, and up to where it is off.
UNGUIDED = {"addition": ("guidance_scale", 1), "rotation": ("guidance_degrees", 0)}
