"""What the benchmarks share: each case runs in a process of its own."""

import json
import os
import subprocess
import sys
import time


def run_case(flag, backend=None):
    """Runs this script again, with one flag more; ends with its messages if it fails.

    Args:
        flag: String, such as `"--case=NAME"`, with which the script measures one case
            and prints its result as JSON on the last line.
        backend: String or `None`. Keras' backend; `None` for that of the environment.

    Returns:
        The result.
    """
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"}
    if backend is not None:
        environment["KERAS_BACKEND"] = backend
    done = subprocess.run(
        [sys.executable, *sys.argv, flag],
        env=environment,
        capture_output=True,
        check=False,
        text=True,
    )
    if done.returncode:
        sys.exit(f"{flag} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def seconds(function):
    """Wall time of a call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start
