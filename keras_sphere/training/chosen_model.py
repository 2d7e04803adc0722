"""Which model, image size and batch a training of one's own images gets, and why."""

import dataclasses
import math
import typing

import numpy as np

from keras_sphere.models.sizes import resolve_size
from keras_sphere.presets.sources import find
from keras_sphere.training.memory import BYTES_PER_PARAMETER
from keras_sphere.training.model_ladder import (
    AT_BATCH,
    LADDER,
    LEAST_WIDTHS,
    MLP_AND_ATTENTION,
    Rung,
    activation_bytes,
    nearest_rung,
    operations_per_image,
    token_channels,
    tokens_side,
)

IMAGE_SIZES = (32, 64, 128, 256)
ENLARGED = 0.75  # an image this part of the size, or larger, counts as large enough
# Small ones on a CPU: its steps take as long as their images, and many small steps
# learned more of as many images than fewer large ones (docs/own_images.md).
BATCH_SIZES = {"cpu": 16, "accelerator": 128}
LEAST_BATCH = 8
USED_MEMORY = 0.7
GOING_ON = 0.5  # of the learning rate: weights that are trained need less


class Wanted(typing.NamedTuple):
    """What the training is for.

    Attributes:
        num_images: Integer. Different ones.
        enough: Integer. How many should be seen.
        seconds: Float. How long that may take.
    """

    num_images: int
    enough: int
    seconds: float


@dataclasses.dataclass(frozen=True)
class _Candidate:
    rung: Rung
    image_size: int
    tokens: int
    batch_size: int
    seconds_per_image: float


def choose_new_model(choices, found, wanted, machine):
    """The largest model, and images as large as they are, that the time is enough for.

    Args:
        choices: `Choices`, to which it adds.
        found: `keras_sphere.data.survey.Survey`.
        wanted: `Wanted`.
        machine: `Machine`.

    Returns:
        Float: seconds of training by the images, estimated.
    """
    options, median = choices.options, np.median(found.sides)
    large_enough = [size for size in IMAGE_SIZES if median >= ENLARGED * size]
    native = max(large_enough, default=IMAGE_SIZES[0])
    sizes = [size for size in reversed(IMAGE_SIZES) if size <= native]
    if options.image_size:
        sizes = [options.image_size]
    best = _best_candidate(options, sizes, wanted, machine)
    _add_batch(choices, best.batch_size, wanted)
    reason = f"half of the images have {median:.0f} px or more"
    if best.image_size < min(native, sizes[0]):
        reason += f"; {native} ask for a larger model than time or memory allow"
    choices.add("image_size", best.image_size, reason)
    side = tokens_side(best.rung, best.image_size)
    patch = _patch_size(best.image_size, side)
    patch = choices.add(
        "patch_size", patch, f"{best.image_size // patch} tokens a side"
    )
    side = best.image_size // patch
    channels = token_channels(side)
    choices.add("token_channels", channels, f"a latent of {side**2 * channels} values")
    if options.size is None:
        reason = (
            f"the largest model that sees {wanted.enough:,} images in "
            f"{options.hours:g} h"
        )
        for name, value in best.rung.size.items():
            choices.add(name, value, reason)
            reason = ""
    if found.num_channels == 1:
        choices.add("num_channels", 1, "all images looked at are gray")
    rate = _learning_rate(choices, best.rung.learning_rate)
    choices.add("learning_rate", rate, "for this width and batch")
    return best.seconds_per_image


