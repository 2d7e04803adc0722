"""The plan of a training: every number of it, from a preset and what was chosen."""

import dataclasses
import math
import pathlib
from typing import Any

from keras_sphere.class_names import names_in, read_class_names
from keras_sphere.models.sizes import SIZES, resolve_size
from keras_sphere.preset_files.run_folders import PLAN_FILE, read_plan
from keras_sphere.presets.overrides import resolve_arguments
from keras_sphere.presets.resizing import keep_positions
from keras_sphere.presets.sources import find
from keras_sphere.short_repr import ShortRepr
from keras_sphere.training.checkpoint_store import is_begun
from keras_sphere.training.data_plan import (
    DataPlan,
    first_given,
    missing_choice,
)
from keras_sphere.training.objective_plan import (
    plan_losses,
    plan_objective,
    plan_perceptual,
)
from keras_sphere.training.trial import TINY, tiny_architecture
from keras_sphere.training_options import OF_PRESET
from keras_sphere.validation import read_integer, read_share

LARGEST_WARMUP_SHARE = 0.1  # unless the user chooses the warm-up
SQUARE_ROOT = "square_root"  # of the batch, which learning rates are scaled with
DEFAULT_CHECKPOINT_STEPS = 2000
PICTURES_IN_A_RUN = 50
_MODEL_OPTIONS = (
    "image_size",
    "patch_size",
    "token_channels",
    "encoder_size",
    "decoder_size",
    "encoder_mixer_depth",
    "decoder_mixer_depth",
    "pixel_head",
    "label_dropout",
    "max_angle_degrees",
    "hard_case_probability",
    "hard_case_max_angle_degrees",
    "hard_case_band",
)
_SIZE_OPTIONS = ("hidden_dim", "num_layers", "num_heads")
_OPTIMIZER_OPTIONS = (
    "encoder_learning_rate_factor",
    "weight_decay",
    "global_clipnorm",
    "beta_1",
    "beta_2",
    "epsilon",
    "ema_momentum",
)


@dataclasses.dataclass(frozen=True, repr=False)
class TrainingPlan(ShortRepr):
    """All that a training depends on, as plain numbers: `plan.json` of a run.

    Args:
        preset: String. Where the recipe is from.
        data: `DataPlan`.
        num_images: Integer. Images of the data set; 0 if unknown.
        architecture: Dict of arguments of `SphereEncoderBackbone`.
        noise: Dict of arguments of `SphereEncoderModel` for the noise.
        sampling: Dict of defaults of `generate`.
        perceptual: String or `None`.
        losses: Dict as in a preset's recipe.
        optimizer: Dict of arguments of `SphereAdamW`, with the largest learning rate,
            scaled.
        min_learning_rate: Float, scaled.
        gradient_accumulation_steps: Integer. Batches per update.
        epochs, steps_per_epoch: Integers; a step is a batch.
        warmup_updates, decay_updates: Integers. The schedule, in updates of the
            weights.
        dtype, seed, rematerialize_every, jit_compile, steps_per_execution,
            deterministic: See `TrainingOptions`.
        checkpoint_every_steps, keep, log_images_every, memorization_alarm,
            tensorboard, save_ema, max_steps, init_from, data_license: Likewise.
        objective: Dict of further arguments of `SphereEncoderModel` for its losses.
    """

    preset: str
    data: DataPlan
    num_images: int
    architecture: dict[str, Any]
    noise: dict[str, Any]
    sampling: dict[str, Any]
    perceptual: str | None
    losses: dict[str, Any]
    optimizer: dict[str, Any]
    min_learning_rate: float
    gradient_accumulation_steps: int
    epochs: int
    steps_per_epoch: int
    warmup_updates: int
    decay_updates: int
    dtype: str | None
    seed: int
    rematerialize_every: int | None
    jit_compile: str
    steps_per_execution: int
    deterministic: bool
    checkpoint_every_steps: int
    keep: int
    log_images_every: int
    memorization_alarm: bool
    tensorboard: bool
    save_ema: bool
    max_steps: int | None
    init_from: str | None = None
    data_license: str | None = None
    objective: dict[str, Any] = dataclasses.field(default_factory=dict)

    def _facts(self):
        return {
            "preset": self.preset,
            "data": self.data.dataset,
            "images": f"{self.num_images:,}",
            "steps": f"{self.total_steps:,} in {self.epochs} epochs",
            "batch": self.data.batch_size,
        }

    @property
    def total_steps(self) -> int:
        """Batches of the whole training."""
        return self.epochs * self.steps_per_epoch


