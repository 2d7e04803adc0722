"""What a training run leaves to use: a preset in every checkpoint, and at the end."""

import datetime

import keras

from keras_sphere.backend.devices import describe_machine
from keras_sphere.backend.replicas import (
    alone,
    processes,
    wait_for_processes,
    whole_variables,
)
from keras_sphere.preset_files.run_folders import PRESET, PRESET_EMA, SECONDS, STEPS
from keras_sphere.training.objective_plan import ANGLE_WARMUP

LONGEST_NAME = 190  # a preset's has at most 200 characters


class RunPresets:
    """Writes the presets of a run: raw weights, named after the run's folder, a card.

    Args:
        plan: `TrainingPlan`.
        folder: `pathlib.Path` of the run.
        num_devices: Integer. How many devices train.
        before: Dict of `steps` and `seconds` that the weights were trained before this
            run, or an empty one.
    """

    def __init__(self, plan, folder, num_devices=1, before=None):
        self.before = {"steps": 0, "seconds": 0.0, **(before or {})}
        self.plan = plan
        self.folder = folder
        self.machine = describe_machine(num_devices)

    def write_into_checkpoint(self, model, checkpoint, progress):
        """Makes a checkpoint a preset, too: for `TrainingCheckpoint`'s `write_more`."""
        self._write(model, checkpoint, progress)

    def write_at_the_end(self, model, progress):
        """Writes the presets of a complete run, by the first process.

        Args:
            model: `SphereEncoderModel`.
            progress: `Progress`: what was trained.
        """
        with whole_variables([*model.variables, *model.optimizer.variables]):
            if processes()[0] == 0:
                with alone():
                    self._write(model, self.folder / PRESET, progress)
                    if self.plan.save_ema:
                        self._write(model, self.folder / PRESET_EMA, progress, True)
        wait_for_processes("presets")

    def _write(self, model, path, progress, use_ema=False):
        name = self.folder.resolve().name[:LONGEST_NAME]
        model.save_to_preset(
            path,
            use_ema=use_ema,
            name=f"{name}-ema" if use_ema else name,
            training={
                **_notes(self.plan, progress, self.before),
                "machine": self.machine,
            },
            overwrite=True,
        )


def _notes(plan, progress, before):
    """How the weights were made, for the configuration and the card."""
    return {
        "dataset": plan.data.dataset,
        "split": plan.data.split,
        "num_images": plan.num_images,
        "data_license": plan.data_license,
        "init_from": plan.init_from,
        "epochs": plan.epochs,
        **_angle_warmup(plan),
        "batch_size": plan.data.batch_size,
        "dtype": plan.dtype,
        "seed": plan.seed,
        STEPS: before["steps"] + progress.steps,
        SECONDS: round(before["seconds"] + progress.seconds, 1),
        "backend": keras.backend.backend(),
        "date": datetime.date.today().isoformat(),
    }


def _angle_warmup(plan):
    settings = plan.objective.get("angle_warmup")
    if settings is None:
        return {}
    return {ANGLE_WARMUP: round(settings["steps"] / plan.steps_per_epoch, 3)}
