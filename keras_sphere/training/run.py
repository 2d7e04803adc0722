"""The one training loop of the package: recipes, examples and a user's own data."""

import contextlib
import logging
import os
import sys
import typing
from collections.abc import Sequence
from typing import Any

import keras

from keras_sphere.backend.operations import make_deterministic
from keras_sphere.backend.unasked_tensorflow import without_tensorflow
from keras_sphere.distribution import setup
from keras_sphere.preset_files.run_folders import CHECKPOINTS
from keras_sphere.short_repr import ShortRepr
from keras_sphere.training.checkpoint_store import is_begun
from keras_sphere.training.checkpoints import TrainingCheckpoint
from keras_sphere.training.continuation import move_aside
from keras_sphere.training.dry_run import measure
from keras_sphere.training.graceful_stop import StopAfterSteps, StopOnSignal
from keras_sphere.training.last_words import say_end
from keras_sphere.training.model_building import build_model, count_parameters
from keras_sphere.training.options import new_options
from keras_sphere.training.plan_file import check_same_plan, write_plan
from keras_sphere.training.plan_text import format_memory_per_device, format_plan
from keras_sphere.training.preparation import prepare
from keras_sphere.training.run_callbacks import watching_callbacks
from keras_sphere.training.run_presets import RunPresets
from keras_sphere.training.starting_weights import start_from
from keras_sphere.typing import PathLike

logger = logging.getLogger("keras_sphere")


class _Fields(typing.NamedTuple):
    model: typing.Any
    history: dict[str, list[float]] | None
    plan: typing.Any
    is_complete: bool


class TrainingRun(ShortRepr, _Fields):
    """What `train` returns, a named tuple.

    Attributes:
        model: `SphereEncoderModel`, trained; `None` after a dry run.
        history: Dict of lists, a value per epoch of this process; `None` likewise.
        plan: `TrainingPlan`.
        is_complete: Boolean. `False` if a signal ended the training.
    """

    def _facts(self):
        last = {name: values[-1] for name, values in (self.history or {}).items()}
        shown = {name: f"{last[name]:.4g}" for name in ("loss", "psnr") if name in last}
        return {**self.plan._facts(), **shown, "complete": self.is_complete}


def train(
    preset: str | None = None,
    dataset: Any = None,
    output_dir: PathLike | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    **options: Any,
) -> TrainingRun:
    """Trains a preset's model by its recipe, or goes on with a training.

    Every number comes from the preset; any of `TrainingOptions` can be chosen instead.
    The run's folder holds `plan.json`, `checkpoints/`, `log.csv`, `pictures/` and, at
    the end, the raw weights as a preset in `preset/` (`save_ema=True`: their average
    in `preset_ema/`, too). Each checkpoint is a preset as well, so that `presets.load`
    of the run's folder has the newest one at any moment, even after a kill. Called
    again with the same arguments, it goes on from the
    newest checkpoint: exactly with a data set of this package, or any that has
    `starting_at` as `ShuffledBatches` has. Other streams start anew, and are saved at
    the end of every epoch, too. SIGTERM and Ctrl-C end the training after the present
    step, which is saved, without pictures (several processes end together, at the
    latest ten steps after one of them got the signal).

    It sets Keras' global seed, and prints what it does.

    Args:
        preset: String. Name or folder of a preset, the recipe; `None` chooses one
            from the images, for the machine and the time of `hours`, and says so.
        dataset: Name of a data set, path of images, a dataset or an endless generator;
            `None` for the preset's own. See `keras_sphere.data.load`.
        output_dir: String or path. Defaults to `"runs/<preset>"`, of a trial run to
            `"runs/<preset>-trial"`; without a preset to `"runs/<dataset>"`.
        callbacks: Sequence of Keras callbacks of your own. They are called before what
            is logged is written, and before checkpoints.
        **options: Fields of `TrainingOptions`, such as `epochs` or `batch_size`.

    Returns:
        `TrainingRun`: model, history, plan and whether it is complete.

    Raises:
        ValueError: If an option is unknown or impossible, or the folder holds a
            checkpoint and `resume` is false, or no weights of `init_from` fit.
        FileNotFoundError: If data, or weights of the perceptual network, are missing.
        CorruptFileError: If a checkpoint is damaged and `on_corrupt` is `"raise"`.
        UnreadableImageError: If `strict` and an image cannot be read.
        PlanChangedError: If a run is to go on by another plan.
        NonFiniteLossError: If the training diverges. Earlier checkpoints are whole.
        OSError: If a file cannot be written, likewise.

    Example:

    >>> run = keras_sphere.training.train("cifar10", "digits", "runs/trial")
    >>> samples = run.model.generate(labels=[3, 7])
    """
    options = new_options(
        preset=None if preset is None else str(preset),
        dataset=dataset,
        output_dir=output_dir,
        **options,
    )
    with (
        setup(
            options.distribution, options.model_devices, options.simulated_devices
        ) as devices,
        _quiet_unless(devices.is_main),
    ):
        ready = prepare(options, devices)
        data, plan = ready.data, ready.plan
        devices.check_batch_size(plan.data.batch_size)
        if devices.num_processes > 1:
            data.shard(devices)
        parameters = count_parameters(plan)
        print(format_plan(plan, parameters, keras.backend.backend()))
        if options.dry_run:
            batches = data.starting_at() if data.can_read else None
            print(format_memory_per_device(plan))
            print(measure(plan, parameters["total"], options.dry_run_steps, batches))
            return TrainingRun(None, None, plan, False)
        stop = StopOnSignal()
        stop.install()
        try:
            return _train(ready, stop, callbacks, devices)
        finally:
            stop.restore()


