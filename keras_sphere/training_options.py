"""All that can be chosen of a training run, with its help: the flags are made of it.

Keras is not imported here, so that the command line can say no at once.
"""
# ruff: noqa: RUF009 - `_option` makes fields

import dataclasses
import typing

from keras_sphere.choices import DISTANCES, DISTRIBUTION_MODES, SIZE_NAMES
from keras_sphere.short_repr import ShortRepr

OF_PRESET = "preset"  # a size: the architecture as the preset has it


def _option(default, text, choices=None):
    metadata = {"help": text, "choices": choices}
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True, repr=False)
class TrainingOptions(ShortRepr):
    """What a user chooses of a training; `None` is what the preset says.

    The fields are the keyword arguments of `train` and the flags of `python -m
    keras_sphere train`, whose `--help=all` prints what each one is.
    """

    # What is trained, on what
    preset: str | None = _option(
        None, "Recipe: name or folder of a preset. Default: chosen from the images."
    )
    init_from: str | None = _option(
        None,
        "Preset whose weights the training begins with: a name, a folder, the folder "
        "of a run, or hf://user/repository. What does not fit starts afresh, and is "
        "named. See docs/training.md.",
    )
    dataset: typing.Any = _option(
        None,
        "Name of a data set, or path of a folder, zip or .jsonl list of images, as "
        "DATA. Default: that of the preset. `digits` and `fake` need no files.",
    )
    split: str = _option("train", "Images to train on, such as `train[:95%]`.")
    held_out_split: str | None = _option(
        None, "Images for pictures and the alarm. Default: the data set's other split."
    )
    data_license: str | None = _option(
        None, "License of the images, for the card of the presets. Default: not stated."
    )
    strict: bool = _option(
        False,
        "Whether an image that cannot be read ends the training; else it is left out "
        "or replaced, and counted.",
    )
    data_dir: str | None = _option(None, "Where data sets lie, or are downloaded to.")
    output_dir: str | None = _option(
        None,
        "Folder of the run. Default: runs/<name of the preset>, of a trial with "
        "-trial at its end; without a preset runs/<name of the data>.",
    )
    size: str | None = _option(
        None,
        "Size of both transformers. `preset`: all of the architecture as the preset "
        "has it; `tiny`: a model that trains in a minute. Default: `preset`, but "
        "`tiny` for the data sets `digits` and `fake`.",
        (OF_PRESET, "tiny", *SIZE_NAMES),
    )
    encoder_size: str | None = _option(None, "Size of the encoder alone.", SIZE_NAMES)
    decoder_size: str | None = _option(None, "Size of the decoder alone.", SIZE_NAMES)
    hidden_dim: int | None = _option(None, "Width of both transformers.")
    num_layers: int | None = _option(None, "Blocks of both transformers.")
    num_heads: int | None = _option(None, "Attention heads of both transformers.")
    encoder_mixer_depth: int | None = _option(
        None, "MLP-Mixer blocks between the encoder and the sphere."
    )
    decoder_mixer_depth: int | None = _option(
        None, "MLP-Mixer blocks between the sphere and the decoder."
    )
    pixel_head: str | None = _option(
        None, "How the decoder makes pixels.", ("linear", "conv")
    )
    image_size: int | None = _option(None, "Side of the images in pixels.")
    num_channels: int | None = _option(
        None, "Channels of the images: 3, or 1 for gray. Default: as the data has it."
    )
    patch_size: int | None = _option(None, "Side of a patch in pixels.")
    token_channels: int | None = _option(None, "Channels of a latent token.")
    conditional: bool | None = _option(
        None,
        "Whether the model is given classes. Default: as the preset has it, where the "
        "images have classes.",
    )
    captions: typing.Any = _option(
        None,
        "Texts that the model is conditional on, with --embed: `txt`, a file beside "
        "each image, or a .jsonl file of image_path and caption. See "
        "docs/conditioning.md.",
    )
    embed: typing.Any = _option(
        None, "What makes vectors of captions; `hashing_256` ships."
    )
    embeddings: typing.Any = _option(
        None, "In place of captions: an .npz file with a vector for every image."
    )

    # The recipe
    hours: float | None = _option(
        None,
        "How long the training may take, where its length is chosen from the images. "
        "Default: 1 on a CPU, 4 on a GPU.",
    )
    continue_for: str | None = _option(
        None,
        "Goes on with the finished run in the output folder for so long, such as 30m "
        "or 1.5h.",
    )
    epochs: int | None = _option(
        None, "Passes over the images, or pieces of --steps_per_epoch steps."
    )
    steps_per_epoch: int | None = _option(
        None,
        "Batches that make an epoch; batches then run on over the ends of passes over "
        "the images. Default: one pass.",
    )
    warmup_epochs: float | None = _option(
        None, "Linear warm-up; at most a tenth of the epochs unless given."
    )
    batch_size: int | None = _option(
        None,
        "Images per step, of all devices together. Default: what the preset has for "
        "one device, for each.",
    )
    gradient_accumulation_steps: int = _option(1, "Batches per update of the weights.")
    learning_rate: float | None = _option(
        None,
        "The decoder's after warm-up, at a batch of 256 (or as the preset says): it "
        "is scaled with the batch, or with its square root, as the preset says.",
    )
    min_learning_rate: float | None = _option(None, "At the end; scaled likewise.")
    scale_learning_rates: bool | None = _option(
        None, "Whether learning rates are scaled with the batch."
    )
    encoder_learning_rate_factor: float | None = _option(
        None, "The encoder's learning rate by the decoder's."
    )
    weight_decay: float | None = _option(None, "Of the encoder's matrices.")
    global_clipnorm: float | None = _option(None, "Largest norm of all gradients.")
    beta_1: float | None = _option(None, "AdamW's decay of the mean of gradients.")
    beta_2: float | None = _option(None, "AdamW's decay of the mean of squares.")
    epsilon: float | None = _option(None, "AdamW's smallest divisor.")
    ema_momentum: float | None = _option(None, "Of the moving average of the weights.")
    perceptual: str | None = _option(
        None, "Perceptual network, by name; `gradient` and `none` need no files."
    )
    distance: str | None = _option(None, "Distance of pixels.", DISTANCES)
    reconstruction_distance_weight: float | None = _option(
        None, "Weight of the pixel distance in pixel reconstruction."
    )
    reconstruction_perceptual_weight: float | None = _option(
        None, "Weight of the perceptual distance in pixel reconstruction."
    )
    consistency_distance_weight: float | None = _option(
        None, "Weight of the pixel distance in pixel consistency."
    )
    consistency_perceptual_weight: float | None = _option(
        None, "Weight of the perceptual distance in pixel consistency."
    )
    latent_consistency_weight: float | None = _option(
        None, "Weight of latent consistency."
    )
    latent_uniformity_weight: float | None = _option(
        None,
        "Weight of latent uniformity, which spreads the latents over the sphere; "
        "0: none. See docs/diversity.md.",
    )
    latent_uniformity_per_class: bool | None = _option(
        None, "Whether it spreads the latents of each class by themselves."
    )
    score_matching: bool = _option(
        True,
        "Whether the preset's score matching, if it has any, is trained. See "
        "docs/sphere_encoder_2.md.",
    )
    max_angle_degrees: float | None = _option(None, "Largest noise angle.")
    angle_warmup_epochs: float | None = _option(
        None, "Epochs over which it rises from 20 degrees; 0: none."
    )
    hard_case_probability: float | None = _option(None, "Share of hard cases.")
    hard_case_max_angle_degrees: float | None = _option(
        None, "Largest noise angle of hard cases. Default: 5 degrees more, up to 89."
    )
    hard_case_band: str | None = _option(
        None, "Which angles hard cases have.", ("narrow", "full")
    )
    label_dropout: float | None = _option(None, "Share of images without their label.")
    horizontal_flip: bool | None = _option(None, "Whether half the images are flipped.")
    augment: typing.Any = _option(
        None,
        "How images are changed at random, besides: `flip`, `affine`, `randaugment`, "
        "several with commas between them; in Python also Keras layers. See "
        "docs/data.md.",
    )
    resize: str | None = _option(None, "How images are resized, such as `bicubic`.")
    crop: str | None = _option(None, "How images are cropped, such as `center`.")
    seed: int = _option(0, "Of the weights, the order of images and the noise.")

    # Speed and memory
    dtype: str | None = _option(None, "Dtype policy, such as `mixed_bfloat16`.")
    rematerialize_every: int | None = _option(
        None,
        "Recompute the activations of every n-th block, to save memory; 0: of none. "
        "Default: as the preset says; imagenet512_base of every block, others of none.",
    )
    jit_compile: str = _option(
        "auto",
        "XLA; on PyTorch, torch.compile of the blocks. `auto`: what Keras does.",
        ("auto", "yes", "no"),
    )
    steps_per_execution: int = _option(1, "Steps per call of the compiled program.")
    deterministic: bool = _option(
        False, "Ask TensorFlow and PyTorch for deterministic operations (GPU)."
    )

    # Many devices
    distribution: str = _option(
        "none",
        "How devices share the work; see docs/distribution.md.",
        DISTRIBUTION_MODES,
    )
    model_devices: int | None = _option(
        None, "Devices that share one model, with model_parallel."
    )
    simulated_devices: int | None = _option(
        None, "Trains on so many simulated CPU devices."
    )

    # The run
    resume: bool = _option(
        True,
        "Go on if the output folder holds a checkpoint; --noresume refuses a folder "
        "that holds one.",
    )
    on_corrupt: str = _option(
        "raise",
        "If the newest checkpoint is damaged: `raise`, or `previous` to go on from the "
        "newest one that is whole.",
        ("raise", "previous"),
    )
    checkpoint_every_steps: int | None = _option(
        None, "Steps between checkpoints. Default: 2000."
    )
    keep: int = _option(3, "How many of the newest checkpoints are kept.")
    log_images_every: int | None = _option(
        None, "Epochs between pictures; 0: none. Default: fifty times in the run."
    )
    memorization_alarm: bool = _option(
        True,
        "Whether to warn, beside each picture, if samples come nearer to the training "
        "images than held-out images are. Needs a held-out split.",
    )
    tensorboard: bool = _option(False, "Whether to write logs for TensorBoard, too.")
    save_ema: bool = _option(
        False, "Whether the averaged weights become a preset, beside the raw ones."
    )
    max_steps: int | None = _option(
        None, "End after so many steps in all; the schedule stays that of the epochs."
    )
    dry_run: bool = _option(False, "Print the plan, measure three steps, and end.")
    dry_run_steps: int = _option(3, "Steps that a dry run measures; 0: none.")
    verbose: str = _option(
        "auto",
        "0: silent, 1: progress bar, 2: a line per epoch; auto: 1 on a terminal.",
        ("auto", "0", "1", "2"),
    )

    # Streams of a user's own; a data set knows these numbers itself
    num_classes: int | None = _option(None, "Default: as the preset has it.")
    condition_dim: int | None = _option(None, "Default: as the preset has it.")

    def _facts(self):
        """What was chosen: all that is not the default."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        defaults = {f.name: f.default for f in dataclasses.fields(self)}
        return {name: v for name, v in values.items() if v is not defaults[name]}
