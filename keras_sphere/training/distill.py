"""Teaches a refiner what a trained model makes of points of the sphere."""

from __future__ import annotations

import pathlib
import typing
from collections.abc import Sequence
from typing import TYPE_CHECKING

import keras

from keras_sphere.backend.unasked_tensorflow import without_tensorflow
from keras_sphere.learning_rate import WarmupCosine
from keras_sphere.models.class_labels import read_classes
from keras_sphere.models.conditions import read_labels
from keras_sphere.models.generation_inputs import read_images
from keras_sphere.models.inference import current_weights
from keras_sphere.models.latent_refiner import LatentRefiner
from keras_sphere.models.refiner_checks import check_kind, check_teacher
from keras_sphere.preset_files.refiner_file import REFINER_FILE
from keras_sphere.preset_files.run_folders import CHECKPOINTS, LOG_FILE
from keras_sphere.training.checkpoint_store import is_begun
from keras_sphere.training.checkpoints import TrainingCheckpoint
from keras_sphere.training.csv_log import CSVLog
from keras_sphere.training.distillation import Distillation
from keras_sphere.training.distillation_draws import UNSEEN
from keras_sphere.training.distillation_plan import new_draws, new_plan
from keras_sphere.training.graceful_stop import StopOnSignal
from keras_sphere.training.plan_file import check_same_plan, write_plan
from keras_sphere.training.training_statistics import TrainingStatistics
from keras_sphere.typing import ArrayLike, Labels, PathLike
from keras_sphere.validation import (
    if_given,
    read_boolean,
    read_integer,
    read_positive,
    read_seed,
)

if TYPE_CHECKING:
    from keras_sphere.models.sphere_encoder_model import SphereEncoderModel

_BATCHES_OF_AGREEMENT = 4


class DistillationRun(typing.NamedTuple):
    """What `distill` returns.

    Attributes:
        refiner: `LatentRefiner`, taught.
        history: Dict of lists, a value per epoch of this process.
        cosines: List of floats, one per step of the loop: the mean cosine between what
            refiner and teacher make of points that no step has seen; `None` if the
            training is not complete.
        is_complete: Boolean. `False` if a signal ended the training.
    """

    refiner: LatentRefiner
    history: dict[str, list[float]]
    cosines: list[float] | None
    is_complete: bool


