"""Runs the test suite once per backend, and prints one summary.

    python tests/run_backends.py [--backends=jax,torch] [pytest arguments]

Fails if the suite fails on any backend, or cannot be collected.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree

BACKENDS = ("jax", "tensorflow", "torch")
NO_TESTS_COLLECTED = 5
ROOT = pathlib.Path(__file__).resolve().parent.parent


def run(backend, pytest_arguments):
    """Runs pytest on one backend; returns its exit code and counts."""
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.xml"
        environment = {
            **os.environ,
            "KERAS_BACKEND": backend,
            "TF_CPP_MIN_LOG_LEVEL": "2",
        }
        code = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "--durations=10"),
                f"--junitxml={report}",
                *pytest_arguments,
            ],
            cwd=ROOT,
            env=environment,
        ).returncode
        return code, count(report)


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


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backends", default=",".join(BACKENDS))
    arguments, pytest_arguments = parser.parse_known_args()
    lines, total, failed = [], {"passed": 0, "failed": 0, "skipped": 0}, False
    for backend in arguments.backends.split(","):
        print(f"\n===== {backend} =====", flush=True)
        start = time.monotonic()
        code, counts = run(backend, pytest_arguments)
        if code == NO_TESTS_COLLECTED:
            code = 0
        elif code != 0 and counts["failed"] == 0:
            counts["failed"] = 1
        failed = failed or code != 0
        total = {key: total[key] + counts[key] for key in total}
        lines.append(
            f"{backend:12}{'FAILED' if code else 'ok':8}"
            + "".join(f"{n} {name}, " for name, n in counts.items())
            + f"{time.monotonic() - start:.0f} s"
        )
    print("\n" + "\n".join(lines))
    print(", ".join(f"{n} {name}" for name, n in total.items()))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
