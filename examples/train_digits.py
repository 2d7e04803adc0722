"""Trains a Sphere Encoder on 16x16 handwritten digits, and measures what it makes.

Data: scikit-learn's 1,797 scanned digits, 1,500 for training and 297 for test,
mostly by other writers. Nothing is downloaded.

    pip install "keras-sphere[jax,data]"
    KERAS_BACKEND=jax python examples/train_digits.py --output_dir=runs/digits

Hardware: 2 CPU cores, no accelerator. Time: about 6 minutes on JAX, compilation and
measuring included. Score with the settings below (`digits_quality.py` says what is
measured), means of three seeds on JAX:

                              class %  Frechet (test)  precision  recall  nearest
    1 step                       95.3            7.43       0.83    0.19     1.06
    4 steps                      98.9            4.45       0.72    0.66     1.04
    500 real training images        -            4.04       0.71    0.77        -
    PSNR of reconstructed test images: 25.6 to 26.1 dB, with label 26.0 to 27.0 dB

docs/diversity.md says where the settings come from. Not verified with them: TensorFlow
and PyTorch, beyond the two epochs of the tests.

Into `output_dir` go `model.keras`, `metrics.json`, and the pictures `samples.png`,
`reconstructions.png`, `interpolation.png`, `sphere.png` and `losses.png`.
"""

import importlib
import importlib.metadata
import json
import os
import pathlib
import platform
import sys
import time

import digits_methods
import digits_pictures
import digits_quality
import keras_sphere
from keras_sphere.data import load_digits
from keras_sphere.files.atomic_file import replace_when_done

import keras
import numpy as np
from absl import app, flags

METHOD = flags.DEFINE_enum(
    "method", "1", ["1", "2"], "The Sphere Encoder, or Sphere Encoder 2."
)
OUTPUT_DIR = flags.DEFINE_string("output_dir", "runs/digits", "Folder to write to.")
SEED = flags.DEFINE_integer("seed", 0, "Seed of weights, order and noise.")
EPOCHS = flags.DEFINE_integer("epochs", 100, "Passes over the training images.")
BATCH_SIZE = flags.DEFINE_integer("batch_size", 50, "Images per step.")
LEARNING_RATE = flags.DEFINE_float("learning_rate", 2e-3, "Decoder's, after warm-up.")
FINAL_LEARNING_RATE = flags.DEFINE_float("final_learning_rate", 1e-5, "At the end.")
ENCODER_FACTOR = flags.DEFINE_float(
    "encoder_learning_rate_factor", 0.5, "Encoder's learning rate by the decoder's."
)
WARMUP_EPOCHS = flags.DEFINE_float("warmup_epochs", 3.0, "Linear warm-up.")
EMA_MOMENTUM = flags.DEFINE_float("ema_momentum", 0.999, "Of averaged weights.")
USE_EMA = flags.DEFINE_boolean("use_ema", False, "Generate with averaged weights.")
MAX_ANGLE = flags.DEFINE_float("max_angle_degrees", 75.0, "Largest noise angle.")
HARD_CASES = flags.DEFINE_float("hard_case_probability", 0.1, "Share of hard cases.")
HARD_CASE_BAND = flags.DEFINE_enum(
    "hard_case_band", "narrow", ["narrow", "full"], "Which angles hard cases have."
)
PERCEPTUAL = flags.DEFINE_enum(
    "perceptual", "gradient", ["gradient", "none"], "Distance beside that of pixels."
)
CONSISTENCY_WEIGHT = flags.DEFINE_float(
    "pixel_consistency_weight", 1.0, "Weight of the pixel consistency loss."
)
LATENT_WEIGHT = flags.DEFINE_float(
    "latent_consistency_weight",
    None,
    "Weight of the latent consistency loss: 1, or 0.1 by method 2.",
)
UNIFORMITY_WEIGHT = flags.DEFINE_float(
    "latent_uniformity_weight",
    None,
    "Weight of the latent uniformity loss: 0.3, or 0 by method 2.",
)
UNIFORM_PER_CLASS = flags.DEFINE_boolean(
    "uniform_per_class", False, "Whether the latents of each class are spread alone."
)
SCHEDULE = flags.DEFINE_enum(
    "schedule", "decay", ["fixed", "decay"], "Noise strength over generation's steps."
)
GUIDANCE_SCALE = flags.DEFINE_float("guidance_scale", 1.0, "Stress on the class.")
CUTOFF = flags.DEFINE_float(
    "cutoff_degrees", 70.0, "Method 2: up to where images are compared with their own."
)
DISTRIBUTION_WEIGHT = flags.DEFINE_float(
    "distribution_weight", 0.1, "Method 2: of the drifting loss; 0: none."
)
DISTRIBUTION_FEATURES = flags.DEFINE_enum(
    "distribution_features",
    "pixels",
    ["pixels", "features"],
    "Method 2: what it compares; features are those of --perceptual.",
)
SAMPLING_ANGLE = flags.DEFINE_float(
    "sampling_angle_degrees", 85.0, "Method 2: what the decoder is told in generation."
)
GUIDANCE_DEGREES = flags.DEFINE_float(
    "guidance_degrees", 0.0, "Method 2: stress on the class, an angle."
)
PATCH_SIZE = flags.DEFINE_integer("patch_size", 4, "Side of a patch in pixels.")
TOKEN_CHANNELS = flags.DEFINE_integer(
    "token_channels", 8, "Channels of a latent token."
)
HIDDEN_DIM = flags.DEFINE_integer("hidden_dim", 64, "Width of both transformers.")
NUM_LAYERS = flags.DEFINE_integer("num_layers", 3, "Blocks of each transformer.")
NUM_HEADS = flags.DEFINE_integer("num_heads", 4, "Attention heads.")
MIXER_DEPTH = flags.DEFINE_integer("mixer_depth", 0, "MLP-Mixer blocks on each side.")
MEASURE = flags.DEFINE_boolean("measure", True, "Measure the quality at the end.")
VERBOSE = flags.DEFINE_enum(
    "verbose",
    "auto",
    ["auto", "0", "1", "2"],
    "0: silent, 1: progress bar, 2: a line per epoch; auto: 1 on a terminal, else 2.",
)

