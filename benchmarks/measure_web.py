"""Size and speed of the page of `web`: in Chromium by WASM, beside Python, in one run.

    python benchmarks/measure_web.py --runtime=FOLDER [--preset=digits16]

For each type of weights: bytes of the networks, time from opening the page (served on
loopback, nothing cached) to its first pictures, and pictures per second, with the
preset's own guidance. Beside it `model.generate` of the backend, compiled, in the same
batches of 8. Prints a table. FOLDER is that of the npm package onnxruntime-web.
"""

import pathlib
import re
import sys
import tempfile
import time

from absl import app, flags

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

RUNTIME = flags.DEFINE_string("runtime", None, "Folder of the runtime.", required=True)
PRESET = flags.DEFINE_string("preset", "digits16", "The model.")
COUNT, BATCH_SIZE, STEPS = 64, 8, (1, 4)
STATUS = "document.getElementById('status').textContent"


def measure_page(browser, site):
    """Seconds to the first pictures, then pictures per second for each of `STEPS`."""
    from tests.web.browser import served

    with served(site) as address:
        start = time.perf_counter()
        browser.open(f"{address}#runtime=wasm")
        browser.wait(f"/ by WASM/.test({STATUS})")
        first, rates = time.perf_counter() - start, []
        browser.type("#count", COUNT)
        for steps in STEPS:
            browser.type("#steps", steps)
            browser.evaluate(f"{STATUS} = ''")
            browser.click("#generate")
            browser.wait(f"/ by WASM/.test({STATUS})")
            seconds = re.search(r"in ([\d.e+]+) s", browser.evaluate(STATUS))[1]
            rates.append(COUNT / float(seconds))
    return first, rates


def measure_python(model):
    """Pictures per second for each of `STEPS`, after a first call."""
    labels, rates = [i % 10 for i in range(COUNT)], []
    for steps in STEPS:
        options = {"labels": labels, "steps": steps, "batch_size": BATCH_SIZE}
        model.generate(COUNT, seed=0, **options)
        start = time.perf_counter()
        model.generate(COUNT, seed=1, **options)
        rates.append(COUNT / (time.perf_counter() - start))
    return rates


def row(name, size, first, rates):
    cells = [name, size, first, *(f"{rate:.0f}" for rate in rates)]
    print("| " + " | ".join(cells) + " |", flush=True)


def main(_):
    import contextlib

    import keras

    from keras_sphere import presets
    from keras_sphere.command_line import main as command
    from tests.web.browser import Browser

    model = presets.load(PRESET.value)
    print("| | networks | first pictures | pictures/s, 1 step | 4 steps |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        folder = pathlib.Path(folder)
        for weights in ("float32", "float16", "uint8"):
            site = folder / weights
            words = [f"--preset={PRESET.value}", f"--output={site}"]
            words += [f"--runtime={RUNTIME.value}", f"--weights={weights}"]
            with contextlib.redirect_stdout(sys.stderr):
                if command(["web", *words], lambda source: model):
                    sys.exit("The page could not be made.")
            size = sum(file.stat().st_size for file in (site / "onnx").iterdir())
            with contextlib.closing(Browser(folder / f"{weights}_profile")) as browser:
                browser.show(1200, 900)
                first, rates = measure_page(browser, site)
            row(f"WASM, {weights}", f"{size / 1e6:.1f} MB", f"{first:.1f} s", rates)
    row(f"Python, {keras.backend.backend()}", "", "", measure_python(model))


if __name__ == "__main__":
    app.run(main)
