"""Runs the test suite once per backend, and prints one summary.

    python tests/run_backends.py [--backends=jax,torch] [--jobs=2] [pytest arguments]
    python tests/run_backends.py --accelerator [pytest arguments]

Fails if the suite fails on any backend, or collects no test. With `--accelerator` the
backends are those of JAX and PyTorch that find a GPU or TPU, tests that simulate
devices on the CPU are left out, and each result has a line, so that a run that is cut
off keeps its names.
"""

import argparse
import concurrent.futures
import dataclasses
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree

BACKENDS = ("jax", "tensorflow", "torch")
NO_TESTS = 5  # pytest's exit code
# Programs that fail where there is no accelerator.
FIND_ACCELERATOR = {
    "jax": "import jax; assert jax.default_backend() != 'cpu'",
    "torch": "import torch; assert torch.cuda.is_available()",
}
SIMULATED_DEVICES = "distribution"
ROOT = pathlib.Path(__file__).resolve().parent.parent
# What JAX compiled, for all processes of this run and of later ones.
PROGRAMS = ROOT / ".pytest_cache" / "jax_programs"


def parts():
    """Groups of test files that one process after another runs: memory is finite.

    Compiled programs of finished tests stay in memory until their process ends.

    Returns:
        List of lists of paths.
    """
    folder = ROOT / "tests"
    groups = [
        ["command_line", "convert", "editing", "evaluation"],
        ["data", "distribution", "examples"],
        ["layers", "losses", "metrics", "models"],
        ["training"],
    ]
    taken = {name for group in groups for name in group}
    names = {path.parent.name for path in folder.glob("*/test_*.py")}
    rest = [*sorted(names - taken), *(path.name for path in folder.glob("test_*.py"))]
    return [[str(folder / name) for name in group] for group in [*groups, rest]]


@dataclasses.dataclass
class PartRun:
    """What a process of pytest has ended with."""

    code: int
    counts: dict
    seconds: float


def run_part(backend, paths, pytest_arguments, keep_output):
    """Runs pytest on one part with one backend, in a process of its own.

    Args:
        backend: String. Name of the backend.
        paths: List of strings.
        pytest_arguments: List of strings.
        keep_output: Boolean. Whether to print the output only once it is complete,
            for runs side by side, which also leave each other a core.

    Returns:
        `PartRun`.
    """
    names = " ".join(os.path.relpath(path, ROOT / "tests") for path in paths)
    print(f"\n===== {backend}: {names} =====", flush=True)
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.xml"
        result = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "--durations=10"),
                f"--junitxml={report}",
                *pytest_arguments,
                *paths,
            ],
            cwd=ROOT,
            env={
                **({"OMP_NUM_THREADS": "1"} if keep_output else {}),
                "JAX_COMPILATION_CACHE_DIR": str(PROGRAMS),
                "JAX_COMPILATION_CACHE_MAX_SIZE": str(2**30),
                **os.environ,
                "KERAS_BACKEND": backend,
                "TF_CPP_MIN_LOG_LEVEL": "2",
            },
            stdout=subprocess.PIPE if keep_output else None,
            stderr=subprocess.STDOUT if keep_output else None,
            check=False,
        )
        counts = count(report)
    if result.returncode not in (0, NO_TESTS) and not counts["failed"]:
        counts["failed"] = 1
    if keep_output:
        text = result.stdout.decode(errors="replace")
        print(f"\n===== {backend}: {names} =====\n{text}", flush=True)
    return PartRun(result.returncode, counts, time.monotonic() - start)


def count(report):
    """Passed, failed and skipped tests of a JUnit report; zeros if there is none."""
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    if not report.exists():
        return counts
    for suite in ElementTree.parse(report).getroot().iter("testsuite"):
        failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped = int(suite.get("skipped", 0))
        counts["failed"] += failed
        counts["skipped"] += skipped
        counts["passed"] += int(suite.get("tests", 0)) - failed - skipped
    return counts


def with_accelerator():
    """The backends of this Python that find an accelerator."""
    return [
        backend
        for backend, program in FIND_ACCELERATOR.items()
        if not subprocess.run(
            [sys.executable, "-c", program], capture_output=True, check=False
        ).returncode
    ]


def chosen_tests(backends, pytest_arguments):
    """Dict of backend -> arguments; what any backend can run the first one runs."""
    first, *others = backends
    arguments = list(pytest_arguments)
    if "-m" in arguments:
        place = arguments.index("-m") + 1
        arguments[place] = f"({arguments[place]}) and not any_backend"
    else:
        arguments += ["-m", "not any_backend"]
    return {first: pytest_arguments, **dict.fromkeys(others, arguments)}


def exit_code(runs):
    """That of a backend: a part may have no test, but all may not."""
    bad = [run.code for run in runs if run.code not in (0, NO_TESTS)]
    return bad[0] if bad else min(run.code for run in runs)


def summary(runs):
    """One line per backend, and the sums on a last line.

    Args:
        runs: Dict from backends to lists of `PartRun`.
    """
    lines, total = [], {"passed": 0, "failed": 0, "skipped": 0}
    for backend, parts_run in runs.items():
        counts = {name: sum(run.counts[name] for run in parts_run) for name in total}
        state = "FAILED" if exit_code(parts_run) else "ok"
        numbers = ", ".join(f"{number} {name}" for name, number in counts.items())
        seconds = sum(run.seconds for run in parts_run)
        lines.append(f"{backend:12}{state:8}{numbers}, {seconds:.0f} s")
        total = {name: total[name] + counts[name] for name in total}
    lines.append(", ".join(f"{number} {name}" for name, number in total.items()))
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--backends", default=",".join(BACKENDS))
    parser.add_argument("--jobs", type=int, default=1, help="processes side by side")
    parser.add_argument("--accelerator", action="store_true")
    arguments, pytest_arguments = parser.parse_known_args()
    backends = arguments.backends.split(",")
    if arguments.accelerator:
        backends = with_accelerator()
        if not backends:
            sys.exit(f"Neither JAX nor PyTorch of {sys.executable} finds a GPU or TPU.")
        pytest_arguments += ["-v", f"--ignore={ROOT / 'tests' / SIMULATED_DEVICES}"]
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    start = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        started = {
            backend: [
                pool.submit(run_part, backend, paths, chosen, arguments.jobs > 1)
                for paths in parts()
            ]
            for backend, chosen in chosen_tests(backends, pytest_arguments).items()
        }
        runs = {
            backend: [future.result() for future in futures]
            for backend, futures in started.items()
        }
    print(f"\n{summary(runs)}, {time.monotonic() - start:.0f} s in all")
    return max(exit_code(parts_run) != 0 for parts_run in runs.values())


if __name__ == "__main__":
    sys.exit(main())
