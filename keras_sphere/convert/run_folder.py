"""Reference run folders to preset folders, and back, tensor by tensor."""

import json
import pathlib

from keras_sphere.backend.valueless import Valueless
from keras_sphere.convert import reference, reference_weights
from keras_sphere.convert.checkpoint_files import (
    FORMATS,
    KINDS,
    open_checkpoint,
    write_checkpoint,
)
from keras_sphere.convert.run_config import read_run_config, run_config
from keras_sphere.convert.run_files import (
    CHECKPOINTS,
    CONFIG,
    find_checkpoint,
    find_config,
    select,
)
from keras_sphere.convert.writing import write_converted
from keras_sphere.files.atomic_file import folder_when_done
from keras_sphere.models import SphereEncoderBackbone, SphereEncoderModel
from keras_sphere.models.limits import check_parameters
from keras_sphere.preset_files.schema import check_architecture
from keras_sphere.preset_files.sources import find
from keras_sphere.preset_files.weights_file import read_weights
from keras_sphere.sampling_options import SamplingOptions
from keras_sphere.typing import PathLike
from keras_sphere.validation import check_choice


def reference_to_preset(
    source: PathLike,
    path: PathLike,
    weights: str | None = None,
    dtype: str = "float32",
    name: str | None = None,
    description: str = "",
    license: str = "unspecified",
    overwrite: bool = False,
) -> None:
    """Converts a run folder of the PyTorch reference to a preset.

    Tensors are read and written one by one: neither model is ever in memory.

    Args:
        source: String or path. A folder with `cfg.json` and
            `ckpt/epNNNN.pth` or `.safetensors`, of which the newest is taken; or one
            of these files.
        path: String or path. The preset's folder.
        weights: `"raw"` or `"ema"`; `None` takes the moving average where there is
            one. Where a file holds one state dict and does not say which, this says
            what it is.
        dtype: `"float32"` or `"float16"`. How the weights are stored.
        name, description, license: Strings for the configuration and its card.
        overwrite: Boolean. Whether `path` may exist.

    Raises:
        ValueError: If a tensor is missing, left over or of the wrong shape, or the
            configuration is not complete.
        CorruptFileError: If a file is missing or damaged.

    Example:

    >>> keras_sphere.convert.reference_to_preset("runs/cifar", "my_cifar")
    >>> model = keras_sphere.presets.load("my_cifar")
    """
    check_choice("weights", weights, (None, *KINDS))
    config_path = find_config(pathlib.Path(source))
    config = read_run_config(config_path)
    checkpoint_path = find_checkpoint(pathlib.Path(source))
    with open_checkpoint(checkpoint_path) as checkpoint:
        kind, tensors = select(checkpoint.state_dicts, weights, checkpoint_path)
        model = _abstract_model(config, tensors, config_path)
        notes = config["notes"]
        if checkpoint.epoch is not None:
            notes = {**notes, "epoch": checkpoint.epoch}
        write_converted(
            model,
            tensors,
            path,
            kind,
            dtype=dtype,
            name=name,
            description=description,
            license=license,
            training=notes,
            overwrite=overwrite,
        )


def preset_to_reference(preset: PathLike, path: PathLike, format: str = "pth") -> None:
    """Converts a preset to a run folder of the PyTorch reference.

    Tensors are read one by one; the new state dict is in memory once.

    Args:
        preset: What `keras_sphere.presets.load` takes; it must have weights.
        path: String or path. The run folder, which must not exist.
        format: `"pth"` or `"safetensors"`.

    Raises:
        FileExistsError: If the folder exists.
        ValueError: If there is no such preset, it has no weights, or the reference
            has no such model.
    """
    check_choice("format", format, FORMATS)
    path = pathlib.Path(path)
    if path.exists():
        raise FileExistsError(
            f"The run folder must not exist yet. Received: path={str(path)!r}"
        )
    source = find(preset)
    config = source.config
    if config["weights"] is None:
        raise ValueError(
            f"The preset has no weights to convert. Received: preset={source.handle!r}"
        )
    fields = run_config(config)
    check_parameters(config["architecture"], config["parameters"])
    with Valueless():
        backbone = SphereEncoderBackbone(**config["architecture"], dtype="float32")
    kind = config["weights"]["kind"]
    state_dict = dict(reference_weights.unused_tensors(backbone))
    convert = reference_weights.reference_arrays(backbone)
    read_weights(
        backbone,
        source.weights(),
        lambda variable, value: state_dict.update([convert(variable, value)]),
    )
    if kind == "ema":
        state_dict.update(reference_weights.buffers(backbone))
    epoch = config["recipe"]["training"].get("epoch")
    epoch = epoch if isinstance(epoch, int) else 0
    with folder_when_done(path) as folder:
        (folder / CHECKPOINTS).mkdir()
        file = folder / CHECKPOINTS / f"ep{epoch:04d}.{format}"
        write_checkpoint(file, kind, state_dict, epoch)
        (folder / CONFIG).write_text(json.dumps(fields, indent=2) + "\n")


def _abstract_model(config, tensors, origin):
    g = config["G"]
    try:
        architecture = reference.backbone_arguments(
            g, config["sizes"], reference.num_channels(tensors)
        )
        arguments = reference.model_arguments(g)
        if config["sampling"] is not None:
            arguments["sampling"] = SamplingOptions(**config["sampling"]).to_dict()
    except TypeError as error:
        raise ValueError(f"{origin} has a value of the wrong type: {error}") from error
    architecture["class_names"] = config["class_names"]
    check_architecture(architecture, origin)
    check_parameters(architecture)
    with Valueless():
        backbone = SphereEncoderBackbone(**architecture, dtype="float32")
        model = SphereEncoderModel(backbone, **arguments)
    losses, weights = reference.reference_losses(config["loss"])
    model.compile(
        optimizer=reference.reference_optimizer(config["opt"]),
        loss=losses,
        loss_weights=weights,
    )
    return model
