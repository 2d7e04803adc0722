"""Where a device's time goes in a training step and in `generate`, by kind of kernel.

    KERAS_BACKEND=jax python benchmarks/profile_device.py --size=base \
        --batch_size=128 --dtype=mixed_bfloat16 [--tasks=train,generate] [--peer]

The model is that of `beside_plain_torch.py`, on torch or JAX; with `--peer` the plain
PyTorch program in its place. Prints the time of a call without the profiler, the time
of the device's kernels in it, the share of each kind, and the longest kernels. On a CPU
it counts operations (torch) or what XLA's threads run (JAX).

For what XLA compiled, add `XLA_FLAGS="--xla_dump_to=FOLDER --xla_dump_hlo_as_text"`.
"""

import collections
import glob
import re
import tempfile

from absl import app, flags
from own_process import seconds
from plain_torch_cases import BATCH_SIZE, DTYPE, Package, Peer, new_inputs

TASKS = flags.DEFINE_list("tasks", ["train", "generate"], "What is profiled.")
PEER = flags.DEFINE_bool("peer", False, "Of the plain PyTorch program.")
CALLS = flags.DEFINE_integer("calls", 3, "Calls under the profiler.")
STEPS = flags.DEFINE_integer("steps", 1, "Steps of generation.")
GENERATED = flags.DEFINE_integer("generated", None, "Images, if not the batch size.")
NUM_LONGEST = flags.DEFINE_integer("longest", 25, "How many kernels are named.")

# The first kind whose pattern is found in a kernel's name; the order matters.
KINDS = {
    "attention": r"flash|fmha|attention|sdpa|mha",
    "matrix products": r"gemm|nvjet|cutlass|cublas|xmma|dot|::mm|addmm|convolution",
    "copies and casts": r"memcpy|copy|transpose|convert|cat|memset",
    "reductions": r"reduc|norm|softmax|sum",
    "random numbers": r"rng|random|distribution|philox|threefry",
    "optimizer": r"adam|multi_tensor|foreach|lerp",
}
OTHER = "element-wise and other"


def kind_of(name):
    for kind, pattern in KINDS.items():
        if re.search(pattern, name, re.IGNORECASE):
            return kind
    return OTHER


def profile_torch(function):
    """Dict of kernel -> seconds and number, of one call of `function`."""
    import torch

    on_gpu = torch.cuda.is_available()
    activities = [torch.profiler.ProfilerActivity.CPU]
    if on_gpu:
        activities = [torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as profile:
        function()
    kernels = {}
    for event in profile.key_averages():
        total = event.self_device_time_total if on_gpu else event.self_cpu_time_total
        kernels[event.key] = (total / 1e6, event.count)
    return kernels


def profile_jax(function):
    import jax

    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            function()
        (path,) = glob.glob(f"{folder}/**/*.xplane.pb", recursive=True)
        planes = list(jax.profiler.ProfileData.from_file(path).planes)
    devices = [plane for plane in planes if plane.name.startswith("/device:")]
    lines = [
        line
        for plane in devices or planes
        for line in plane.lines
        if line.name.startswith("Stream" if devices else "tf_XLA")
    ]
    kernels = collections.defaultdict(lambda: (0.0, 0))
    for event in (event for line in lines for event in line.events):
        total, count = kernels[event.name]
        kernels[event.name] = (total + event.duration_ns / 1e9, count + 1)
    return kernels


def print_profile(task, alone, kernels):
    calls = CALLS.value
    busy = sum(total for total, _ in kernels.values())
    print(
        f"\n## {task}: {1000 * alone:.1f} ms a call, "
        f"kernels {1000 * busy / calls:.1f} ms"
    )
    kinds = collections.Counter()
    for name, (total, _) in kernels.items():
        kinds[kind_of(name)] += total
    for kind, total in kinds.most_common():
        print(f"{kind:25}{1000 * total / calls:9.2f} ms {100 * total / busy:5.1f} %")
    longest = sorted(kernels.items(), key=lambda item: -item[1][0])
    for name, (total, count) in longest[: NUM_LONGEST.value]:
        print(f"  {1000 * total / calls:9.3f} ms {count / calls:7.1f} x {name[:140]}")


def main(_):
    import keras

    on_jax = keras.backend.backend() == "jax" and not PEER.value
    profile = profile_jax if on_jax else profile_torch
    case = Peer() if PEER.value else Package(DTYPE.value)
    images, labels, _, _ = new_inputs()

    def generate():
        flags.FLAGS.batch_size = GENERATED.value or BATCH_SIZE.value
        case.generate(new_inputs()[1], STEPS.value)

    tasks = {"train": lambda: case.train(images, labels), "generate": generate}
    for task in TASKS.value:
        for _ in range(3):
            tasks[task]()
        alone = min(seconds(tasks[task]) for _ in range(CALLS.value))

        def repeated(function=tasks[task]):
            for _ in range(CALLS.value):
                function()

        print_profile(task, alone, profile(repeated))


if __name__ == "__main__":
    app.run(main)
