"""How long the device waits while `generate` makes many images, per backend.

    python benchmarks/measure_idle.py [--backends=jax,tensorflow,torch]

The shipped model of digits. Per round, one after the other: `generate` of all images,
and the same number of chunks of one prepared input through the compiled loop, which is
the device's time alone. What `generate` takes beyond it is what noise, copies and
Python cost that nothing hides. Prints a markdown table of the medians.
"""

import json
import statistics

from absl import app, flags
from own_process import run_case, seconds

BACKENDS = flags.DEFINE_list("backends", ["jax", "tensorflow", "torch"], "Which.")
NUM_IMAGES = flags.DEFINE_integer("num_images", 10_000, "Images of a call.")
BATCH_SIZE = flags.DEFINE_integer("batch_size", 256, "Images at a time.")
STEPS = flags.DEFINE_list("steps", ["1", "4"], "Steps; a row each.")
ROUNDS = flags.DEFINE_integer("rounds", 3, "Of both, in turn.")
CASE = flags.DEFINE_integer("case", None, "Measures so many steps, in this process.")


def measure(steps):
    """Medians of the seconds of `generate` and of the device alone."""
    import keras

    from keras_sphere import presets

    model = presets.load("digits16")
    chunk, prepared = BATCH_SIZE.value, {}
    sample = model.passes.sample

    def keep(*arguments):
        prepared["arguments"] = arguments
        return sample(*arguments)

    def generate(count):
        return model.generate(count, steps=steps, seed=0, batch_size=chunk)

    model.passes.sample = keep
    generate(chunk)
    model.passes.sample = sample

    def device():
        for _ in range(-(-NUM_IMAGES.value // chunk)):
            keras.ops.convert_to_numpy(sample(*prepared["arguments"]))

    rounds = [
        (seconds(lambda: generate(NUM_IMAGES.value)), seconds(device))
        for _ in range(ROUNDS.value)
    ]
    return [statistics.median(times) for times in zip(*rounds, strict=True)]


def main(_):
    if CASE.value:
        print(json.dumps(measure(CASE.value)))
        return
    print("| backend | steps | generate | device alone | ratio |")
    print("|---|---|---|---|---|")
    for backend in BACKENDS.value:
        for steps in STEPS.value:
            whole, alone = run_case(f"--case={steps}", backend)
            print(
                f"| {backend} | {steps} | {whole:.2f} s | {alone:.2f} s | "
                f"{whole / alone:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    app.run(main)
