"""Restoration of held-out digits by the model `digits16`, beside plain filters.

    KERAS_BACKEND=jax python examples/restore_digits.py

Inpainting, super-resolution and denoising of the 297 test digits, with the built-in
model as a prior, and the same by interpolation or filtering. Prints a markdown table
of the mean PSNR. Settings were chosen on training digits. On one CPU core it takes a
minute or two on JAX.
"""

import pathlib

import keras_sphere
from keras_sphere import editing, visualization
from keras_sphere.data import load_digits
from keras_sphere.editing.degradation import (
    downsample,
    enlarge_bicubic,
    repeat_pixels,
)
from keras_sphere.metrics.psnr import psnr

import numpy as np
from absl import app, flags
from scipy import ndimage

NUM_SAMPLES = flags.DEFINE_integer("num_samples", 8, "Runs that are averaged.")
MAX_IMAGES = flags.DEFINE_integer("max_images", None, "Test digits; all by default.")
SEED = flags.DEFINE_integer("seed", 0, "Seed of masks, pixel noise and model.")
PICTURE = flags.DEFINE_string("picture", None, "Where to write a PNG, if anywhere.")

BLURS = {0.2: 0.5, 0.5: 0.7, 1.0: 1.0}  # best of four on training digits


def masks(count, generator):
    """Known pixels of each inpainting problem, of shape `(count, 16, 16)`."""
    hole, half = np.ones((2, count, 16, 16), bool)
    hole[:, 5:11, 5:11] = False
    half[:, 8:] = False
    scattered = generator.random((count, 16, 16)) < 0.3
    return {
        "inpainting, 6 x 6 hole": hole,
        "inpainting, lower half": half,
        "inpainting, 70 % of pixels": scattered,
    }


def nearest_known(images, known):
    """Every missing pixel takes the value of the nearest known one."""
    filled = images.copy()
    for image, mask in zip(filled, known, strict=True):
        rows, columns = ndimage.distance_transform_edt(
            ~mask, return_distances=False, return_indices=True
        )
        image[:] = image[rows, columns]
    return filled


def mean_of_known(images, known):
    """Every missing pixel takes the mean of the known ones."""
    filled = images.copy()
    for image, mask in zip(filled, known, strict=True):
        image[~mask] = image[mask].mean()
    return filled


def problems(images, generator):
    """Yields name, what is seen, plain restorations and the model's, as callables."""
    for name, known in masks(len(images), generator).items():
        seen = np.where(known[..., None], images, -1.0).astype("float32")
        plain = {
            "mean fill": mean_of_known(images, known),
            "nearest": nearest_known(images, known),
        }
        yield name, seen, plain, _bind(editing.inpaint, seen, known)
    for factor in (2, 4):
        small = downsample(images, factor)
        plain = {
            "nearest": repeat_pixels(small, factor),
            "bicubic": enlarge_bicubic(small, factor),
        }
        name = f"super-resolution x {factor}"
        seen = repeat_pixels(small, factor)
        yield name, seen, plain, _bind(editing.super_resolve, small, factor)
    for sigma, blur in BLURS.items():
        noise = generator.standard_normal(images.shape)
        noisy = (images + sigma * noise).astype("float32")
        plain = {
            "mean 3 x 3": ndimage.uniform_filter(noisy, (0, 3, 3, 0)),
            f"Gaussian {blur}": ndimage.gaussian_filter(noisy, (0, blur, blur, 0)),
        }
        yield (
            f"denoising, sigma {sigma}",
            noisy,
            plain,
            _bind(editing.denoise, noisy, sigma),
        )


def _bind(function, *arguments):
    return lambda model, **options: function(model, *arguments, **options)


def main(_):
    images, labels = (array[: MAX_IMAGES.value] for array in load_digits()[1])
    images = (images / 127.5 - 1.0).astype("float32")
    model = keras_sphere.presets.load("digits16", compile=False)

    def mean_psnr(restored):
        return psnr(np.clip(restored, -1.0, 1.0), images, 2.0).mean()

    print("| problem | as seen | plain | PSNR | model | model, class known |")
    print("|---|---|---|---|---|---|")
    generator, rows = np.random.default_rng(SEED.value), {"test digit": images}
    for name, seen, plain, restore in problems(images, generator):
        options = {"num_samples": NUM_SAMPLES.value, "seed": SEED.value}
        restored = restore(model, **options)
        informed = restore(model, labels=labels, **options)
        scores = {key: mean_psnr(value) for key, value in plain.items()}
        best = max(scores, key=scores.get)
        print(
            f"| {name} | {mean_psnr(seen):.2f} | {best} | {scores[best]:.2f} | "
            f"{mean_psnr(restored):.2f} | {mean_psnr(informed):.2f} |",
            flush=True,
        )
        rows[f"{name}: seen"] = np.clip(seen, -1.0, 1.0)
        rows[best] = np.clip(plain[best], -1.0, 1.0)
        rows["model"], rows["model, class known"] = restored, informed
        if PICTURE.value:
            _draw(rows, name)
        rows = {"test digit": images}


def _draw(rows, name):
    """One picture per problem, of the first twelve digits."""
    path = pathlib.Path(PICTURE.value)
    problem = name.replace(" ", "_").replace(",", "").replace("%", "percent")
    path = path.with_name(f"{path.stem}_{problem}{path.suffix}")
    table = {"": np.stack([images[:12] for images in rows.values()])}
    visualization.plot_image_table(table, list(rows), path)


if __name__ == "__main__":
    app.run(main)
