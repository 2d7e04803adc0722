"""Trial runs: any recipe, shrunk until it trains in a minute on a laptop."""

import dataclasses

from keras_sphere.training.objective_plan import plan_distribution_network
from keras_sphere.training_options import OF_PRESET

TRIAL_DATASETS = ("digits", "fake")
TINY = "tiny"

_TINY_SIZE = {"hidden_dim": 64, "num_layers": 2, "num_heads": 4}
TINY_ARCHITECTURE = {
    "patch_size": 4,
    "token_channels": 8,
    "encoder_size": _TINY_SIZE,
    "decoder_size": _TINY_SIZE,
    "pretrained_encoder": None,
}


def tiny_architecture(config):
    """What a trial run changes of a preset's architecture; mixers stay, of one block.

    Args:
        config: Dict, as `preset_files.schema.schema` describes it.
    """
    names = ("encoder_mixer_depth", "decoder_mixer_depth")
    depths = {name: min(config["architecture"][name], 1) for name in names}
    return {**TINY_ARCHITECTURE, **depths}


# In place of the preset's, where the user has not chosen.
TRIAL = {
    "size": TINY,
    "image_size": 16,
    "epochs": 12,
    "batch_size": 25,
    "learning_rate": 2e-2,  # at 256: 2e-3 at 25
    "min_learning_rate": 1e-4,
    "encoder_learning_rate_factor": 0.5,
    "ema_momentum": 0.99,
    "perceptual": "gradient",
    "horizontal_flip": False,
    "dtype": "float32",
    "checkpoint_every_steps": 100,
    "log_images_every": 4,
}


def with_trial_defaults(options, dataset):
    """Fills in the settings of a trial run, if this is one, and says so.

    It is one if the data set is `digits` or `fake` and the user asks for a preset and
    no size, or for `tiny` on any data.

    Args:
        options: `TrainingOptions`.
        dataset: Name or path of the data set, or a stream.

    Returns:
        Pair of `TrainingOptions` and a sentence, `""` if this is no trial run.
    """
    is_trial_dataset = isinstance(dataset, str) and dataset in TRIAL_DATASETS
    is_shrunk = options.size is None and is_trial_dataset and options.preset is not None
    if not (options.size == TINY or is_shrunk):
        return options, ""
    chosen = {
        name: value for name, value in TRIAL.items() if getattr(options, name) is None
    }
    if options.preset is not None and plan_distribution_network(options) is not None:
        chosen["score_matching"] = False  # it needs a file of weights
    settings = ", ".join(f"{name}={value}" for name, value in chosen.items())
    return dataclasses.replace(options, **chosen), (
        f"A trial run, not the recipe: {settings}. Each is a flag; "
        f"--size={OF_PRESET} takes none of them."
    )