def distill(
    model: SphereEncoderModel,
    refiner: LatentRefiner | None = None,
    share: float = 0.25,
    output_dir: PathLike = "runs/refiner",
    epochs: int = 20,
    steps_per_epoch: int = 200,
    batch_size: int = 64,
    images: ArrayLike | None = None,
    labels: Labels | None = None,
    condition_range: tuple[float, float] | None = None,
    learning_rate: float = 1e-3,
    chain: int = 3,
    seed: int = 0,
    use_ema: bool | None = None,
    checkpoint_every_epochs: int = 1,
    keep: int = 2,
    resume: bool = True,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: str | int = "auto",
    jit_compile: bool | str = "auto",
) -> DistillationRun:
    """Teaches a refiner the map that a step of generation is, or goes on with it.

    The map is `f(encode(decode(v)))` of a point v, its class and, where noise is
    added, the guidance scale, with guidance where the model's sampling defaults have
    it. No images are needed: loops of generation give the points, half of which go on
    from what the refiner makes. The folder holds `plan.json`, `log.csv`,
    `checkpoints/` and, at the end, `refiner.keras`. Called again with the same
    arguments, it goes on exactly from the newest checkpoint; SIGTERM and Ctrl-C end it
    after the present step, which is saved. It runs on one device.

    Args:
        model: `SphereEncoderModel`, trained. It is not changed.
        refiner: `LatentRefiner.of(model, ...)`, or `None` for a new one. Taught in
            place.
        share: Float. Of a new refiner, as is `condition_range`; see
            `LatentRefiner.of`.
        output_dir: String or path.
        epochs: Integer.
        steps_per_epoch: Integer.
        batch_size: Integer. Loops per step; each gives `chain` points.
        images: Array of images, as for `model.encode`, or `None`. Half of the loops
            then start from their noisy latents.
        labels: Integers or names, the classes of the images, or `None`: at random. Of a
            model that is conditional on vectors rows of `model.condition`, those of the
            images or, without images, any: what loops are to follow is drawn from them.
        condition_range: See `share`.
        learning_rate: Float. After a warm-up; half a cosine to a hundredth of it.
        chain: Integer. How many points of a loop are taught: the steps of generation
            but one.
        seed: Integer. Seed of all draws; for a new refiner Keras' global one is set.
        use_ema: Boolean or `None` for the model's default: which weights teach.
        checkpoint_every_epochs: Integer.
        keep: Integer. How many checkpoints are kept.
        resume: Boolean. Whether to go on with what the folder holds.
        callbacks: Sequence of Keras callbacks of your own.
        verbose: As for `keras.Model.fit`.
        jit_compile: As for `SphereEncoderModel.compile`.

    Returns:
        `DistillationRun`.

    Raises:
        ValueError: If an argument is out of range, the model has no encoder, the
            refiner is of another model, or the folder holds a checkpoint and `resume`
            is false.
        PlanChangedError: If a run is to go on by another plan.
        CorruptFileError: If a checkpoint is damaged.
        NonFiniteLossError: If the training diverges.

    Example:

    >>> run = keras_sphere.training.distill(
    ...     model, epochs=20, steps_per_epoch=100, output_dir="runs/refiner"
    ... )
    >>> images = model.generate(labels=[3, 7], refiner=run.refiner)
    """
    model.backbone.require_encoder("A refiner")
    folder = pathlib.Path(output_dir)
    seed, resume = read_seed("seed", seed), read_boolean("resume", resume)
    use_ema = if_given(read_boolean, "use_ema", use_ema)
    epochs = read_integer("epochs", epochs)
    images, labels = _read_images(model, images, labels)
    given = _read_counts(
        steps_per_epoch=steps_per_epoch, batch_size=batch_size, chain=chain
    )
    if refiner is None:
        refiner = _new_refiner(model, share, condition_range, use_ema, seed)
    weights = _weights_of_teacher(model, refiner, use_ema)
    draws = new_draws(model, refiner, **given, seed=seed, images=images, labels=labels)
    learning_rate = read_positive("learning_rate", learning_rate)
    plan = new_plan(refiner, draws, epochs, learning_rate)
    checkpoint = TrainingCheckpoint(
        folder / CHECKPOINTS, every_epochs=checkpoint_every_epochs, keep=keep
    )
    _begin(folder, plan, resume)
    trained = Distillation(refiner, model.backbone, weights, draws.chain)
    _compile(trained, plan, jit_compile)
    stop = StopOnSignal()
    watching = [TrainingStatistics(), CSVLog(folder / LOG_FILE), stop, checkpoint]
    history = _fit(trained, draws, plan, checkpoint, [*callbacks, *watching], verbose)
    if stop.received:
        print(f"{stop.received.name}: saved in {folder}. The same call goes on.")
        return DistillationRun(refiner, history, None, False)
    refiner.save(folder / REFINER_FILE)
    return DistillationRun(refiner, history, _agreement(trained, draws), True)


