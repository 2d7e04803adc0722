"""Pictures of a model trained on the digits. Used by `train_digits.py`."""

import keras_sphere
from keras_sphere import visualization

import keras
import numpy as np

NUM_CLASSES = 10
STEPS = (1, 2, 4, 6)
SAMPLES_PER_CLASS = 6
IMAGES_PER_CLASS = 2
PATH_POINTS = 9
RANDOM_POINTS = 750


def draw_all(model, train, test, history, folder, seed=0, use_ema=False):
    """Writes samples, reconstructions, interpolation, sphere and losses.

    Args:
        model: `SphereEncoderModel` with ten classes.
        train: Pair of images and labels, as `load_digits` returns them.
        test: The same for held-out images.
        history: Dict of losses, one value per epoch.
        folder: `pathlib.Path` for the pictures.
        seed: Integer. Seed of all noise.
        use_ema: Boolean. Whether to use the moving average of the weights.
    """
    options = {"seed": seed, "use_ema": use_ema}
    draw_samples(model, folder / "samples.png", **options)
    draw_reconstructions(model, test, folder / "reconstructions.png", **options)
    draw_interpolation(model, folder / "interpolation.png", **options)
    draw_sphere(model, train, folder / "sphere.png", **options)
    visualization.plot_losses(history, folder / "losses.png")


def draw_samples(model, path, seed=0, use_ema=False):
    """Ten classes by 1, 2, 4 and 6 steps, from the same random points."""
    labels = np.repeat(np.arange(NUM_CLASSES), SAMPLES_PER_CLASS)
    groups = {
        f"{steps} step{'s' * (steps > 1)}": _in_rows(
            model.generate(labels=labels, steps=steps, seed=seed, use_ema=use_ema)
        )
        for steps in STEPS
    }
    visualization.plot_image_table(groups, range(NUM_CLASSES), path)


def draw_reconstructions(model, test, path, seed=0, use_ema=False):
    """Test images, and what the model makes of them without and with noise."""
    chosen = [
        np.flatnonzero(test[1] == label)[:IMAGES_PER_CLASS]
        for label in range(NUM_CLASSES)
    ]
    chosen = np.concatenate(chosen)
    images, labels = test[0][chosen], test[1][chosen]
    options = {"seed": seed, "use_ema": use_ema}
    rows = {
        "test image": images / 127.5 - 1.0,
        "reconstructed, no label": model.reconstruct(images, **options),
        "reconstructed": model.reconstruct(images, labels, **options),
        "half of the noise": model.reconstruct(images, labels, 0.5, **options),
        "all of the noise": model.reconstruct(images, labels, 1.0, **options),
    }
    table = {"": np.stack(list(rows.values()))}
    visualization.plot_image_table(table, list(rows), path)


def draw_interpolation(model, path, seed=0, use_ema=False):
    """Great circles between two random points for each class, in 1 and 4 steps."""
    labels = np.arange(NUM_CLASSES)
    first, last = labels + seed, labels + seed + NUM_CLASSES  # a seed for each point
    few_steps = model.interpolate(
        first,
        last,
        labels,
        num_images=PATH_POINTS,
        steps=4,
        seed=seed,
        return_steps=True,
        use_ema=use_ema,
    )
    groups = {
        "1 step: decoded great circle": few_steps[0],
        "the same circle, 4 steps": few_steps[-1],
    }
    visualization.plot_image_table(groups, range(NUM_CLASSES), path)


def draw_sphere(model, train, path, seed=0, use_ema=False):
    """Latents of the training images beside random points of the sphere."""
    latents = model.encode(*train, use_ema=use_ema)
    shape = (RANDOM_POINTS, *model.backbone.latent_shape)
    points = keras_sphere.geometry.random_on_sphere(shape, seed=seed)
    points = keras.ops.convert_to_numpy(points)
    visualization.plot_sphere(latents, train[1], points, path)


def _in_rows(images):
    """Images in order of class to `(classes, columns, height, width, channels)`."""
    return images.reshape(NUM_CLASSES, -1, *images.shape[1:])
