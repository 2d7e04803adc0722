"""Folders of published weights of Sphere Encoder 2 to presets, tensor by tensor."""

import pathlib

from keras_sphere.backend.valueless import Valueless
from keras_sphere.convert import class_map
from keras_sphere.convert.checkpoint_files import KINDS, open_checkpoint
from keras_sphere.convert.dinov3_license import LICENSE, NOTICE, check_license
from keras_sphere.convert.reference import reference_optimizer
from keras_sphere.convert.reference2 import (
    backbone_arguments2,
    is_dinov3,
    max_angle,
    reference_losses2,
)
from keras_sphere.convert.reference_weights import clean_name
from keras_sphere.convert.run_fields import NOTES, check_method, read_fields, renamed
from keras_sphere.convert.run_files import find_checkpoint, find_config, select
from keras_sphere.convert.shapes2 import DINOV3
from keras_sphere.convert.sphere2_hub import HubFolder, is_hub_folder
from keras_sphere.convert.writing import write_converted
from keras_sphere.models import SphereEncoderBackbone, SphereEncoderModel
from keras_sphere.models.limits import check_parameters
from keras_sphere.models.sizes import SIZES
from keras_sphere.preset_files.schema import check_architecture
from keras_sphere.rotation_sampling_options import RotationSamplingOptions
from keras_sphere.typing import PathLike
from keras_sphere.validation import check_choice

PARTS = ("decoder", "all")
LICENSES = (None, LICENSE)
_PUBLISHED = {"tomg-group-umd/sphere2": "MIT"}  # license by repository
# Of the published images, by the decoder's size; in degrees.
_ANGLES = {"base": 85.5, "large": 84.0}
_EMA_DECAY = 0.99985
_NO_ENCODER = (
    "It is the decoder only, which generates in one step and decodes; what needs the "
    'encoder, needs a conversion with `part="all"`.'
)
_NO_NAMES = (
    "Class ids are in the order of the authors' files, which need not be the usual one "
    "of the data set; a map with their names was not beside the weights."
)


def sphere2_to_preset(
    source: PathLike,
    path: PathLike,
    part: str = "decoder",
    weights: str | None = None,
    accept_license: str | None = None,
    dtype: str = "float32",
    name: str | None = None,
    description: str = "",
    license: str | None = None,
    overwrite: bool = False,
) -> None:
    """Converts a folder of published weights of Sphere Encoder 2 to a preset.

    Tensors are read and written one by one: no model is ever in memory. Names of
    classes come along if a file `folder_to_id_to_label.json` lies in the folder, in one
    of the three above it, or there in `imagenet.json/` or `flowers.json/`.

    Args:
        source: String or path. A folder with `cfg.json` and `ckpt/epNNNN.pth`,
            `.safetensors` or `.npz`, of which the newest is taken; one of these files;
            or `"hf://user/repository/folder"` on the Hugging Face Hub.
        path: String or path. The preset's folder.
        part: `"decoder"`, which is all that generation in one step needs, or `"all"`.
        weights: `"raw"` or `"ema"`; `None` takes the moving average where there is
            one.
        accept_license: `"dinov3"` to accept Meta's license of DINOv3, which an encoder
            in the files may be; see `part`.
        dtype: `"float32"` or `"float16"`. How the weights are stored.
        name, description: Strings for the configuration and its card.
        license: String, of the weights; `None` for that of the repository, as far as
            it is known.
        overwrite: Boolean. Whether `path` may exist.

    Raises:
        ValueError: If the license of the encoder is not accepted, the folder is one of
            the first Sphere Encoder, or a tensor is missing, left over or of the wrong
            shape.
        CorruptFileError: If a file is missing or damaged.
        ImportError: If the package that reads the file is not installed.

    Example:

    >>> keras_sphere.convert.sphere2_to_preset("sphere2-base-flowers-256px", "flowers")
    >>> model = keras_sphere.presets.load("flowers")
    >>> images = model.generate(num_images=4)
    """
    check_choice("part", part, PARTS)
    check_choice("weights", weights, (None, *KINDS))
    check_choice("accept_license", accept_license, LICENSES)
    source = _open_source(source)
    fields = read_fields(source.config)
    check_method(fields, source.config, "rotation")
    has_encoder = part == "all"
    if has_encoder and is_dinov3(fields.get("load_pretrained_encoder", False)):
        check_license(accept_license)
    file = source.checkpoint()
    with open_checkpoint(file) as checkpoint:
        kind, tensors = _select(checkpoint.state_dicts, weights, file)
        holds_dinov3 = any(DINOV3 in clean_name(name) for name in tensors)
        if has_encoder and holds_dinov3:
            check_license(accept_license)
        if not has_encoder:
            tensors = _decoder_only(tensors)
        model = _abstract_model(fields, tensors, has_encoder, source)
        epoch = {} if checkpoint.epoch is None else {"epoch": checkpoint.epoch}
        write_converted(
            model,
            tensors,
            path,
            kind,
            dtype=dtype,
            name=name,
            description=_describe(model.backbone, source, description, holds_dinov3),
            license=_license(source, license, has_encoder and holds_dinov3),
            training={**_notes(fields), **epoch},
            overwrite=overwrite,
        )


