"""What a training step of 1, 2, 4, 8 simulated devices compiles to.

    python benchmarks/scaling.py [--devices=1,2,4,8]

Each case runs in a process of its own on JAX, on simulated CPU devices, with a global
batch of 16: seconds of compilation, bytes of the results of collective operations per
device and step (from the optimized HLO), and memory per device as XLA plans it. Then,
for `imagenet256_xlarge`, the memory of weights, gradients and optimizer per device,
from the shapes alone. No step is timed: simulated devices share the cores.
"""

import json
import pathlib
import time

from absl import app, flags
from own_process import run_case

DEVICES = flags.DEFINE_list("devices", ["1", "2", "4", "8"], "Numbers of devices.")
CASE = flags.DEFINE_string("case", None, "MODE,DEVICES: one case, in this process.")

BATCH_SIZE = 16


def cases():
    """Pairs of mode and number of devices."""
    for number in map(int, DEVICES.value):
        yield ("data_parallel" if number > 1 else "none"), number
        if number > 1:
            yield "model_parallel", number


def measure(mode, num_devices):
    """Compiles a training step and describes it."""
    import jax
    import keras
    import numpy as np

    import keras_sphere
    from keras_sphere import distribution
    from keras_sphere.distribution.collectives import collective_bytes

    model_devices = min(num_devices, 4) if mode == "model_parallel" else None
    with distribution.setup(mode, model_devices, num_devices) as devices:
        size = {"hidden_dim": 64, "num_layers": 1, "num_heads": 4}
        backbone = keras_sphere.SphereEncoderBackbone(
            *(32, 4, 16),
            num_classes=10,
            encoder_size=size,
            decoder_size=size,
            encoder_mixer_depth=0,
            decoder_mixer_depth=0,
        )
        model = keras_sphere.SphereEncoderModel(backbone, seed=0)
        model.compile()
        model.build_training()
        images = np.zeros((BATCH_SIZE, 32, 32, 3), "float32")
        data = (images, np.zeros((BATCH_SIZE,), "int32"))
        shardings = None
        if mode != "none":
            layout = keras.distribution.distribution().get_data_layout
            data = tuple(
                jax.device_put(x, layout(x.shape).backend_layout) for x in data
            )
            shardings = (None, model._get_state_sharding_spec())
        state = model._get_jax_state(True, True, True, True)
        step = jax.jit(model.train_step, donate_argnums=0, out_shardings=shardings)
        lowered = step.lower(state, data)
        start = time.perf_counter()
        program = lowered.compile()
        seconds = time.perf_counter() - start
        memory = program.memory_analysis()
    return {
        "shape": f"{devices.num_shares} x {num_devices // devices.num_shares}",
        "seconds": seconds,
        "bytes": collective_bytes(program.as_text()),
        "state": memory.argument_size_in_bytes,
        "temporary": memory.temp_size_in_bytes,
    }


def print_steps():
    print("| mode | batch x model | compilation | collectives | state | temporary |")
    print("|---|---|---|---|---|---|")
    for mode, number in cases():
        row = run_case(f"--case={mode},{number}", "jax")
        moved = ", ".join(f"{k} {v / 1e6:.2f}" for k, v in row["bytes"].items())
        print(
            f"| {mode} | {row['shape']} | {row['seconds']:.1f} s | "
            f"{moved or '0'} MB | {row['state'] / 1e6:.2f} MB | "
            f"{row['temporary'] / 1e6:.2f} MB |",
            flush=True,
        )


def print_memory():
    """The largest preset on eight devices."""
    import keras_sphere
    from keras_sphere.distribution import abstract_variables, memory_per_device

    folder = pathlib.Path(keras_sphere.__file__).parent / "presets"
    text = (folder / "imagenet256_xlarge/config.json").read_text()
    variables = abstract_variables(json.loads(text)["architecture"])
    print("\n| imagenet256_xlarge | weights | gradients | optimizer | total |")
    print("|---|---|---|---|---|")
    for mode, parts in (
        *(("none", 1), ("data_parallel", 1)),
        *(("model_parallel", n) for n in (2, 4, 8)),
    ):
        memory = memory_per_device(variables, mode, parts)
        slots = ("first_moments", "second_moments", "moving_average")
        columns = [
            memory["weights"],
            memory["gradients"],
            sum(memory[name] for name in slots),
            memory["total"],
        ]
        name = mode if parts == 1 else f"{mode}, {parts} devices per model"
        print(f"| {name} | {' | '.join(f'{c / 1e9:.2f} GB' for c in columns)} |")


def main(_):
    if CASE.value:
        mode, number = CASE.value.split(",")
        print(json.dumps(measure(mode, int(number))))
        return
    print_steps()
    print_memory()


if __name__ == "__main__":
    app.run(main)