def _train(ready, stop, callbacks, devices):
    options, data, plan = ready.options, ready.data, ready.plan
    folder = options.output_dir
    if ready.goes_on:
        move_aside(folder)
    is_resumed = _check_folder(folder, plan, options.resume)
    model = _new_model(plan)
    if callable(ready.options.embed):
        model.backbone.embedder = ready.options.embed
    if devices.is_main:
        write_plan(plan, folder, ready.notes)
    presets = RunPresets(plan, folder, devices.num_devices, ready.notes["before"])
    checkpoint = _new_checkpoint(plan, folder, data.is_exact, presets)
    start = checkpoint.resume(model, options.on_corrupt)
    if is_resumed:
        _go_on(start, plan, data.is_exact)
    elif plan.init_from is not None:
        print(start_from(model, plan.init_from))
    history = {}
    if not stop.agreed() and _steps_done(start, plan) < _last_step(plan):
        history = _fit(
            model,
            plan,
            data,
            start,
            _verbosity(options.verbose),
            callbacks=[
                *callbacks,
                *watching_callbacks(plan, data, folder),
                stop,
                StopAfterSteps(plan.max_steps, _steps_done(start, plan)),
                checkpoint,
            ],
        )
        data.tell_changes()
    if stop.agreed():
        _tell_stop(stop, checkpoint, folder)
        say_end(folder, plan)
        return TrainingRun(model, history, plan, False)
    presets.write_at_the_end(model, checkpoint.progress)
    print(f"Done: {folder}")
    say_end(folder, plan)
    return TrainingRun(model, history, plan, True)


def _new_model(plan):
    """The model before its first step."""
    _set_seeds(plan.seed)
    if plan.deterministic:
        make_deterministic()
    return build_model(plan)


@without_tensorflow()
def _set_seeds(seed):
    keras.utils.set_random_seed(seed)


def _new_checkpoint(plan, folder, is_exact, presets):
    """The callback that saves; data that cannot start anywhere at epochs' ends, too."""
    return TrainingCheckpoint(
        folder / CHECKPOINTS,
        every_steps=plan.checkpoint_every_steps,
        every_epochs=None if is_exact else 1,
        keep=plan.keep,
        write_more=presets.write_into_checkpoint,
    )


def _check_folder(folder, plan, may_resume):
    """Checks that the folder is this training's; returns whether it is begun."""
    has_begun = is_begun(folder)
    if has_begun and not may_resume:
        raise ValueError(
            "The folder holds checkpoints: resume them, or choose an empty folder. "
            f"Received: resume=False, output_dir={str(folder)!r}"
        )
    if has_begun:
        check_same_plan(plan, folder)
    return has_begun


def _go_on(start, plan, is_exact):
    """Says where a training goes on; where its data starts anew, with other seeds."""
    print(f"Going on from step {_steps_done(start, plan):,}: epoch {start.epoch + 1}.")
    if is_exact:
        return
    # Data that shuffle by a global seed must not repeat the first epochs.
    _set_seeds(plan.seed + start.epoch)
    if start.step:
        logger.warning(
            "Your stream starts anew: the rest of this epoch sees other images than an "
            "unbroken run would."
        )


def _tell_stop(stop, checkpoint, folder):
    is_saved = bool(checkpoint.store.entries())
    what = f"saved in {folder}" if is_saved else "nothing was trained yet"
    print(f"{stop.received.name}: {what}. The same command goes on from there.")


def _steps_done(start, plan):
    return start.epoch * plan.steps_per_epoch + start.step


def _last_step(plan):
    return min(plan.total_steps, plan.max_steps or plan.total_steps)


def _fit(model, plan, data, start, verbose, callbacks):
    """Trains to the end of the plan, or of this process; returns the history."""
    return model.fit(
        data.starting_at(*start),
        steps_per_epoch=plan.steps_per_epoch,
        initial_epoch=start.epoch,
        epochs=plan.epochs,
        shuffle=False,
        verbose=verbose,
        callbacks=callbacks,
    ).history


@contextlib.contextmanager
def _quiet_unless(is_main):
    """Context in which only the first of several processes prints."""
    if is_main:
        yield
        return
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        yield


def _verbosity(verbose):
    if verbose != "auto":
        return int(verbose)
    return 1 if sys.stdout.isatty() else 2
