"""Time from nothing to the first picture and to the first training step, per backend.

    python benchmarks/measure_starting.py [--backends=jax,tensorflow,torch]

Each is a process of its own, with its start and imports: the command `generate` of
four digits, and a program that trains the model of that preset on one batch of 25.
First with an empty cache of compiled programs, then again with what that
run left there (JAX alone keeps some). Prints wall time and processor time as a table.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time

from absl import app, flags

BACKENDS = flags.DEFINE_list("backends", ["jax", "tensorflow", "torch"], "Which.")
REPEATS = flags.DEFINE_integer("repeats", 2, "Runs after the first one.")

TRAINING = """
from keras_sphere.backend.compilation_cache import keep_compiled_programs
keep_compiled_programs()
import keras_sphere
from keras_sphere.data import load_digits
(images, labels), _ = load_digits()
model = keras_sphere.presets.load("digits16")
model.compile()
print(model.train_on_batch(images[:25], labels[:25]))
"""


def tasks(folder):
    """Arguments of Python by the name of what they do."""
    return {
        "generate": [
            *("-m", "keras_sphere", "generate", "--preset=digits16", "--overwrite"),
            *("--classes=1,2,3,4", "--num_images=4", f"--output={folder}/digits.png"),
        ],
        "first training step": ["-c", TRAINING],
    }


def measure(arguments, environment):
    """Seconds of wall time and of the processor, of one process."""
    start, before = time.perf_counter(), processor_seconds()
    done = subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        capture_output=True,
        check=False,
        text=True,
    )
    if done.returncode:
        sys.exit(f"{arguments} failed:\n{done.stderr}")
    return time.perf_counter() - start, processor_seconds() - before


def processor_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main(_):
    print("| backend | task | first (processor time) | again |")
    print("|---|---|---|---|")
    for backend in BACKENDS.value:
        with tempfile.TemporaryDirectory() as folder:
            environment = {
                **os.environ,
                "KERAS_BACKEND": backend,
                "TF_CPP_MIN_LOG_LEVEL": "2",
                "XDG_CACHE_HOME": folder,
            }
            for name, arguments in tasks(folder).items():
                first, processor = measure(arguments, environment)
                again = [
                    f"{measure(arguments, environment)[0]:.1f}"
                    for _ in range(REPEATS.value)
                ]
                print(
                    f"| {backend} | {name} | {first:.1f} s ({processor:.1f} s) | "
                    f"{', '.join(again)} s |",
                    flush=True,
                )


if __name__ == "__main__":
    app.run(main)