class LocalFolder:
    """A folder of this machine, or a checkpoint in one; see `HubFolder`."""

    repository = None

    def __init__(self, source):
        self._source = source
        self.config = find_config(source)
        self.name = self.config.absolute().parent.name

    def checkpoint(self):
        """Path of the newest checkpoint, or of that which was named."""
        return find_checkpoint(self._source)

    def class_maps(self):
        """Paths where a map of classes may lie, the nearest first."""
        return class_map.places(self.config.absolute().parent)


def _open_source(source):
    if isinstance(source, HubFolder):
        return source
    if is_hub_folder(str(source)):
        return HubFolder(str(source))
    return LocalFolder(pathlib.Path(source))


def _select(state_dicts, weights, file):
    """As `select`; tensors of further dicts, of training, are passed over."""
    if len(state_dicts) > 1:
        state_dicts = {kind: t for kind, t in state_dicts.items() if kind is not None}
    return select(state_dicts, weights, file)


def _decoder_only(tensors):
    return {
        name: tensor
        for name, tensor in tensors.items()
        if clean_name(name).startswith("decoder.")
    }


def _arguments(fields):
    """The constructor arguments among the fields of a `cfg.json`."""
    g = {key: value for key, value in fields.items() if value is not None}
    if "image_size" in g:
        g["input_size"] = g.pop("image_size")
    if not g.get("cond_generator", True):
        g["num_classes"] = 0
    return g


def _abstract_model(fields, tensors, has_encoder, source):
    """The model that the files are of, without values."""
    g = _arguments(fields)
    try:
        architecture = backbone_arguments2(
            g, g.get("sizes", {}), tensors, has_encoder=has_encoder
        )
        angle = max_angle(g)
        sampling = published_sampling(architecture["decoder_size"], angle, has_encoder)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(
            f"{source.config} has a value that cannot be: {error}"
        ) from error
    check_architecture(architecture, source.config)
    check_parameters(architecture)
    architecture["class_names"] = class_map.read_class_names(
        source.class_maps(), architecture["num_classes"]
    )
    own_encoder = has_encoder and architecture["pretrained_encoder"] is None
    with Valueless():
        model = SphereEncoderModel(
            SphereEncoderBackbone(**architecture, dtype="float32"),
            max_angle_degrees=angle,
            sampling=sampling,
            cycle_encoder="averaged" if own_encoder else "live",
            cycle_encoder_momentum=_EMA_DECAY,
        )
    losses, weights = reference_losses2({})
    optimizer = reference_optimizer({"ema_decay": _EMA_DECAY})
    model.compile(optimizer=optimizer, loss=losses, loss_weights=weights)
    return model


def published_sampling(size, largest, has_encoder):
    """Options of generation, as of the published images.

    Args:
        size: Dict of the decoder's size, as `models.sizes.resolve_size` returns it.
        largest: Float. The largest angle of training.
        has_encoder: Boolean.

    Returns:
        Dict, as `RotationSamplingOptions.to_dict` returns it.
    """
    angle = RotationSamplingOptions.angle_degrees
    for name, known in _ANGLES.items():
        angle = known if SIZES[name] == size else angle
    return RotationSamplingOptions(
        steps=2 if has_encoder else 1, angle_degrees=min(angle, largest)
    ).to_dict()


def _notes(fields):
    """Notes of training: those fields that are plain values."""
    notes = renamed(fields, NOTES)
    return {key: v for key, v in notes.items() if isinstance(v, (str, int, float))}


def _describe(backbone, source, description, holds_dinov3):
    sentences = [
        description or f"Sphere Encoder 2, converted from the weights of {source.name}."
    ]
    if backbone.encoder is None:
        sentences.append(_NO_ENCODER)
    elif holds_dinov3:
        sentences.append(NOTICE)
    if backbone.num_classes and backbone.class_names is None:
        sentences.append(_NO_NAMES)
    return " ".join(sentences)


def _license(source, license, holds_dinov3):
    if license is None:
        license = _PUBLISHED.get(source.repository, "unspecified")
    return f"{license}; the encoder's: DINOv3 License" if holds_dinov3 else license
