"""The model as a preset: a folder of configuration, weights and a card."""

import pathlib
from collections.abc import Mapping
from typing import Any

from keras_sphere.backend.operations import sync_variables
from keras_sphere.backend.unasked_tensorflow import without_tensorflow
from keras_sphere.models.inference import current_weights, moving_averages
from keras_sphere.models.quantization import count_saved_values, quantized_layers
from keras_sphere.models.refiner_files import own_refiner, refiner_entry
from keras_sphere.preset_files.card import model_card
from keras_sphere.preset_files.folder import write_preset
from keras_sphere.preset_files.recipe import (
    logger,
    losses_to_recipe,
    optimizer_to_recipe,
)
from keras_sphere.preset_files.schema import (
    ARCHITECTURE,
    OPTIONAL,
    needed_version,
)
from keras_sphere.preset_files.weights_file import write_weights
from keras_sphere.typing import PathLike
from keras_sphere.validation import check_choice, if_given, read_boolean


class PresetSaving:
    """Mixin of `SphereEncoderModel`: saves what `keras_sphere.presets.load` reads."""

    def save_to_preset(
        self,
        path: PathLike,
        use_ema: bool | None = None,
        dtype: str = "float32",
        name: str | None = None,
        description: str = "",
        license: str = "unspecified",
        training: Mapping[str, Any] | None = None,
        card: str | None = None,
        overwrite: bool = False,
    ) -> None:
        """Saves the backbone's weights, the recipe and the sampling defaults.

        The folder holds `config.json`, `model.weights.h5` and `README.md`. It
        appears complete or not at all, and one that is overwritten stays loadable
        at every moment. Optimizer state, and the weights of a perceptual network,
        are not part of a preset. The refiner of `attach_refiner` is, if these weights
        taught it (a warning says so otherwise). Layers quantized by
        `quantize("int8")` stay so; what LoRA has learned is merged into the weights.

        Args:
            path: String or path. The folder.
            use_ema: Boolean, whether to save the moving average of the weights in
                their place; `None` for the model's default. The configuration and
                the card say which.
            dtype: `"float32"` or `"float16"`. How the weights are stored.
            name: String. Defaults to the name of the folder.
            description: String. A sentence for the card.
            license: String. Of the weights.
            training: Dict of texts and numbers to keep with the recipe, such as
                `{"epochs": 400, "batch_size": 25}`.
            card: String. Text of `README.md`; `None` writes a short one.
            overwrite: Boolean. Whether the folder may exist.

        Raises:
            FileExistsError: If the folder exists and `overwrite` is false.
            ValueError: If a weight is not finite in `dtype`, there is no moving
                average to save, or a layer is quantized in another way than
                `quantize("int8")`.

        Example:

        >>> model.save_to_preset("digits")
        >>> model = keras_sphere.presets.load("digits")
        """
        use_ema = if_given(read_boolean, "use_ema", use_ema)
        use_ema = self.sampling.use_ema if use_ema is None else use_ema
        sync_variables(self)
        averages = {id(v): a for v, a in moving_averages(self)} if use_ema else {}
        write_model_preset(
            self,
            path,
            kind="ema" if use_ema else "raw",
            value_of=lambda variable: averages.get(id(variable)),
            dtype=dtype,
            name=name,
            description=description,
            license=license,
            training=training,
            card=card,
            overwrite=overwrite,
            refiner=own_refiner(self, current_weights(self, use_ema)),
        )


@without_tensorflow()
def write_model_preset(
    model,
    path,
    kind,
    value_of,
    dtype="float32",
    name=None,
    description="",
    license="unspecified",
    training=None,
    card=None,
    overwrite=False,
    refiner=None,
):
    """Writes the preset of a model whose weights are given one by one.

    Args:
        model: `SphereEncoderModel`. The variables of its backbone need no values.
        path: String or path. The folder.
        kind: `"raw"` or `"ema"`. What the weights are.
        value_of: See `preset_files.weights_file.write_weights`.
        dtype, name, description, license, training, card, overwrite: See
            `SphereEncoderModel.save_to_preset`.
        refiner: `LatentRefiner` of these weights, or `None`.
    """
    check_choice("dtype", dtype, ("float32", "float16"))
    quantized = quantized_layers(model.backbone)
    sections = _sections(model, training or {})
    config = {
        "format_version": needed_version(sections["architecture"], refiner is not None),
        "name": pathlib.Path(path).absolute().name if name is None else name,
        "description": description,
        "license": license,
        **sections,
        "quantized_layers": quantized,
        "weights": {"dtype": dtype, "kind": kind},
    }
    if refiner is not None:
        config["refiner"] = refiner_entry(refiner)
    write_preset(
        path,
        config,
        model_card(config) if card is None else card,
        lambda file: write_weights(model.backbone, file, dtype, value_of),
        overwrite,
        refiner and (lambda file: write_weights(refiner, file, dtype)),
    )


def _sections(model, training):
    """What the configuration says about the model itself."""
    compiled_loss = getattr(model, "_compile_loss", None)
    optimizer, schedule = optimizer_to_recipe(getattr(model, "optimizer", None))
    arguments = model.backbone.get_config()
    return {
        "parameters": count_saved_values(model.backbone),
        "architecture": {
            key: arguments[key]
            for key in ARCHITECTURE
            if key not in OPTIONAL or arguments[key] != OPTIONAL[key]
        },
        "noise": model.noise_schedule.get_config(),
        "sampling": {**model.sampling.to_dict(), "use_ema": False},
        "recipe": {
            "perceptual": _network_name(model, "perceptual"),
            "classifier": _network_name(model, "classifier"),
            "cycle_encoder": model.cycle_encoder,
            "cycle_encoder_momentum": model.cycle_encoder_momentum,
            "distribution_features": _network_name(model, "distribution_features"),
            "score_matching": model.score_matching,
            "frechet_matching": model.frechet_matching,
            "losses": losses_to_recipe(
                getattr(compiled_loss, "_user_loss", None),
                getattr(compiled_loss, "_user_loss_weights", None),
            ),
            "optimizer": optimizer,
            "training": {**schedule, **training},
        },
    }


def _network_name(model, argument):
    """The name of a network that a model was given, if it has one."""
    network = getattr(model, argument)
    if network is None or isinstance(network, str):
        return network
    logger.warning(
        "The network of `%s` is left out of the preset; pass it when you load it to "
        "train.",
        argument,
    )
    return None
