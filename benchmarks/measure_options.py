"""Time and memory of one training step with each option that saves one of them.

    python benchmarks/measure_options.py [--backends=jax,tensorflow,torch]
        [--size=base] [--batch_size=16] [--steps=2] [--cases="float32,rematerialize 1"]

The model is the preset `cifar10` (32 px, patch 2; 263.8 M parameters at the size
"base") without a perceptual network, its optimizer `SphereAdamW` with a moving average.
Each case runs in a process of its own. The calls of the training step are timed, not
`fit`, which on TensorFlow may return up to as long again after its last step: tf.data
looks for the end with pauses that double. One that takes more memory than
`--most_memory_gb`, or leaves less than `--spare_memory_gb` to the machine, is stopped,
and its row says so. With `--planned` no step runs: JAX compiles it and says how much
memory the program will need. Prints a markdown table.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time

from absl import app, flags

BACKENDS = flags.DEFINE_list("backends", ["jax", "tensorflow", "torch"], "Which.")
CASES = flags.DEFINE_list("cases", None, "Which options; all by default.")
SIZE = flags.DEFINE_string("size", "base", "Size of encoder and decoder.")
BATCH_SIZE = flags.DEFINE_integer("batch_size", 16, "Images per update.")
STEPS = flags.DEFINE_integer("steps", 2, "Updates that are timed, after the first.")
MOST = flags.DEFINE_float("most_memory_gb", 16.0, "Most memory of a case.")
SPARE = flags.DEFINE_float("spare_memory_gb", 2.0, "Memory to leave to the machine.")
PLANNED = flags.DEFINE_bool("planned", False, "Only what JAX plans.")
CASE = flags.DEFINE_string("case", None, "Measures one case, in this process.")

ACCUMULATION, EXECUTION = 4, 2
SAVING = "bfloat16 and rematerialize 1"
BOTH = {"dtype": "mixed_bfloat16", "rematerialize_every": 1}
# Name -> arguments of the backbone, of the optimizer, and of `compile`.
OPTIONS = {
    "float32": {},
    "rematerialize 1": {"backbone": {"rematerialize_every": 1}},
    "mixed_bfloat16": {"backbone": {"dtype": "mixed_bfloat16"}},
    "rematerialize 2": {"backbone": {"rematerialize_every": 2}},
    f"accumulate {ACCUMULATION}": {
        "optimizer": {"gradient_accumulation_steps": ACCUMULATION}
    },
    SAVING: {"backbone": BOTH},
    f"{SAVING} with jit_compile": {"backbone": BOTH, "compile": {"jit_compile": True}},
    f"{SAVING} with {EXECUTION} steps per execution": {
        "backbone": BOTH,
        "compile": {"steps_per_execution": EXECUTION},
    },
}
ONLY_ON = {
    f"{SAVING} with jit_compile": ("tensorflow",),
    f"{SAVING} with {EXECUTION} steps per execution": ("jax", "tensorflow"),
}


def new_model(options):
    """The compiled model of a case."""
    import keras_sphere

    model = keras_sphere.presets.load(
        "cifar10",
        weights=False,
        encoder_size=SIZE.value,
        decoder_size=SIZE.value,
        perceptual=None,
        **options.get("backbone", {}),
    )
    model.compile(
        keras_sphere.SphereAdamW(**options.get("optimizer", {})),
        **options.get("compile", {}),
    )
    return model


def random_data(count):
    """Images and labels."""
    import numpy as np

    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (count, 32, 32, 3), "uint8")
    return images, generator.integers(0, 10, (count,), "int32")


def batch_size(options):
    """Images of a batch: of an update, or of a part of it."""
    optimizer = options.get("optimizer", {})
    return BATCH_SIZE.value // optimizer.get("gradient_accumulation_steps", 1)


def plan(case):
    """What XLA says about the program of a training step; all sizes in GB."""
    import jax

    model = new_model(OPTIONS[case])
    model.build_training()
    lists = (
        model.trainable_variables,
        model.non_trainable_variables,
        model.optimizer.variables,
        model.metrics_variables,
    )
    state = tuple([variable.value for variable in part] for part in lists)
    step = jax.jit(model.train_step, donate_argnums=0)
    start = time.perf_counter()
    program = step.lower(state, random_data(batch_size(OPTIONS[case]))).compile()
    sizes = program.memory_analysis()
    return {
        "compilation": time.perf_counter() - start,
        "state": sizes.argument_size_in_bytes / 1e9,
        "working": sizes.temp_size_in_bytes / 1e9,
    }


def measure(case):
    """Times the first and the later updates; peak memory is that of this process."""
    import keras_sphere  # noqa: F401 - sets up the backend
    from keras_sphere.training.dry_run import StepTimes

    imports = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    options = OPTIONS[case]
    model = new_model(options)
    at_once = options.get("compile", {}).get("steps_per_execution", 1)

    def seconds(updates):
        images, labels = random_data(updates * BATCH_SIZE.value)
        times, batch = StepTimes(), batch_size(options)
        model.fit(images, labels, batch_size=batch, verbose=0, callbacks=[times])
        return sum(times.seconds)

    first = seconds(at_once)
    steps = -(-STEPS.value // at_once) * at_once
    return {
        "first": first,
        "steady": seconds(steps) / steps,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
        "imports": imports * 1024 / 1e9,
    }


def _kilobytes(path, name):
    """A value of a file of /proc, in kB; 0 if the process has just ended."""
    with open(path) as file:
        lines = [line for line in file if line.startswith(f"{name}:")]
    return int(lines[0].split()[1]) if lines else 0


def run_within_memory(command, environment):
    """Runs a process, and stops it before the machine lacks memory.

    Returns:
        What it printed last, or a string that says why there is nothing.
    """
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=log, text=True
        )
        while process.poll() is None:
            used = _kilobytes(f"/proc/{process.pid}/status", "VmRSS") / 1e6
            spare = _kilobytes("/proc/meminfo", "MemAvailable") / 1e6
            if used > MOST.value or spare < SPARE.value:
                process.kill()
                process.wait()
                return f"stopped at {used:.1f} GB, {spare:.1f} GB left"
            time.sleep(0.1)
        output.seek(0)
        log.seek(0)
        if process.returncode:
            return f"failed: {log.read().strip().splitlines()[-1]}"
        return json.loads(output.read().splitlines()[-1])


def cells(row):
    """The measured cells of a row."""
    if isinstance(row, str):
        return f"{row} | |"
    if PLANNED.value:
        sizes = f"{row['state']:.2f} GB | {row['working']:.2f} GB"
        return f"{row['compilation']:.0f} s | {sizes}"
    memory = f"{row['peak']:.2f} GB ({row['imports']:.2f} GB)"
    return f"{row['first']:.1f} s | {1000 * row['steady']:.0f} ms/step | {memory}"


def main(_):
    if CASE.value:
        print(json.dumps((plan if PLANNED.value else measure)(CASE.value)))
        return
    if PLANNED.value:
        print("| backend | option | compilation | weights and optimizer | all else |")
    else:
        print("| backend | option | first call | steady | peak memory (after import) |")
    print("|---|---|---|---|---|", flush=True)
    for case in CASES.value or OPTIONS:
        for backend in ["jax"] if PLANNED.value else BACKENDS.value:
            if backend not in ONLY_ON.get(case, [backend]):
                continue
            environment = {
                **os.environ,
                "KERAS_BACKEND": backend,
                "TF_CPP_MIN_LOG_LEVEL": "2",
            }
            command = [sys.executable, *sys.argv, f"--case={case}"]
            row = run_within_memory(command, environment)
            print(f"| {backend} | {case} | {cells(row)} |", flush=True)


if __name__ == "__main__":
    app.run(main)
