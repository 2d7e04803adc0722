"""Whether a refiner is one for this model and this way to generate."""

import math
from typing import Any

from keras_sphere.models.latent_refiner import LatentRefiner
from keras_sphere.models.teacher_fingerprint import teacher_fingerprint


class HeldRefiner:
    """Mixin of `SphereEncoderModel`: the refiner that belongs to it, if one does.

    It is no part of the model's weights: neither trained nor saved in `.keras` files
    with them. Presets hold it.
    """

    _held_refiner: Any = None

    @property
    def refiner(self) -> LatentRefiner | None:
        """The `LatentRefiner` that `attach_refiner` was given, or `None`."""
        return self._held_refiner and self._held_refiner.refiner

    def attach_refiner(self, refiner: LatentRefiner | None) -> None:
        """Lets `generate(refiner=True)` use a refiner, and presets hold it.

        Args:
            refiner: `LatentRefiner`, or `None` for none. Whether this model taught it
                is checked when it is used.
        """
        if refiner is not None:
            check_kind(refiner)
        self._held_refiner = refiner and _Holder(refiner)


class _Holder:
    """Keeps a refiner where Keras does not look for layers of the model."""

    def __init__(self, refiner):
        self.refiner = refiner


def find_refiner(model, refiner):
    """The `LatentRefiner` that the argument of `generate` means, or `None`.

    Args:
        model: `SphereEncoderModel`.
        refiner: `LatentRefiner`; `True` for the model's own; `None` or `False`.

    Raises:
        ValueError: If it is none of these, or the model has none of its own.
    """
    if refiner is None or refiner is False:
        return None
    if refiner is True:
        if model.refiner is None:
            raise ValueError(
                "`refiner` is True, and the model has none: teach one by "
                "`keras_sphere.training.distill(model)`, or `attach_refiner`. "
                "Received: refiner=True"
            )
        return model.refiner
    return check_kind(refiner)


def check_kind(refiner):
    """Raises a `ValueError` unless it is a `LatentRefiner`."""
    if not isinstance(refiner, LatentRefiner):
        raise ValueError(
            "`refiner` must be a `keras_sphere.LatentRefiner`. Received: "
            f"refiner={refiner!r}"
        )
    return refiner


def check_teacher(model, refiner, weights):
    """Raises a `ValueError` if a refiner was taught by another model.

    Args:
        model: `SphereEncoderModel`.
        refiner: `LatentRefiner`.
        weights: List of tensors, those the model runs with.
    """
    own = teacher_fingerprint(model.backbone, weights)
    if refiner.teacher != own:
        raise ValueError(
            "`refiner` was taught by another model, or by other weights of this one "
            "(raw or averaged, before more training): teach one by "
            "`keras_sphere.training.distill(model)`. Received: a refiner of the "
            f"teacher {_short(refiner.teacher)}, for the model {_short(own)}"
        )


def check_options(refiner, options, trained_degrees):
    """Raises a `ValueError` if a refiner was not taught what options ask for.

    Of a single step nothing is asked of it.

    Args:
        refiner: `LatentRefiner`.
        options: `SamplingOptions` or `RotationSamplingOptions`.
        trained_degrees: Float. The largest angle that the model was trained with.
    """
    name = refiner.condition
    if options.steps == 1 or name is None:
        return
    low, high = refiner.condition_range
    if name == "guidance_scale":
        asked = {name: max(1.0, options.guidance_scale)}
    else:
        asked = {
            name: options.angle_degrees,
            "loop_angle_degrees": options.loop_degrees(trained_degrees),
        }
    for name, value in asked.items():
        if not low - 1e-6 <= value <= high + 1e-6:
            raise ValueError(
                f"`{name}` must be in [{low:g}, {high:g}], what the refiner was "
                f"taught. Received: {name}={value:g}"
            )
    position = refiner.guidance_position
    if position and options.is_guided and options.guidance_position != position:
        raise ValueError(
            f"`guidance_position` must be {position!r}, what the refiner was taught. "
            f"Received: guidance_position={options.guidance_position!r}"
        )


def condition_input(refiner, options, plan):
    """What a refiner is told in a run: a guidance scale, or the angle of every step.

    Args:
        refiner: `LatentRefiner`.
        options: As for `check_options`.
        plan: `LoopPlan`.

    Returns:
        Float, or list of floats.
    """
    if refiner.condition == "guidance_scale":
        return max(1.0, options.guidance_scale)
    return [math.degrees(angle) for angle in plan.told]


def _short(fingerprint):
    return "(unknown)" if fingerprint is None else fingerprint[:12]
