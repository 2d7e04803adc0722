"""Time and memory of converting checkpoints, each step in a process of its own.

    KERAS_BACKEND=jax python benchmarks/measure_conversion.py [--preset=cifar10]

Makes a preset with random weights, then converts it to a run folder and that to a
preset again. Memory is the peak of the process, and what it had after import; pages of
mapped files, which the system can take back at any time, are not counted. Prints a
markdown table; needs four times the model's size on disk.
"""

import json
import pathlib
import tempfile
import threading
import time

from absl import app, flags
from own_process import run_case

PRESET = flags.DEFINE_string("preset", "cifar10", "A built-in preset.")
CASE = flags.DEFINE_list("case", None, "Runs one step, in this process.")


def own_memory():
    """Megabytes of this process that are not mapped files (Linux)."""
    status = pathlib.Path("/proc/self/status").read_text()
    values = dict(line.split(":") for line in status.splitlines() if ":" in line)
    return int(values["RssAnon"].split()[0]) / 1024


class PeakMemory:
    """Samples the memory of this process in a thread."""

    def __enter__(self):
        self.before = self.peak = own_memory()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self._thread.start()
        return self

    def _sample(self):
        while not self._done.wait(0.005):
            self.peak = max(self.peak, own_memory())

    def __exit__(self, *error):
        self._done.set()
        self._thread.join()


def make_preset(folder):
    import keras_sphere

    model = keras_sphere.presets.load(PRESET.value, weights=False)
    model.save_to_preset(folder / "preset")


def run(case, folder):
    """One step."""
    from keras_sphere import convert

    kind, _, format = case.partition(" ")
    if kind == "make":
        make_preset(folder)
    elif kind == "to":
        convert.preset_to_reference(folder / "preset", folder / format, format)
    else:
        convert.reference_to_preset(folder / format, folder / "again", overwrite=True)


def main(_):
    if CASE.value:
        import keras

        import keras_sphere  # noqa: F401  part of "after import"

        case, folder = CASE.value
        start = time.perf_counter()
        with PeakMemory() as memory:
            run(case, pathlib.Path(folder))
        seconds = time.perf_counter() - start
        print(
            json.dumps([keras.backend.backend(), seconds, memory.peak, memory.before])
        )
        return
    print("| backend | step | time | peak of own memory (after import) |")
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        cases = [
            f"{step} {format}"
            for format in ("safetensors", "pth")
            for step in ("to", "from")
        ]
        for case in ("make", *cases):
            backend, seconds, peak, before = run_case(f"--case={case},{folder}")
            print(
                f"| {backend} | {case} | {seconds:.1f} s | "
                f"{peak:.0f} MB ({before:.0f} MB) |",
                flush=True,
            )


if __name__ == "__main__":
    app.run(main)
