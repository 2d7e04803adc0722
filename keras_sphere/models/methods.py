"""The two methods: which pieces belong together."""

import dataclasses

from keras_sphere.models.rotation_objective import RotationObjective
from keras_sphere.models.training_objective import AdditionObjective
from keras_sphere.noise_schedule import NoiseSchedule, RotationSchedule
from keras_sphere.rotation_sampling_options import RotationSamplingOptions
from keras_sphere.sampling_options import SamplingOptions


@dataclasses.dataclass(frozen=True)
class Method:
    """What belongs to a motion of latents; see `keras_sphere.motions`.

    Args:
        schedule: Class of the noise of training.
        sampling: Class of the options of generation.
        objective: `Objective`.
    """

    schedule: type
    sampling: type
    objective: object

    def new_schedule(self, **given):
        """The noise schedule; what is `None` takes its default.

        Raises:
            ValueError: If an argument is out of range, or of another method.
        """
        given = {name: value for name, value in given.items() if value is not None}
        known = self.schedule().get_config()
        for name, value in given.items():
            if name not in known:
                raise ValueError(
                    f"`{name}` does not belong to this model's method, whose noise has "
                    f"{list(known)}. Received: {name}={value!r}"
                )
        return self.schedule(**given)


METHODS = {
    "addition": Method(NoiseSchedule, SamplingOptions, AdditionObjective()),
    "rotation": Method(RotationSchedule, RotationSamplingOptions, RotationObjective()),
}


def method_of(backbone):
    """The method of a backbone, by the motion of its architecture."""
    return METHODS[backbone.architecture["motion"]]


def check_told_angles(backbone, schedule):
    """Raises a `ValueError` if noise goes beyond the angles that a decoder is told."""
    largest = backbone.architecture["angle_condition_degrees"]
    if backbone.tells_angle and schedule.max_angle_degrees != largest:
        raise ValueError(
            "`max_angle_degrees` must be the backbone's `angle_condition_degrees`, "
            f"{largest:g}. Received: max_angle_degrees={schedule.max_angle_degrees:g}"
        )
