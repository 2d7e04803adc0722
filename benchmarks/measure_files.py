"""Time and memory of importing, building, loading and saving, per backend.

    python benchmarks/measure_files.py [--backends=jax,tensorflow,torch] [--large]

Each measurement runs in a process of its own. Saving and loading are measured beside
`numpy.save` and `numpy.load` of the same bytes on the same disk in the same process;
reads come from the page cache. `--large` adds `imagenet256_large` (1 billion
parameters: 12 GB of memory). Prints a markdown table.
"""

import contextlib
import functools
import gc
import json
import pathlib
import resource
import tempfile

from absl import app, flags
from own_process import run_case, seconds

BACKENDS = flags.DEFINE_list("backends", ["jax", "tensorflow", "torch"], "Which.")
LARGE = flags.DEFINE_boolean("large", False, "Measure imagenet256_large too.")
PRESET = flags.DEFINE_string("throughput_preset", "cifar10", "Saved and loaded.")
CASE = flags.DEFINE_string("case", None, "Measures one case, in this process.")

CASES = ("import", "load digits16", "files")
LARGE_CASES = tuple(
    f"imagenet256_large, {how}"
    for how in ("abstract", "weights drawn", "weights saved and loaded")
)


def measure_import():
    return {"import keras_sphere": seconds(lambda: __import__("keras_sphere"))}


def measure_digits():
    import keras_sphere

    return {
        "presets.load": seconds(lambda: keras_sphere.presets.load("digits16")),
        "again": seconds(lambda: keras_sphere.presets.load("digits16")),
    }


def measure_large(abstract):
    """Building, without memory for the weights or with random ones."""
    import keras

    import keras_sphere

    preset = keras_sphere.presets.describe("imagenet256_large")
    scope = contextlib.nullcontext()
    if abstract:
        scope = keras.StatelessScope(initialize_variables=False)

    def build():
        with scope:
            keras_sphere.SphereEncoderBackbone(**preset["architecture"])

    return {"build": seconds(build)}


def measure_large_file():
    """Loading a preset with weights, which a model before it has saved."""
    import keras_sphere

    name = "imagenet256_large"
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder) / name
        model = keras_sphere.presets.load(name, weights=False, compile=False)
        save = seconds(functools.partial(model.save_to_preset, folder))
        del model
        gc.collect()
        load = seconds(lambda: keras_sphere.presets.load(folder))
    return {"save_to_preset": save, "presets.load": load}


def measure_files():
    """Megabytes per second of weights, beside NumPy."""
    import numpy as np

    import keras_sphere

    model = keras_sphere.presets.load(PRESET.value, weights=False, compile=False)
    num_bytes = 4 * sum(int(np.prod(w.shape)) for w in model.backbone.weights)
    megabytes = num_bytes / 1e6
    array = np.random.default_rng(0).random(num_bytes // 4, "float32")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        actions = {
            "numpy.save": lambda: np.save(folder / "array.npy", array),
            "save_weights": lambda: model.backbone.save_weights(
                folder / "backbone.weights.h5"
            ),
            "save_to_preset": lambda: model.save_to_preset(folder / "preset"),
            "numpy.load": lambda: np.load(folder / "array.npy"),
            "load_weights": lambda: model.backbone.load_weights(
                folder / "backbone.weights.h5"
            ),
            "presets.load": lambda: keras_sphere.presets.load(
                str(folder / "preset"), compile=False
            ),
        }
        rates = {name: megabytes / seconds(run) for name, run in actions.items()}
    return {f"{name}, MB/s": rate for name, rate in rates.items()}


def measure(case):
    """Measures one case in this process."""
    if case == LARGE_CASES[2]:
        return measure_large_file()
    if case in LARGE_CASES:
        return measure_large(abstract=case == LARGE_CASES[0])
    measurements = {"import": measure_import, "load digits16": measure_digits}
    return measurements.get(case, measure_files)()


def main(_):
    if CASE.value:
        result = measure(CASE.value)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(json.dumps({**result, "peak, MB": peak}))
        return
    print("| backend | case | result |\n|---|---|---|")
    cases = CASES + (LARGE_CASES if LARGE.value else ())
    for backend in BACKENDS.value:
        for case in cases:
            result = run_case(f"--case={case}", backend)
            cells = [
                f"{name}: {value:.0f}" if "MB" in name else f"{name}: {value:.2f} s"
                for name, value in result.items()
            ]
            print(f"| {backend} | {case} | {'; '.join(cells)} |", flush=True)


if __name__ == "__main__":
    app.run(main)
