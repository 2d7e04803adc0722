"""Time and memory of training and generation, per backend, beside an alternative.

    python benchmarks/measure_training.py [--backends=jax,tensorflow,torch] [--steps=20]

Each measurement runs in a process of its own, on the model of
`examples/train_digits.py`. Training is measured with `SphereAdamW` and, as the named
alternative, with `keras.optimizers.Adam`. Generation by `model.generate` is measured
beside the same passes without compilation. Prints a markdown table.
"""

import functools
import json
import resource

from absl import app, flags
from own_process import run_case, seconds

BACKENDS = flags.DEFINE_list("backends", ["jax", "tensorflow", "torch"], "Which.")
STEPS = flags.DEFINE_integer("steps", 20, "Steps of training that are timed.")
BATCH_SIZE = flags.DEFINE_integer("batch_size", 25, "Images per step.")
NUM_IMAGES = flags.DEFINE_integer("num_images", 100, "Images generated at a time.")
CASE = flags.DEFINE_string("case", None, "Measures one case, in this process.")

TRAINING = ("train, SphereAdamW", "train, keras Adam")
GENERATION = ("generate", "generate, not compiled")


def new_model():
    """The model of the digits example."""
    import keras_sphere

    size = {"hidden_dim": 64, "num_layers": 3, "num_heads": 4}
    backbone = keras_sphere.SphereEncoderBackbone(
        image_size=16,
        patch_size=4,
        token_channels=8,
        num_channels=1,
        num_classes=10,
        encoder_size=size,
        decoder_size=size,
        encoder_mixer_depth=0,
        decoder_mixer_depth=0,
    )
    return keras_sphere.SphereEncoderModel(
        backbone, max_angle_degrees=80.0, perceptual="gradient", seed=0
    )


def measure_training(case):
    """First step and steady step of `fit`."""
    import keras
    import numpy as np

    from keras_sphere.training.dry_run import StepTimes

    model = new_model()
    model.compile(keras.optimizers.Adam(1e-3) if case == TRAINING[1] else None)
    count = STEPS.value * BATCH_SIZE.value
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (count, 16, 16, 1), "uint8")
    labels = generator.integers(0, 10, (count,))

    def fit(rows):
        times, batch = StepTimes(), BATCH_SIZE.value
        data = images[:rows], labels[:rows]
        model.fit(*data, batch_size=batch, verbose=0, callbacks=[times])
        return sum(times.seconds)  # `fit` itself may end late, on TensorFlow

    first = fit(BATCH_SIZE.value)
    fit(count)
    steady = min(fit(count) for _ in range(2)) / STEPS.value
    return {"first step, s": first, "steady": f"{1000 * steady:.1f} ms/step"}


def measure_generation(case):
    """Images per second in one and in four steps."""
    import keras
    import numpy as np

    from keras_sphere import sampling
    from keras_sphere.backend import operations as backend

    model = new_model()
    labels = np.arange(NUM_IMAGES.value) % 10
    noise = np.random.default_rng(0).normal(size=(2, len(labels), 16, 8)).astype("f4")

    def compiled(steps):
        model.generate(
            labels=labels,
            steps=steps,
            noise=noise[0],
            step_noise=noise[1:],
            batch_size=len(labels),
        )

    def plain(steps):
        backbone = model.backbone
        with backend.no_gradients():
            images = sampling.sample(
                lambda x: backbone.spherify(backbone.encode(x, labels)),
                lambda z: backbone.decode(z, labels),
                noise[0],
                noise[1:],
                [1.0] * (steps - 1),
                model.noise_schedule.sigma,
            )
        keras.ops.convert_to_numpy(images[-1])

    generate = compiled if case == GENERATION[0] else plain
    first = seconds(lambda: generate(4))
    rates = [
        len(labels) / min(seconds(functools.partial(generate, steps)) for _ in range(3))
        for steps in (1, 4)
    ]
    return {
        "first step, s": first,
        "steady": f"{rates[0]:.0f} and {rates[1]:.0f} images/s in 1 and 4 steps",
    }


def measure(case):
    """Measures one case; peak memory is that of this process."""
    import keras_sphere  # noqa: F401 - sets up the backend

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = (measure_training if case in TRAINING else measure_generation)(case)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {**result, "peak, MB": peak // 1024, "of which imports": before // 1024}


def main(_):
    if CASE.value:
        print(json.dumps(measure(CASE.value)))
        return
    print("| backend | case | first call | steady | peak memory (after import) |")
    print("|---|---|---|---|---|")
    for backend in BACKENDS.value:
        for case in (*TRAINING, *GENERATION):
            row = run_case(f"--case={case}", backend)
            print(
                f"| {backend} | {case} | {row['first step, s']:.1f} s | "
                f"{row['steady']} | {row['peak, MB']} MB "
                f"({row['of which imports']} MB) |",
                flush=True,
            )


if __name__ == "__main__":
    app.run(main)
