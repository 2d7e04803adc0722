"""Speed of `generate`, per backend, beside the loop left between the steps.

    python benchmarks/measure_generation.py [--backends=jax,tensorflow,torch]

A model of width 512 and 8 layers in each half, 32 px, patch 2, batch 16, random
weights. Three ways to the same images, each in a process of its own:

- `generate`: the whole loop in one compiled program (eager on torch);
- `passes`: encoder and decoder compiled each for itself, with the images copied to
  the host between the steps, by `model.encode` and `model.decode`;
- `eager`: `sampling.sample` without compilation.

The share of time outside matrix products is what a batch costs beyond them: the
products of a block are timed on their own, with the model's shapes, compiled on JAX
and TensorFlow. On torch the share is also read from `torch.profiler`. Prints a
markdown table; the first call makes one step for `generate`, two for the others.
"""

import json
import resource

from absl import app, flags
from own_process import run_case, seconds

BACKENDS = flags.DEFINE_list("backends", ["jax", "tensorflow", "torch"], "Which.")
CASES = flags.DEFINE_list("cases", ["generate", "passes", "eager"], "Which.")
BATCH_SIZE = flags.DEFINE_integer("batch_size", 16, "Images at a time.")
HIDDEN_DIM = flags.DEFINE_integer("hidden_dim", 512, "Width.")
NUM_LAYERS = flags.DEFINE_integer("num_layers", 8, "Layers of each half.")
REPEATS = flags.DEFINE_integer("repeats", 2, "The best of so many runs is taken.")
CASE = flags.DEFINE_string("case", None, "Measures one case, in this process.")

STEPS = (1, 4)
TOKENS, CHANNELS, HEADS = 256, 8, 8


def new_model():
    """The small size of the paper, on 32 px images."""
    import keras_sphere

    size = {
        "hidden_dim": HIDDEN_DIM.value,
        "num_layers": NUM_LAYERS.value,
        "num_heads": HEADS,
    }
    backbone = keras_sphere.SphereEncoderBackbone(
        32, 2, CHANNELS, num_classes=10, encoder_size=size, decoder_size=size
    )
    return keras_sphere.SphereEncoderModel(backbone, max_angle_degrees=80.0)


def generator(model, case):
    """A callable of a number of steps that makes one batch of images."""
    import keras
    import numpy as np

    from keras_sphere import sampling
    from keras_sphere.backend import operations as backend

    count = BATCH_SIZE.value
    labels = np.arange(count) % 10
    shape = (2, count, *model.backbone.latent_shape)
    noise = np.random.default_rng(0).standard_normal(shape).astype("float32")
    sigma = model.noise_schedule.sigma
    if case == "generate":
        return lambda steps: model.generate(
            labels=labels,
            steps=steps,
            noise=noise[0],
            step_noise=noise[1:],
            batch_size=count,
        )
    if case == "passes":
        encode = lambda x: model.encode(x, labels, count)  # noqa: E731
        decode = lambda z: model.decode(  # noqa: E731
            keras.ops.convert_to_numpy(z), labels, count
        )
    else:
        backbone = model.backbone
        encode = lambda x: backbone.spherify(backbone.encode(x, labels))  # noqa: E731
        decode = lambda z: backbone.decode(z, labels)  # noqa: E731

    def loop(steps):
        with backend.no_gradients():
            images = sampling.sample(
                encode, decode, noise[0], noise[1:], [1.0] * (steps - 1), sigma
            )
        return keras.ops.convert_to_numpy(images[-1])

    return loop


def matrix_products():
    """Seconds of the matrix products of one half of the model, on their own."""
    import keras
    import numpy as np

    from keras_sphere.backend import operations as backend

    count, width = BATCH_SIZE.value, HIDDEN_DIM.value
    rows, hidden = count * TOKENS, width * 8 // 3
    heads, scores = (count, HEADS, TOKENS, width // HEADS), (TOKENS, TOKENS)
    shapes = [
        ((rows, width), (width, 3 * width)),
        (heads, (*heads[:2], heads[3], heads[2])),
        ((*heads[:2], *scores), heads),
        ((rows, width), (width, width)),
        ((rows, width), (width, 2 * hidden)),
        ((rows, hidden), (hidden, width)),
    ]
    random = np.random.default_rng(0)
    pairs = [
        [
            keras.ops.convert_to_tensor(random.standard_normal(shape).astype("f4"))
            for shape in pair
        ]
        for pair in shapes
    ]
    product = backend.compiled(keras.ops.matmul)

    def one_block():
        for pair in pairs:
            result = product(*pair)
            if hasattr(result, "block_until_ready"):  # JAX returns before it is done
                result.block_until_ready()

    one_block()
    return NUM_LAYERS.value * min(seconds(one_block) for _ in range(2))


def profiled_share(generate):
    """Share of one step's time outside matrix products, by torch's profiler."""
    import torch

    with torch.profiler.profile() as profile:
        generate(1)
    times = {event.key: event.self_cpu_time_total for event in profile.key_averages()}
    products = ("mm", "addmm", "bmm", "baddbmm", "scaled_dot_product", "linear")
    inside = sum(
        value for key, value in times.items() if any(name in key for name in products)
    )
    return 1.0 - inside / sum(times.values())


def measure(case):
    """Measures one case; peak memory is that of this process."""
    import keras

    model = new_model()
    generate = generator(model, case)
    first = seconds(lambda: generate(1 if case == "generate" else 2))
    times = [
        min(seconds(lambda steps=steps: generate(steps)) for _ in range(REPEATS.value))
        for steps in STEPS
    ]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    result = {"first": first, "rates": [BATCH_SIZE.value / t for t in times]}
    passes = (1, 7)  # halves of the model in one and in four steps
    one = matrix_products()
    result["outside"] = [
        1.0 - count * one / t for count, t in zip(passes, times, strict=True)
    ]
    if keras.backend.backend() == "torch":
        result["profiler"] = profiled_share(generate)
    return {**result, "peak": peak}


def main(_):
    if CASE.value:
        print(json.dumps(measure(CASE.value)))
        return
    print(
        "| backend | case | first call | images/s, 1 and 4 steps | outside | memory |"
    )
    print("|---|---|---|---|---|---|")
    for backend in BACKENDS.value:
        for case in CASES.value:
            row = run_case(f"--case={case}", backend)
            outside = ", ".join(f"{100 * share:.0f} %" for share in row["outside"])
            if "profiler" in row:
                outside += f" (profiler: {100 * row['profiler']:.0f} %)"
            rates = " and ".join(f"{rate:.2f}" for rate in row["rates"])
            print(
                f"| {backend} | {case} | {row['first']:.1f} s | {rates} | "
                f"{outside} | {row['peak']} MB |",
                flush=True,
            )


if __name__ == "__main__":
    app.run(main)
