"""Training and generation beside the same method written by hand in PyTorch.

    python benchmarks/beside_plain_torch.py [--size=small] [--batch_size=16]
        [--dtype=float32] [--steps=1,4] [--rounds=5] [--one_at_a_time]

The model is that of the preset `cifar10` (32 px, patch 2, 10 classes) without
perceptual losses; the peer is `plain_torch.py`. First each backend's model gives its
weights to the peer, and both must have the same encoder and decoder outputs, losses,
weights after a training step, and generated images, in float32. Then all take turns at
training steps and at `generate`, each in a process of its own; the peer also compiled
by `torch.compile`. The times end when the numbers are on the host. Prints medians, the
peer's time over each one's, and memory: that of the device where there is a GPU, else
the process'.

On a CPU that other programs use too, `--cpu_time` with one thread says more: the
processor's time of each process.

It runs unchanged on a GPU. Training at the base size, batch 128, takes 84 GB of it for
the peer alone: then `--one_at_a_time` ends each process before the next one starts. A
trial:

    python benchmarks/beside_plain_torch.py --width=32 --layers=2 --batch_size=4 \\
        --rounds=2 --cases=plain,torch
"""

import importlib.util
import json
import os
import resource
import statistics
import time

from absl import app, flags
from equal_to_plain_torch import TOLERANCES, check
from own_process import Worker, answer, run_case, seconds
from plain_torch_cases import DTYPE, Package, Peer, generated_labels, new_inputs

STEPS = flags.DEFINE_list("steps", ["1", "4"], "Numbers of steps of generation.")
ROUNDS = flags.DEFINE_integer("rounds", 5, "Turns of each case, after its first call.")
ONE_AT_A_TIME = flags.DEFINE_bool("one_at_a_time", False, "No process waits its turn.")
CPU_TIME = flags.DEFINE_bool("cpu_time", False, "Not wall time; for CPUs only.")
CHECK = flags.DEFINE_bool("check", True, "Whether equality is checked first.")
CASES = flags.DEFINE_list(
    "cases", ["plain", "plain compiled", "torch", "jax", "tensorflow"], "Which."
)
CASE = flags.DEFINE_string("case", None, "Answers for one case, in this process.")


def peak_gigabytes():
    """Peak memory of the device if it is a GPU, else of this process."""
    backend = "torch" if CASE.value.startswith("plain") else CASE.value
    peak = 0
    if backend == "torch":
        import torch

        if torch.cuda.is_available():
            peak = torch.cuda.max_memory_allocated()
    elif backend == "jax":
        import jax

        peak = (jax.local_devices()[0].memory_stats() or {}).get("peak_bytes_in_use", 0)
    elif backend == "tensorflow":
        import tensorflow as tf

        if tf.config.list_physical_devices("GPU"):
            peak = tf.config.experimental.get_memory_info("GPU:0")["peak"]
    peak = peak or 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e9


def tasks():
    """What a case is asked to do, by name; each returns its seconds."""
    plain = CASE.value.startswith("plain")
    case = Peer(CASE.value == "plain compiled") if plain else Package(DTYPE.value)
    images, labels, _, _ = new_inputs()

    clock = time.process_time if CPU_TIME.value else time.perf_counter

    def generation(steps):
        return lambda: seconds(lambda: case.generate(generated_labels(), steps), clock)

    return {
        **{f"generate {steps}": generation(int(steps)) for steps in STEPS.value},
        "train": lambda: seconds(lambda: case.train(images, labels), clock),
        "memory": peak_gigabytes,
    }


def check_cases(cases):
    for backend in cases:
        if backend.startswith("plain"):
            continue
        differences = run_case("--case=check", backend)
        print(f"{backend}, largest differences from the peer:", differences, flush=True)
        wrong = [n for n, gap in differences.items() if not gap < TOLERANCES[n]]
        if wrong:
            raise SystemExit(f"{backend} differs from the peer: {wrong}")


def measure(workers, names):
    """Seconds of the first call and of the turns, by case and task."""
    times = {case: {name: [] for name in names} for case in workers}
    for name in names:
        for _ in range(1 + ROUNDS.value):
            for case, worker in workers.items():
                times[case][name].append(worker.ask(name))
        for case in workers:  # now, lest a task that fails take these along
            turns = [round(1000 * turn, 1) for turn in times[case][name]]
            print(f"{name}, {case}, first call and turns: {turns} ms", flush=True)
    return {
        case: {**times[case], "memory": worker.ask("memory")}
        for case, worker in workers.items()
    }


def new_worker(case):
    backend = "torch" if case.startswith("plain") else case
    return Worker(f"--case={case}", backend)


def measure_all(cases, names):
    groups = [[case] for case in cases] if ONE_AT_A_TIME.value else [cases]
    results = {}
    for group in groups:
        workers = {case: new_worker(case) for case in group}
        results.update(measure(workers, names))
        for worker in workers.values():
            worker.close()
    return results


def print_table(results, names):
    print("| case | task | first call | median | plain / case | memory |")
    print("|---|---|---|---|---|---|")
    for name in names:
        for case, times in results.items():
            first, *turns = times[name]
            ratio = ""
            if "plain" in results:
                peers = results["plain"][name][1:]
                pairs = zip(peers, turns, strict=True)
                ratio = f"{statistics.median(p / t for p, t in pairs):.2f}"
            print(
                f"| {case} | {name} | {first:.2f} s | "
                f"{1000 * statistics.median(turns):.1f} ms | {ratio} | "
                f"{times['memory']:.2f} GB |"
            )


def is_missing(case):
    """Whether a case lacks its backend or Keras; says so."""
    needed = ["keras", "torch" if case.startswith("plain") else case]
    for package in needed:
        if importlib.util.find_spec(package) is None:
            print(f"{case}: left out, as there is no {package} here")
            return True
    return False


def main(_):
    # All processes share one device, so none may take all of its memory.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    if CASE.value == "check":
        print(json.dumps(check()))
        return
    if CASE.value:
        answer(tasks())
        return
    cases = [case for case in CASES.value if not is_missing(case)]
    if CHECK.value:
        check_cases(cases)
    names = [*(f"generate {steps}" for steps in STEPS.value), "train"]
    print_table(measure_all(cases, names), names)


if __name__ == "__main__":
    app.run(main)
