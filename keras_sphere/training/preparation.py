"""From what a user chose to opened data and a plan, refusing what cannot end well."""

import dataclasses
import pathlib
from typing import Any

from keras_sphere import perceptual
from keras_sphere.training.checkpoint_store import is_begun
from keras_sphere.training.continuation import go_on_if_finished
from keras_sphere.training.data_plan import plan_data
from keras_sphere.training.dry_run import time_steps
from keras_sphere.training.feasibility import check_feasible
from keras_sphere.training.machine import look_at_machine
from keras_sphere.training.model_building import build_model
from keras_sphere.training.objective_plan import (
    plan_classifier,
    plan_distribution_network,
    plan_perceptual,
)
from keras_sphere.training.own_images import PRESET, choose, set_length
from keras_sphere.training.plan import make_plan
from keras_sphere.training.plan_file import read_notes
from keras_sphere.training.starting_weights import check_source
from keras_sphere.training.training_data import open_data
from keras_sphere.training.trial import with_trial_defaults

MEASURED_STEPS = 5


@dataclasses.dataclass(frozen=True)
class Preparation:
    """A training about to start.

    Args:
        options: `TrainingOptions` with all defaults.
        data: `NamedData` or `Stream`, opened.
        plan: `TrainingPlan`.
        notes: Dict of what to write beside the plan; see `plan_file.read_notes`.
        goes_on: Boolean. Whether the folder holds a finished run that this one goes
            on with, and whose files are to be moved aside.
    """

    options: object
    data: object
    plan: object
    notes: dict[str, Any]
    goes_on: bool


def prepare(options, devices):
    """Completes the options, opens the data, and plans.

    Args:
        options: `TrainingOptions`.
        devices: As `keras_sphere.distribution.setup` returns them.

    Returns:
        `Preparation`.

    Raises:
        ValueError: If something is missing or impossible, or cannot end well.
    """
    data = open_data(options)
    options, sentence = with_trial_defaults(data.options, data.name)
    if sentence:
        print(sentence)
    options = _with_folder(options, data.name, is_trial=bool(sentence))
    before = None
    if options.continue_for is not None:
        options, before = go_on_if_finished(options)
    goes_on = before is not None
    notes = read_notes(options.output_dir)
    if goes_on:
        notes = {"chosen": {}, "before": before}
    is_new = goes_on or not is_begun(options.output_dir)
    if options.init_from is not None and is_new:
        check_source(options.init_from)
    found = data.survey()
    machine = None if found is None else look_at_machine()
    choices = None
    if options.preset is None:
        if notes["chosen"]:
            options = _complete(options, notes["chosen"])
        else:
            _check_can_choose(found, devices)
            choices = choose(options, found, machine)
            options = choices.options
    data_plan = plan_data(options, data.name, devices.num_shares)
    if found is not None and not options.dry_run:
        check_feasible(options, data_plan, found, machine)
    if not options.dry_run:
        _look_for_networks(options)  # before any data is downloaded
    data.open(data_plan, options)
    plan = make_plan(options, data_plan, data.description, len(data))
    if choices is not None:
        plan = _with_measured_length(choices, plan, data, data_plan)
        print(choices.text())
        notes["chosen"] = choices.as_dict()
        if goes_on:
            notes["chosen"]["init_from"] = options.init_from
    return Preparation(options, data, plan, notes, goes_on)


def _look_for_networks(options):
    """Raises a `FileNotFoundError` if weights of a named network are missing."""
    network, classifier = plan_perceptual(options), plan_classifier(options)
    if network in perceptual.NAMES:
        perceptual.load(network)
    if classifier is not None:
        perceptual.load_classifier(classifier)
    maps = plan_distribution_network(options)
    if maps is not None:
        perceptual.load_features(maps)


def _with_folder(options, name, is_trial):
    """The options with the folder of the run."""
    if options.output_dir is not None:
        folder = pathlib.Path(options.output_dir)
    elif options.preset is None:
        folder = pathlib.Path("runs", pathlib.Path(name).stem)
    else:
        end = "-trial" if is_trial else ""
        folder = pathlib.Path("runs", pathlib.Path(options.preset).name + end)
    return dataclasses.replace(options, output_dir=folder)


def _complete(options, chosen):
    """The options with what was chosen when the run was begun."""
    open_ones = {n: v for n, v in chosen.items() if getattr(options, n) is None}
    split = {"split": chosen["split"]} if "split" in chosen else {}
    return dataclasses.replace(options, **open_ones, **split, preset=PRESET)


def _check_can_choose(found, devices):
    if found is None:
        raise ValueError(
            "Without a preset the model is chosen from the images, which must be a "
            "data set by name, or the path of a folder, zip or list. For other data "
            "choose `preset`. Received: preset=None"
        )
    if devices.num_processes > 1:
        raise ValueError(
            "Several processes would choose differently: plan with one of them "
            "(--dry_run), and give its flags to all. Received: preset=None with "
            f"{devices.num_processes} processes"
        )


def _with_measured_length(choices, plan, data, data_plan):
    """The plan with as many steps as the first ones, measured, leave time for."""
    options = choices.options
    is_open = "epochs" in choices.as_dict()
    if options.dry_run or not data.can_read or not is_open:
        return plan
    print("Timing the first steps, of which the very first compiles ...")
    model = build_model(plan)
    _, seconds = time_steps(model, plan, MEASURED_STEPS, data.starting_at())
    set_length(
        choices,
        data.description.num_images,
        plan.data.batch_size,
        seconds,
        options.hours,
        "measured",
    )
    data.set_epochs_of(choices.options.steps_per_epoch)
    return make_plan(choices.options, data_plan, data.description, len(data))
