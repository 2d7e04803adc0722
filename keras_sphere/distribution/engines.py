"""Starts the engine of each backend, or says which one can do what was asked."""

import contextlib
import os
from collections.abc import Mapping, Sequence

import keras

from keras_sphere.choices import DISTRIBUTION_MODES
from keras_sphere.distribution.devices import Devices
from keras_sphere.distribution.layouts import BATCH_AXIS, MODEL_AXIS, ShardedModel
from keras_sphere.validation import check_choice, if_given, read_integer


def setup(
    mode: str = "none",
    model_devices: int | None = None,
    simulated_devices: int | None = None,
    layout: Mapping[str, Sequence[int]] | None = None,
) -> Devices:
    """Prepares training on many devices.

    Call it before anything else of JAX or TensorFlow runs, and make and train the
    model within what it returns. Every device computes its part of one global batch:
    losses, metrics, clipping and noise are those that a single device would have.

    | backend | `"data_parallel"` | `"model_parallel"` | several hosts |
    |---|---|---|---|
    | JAX | `keras.distribution.DataParallel` | `ShardedModel` | yes |
    | TensorFlow | `tf.distribute.MirroredStrategy` | no | no |
    | PyTorch | one process per device, by `torchrun` | no | yes |

    Several JAX processes find each other by the environment variables
    `KERAS_DISTRIBUTION_JOB_ADDRESSES`, `KERAS_DISTRIBUTION_NUM_PROCESSES` and
    `KERAS_DISTRIBUTION_PROCESS_ID` (see `keras.distribution.initialize`), or by what
    a TPU pod or Slurm says, if the first one is `auto`.

    Args:
        mode: `"none"` for one device, `"data_parallel"` (all weights on each device)
            or `"model_parallel"` (weights split over some devices, batches over the
            rest).
        model_devices: Integer, for `"model_parallel"`: how many devices share one
            model. Defaults to all.
        simulated_devices: Integer or `None`. Trains on so many simulated CPU devices.
        layout: Dict of pattern -> dimensions, in place of `LAYOUT`, for
            `"model_parallel"`.

    Returns:
        `Devices`.

    Raises:
        ValueError: If the engine cannot do it, or the devices do not divide evenly.

    Example:

    >>> with keras_sphere.distribution.setup("data_parallel") as devices:
    ...     model = new_model()
    ...     model.compile()
    ...     batches = devices.shard(ShuffledBatches(images, labels, batch_size=256))
    ...     model.fit(batches.starting_at(), steps_per_epoch=len(batches))
    """
    check_choice("mode", mode, DISTRIBUTION_MODES)
    model_devices = if_given(read_integer, "model_devices", model_devices)
    simulated_devices = if_given(read_integer, "simulated_devices", simulated_devices)
    if mode != "model_parallel" and (model_devices, layout) != (None, None):
        raise ValueError(
            '`model_devices` and `layout` are for mode="model_parallel". '
            f"Received: mode={mode!r}, model_devices={model_devices}, layout={layout}"
        )
    engine = {"jax": _jax, "tensorflow": _tensorflow, "torch": _torch}
    return engine[keras.backend.backend()](
        mode, model_devices, simulated_devices, layout
    )


def _jax(mode, model_devices, simulated_devices, layout):
    import jax

    if simulated_devices:
        jax.config.update("jax_platforms", "cpu")
        jax.config.update("jax_num_cpu_devices", simulated_devices)
    _start_jax_processes(mode)
    if mode == "none":
        return Devices(mode, 1)
    devices = keras.distribution.list_devices()
    if mode == "data_parallel":
        distribution = keras.distribution.DataParallel(
            devices=devices, auto_shard_dataset=False
        )
    else:
        model_devices = model_devices or len(devices)
        if len(devices) % model_devices:
            raise ValueError(
                f"`model_devices` must divide the number of devices, {len(devices)}. "
                f"Received: model_devices={model_devices}"
            )
        mesh = keras.distribution.DeviceMesh(
            (len(devices) // model_devices, model_devices),
            (BATCH_AXIS, MODEL_AXIS),
            devices,
        )
        distribution = ShardedModel(mesh, layout)
    return Devices(mode, len(devices), distribution.scope)


def _start_jax_processes(mode):
    """Lets this process join the others, once, if there are some."""
    import jax

    addresses = os.environ.get("KERAS_DISTRIBUTION_JOB_ADDRESSES")
    if not addresses or jax.distributed.is_initialized():
        return
    if mode == "none":
        raise ValueError(
            "Several processes must not train the same model side by side: use "
            'mode="data_parallel" or "model_parallel". Received: mode="none" with '
            f"KERAS_DISTRIBUTION_JOB_ADDRESSES={addresses}"
        )
    if addresses == "auto":
        jax.distributed.initialize()
    else:
        keras.distribution.initialize()


def _tensorflow(mode, model_devices, simulated_devices, layout):
    import tensorflow as tf

    if mode == "model_parallel":
        raise ValueError(
            "A model cannot be split over devices on TensorFlow. Use "
            'KERAS_BACKEND=jax, or mode="data_parallel". Received: mode='
            '"model_parallel"'
        )
    if "TF_CONFIG" in os.environ:
        raise ValueError(
            "Keras does not train over several TensorFlow workers. Use one host, or "
            "several with KERAS_BACKEND=jax or KERAS_BACKEND=torch and torchrun. "
            f"Received: TF_CONFIG={os.environ['TF_CONFIG']}"
        )
    if simulated_devices:
        tf.config.set_visible_devices([], "GPU")
        tf.config.set_logical_device_configuration(
            tf.config.list_physical_devices("CPU")[0],
            [tf.config.LogicalDeviceConfiguration()] * simulated_devices,
        )
    if mode == "none":
        return Devices(mode, 1)
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    names = [device.name for device in tf.config.list_logical_devices(kind)]
    strategy = tf.distribute.MirroredStrategy(names)
    return Devices(mode, len(names), strategy.scope)


def _torch(mode, model_devices, simulated_devices, layout):
    import torch

    if mode == "model_parallel":
        raise ValueError(
            "A model cannot be split over devices on PyTorch: FSDP splits nothing of "
            'a Keras model. Use KERAS_BACKEND=jax, or mode="data_parallel". Received: '
            'mode="model_parallel"'
        )
    if simulated_devices:
        raise ValueError(
            "PyTorch runs one process per device. Use torchrun --standalone "
            f"--nproc_per_node={simulated_devices} SCRIPT. Received: "
            f"simulated_devices={simulated_devices}"
        )
    world = os.environ.get("WORLD_SIZE")
    if mode == "none":
        if world not in (None, "1"):
            raise ValueError(
                "Several processes must not train the same model side by side: use "
                f'mode="data_parallel". Received: mode="none" with WORLD_SIZE={world}'
            )
        return Devices(mode, 1)
    if world is None:
        raise ValueError(
            "PyTorch runs one process per device. Start the script by torchrun "
            "--standalone --nproc_per_node=DEVICES SCRIPT. Received: no WORLD_SIZE "
            "in the environment"
        )
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    if not torch.distributed.is_initialized():
        torch.distributed.init_process_group(
            "nccl" if torch.cuda.is_available() else "gloo"
        )
    return Devices(mode, int(world), _torch_group)


@contextlib.contextmanager
def _torch_group():
    """The process group, which `replicas` looks up by itself."""
    yield
