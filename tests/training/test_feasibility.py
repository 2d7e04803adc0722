"""Trainings that cannot end well are refused before anything is fetched."""

import dataclasses

import pytest

from keras_sphere.data.survey import survey
from keras_sphere.training import train
from keras_sphere.training.data_plan import plan_data
from keras_sphere.training.feasibility import check_feasible
from keras_sphere.training.machine import Machine
from keras_sphere.training.options import new_options

LAPTOP = Machine("2 CPU cores", True, 16 * 10**9, 5e10)


def check(machine=LAPTOP, **options):
    options = new_options(dataset="cifar10", **options)
    found = survey("cifar10", options.split)
    check_feasible(options, plan_data(options, "cifar10"), found, machine)


def test_a_recipe_for_a_cluster_on_a_laptop():
    with pytest.raises(ValueError, match=r"take about .* days.*5000|days") as error:
        check(preset="cifar10")
    assert "--hours" in str(error.value)
    check(preset="cifar10", max_steps=10)
    check(preset="cifar10", size="small", epochs=1, split="train[:1000]")
    check(dataclasses.replace(LAPTOP, is_cpu=False), preset="cifar10")


def test_a_model_that_memory_cannot_hold():
    with pytest.raises(ValueError, match=r"948,\d+,\d+ parameters needs .*16\.00 GB"):
        check(preset="oxford_flowers256", max_steps=10)
    roomy = dataclasses.replace(LAPTOP, free_bytes=64 * 10**9)
    check(roomy, preset="oxford_flowers256", max_steps=10)
    check(dataclasses.replace(LAPTOP, free_bytes=None), preset="cifar10", max_steps=1)


def test_fewer_images_than_a_batch():
    few = {"preset": "digits16", "split": "train[:20]"}
    with pytest.raises(ValueError, match=r"20 images do not fill one batch.*=25"):
        check(**few)
    check(**few, batch_size=20)
    check(**few, steps_per_epoch=3)


def test_nothing_is_fetched_first(tmp_path):
    """Neither the perceptual network's weights nor CIFAR are here."""
    with pytest.raises(ValueError, match="would take about"):
        train("cifar10", output_dir=tmp_path / "run", data_dir=tmp_path)
    assert not (tmp_path / "run").exists()
