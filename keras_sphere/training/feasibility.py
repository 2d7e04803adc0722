"""Refusal of trainings that cannot end well, before anything is fetched for them."""

from keras_sphere.models.sizes import resolve_size
from keras_sphere.readable import readable_duration, readable_size
from keras_sphere.training.memory import estimate_memory
from keras_sphere.training.model_building import count_parameters
from keras_sphere.training.model_ladder import operations_per_image
from keras_sphere.training.plan import make_plan

LONGEST_ON_CPU = 30 * 86_400  # seconds; estimates are right within a factor of two
_OTHERWISE = (
    "Choose another --size, --image_size or --preset; without --preset the model is "
    "chosen for the machine and the time of --hours"
)


def check_feasible(options, data_plan, found, machine):
    """Raises a `ValueError` for a training that has no batch, memory or time.

    Args:
        options: `TrainingOptions`.
        data_plan: `DataPlan`.
        found: `keras_sphere.data.survey.Survey` of the images.
        machine: `Machine`.
    """
    batch = data_plan.batch_size
    if found.num_images < batch and options.steps_per_epoch is None:
        raise ValueError(
            f"The {found.num_images} images do not fill one batch: take a smaller "
            "--batch_size, or --steps_per_epoch, with which batches run on over the "
            f"ends of passes. Received: batch_size={batch}"
        )
    steps = options.steps_per_epoch or found.num_images // batch
    plan = make_plan(options, data_plan, found, steps)
    parameters = count_parameters(plan)["total"]
    needed = sum(estimate_memory(parameters, plan).values())
    if machine.free_bytes is not None and needed > machine.free_bytes:
        raise ValueError(
            f"A model of {parameters:,} parameters needs {readable_size(needed)} to "
            f"train, activations aside, and {readable_size(machine.free_bytes)} are "
            f"free on this machine ({machine.name}). {_OTHERWISE}. "
            f"Received: preset={options.preset!r}"
        )
    seconds = _estimate_seconds(plan, machine)
    if machine.is_cpu and seconds > LONGEST_ON_CPU:
        raise ValueError(
            f"This would take about {readable_duration(seconds)} on this machine "
            f"({machine.name}): {plan.total_steps:,} steps of {batch} images with "
            f"{parameters:,} parameters. {_OTHERWISE}; --epochs and --max_steps make "
            f"it shorter, --dry_run measures. Received: preset={options.preset!r}"
        )


def _estimate_seconds(plan, machine):
    a = plan.architecture
    operations = operations_per_image(
        resolve_size("encoder_size", a["encoder_size"]),
        resolve_size("decoder_size", a["decoder_size"]),
        (a["image_size"] // a["patch_size"]) ** 2,
        a["image_size"],
        plan.perceptual,
    )
    steps = min(plan.total_steps, plan.max_steps or plan.total_steps)
    return steps * plan.data.batch_size * operations / machine.operations