IMAGE_SIZE = 16
NUM_CLASSES = 10


class StepTimes(keras.callbacks.Callback):
    """Seconds per epoch, from which compilation can be told apart."""

    def on_train_begin(self, logs=None):
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self.start)


def build_model(num_images):
    """The model of the flags, compiled for `num_images` training images."""
    size = {
        "hidden_dim": HIDDEN_DIM.value,
        "num_layers": NUM_LAYERS.value,
        "num_heads": NUM_HEADS.value,
    }
    build = digits_methods.METHODS[METHOD.value]
    model, loss, loss_weights = build(
        flags.FLAGS,
        image_size=IMAGE_SIZE,
        patch_size=PATCH_SIZE.value,
        token_channels=TOKEN_CHANNELS.value,
        num_channels=1,
        num_classes=NUM_CLASSES,
        encoder_size=size,
        decoder_size=size,
        encoder_mixer_depth=MIXER_DEPTH.value,
        decoder_mixer_depth=MIXER_DEPTH.value,
    )
    steps_per_epoch = -(-num_images // BATCH_SIZE.value)
    decay_steps = EPOCHS.value * steps_per_epoch
    warmup_steps = min(int(WARMUP_EPOCHS.value * steps_per_epoch), decay_steps - 1)
    schedule = keras_sphere.WarmupCosine(
        LEARNING_RATE.value, FINAL_LEARNING_RATE.value, warmup_steps, decay_steps
    )
    model.compile(
        optimizer=keras_sphere.SphereAdamW(
            learning_rate=schedule,
            encoder_learning_rate_factor=ENCODER_FACTOR.value,
            ema_momentum=EMA_MOMENTUM.value,
        ),
        loss=loss,
        loss_weights=loss_weights,
    )
    return model


def train(model, images, labels):
    """Fits the model; returns its history and a dict of times."""
    verbose = VERBOSE.value
    if verbose == "auto":
        verbose = 1 if sys.stdout.isatty() else 2
    times = StepTimes()
    start = time.perf_counter()
    history = model.fit(
        images,
        labels,
        batch_size=BATCH_SIZE.value,
        epochs=EPOCHS.value,
        verbose=int(verbose),
        callbacks=[times],
    ).history
    seconds = time.perf_counter() - start
    steps_per_epoch = -(-len(images) // BATCH_SIZE.value)
    epoch = float(np.median(times.seconds[1:] or times.seconds))
    return history, {
        "training_seconds": seconds,
        "milliseconds_per_step": 1000.0 * epoch / steps_per_epoch,
        "first_epoch_seconds": times.seconds[0],
        "steps": steps_per_epoch * EPOCHS.value,
    }


def describe_environment():
    """Backend, versions and machine, for the record."""
    backend = keras.backend.backend()
    return {
        "backend": backend,
        "versions": {
            "python": platform.python_version(),
            "keras_sphere": keras_sphere.__version__,
            backend: str(importlib.import_module(backend).__version__),
            **{
                package: importlib.metadata.version(package)
                for package in ("keras", "numpy", "scikit-learn")
            },
        },
        "platform": platform.platform(),
        "cpu_count": os.cpu_count(),
    }


def main(_):
    keras.utils.set_random_seed(SEED.value)
    folder = pathlib.Path(OUTPUT_DIR.value)
    train_data, test_data = load_digits(IMAGE_SIZE)
    model = build_model(len(train_data[0]))
    print(f"{model.backbone.count_params():,} parameters on {keras.backend.backend()}")
    history, times = train(model, *train_data)
    with replace_when_done(folder / "model.keras") as temporary:
        model.save(temporary)
    digits_pictures.draw_all(
        model, train_data, test_data, history, folder, SEED.value, USE_EMA.value
    )
    report = {
        "config": {flag.name: flag.value for flag in own_flags()},
        "parameters": model.backbone.count_params(),
        **times,
        "final_losses": {
            name: values[-1]
            for name, values in history.items()
            if name.endswith("loss")
        },
        **describe_environment(),
    }
    if MEASURE.value:
        quality = digits_quality.DigitsQuality(train_data, test_data)
        report["quality"] = quality.measure(model, SEED.value, USE_EMA.value)
        print(digits_quality.format_table(report["quality"]))
    with replace_when_done(folder / "metrics.json") as temporary:
        temporary.write_text(json.dumps(report, indent=2) + "\n")
    print(
        f"Trained in {times['training_seconds']:.0f} s, "
        f"{times['milliseconds_per_step']:.0f} ms per step. "
        f"Wrote {folder.resolve()}"
    )


def own_flags():
    """The flags that this file defines."""
    return flags.FLAGS.get_key_flags_for_module(sys.argv[0])


if __name__ == "__main__":
    app.run(main)