def keep_model(choices, found, wanted, machine):
    """The model of the preset that the training begins with.

    Args, returns: As `choose_new_model`.

    Raises:
        ValueError: If its halves differ in a way that no option says.
    """
    options = choices.options
    a = find(options.init_from).config["architecture"]
    if a["encoder_size"] != a["decoder_size"]:
        raise ValueError(
            "Encoder and decoder of the preset to begin with are of different sizes: "
            f"take it as the recipe, too, by `preset`. Received: "
            f"init_from={options.init_from!r}, preset=None"
        )
    size = resolve_size("encoder_size", a["encoder_size"])
    names = [field.name for field in dataclasses.fields(Rung)][:3]
    rate = GOING_ON * nearest_rung(size["hidden_dim"]).learning_rate
    rung = Rung(*(size[name] for name in names), rate, 0)
    tokens = (a["image_size"] // a["patch_size"]) ** 2
    best = _candidate(options, rung, a["image_size"], tokens, wanted, machine)
    _add_batch(choices, best.batch_size, wanted)
    kept = ("image_size", "patch_size", "token_channels", "num_channels", "pixel_head")
    kept += ("encoder_mixer_depth", "decoder_mixer_depth")
    reason = f"as in {options.init_from}"
    for name in kept:
        choices.add(name, a[name], reason)
        reason = ""
    for name in names:
        choices.add(name, size[name], "")
    rate = _learning_rate(choices, rung.learning_rate)
    choices.add("learning_rate", rate, "half that of a new model")
    return best.seconds_per_image


def _learning_rate(choices, rate):
    """A rung's learning rate for the batch: by its root."""
    share = choices.options.batch_size / AT_BATCH
    return float(f"{rate * math.sqrt(share):.2g}")


def _add_batch(choices, batch_size, wanted):
    batch_size = batch_size or min(LEAST_BATCH, wanted.num_images)
    is_all = batch_size == wanted.num_images
    choices.add("batch_size", batch_size, "all images" if is_all else "")


def _best_candidate(options, sizes, wanted, machine):
    """The largest that time and memory are enough for; the smallest if none is."""
    rungs = _rungs(options, wanted.num_images)
    for image_size in sizes:
        for rung in reversed(rungs):
            if len(sizes) > 1 and rung.hidden_dim < LEAST_WIDTHS[image_size]:
                continue
            tokens = tokens_side(rung, image_size) ** 2
            one = _candidate(options, rung, image_size, tokens, wanted, machine)
            in_time = wanted.enough * one.seconds_per_image <= wanted.seconds
            if one.batch_size and in_time:
                return one
    rung, image_size = rungs[0], sizes[-1]
    tokens = tokens_side(rung, image_size) ** 2
    return _candidate(options, rung, image_size, tokens, wanted, machine)


def _rungs(options, num_images):
    """The sizes to choose among: one, if the width is given."""
    if options.hidden_dim is None:
        return [rung for rung in LADDER if num_images >= rung.fewest_images]
    nearest = nearest_rung(options.hidden_dim)
    given = {
        name: getattr(options, name) or nearest.size[name] for name in nearest.size
    }
    return [dataclasses.replace(nearest, **given)]


def _candidate(options, rung, image_size, tokens, wanted, machine):
    operations = operations_per_image(
        rung.size, rung.size, tokens, image_size, options.perceptual
    )
    batch = _fitting_batch(options, rung, tokens, wanted.num_images, machine)
    seconds = operations / machine.operations
    return _Candidate(rung, image_size, tokens, batch, seconds)


def _fitting_batch(options, rung, tokens, num_images, machine):
    """The largest batch whose training fits into memory; 0 if none does."""
    if options.batch_size:
        batches = [options.batch_size]
    else:
        largest = BATCH_SIZES["cpu" if machine.is_cpu else "accelerator"]
        batches = [min(b, num_images) for b in (largest, largest // 2, LEAST_BATCH)]
    parameters = 2 * rung.num_layers * (MLP_AND_ATTENTION + 6) * rung.hidden_dim**2
    for batch in batches:
        needed = parameters * BYTES_PER_PARAMETER
        needed += activation_bytes(rung, tokens, batch)
        if machine.free_bytes is None or needed <= USED_MEMORY * machine.free_bytes:
            return batch
    return 0


def _patch_size(image_size, side):
    """The smallest side of a patch that gives at most so many tokens a side."""
    patches = range(-(-image_size // side), image_size + 1)
    return next(patch for patch in patches if image_size % patch == 0)
