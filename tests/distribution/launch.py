"""Runs of a module on some number of devices, each in processes of its own."""

import os
import pathlib
import socket
import subprocess
import sys

import keras
import numpy as np

ROOT = pathlib.Path(__file__).parents[2]
MODULE = "tests.distribution.distributed_run"


def launch(
    result,
    task,
    mode="none",
    devices=1,
    processes=1,
    folder="",
    backend=None,
    module=MODULE,
):
    """Runs a task to its end.

    Args:
        result: Path without suffix, for the results.
        task: String; see `distributed_run`.
        mode: String; see `keras_sphere.distribution.setup`.
        devices: Integer. Devices of all processes together.
        processes: Integer. JAX processes; on torch each device has one.
        folder: Path of checkpoints.
        backend: String or `None` for that of this process.
        module: String. What runs the task, from arguments as `distributed_run` has.

    Returns:
        Pair of the list of all exit statuses, and the output of all processes.
    """
    backend = backend or keras.backend.backend()
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "KERAS_BACKEND": backend,
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "OMP_NUM_THREADS": "1",
    }
    count_flag = "--xla_force_host_platform_device_count"
    flags = os.environ["XLA_FLAGS"].split()
    flags = [flag for flag in flags if not flag.startswith(count_flag)]
    environment["XLA_FLAGS"] = " ".join(flags)
    simulated = devices if processes == 1 and backend != "torch" else 0
    arguments = ["-m", module, task, mode, str(simulated), str(result), str(folder)]
    if backend == "torch" and mode != "none":
        launcher = ["-m", "torch.distributed.run", "--standalone"]
        arguments = [*launcher, f"--nproc_per_node={devices}", *arguments]
    environments = [environment]
    if processes > 1:
        environments = [
            {
                **environment,
                "XLA_FLAGS": " ".join([*flags, f"{count_flag}={devices // processes}"]),
                "KERAS_DISTRIBUTION_JOB_ADDRESSES": f"127.0.0.1:{_free_port()}",
                "KERAS_DISTRIBUTION_NUM_PROCESSES": str(processes),
            }
        ]
        environments = [
            {**environments[0], "KERAS_DISTRIBUTION_PROCESS_ID": str(index)}
            for index in range(processes)
        ]
    running = [
        subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=each,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for each in environments
    ]
    try:
        outputs = [process.communicate(timeout=500)[0] for process in running]
    finally:
        for process in running:
            process.kill()
    return [process.returncode for process in running], "\n".join(outputs)


def results(result, *arguments, **options):
    """Runs a task that must succeed; returns what each process wrote."""
    statuses, output = launch(result, *arguments, **options)
    assert set(statuses) == {0}, output[-5000:]
    paths = sorted(result.parent.glob(f"{result.name}-*.npz"))
    return [dict(np.load(path)) for path in paths]


def _free_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]
