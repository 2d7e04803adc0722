"""Kills a training again and again, and compares what it learns with an unbroken one.

python -m tests.training.killed_trainings DIRECTORY NUMBER_OF_KILLS [SEED]

The training is `examples/train_folder.py` on synthetic images. Its processes are forked
from one that has imported Keras, which takes longer than the steps between two kills.
Four of five kills are SIGKILL, at a random moment; the fifth is SIGTERM. Fifty kills
take about 3 minutes on PyTorch, 7 on TensorFlow and 17 on JAX, on one core that has
nothing else to do.
"""

import json
import os
import pathlib
import random
import runpy
import signal
import sys
import time
import traceback
import zipfile

import h5py
import keras
import numpy as np

import keras_sphere.training  # noqa: F401 - imported once, before forks
from keras_sphere.files.integrity import CorruptFileError
from keras_sphere.presets.sources import find
from keras_sphere.training.checkpoint_store import CheckpointStore

SCRIPT = pathlib.Path(__file__).parents[2] / "examples" / "train_folder.py"
STEPS_PER_EPOCH, EVERY_STEPS, STEPS_PER_KILL = 20, 3, 16
SECONDS_OF_START = 1.0


def arguments(preset, folder, kills):
    """The command line: long enough for so many kills."""
    epochs = -(-(kills * STEPS_PER_KILL) // STEPS_PER_EPOCH) + 1
    return [
        f"--preset={preset}",
        f"--output_dir={folder}",
        f"--epochs={epochs}",
        f"--checkpoint_every_steps={EVERY_STEPS}",
        "--dataset=fake",
        "--split=train[:80]",
        "--held_out_split=test[:16]",
        "--size=preset",
        "--batch_size=4",
        "--min_learning_rate=1e-5",
        "--log_images_every=0",
        "--verbose=0",
    ]


def start(command, log):
    """Forks a process that runs the script; returns its number."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        with open(log, "ab") as file:
            for stream in (1, 2):
                os.dup2(file.fileno(), stream)
        sys.argv = [str(SCRIPT), *command]
        runpy.run_path(str(SCRIPT), run_name="__main__")
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def number_of_newest(folder):
    """Number of the newest checkpoint, 0 if there is none."""
    try:
        names = [entry["name"] for entry in CheckpointStore(folder).entries()]
    except CorruptFileError:  # between the first checkpoint's folder and its list
        return 0
    return int(names[-1].split("-")[1]) if names else 0


def steps_done(folder):
    """Steps that the newest checkpoint holds; it must be whole."""
    store = CheckpointStore(folder)
    entries = store.entries()
    if not entries:
        return 0
    state = json.loads((store.open(entries[-1]) / "state.json").read_text())
    return state["steps_done"]


def wait_for_progress(child, folder, checkpoints):
    """Waits until so many checkpoints more are there; `False` if the child ended."""
    target = number_of_newest(folder) + checkpoints
    while number_of_newest(folder) < target:
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return False
        time.sleep(0.005)
    return True


def kill_one(command, folder, log, number, moments):
    """Lets the training live for a while; returns whether it was killed at work."""
    before = steps_done(folder)
    child = start(command, log)
    if moments.random() < 0.1:
        time.sleep(moments.uniform(0.0, SECONDS_OF_START))
        at_work = False
    else:
        at_work = wait_for_progress(child, folder, moments.randint(1, 4))
        if not at_work:
            sys.exit(f"The training ended before it was killed:\n{log.read_text()}")
        time.sleep(moments.uniform(0.0, 0.1))
    os.kill(child, number)
    _, status = os.waitpid(child, 0)
    status = os.waitstatus_to_exitcode(status)
    expected = (0,) if number == signal.SIGTERM and at_work else (0, -number)
    if number == signal.SIGKILL:
        expected = (-number,)
    assert status in expected, (status, log.read_text())
    assert steps_done(folder) >= before
    check_preset(folder.parent, steps_done(folder))
    return at_work


def check_preset(run, steps):
    """There is a preset to use, whole, that is as new as the checkpoints."""
    if steps:
        source = find(run)
        source.weights()
        assert source.config["recipe"]["training"]["steps"] >= steps


def final_arrays(folder):
    """All that the last checkpoint and the preset of a run hold."""
    store = CheckpointStore(folder / "checkpoints")
    checkpoint = store.open(store.entries()[-1])
    state = json.loads((checkpoint / "state.json").read_text())
    assert state.pop("seconds_trained") > 0.0
    arrays = {"state": json.dumps(state)}
    with zipfile.ZipFile(checkpoint / "model.keras") as archive:
        archive.extract("model.weights.h5", folder / "extracted")
    files = {
        "checkpoint": folder / "extracted" / "model.weights.h5",
        "preset": next((folder / "preset").glob("*.weights.h5")),
    }
    for name, path in files.items():
        with h5py.File(path) as file:

            def collect(key, item, name=name):
                if isinstance(item, h5py.Dataset):
                    arrays[f"{name}/{key}"] = item[()]

            file.visititems(collect)
    return arrays


def make_preset(path):
    """In a process of its own: this one must run nothing before it forks."""
    child = os.fork()
    if child == 0:
        from tests import tiny_models

        model = tiny_models.new_model(num_classes=10)
        model.compile()
        model.save_to_preset(path)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


def main(directory, kills, seed=0):
    directory, moments = pathlib.Path(directory), random.Random(seed)
    preset, broken, whole = (directory / name for name in ("tiny", "broken", "whole"))
    make_preset(preset)
    log = directory / "log.txt"
    begin = time.monotonic()
    command = arguments(preset, broken, kills)
    at_work = 0
    for kill in range(kills):
        number = signal.SIGTERM if kill % 5 == 4 else signal.SIGKILL
        at_work += kill_one(command, broken / "checkpoints", log, number, moments)
    done = steps_done(broken / "checkpoints")
    print(f"{kills} kills, {at_work} of them at work; {done} steps done by then")
    for folder in (broken, whole):
        child = start(arguments(preset, folder, kills), log)
        status = os.waitpid(child, 0)[1]
        assert status == 0, (status, log.read_text())
    received, expected = final_arrays(broken), final_arrays(whole)
    assert received.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(received[name], value, err_msg=name)
    print(f"equal: {len(expected)} arrays on {keras.backend.backend()}")
    print(f"seconds: {time.monotonic() - begin:.0f}")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
