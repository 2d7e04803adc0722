"""Runs the test suite once per backend, and prints one summary.

    python tests/run_backends.py [--backends=jax,torch] [--jobs=2] [pytest arguments]

Fails if the suite fails on any backend, or collects no test.
"""

import argparse
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree

BACKENDS = ("jax", "tensorflow", "torch")
NO_TESTS = 5  # pytest's exit code
ROOT = pathlib.Path(__file__).resolve().parent.parent


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


def run(backend, pytest_arguments, keep_output):
    """Runs pytest on one backend, in one process per part.

    Args:
        backend: String. Name of the backend.
        pytest_arguments: List of strings.
        keep_output: Boolean. Whether to print the output only once it is complete,
            for runs side by side, which also leave each other a core.

    Returns:
        Exit code, dict of counts, and seconds.
    """
    start = time.monotonic()
    print(f"\n===== {backend}{': running' * keep_output} =====", flush=True)
    total, codes, texts = {"passed": 0, "failed": 0, "skipped": 0}, [], []
    for paths in parts():
        code, counts, text = run_part(backend, [*pytest_arguments, *paths], keep_output)
        codes.append(code)
        texts.append(text)
        total = {name: total[name] + counts[name] for name in total}
    if keep_output:
        print(f"\n===== {backend} =====\n{''.join(texts)}", flush=True)
    bad = [code for code in codes if code not in (0, NO_TESTS)]
    code = bad[0] if bad else min(codes)  # a part may have no test; all may not
    return code, total, time.monotonic() - start


def run_part(backend, pytest_arguments, keep_output):
    """Runs pytest in a process; returns exit code, counts and kept output."""
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.xml"
        result = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "--durations=10"),
                f"--junitxml={report}",
                *pytest_arguments,
            ],
            cwd=ROOT,
            env={
                **({"OMP_NUM_THREADS": "1"} if keep_output else {}),
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
    text = result.stdout.decode(errors="replace") if keep_output else ""
    return result.returncode, counts, text


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


def summary(backends, results):
    """One line per backend, and the sums on a last line."""
    lines, total = [], {"passed": 0, "failed": 0, "skipped": 0}
    for backend, (code, counts, seconds) in zip(backends, results, strict=True):
        state = "FAILED" if code else "ok"
        numbers = ", ".join(f"{number} {name}" for name, number in counts.items())
        lines.append(f"{backend:12}{state:8}{numbers}, {seconds:.0f} s")
        total = {name: total[name] + counts[name] for name in total}
    lines.append(", ".join(f"{number} {name}" for name, number in total.items()))
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--backends", default=",".join(BACKENDS))
    parser.add_argument("--jobs", type=int, default=1, help="backends side by side")
    arguments, pytest_arguments = parser.parse_known_args()
    backends = arguments.backends.split(",")
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        results = list(
            pool.map(
                lambda backend: run(backend, pytest_arguments, arguments.jobs > 1),
                backends,
            )
        )
    print("\n" + summary(backends, results))
    return max(code != 0 for code, _, _ in results)


if __name__ == "__main__":
    sys.exit(main())
