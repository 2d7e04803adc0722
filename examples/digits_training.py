"""The training of `train_digits.py`, which imports this once its flags are read."""

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


def build_model(options, num_images):
    """The model of the flags, compiled for `num_images` training images."""
    size = {
        "hidden_dim": options.hidden_dim,
        "num_layers": options.num_layers,
        "num_heads": options.num_heads,
    }
    build = digits_methods.METHODS[options.method]
    model, loss, loss_weights = build(
        options,
        image_size=IMAGE_SIZE,
        patch_size=options.patch_size,
        token_channels=options.token_channels,
        num_channels=1,
        num_classes=NUM_CLASSES,
        encoder_size=size,
        decoder_size=size,
        encoder_mixer_depth=options.mixer_depth,
        decoder_mixer_depth=options.mixer_depth,
    )
    steps_per_epoch = -(-num_images // options.batch_size)
    decay_steps = options.epochs * steps_per_epoch
    warmup_steps = min(int(options.warmup_epochs * steps_per_epoch), decay_steps - 1)
    schedule = keras_sphere.WarmupCosine(
        options.learning_rate, options.final_learning_rate, warmup_steps, decay_steps
    )
    model.compile(
        optimizer=keras_sphere.SphereAdamW(
            learning_rate=schedule,
            encoder_learning_rate_factor=options.encoder_learning_rate_factor,
            ema_momentum=options.ema_momentum,
        ),
        loss=loss,
        loss_weights=loss_weights,
    )
    return model


def train(options, model, images, labels):
    """Fits the model; returns its history and a dict of times."""
    verbose = options.verbose
    if verbose == "auto":
        verbose = 1 if sys.stdout.isatty() else 2
    times = StepTimes()
    start = time.perf_counter()
    history = model.fit(
        images,
        labels,
        batch_size=options.batch_size,
        epochs=options.epochs,
        verbose=int(verbose),
        callbacks=[times],
    ).history
    seconds = time.perf_counter() - start
    steps_per_epoch = -(-len(images) // options.batch_size)
    epoch = float(np.median(times.seconds[1:] or times.seconds))
    return history, {
        "training_seconds": seconds,
        "milliseconds_per_step": 1000.0 * epoch / steps_per_epoch,
        "first_epoch_seconds": times.seconds[0],
        "steps": steps_per_epoch * options.epochs,
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


def run(options, config):
    """Trains, draws and measures as the flags of `train_digits.py` say.

    Args:
        options: `absl.flags.FLAGS`.
        config: Dict of flag name -> value, to be kept with the results.
    """
    keras.utils.set_random_seed(options.seed)
    folder = pathlib.Path(options.output_dir)
    train_data, test_data = load_digits(IMAGE_SIZE)
    model = build_model(options, len(train_data[0]))
    print(f"{model.backbone.count_params():,} parameters on {keras.backend.backend()}")
    history, times = train(options, model, *train_data)
    with replace_when_done(folder / "model.keras") as temporary:
        model.save(temporary)
    digits_pictures.draw_all(
        model, train_data, test_data, history, folder, options.seed, options.use_ema
    )
    report = {
        "config": config,
        "parameters": model.backbone.count_params(),
        **times,
        "final_losses": {
            name: values[-1]
            for name, values in history.items()
            if name.endswith("loss")
        },
        **describe_environment(),
    }
    if options.measure:
        quality = digits_quality.DigitsQuality(train_data, test_data)
        report["quality"] = quality.measure(model, options.seed, options.use_ema)
        print(digits_quality.format_table(report["quality"]))
    with replace_when_done(folder / "metrics.json") as temporary:
        temporary.write_text(json.dumps(report, indent=2) + "\n")
    print(
        f"Trained in {times['training_seconds']:.0f} s, "
        f"{times['milliseconds_per_step']:.0f} ms per step. "
        f"Wrote {folder.resolve()}"
    )