def measure_refiner(
    model: SphereEncoderModel,
    refiner: LatentRefiner,
    batch_size: int = 64,
    batches: int = 4,
    chain: int = 3,
    seed: int = 0,
    use_ema: bool | None = None,
    jit_compile: bool | str = "auto",
) -> list[float]:
    """How near a refiner is to its teacher, on loops that it was not taught on.

    Args:
        model: `SphereEncoderModel`, the teacher.
        refiner: `LatentRefiner`.
        batch_size: Integer.
        batches: Integer. How many batches are measured.
        chain: Integer. How many steps of the loops.
        seed: Integer.
        use_ema: Boolean or `None` for the model's default: which weights taught.
        jit_compile: As for `SphereEncoderModel.compile`.

    Returns:
        List of floats, one per step: the mean cosine between what both make of points
        of the teacher's loops.

    Raises:
        ValueError: If an argument is out of range, or the refiner is of another model.
    """
    use_ema = if_given(read_boolean, "use_ema", use_ema)
    batches = read_integer("batches", batches)
    given = _read_counts(batch_size=batch_size, chain=chain)
    weights = _weights_of_teacher(model, refiner, use_ema)
    draws = new_draws(
        model, refiner, **given, steps_per_epoch=1, seed=read_seed("seed", seed)
    )
    measured = Distillation(refiner, model.backbone, weights, draws.chain)
    measured.compile(jit_compile=jit_compile)
    return _agreement(measured, draws, batches)


@without_tensorflow()
def _new_refiner(model, share, condition_range, use_ema, seed):
    keras.utils.set_random_seed(seed % 2**32)
    return LatentRefiner.of(model, share, condition_range, use_ema=use_ema)


def _read_counts(**counts):
    return {name: read_integer(name, value) for name, value in counts.items()}


def _read_images(model, images, labels):
    backbone = model.backbone
    if backbone.condition_dim:
        if labels is None:
            raise ValueError(
                "A refiner of a model that is conditional on vectors learns those that "
                "it is given: `labels`, rows of `model.condition`. Received: "
                "labels=None"
            )
        images = None if images is None else read_images(backbone, images)
        count = len(labels) if images is None else len(images)
        return images, read_labels(backbone, labels, count)
    if images is None:
        if labels is not None:
            raise ValueError(
                "`labels` are those of `images`: give both. Received: labels without "
                "images"
            )
        return None, None
    images = read_images(backbone, images)
    return images, read_classes(backbone, labels, len(images))


def _weights_of_teacher(model, refiner, use_ema):
    """The weights that teach, once the refiner is seen to be one of theirs."""
    use_ema = model.sampling.use_ema if use_ema is None else use_ema
    weights = current_weights(model, use_ema)
    check_teacher(model, check_kind(refiner), weights)
    return weights


def _begin(folder, plan, may_resume):
    """Checks that the folder is this training's, and writes its plan."""
    if is_begun(folder):
        if not may_resume:
            raise ValueError(
                "The folder holds checkpoints: resume them, or choose an empty folder. "
                f"Received: resume=False, output_dir={str(folder)!r}"
            )
        check_same_plan(plan, folder)
    write_plan(plan, folder, {})


def _compile(trained, plan, jit_compile):
    steps = plan.epochs * plan.steps_per_epoch
    rate = WarmupCosine(
        plan.learning_rate, plan.learning_rate / 100, min(100, steps // 10), steps
    )
    optimizer = keras.optimizers.Adam(rate, beta_2=0.95, global_clipnorm=1.0)
    trained.compile(optimizer, jit_compile=jit_compile)
    optimizer.build(trained.trainable_variables)


def _fit(trained, draws, plan, checkpoint, callbacks, verbose):
    """Trains from the newest checkpoint to the end; returns the history."""
    start = checkpoint.resume(trained)
    if start.epoch or start.step:
        print(f"Going on from step {start.step} of epoch {start.epoch + 1}.")
    if start.epoch >= plan.epochs:
        return {}
    return trained.fit(
        draws.starting_at(*start),
        steps_per_epoch=plan.steps_per_epoch,
        initial_epoch=start.epoch,
        epochs=plan.epochs,
        shuffle=False,
        verbose=verbose,
        callbacks=callbacks,
    ).history


def _agreement(trained, draws, batches=_BATCHES_OF_AGREEMENT):
    """Mean cosines by step, of draws that are of no training step."""
    sums = 0.0
    for number in range(batches):
        sums = sums + trained.predict_on_batch(draws.batch(UNSEEN + number))
    return [float(value) for value in sums.mean(axis=0) / batches]
