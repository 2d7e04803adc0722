"""What the benchmarks share: each case runs in a process of its own."""

import json
import os
import subprocess
import sys
import time

ANSWER = "answer: "


def run_case(flag, backend=None):
    """Runs this script again, with one flag more; ends with its messages if it fails.

    Args:
        flag: String, such as `"--case=NAME"`, with which the script measures one case
            and prints its result as JSON on the last line.
        backend: String or `None`. Keras' backend; `None` for that of the environment.

    Returns:
        The result.
    """
    done = subprocess.run(
        [sys.executable, *sys.argv, flag],
        env=_environment(backend),
        capture_output=True,
        check=False,
        text=True,
    )
    if done.returncode:
        sys.exit(f"{flag} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


class Worker:
    """This script in a process of its own, which measures whenever it is asked.

    So several cases can take turns: what else the machine does then meets all of them.
    The script answers each line of its input by a line of JSON; see `answer`.

    Args:
        flag: As for `run_case`.
        backend: As for `run_case`.
    """

    def __init__(self, flag, backend=None):
        self.flag = flag
        self.process = subprocess.Popen(
            [sys.executable, *sys.argv, flag],
            env=_environment(backend),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, question):
        """The answer; ends this script if the process has failed."""
        self.process.stdin.write(question + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith(ANSWER):
                return json.loads(line.removeprefix(ANSWER))
        sys.exit(f"{self.flag} failed while it was asked for {question!r}")

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def answer(functions):
    """Answers the lines of the input by what the functions of that name return."""
    for line in sys.stdin:
        print(ANSWER + json.dumps(functions[line.strip()]()), flush=True)


def _environment(backend):
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"}
    if backend is not None:
        environment["KERAS_BACKEND"] = backend
    return environment


def seconds(function, clock=time.perf_counter):
    """Time of a call: wall time, or by another clock such as `time.process_time`."""
    start = clock()
    function()
    return clock() - start