def make_plan(options, data, description, steps_per_epoch):
    """The plan of a training.

    Args:
        options: `TrainingOptions`.
        data: `DataPlan`.
        description: What the data turned out to be: an object with `num_images`,
            `num_channels`, `num_classes` and `class_names` (`None` if not known), and
            if there are vectors `condition_dim`, `embedder` and `vectors`.
        steps_per_epoch: Integer. Batches of an epoch.

    Returns:
        `TrainingPlan`.

    Raises:
        ValueError: If a number is missing, or impossible.
    """
    config = find(options.preset).config
    recipe = config["recipe"]
    architecture, _, arguments = resolve_arguments(
        config, _model_overrides(options, data, description)
    )
    if options.init_from is not None:
        architecture = _with_positions(architecture, options)
    perceptual = plan_perceptual(options)
    optimizer, min_learning_rate = _plan_optimizer(options, recipe, data.batch_size)
    schedule = _plan_schedule(options, recipe["training"], steps_per_epoch)
    return TrainingPlan(
        preset=options.preset,
        data=dataclasses.replace(
            data,
            conditional=architecture["num_classes"] > 0,
            vectors=getattr(description, "vectors", None),
        ),
        num_images=description.num_images,
        architecture=architecture,
        noise={name: arguments[name] for name in config["noise"]},
        sampling=arguments["sampling"],
        perceptual=perceptual,
        losses=plan_losses(options, recipe, perceptual),
        optimizer=optimizer,
        min_learning_rate=min_learning_rate,
        gradient_accumulation_steps=options.gradient_accumulation_steps,
        **schedule,
        dtype=first_given(options.dtype, recipe["training"].get("dtype")),
        seed=options.seed,
        rematerialize_every=first_given(
            options.rematerialize_every, recipe["training"].get("rematerialize_every")
        )
        or None,
        jit_compile=options.jit_compile,
        steps_per_execution=options.steps_per_execution,
        deterministic=options.deterministic,
        checkpoint_every_steps=first_given(
            options.checkpoint_every_steps, DEFAULT_CHECKPOINT_STEPS
        ),
        keep=options.keep,
        log_images_every=first_given(
            options.log_images_every, max(schedule["epochs"] // PICTURES_IN_A_RUN, 1)
        ),
        memorization_alarm=options.memorization_alarm,
        tensorboard=options.tensorboard,
        save_ema=options.save_ema,
        max_steps=options.max_steps,
        init_from=None if options.init_from is None else str(options.init_from),
        data_license=options.data_license,
        objective=plan_objective(options, recipe, arguments, schedule),
    )


def _model_overrides(options, data, description):
    """Arguments of backbone and model in place of the preset's."""
    num_classes = 0 if data.conditional is False else description.num_classes
    overrides = {
        "image_size": data.image_size,
        "num_channels": description.num_channels,
        "num_classes": num_classes,
        "class_names": _class_names(description, num_classes),
        "condition_dim": getattr(description, "condition_dim", 0),
    }
    if overrides["condition_dim"]:
        overrides["embedder"] = getattr(description, "embedder", None)
    if options.size == TINY:
        overrides.update(tiny_architecture(find(options.preset).config))
    elif options.size in SIZES:
        overrides.update(encoder_size=options.size, decoder_size=options.size)
    elif options.size not in (None, OF_PRESET):
        raise ValueError(
            f"`size` must be one of {[OF_PRESET, TINY, *SIZES]}. "
            f"Received: size={options.size!r}"
        )
    overrides.update(_given(options, _MODEL_OPTIONS))
    widths = _given(options, _SIZE_OPTIONS)
    if widths:
        known = find(options.preset).config["architecture"]
        for half in ("encoder_size", "decoder_size"):
            size = resolve_size(half, overrides.get(half, known[half]))
            overrides[half] = {**size, **widths}
    return overrides


def _with_positions(architecture, options):
    """An architecture with the positions of the weights that the training begins with.

    A run that is begun says itself what they are, and needs those weights no more.
    """
    folder = options.output_dir
    if folder is not None and is_begun(folder):
        plan = read_plan(pathlib.Path(folder) / PLAN_FILE)
        grid = plan.get("architecture.position_grid")
        return {**architecture, "position_grid": grid}
    trained = find(options.init_from).config["architecture"]
    return keep_positions(architecture, trained)


def _class_names(description, num_classes):
    """The names of the classes of the data, as a list; `None` if they are not known."""
    names = names_in(description)
    return read_class_names(names, num_classes) if names and num_classes else None


def _plan_optimizer(options, recipe, batch_size):
    """Arguments of the optimizer, and the smallest learning rate: both scaled."""
    training = recipe["training"]
    optimizer = {**recipe["optimizer"], **_given(options, _OPTIMIZER_OPTIONS)}
    largest = first_given(options.learning_rate, optimizer["learning_rate"])
    smallest = first_given(options.min_learning_rate, training.get("min_learning_rate"))
    if smallest is None:
        raise missing_choice(options, "min_learning_rate")
    if first_given(
        options.scale_learning_rates,
        training.get("scale_learning_rates_with_batch_size"),
        False,
    ):
        images_per_update = batch_size * options.gradient_accumulation_steps
        scale = images_per_update / training.get("learning_rate_batch_size", 256)
        if training.get("learning_rate_scaling") == SQUARE_ROOT:
            scale = math.sqrt(scale)
        largest, smallest = largest * scale, smallest * scale
    read_share("ema_momentum", optimizer["ema_momentum"])
    return {**optimizer, "learning_rate": largest}, smallest


def _plan_schedule(options, training, steps_per_epoch):
    """Epochs, and the steps of the schedule.

    The cosine reaches its minimum at (1 - warm-up share) of all steps.
    """
    epochs = first_given(options.epochs, training.get("epochs"))
    if epochs is None:
        raise missing_choice(options, "epochs")
    epochs = read_integer("epochs", epochs)
    warmup = options.warmup_epochs
    if warmup is None:
        warmup = min(training.get("warmup_epochs", 0), LARGEST_WARMUP_SHARE * epochs)
    if not 0 <= warmup < epochs / 2:
        raise ValueError(
            "`warmup_epochs` must be at least 0 and less than half the epochs: the "
            "minimum is held for as long. "
            f"Received: warmup_epochs={warmup}, epochs={epochs}"
        )
    updates_per_epoch = steps_per_epoch / options.gradient_accumulation_steps
    warmup_updates = int(warmup * updates_per_epoch)
    decay_updates = int(epochs * updates_per_epoch) - warmup_updates
    return {
        "epochs": epochs,
        "steps_per_epoch": steps_per_epoch,
        "warmup_updates": warmup_updates,
        "decay_updates": max(decay_updates, warmup_updates + 1),
    }


def _given(options, names):
    """The options of these names that the user chose, as a dict."""
    values = {name: getattr(options, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}
