"""Flags that one task has, one function per task."""

from absl import flags

from keras_sphere.choices import PATTERNS
from keras_sphere.command_line.flag_types import define_classes as define_class_list
from keras_sphere.command_line.flag_types import (
    define_integer,
    define_list,
    define_number,
)
from keras_sphere.command_line.shared_flags import (
    LARGEST_SEED,
    MOST_STEPS,
    define_model,
)
from keras_sphere.export.weight_types import WEIGHT_TYPES


def define_generate(values):
    """Which images, and how many."""
    text = (
        "Classes by name or id, as many images of each; none: the null class. By "
        "default all, or 16 of more than 16."
    )
    define_class_list(values, "classes", None, text, ("all", "none"))
    text = "Images in all; by default 8 of each class, or 4 of 16 of many classes."
    define_integer(values, "num_images", None, text, 1, 10**7)
    text = "Draw the class of every image from --classes."
    flags.DEFINE_boolean("random_classes", False, text, values)
    text = "In place of --classes: a mix of them, such as 3:0.7,8:0.3 or bee:1,ant:2."
    flags.DEFINE_string("class_mix", None, text, values)
    text = (
        "Texts to follow, with semicolons between them, of a model that was trained on "
        "captions."
    )
    flags.DEFINE_string("prompts", None, text, values)
    text = "Text that guidance leads away from, in place of no text."
    flags.DEFINE_string("negative_prompts", None, text, values)
    text = "In place of --prompts: an .npz file whose array embeddings has vectors."
    flags.DEFINE_string("embeddings", None, text, values)
    text = "In place of --seed: rows of images for each."
    define_list(values, "seeds", None, text, int, 0, LARGEST_SEED)
    text = "A row per image, with all its steps."
    flags.DEFINE_boolean("show_steps", False, text, values)
    define_integer(values, "columns", None, "Images per row of a picture.", 1, 10**4)
    text = "Make only these of the images, such as 17 or 0-999."
    flags.DEFINE_string("numbers", None, text, values)


def define_reconstruct(values):
    """How much noise."""
    text = "Noise in between, a column each; 1: that of a step of generation."
    define_list(values, "strength", "0", text, float, 0.0, 1.0)


def define_variations(values):
    """How far from the images."""
    text = "Variations of each image."
    define_integer(values, "num_variations", 8, text, 1, 1000)
    text = "Share of the largest noise, a row each; 0.5 by default."
    define_list(values, "strength", None, text, float, 0.0, 1.0)
    text = "In place of --strength: the angle that the latent is turned by, a row each."
    define_list(values, "angle_degrees", None, text, float, 0.1, 89.9)
    values.set_default("steps", "1")


def define_interpolate(values):
    """From where to where."""
    text = (
        "slerp: along a great circle; lerp: along the straight line, projected; blerp: "
        "a square between four corners."
    )
    methods = ("slerp", "lerp", "blerp")
    flags.DEFINE_enum("method", "slerp", methods, text, values)
    text = "Images per path, or per side of a square."
    define_integer(values, "num_images", 9, text, 2, 1000)
    text = "Paths, a row each, between random points."
    define_integer(values, "paths", 1, text, 1, 100)
    text = (
        "In place of random points: seeds of both ends of each path, or of the four "
        "corners, as `generate --num_images=1 --seed=...` has them."
    )
    define_list(values, "seeds", None, text, int, 0, LARGEST_SEED)
    text = "Class, or the classes of both ends, or of the four corners; or none."
    define_class_list(values, "classes", "none", text, ("none",))
    text = "Stay at the start and move the class alone."
    flags.DEFINE_boolean("fixed_latent", False, text, values)


def define_walk(values):
    """How far and where."""
    define_integer(values, "num_images", 12, "Points of the walk.", 1, 1000)
    text = "Angle from each point to the next."
    define_number(values, "angle_degrees", 15.0, text, 0.01, 89.9)
    text = "Take a new direction at every step, in place of one great circle."
    flags.DEFINE_boolean("turning", False, text, values)


def define_crossover(values):
    """How two images are stitched."""
    text = "The line between them: left and right, top and bottom, or slanting."
    choices = (*PATTERNS, "all")
    flags.DEFINE_enum("pattern", "horizontal", choices, text, values)
    text = "In place of a pattern: file of an image, white where the first one shows."
    flags.DEFINE_string("mask", None, text, values)
    flags.DEFINE_boolean("swap", False, "Change the places of the images.", values)
    _define_strength(values, 1.0)


def define_classes(values):
    """Which class the images become."""
    text = "The wanted classes, a row each."
    define_class_list(values, "classes", None, text, ("all",))
    _define_strength(values, 0.25)
    values.set_default("steps", "5")


def define_direction(values):
    """Which image is the direction."""
    text = "File of the image to move towards."
    flags.DEFINE_string("direction_image", None, text, values)
    text = "Class of that image; or none."
    define_class_list(values, "direction_label", "none", text, ("none",))
    text = "Without --image: how many images start from noise."
    define_integer(values, "num_images", 4, text, 1, 1000)
    _define_strength(values, 1.0)


def define_inpaint(values):
    """Which pixels are missing."""
    text = "File of an image: white where pixels are known, black where they miss."
    flags.DEFINE_string("mask", None, text, values)
    text = "Without --mask: the part that misses."
    choices = ("center", "left", "right", "top", "bottom")
    flags.DEFINE_enum("hide", "center", choices, text, values)
    text = (
        "Class of every image, or one for all, by name or id; best: the one that the "
        "known pixels fit best, of up to 20 classes; none: the null class."
    )
    define_class_list(values, "label", "best", text, ("best", "none"))
    _define_restoration(values)


def define_super_resolve(values):
    """How much larger."""
    text = "Pixels of the large image in one of the small one, along a side."
    define_integer(values, "factor", 2, text, 2, 64)
    text = "The files hold large images: shrink them first, and compare."
    flags.DEFINE_boolean("shrink", False, text, values)
    _define_restoration(values)


def define_denoise(values):
    """How much noise there is."""
    text = "Standard deviation of the noise; black is -1 and white 1."
    define_number(values, "sigma", 0.5, text, 0.001, 10.0)
    text = "The files hold clean images: add the noise first, and compare."
    flags.DEFINE_boolean("add_noise", False, text, values)
    text = "Deviation of the model's error; by default half of --sigma, at least 0.1."
    define_number(values, "prior_deviation", None, text, 0.001, 10.0)
    text = "Blur of the first guess, in pixels; the root of --sigma by default."
    define_number(values, "blur_deviation", None, text, 0.001, 100.0)
    _define_restoration(values)


def define_export(values):
    """What is written, and how."""
    define_model(values)
    text = (
        "Some of decoder, encoder, sample; all that the model can by default. "
        "--refiner is written besides."
    )
    flags.DEFINE_list("parts", None, text, values)
    text = "How the weights are stored; float32 is computed with each."
    flags.DEFINE_enum("weights", WEIGHT_TYPES[0], WEIGHT_TYPES, text, values)
    text = "Steps of the part sample; the model's own by default."
    define_integer(values, "steps", None, text, 1, MOST_STEPS)
    text = "Version of ONNX' operators, at least 18."
    define_integer(values, "opset", 18, text, 1, 100)
    flags.DEFINE_string("output", None, "Folder to make.", values)


def define_serve(values):
    """Where the server listens, and how many it lets wait."""
    text = "Port to listen on; 0 for any that is free."
    define_integer(values, "port", 8000, text, 0, 65535)
    text = (
        "Name or address to listen on; by default nobody but this machine reaches it, "
        "0.0.0.0 lets in everybody who reaches the machine."
    )
    flags.DEFINE_string("host", "127.0.0.1", text, values)
    text = "Requests that may wait for the model; further ones are turned away."
    define_integer(values, "most_waiting", 16, text, 0, 1000)
    values.set_default("batch_size", "8")


def define_again(values):
    """Where the model and the new picture are."""
    text = "Where the model is now, if elsewhere."
    flags.DEFINE_string("preset", None, text, values)
    text = "File to write; PICTURE_again by default."
    flags.DEFINE_string("output", None, text, values)
    flags.DEFINE_boolean("overwrite", False, "Replace an existing file.", values)


def _define_strength(values, default):
    text = "Multiplies the noise of every step; 1: that of generation."
    define_number(values, "strength", default, text, 0.0, 1.0)


def _define_restoration(values):
    text = "Noise of each round, 1: that of generation; the task's own by default."
    define_list(values, "strengths", None, text, float, 0.0, 1.0)
    text = "Independent runs to average: more exact, less sharp."
    define_integer(values, "num_samples", 1, text, 1, 1000)


def define_evaluate(values):
    """What is measured, and of what."""
    text = "Folder of images to measure in place of a model's."
    flags.DEFINE_string("images", None, text, values)
    text = "Folder of `export` to measure in place of a model."
    flags.DEFINE_string("onnx", None, text, values)
    text = "Side to which the images of --images, and the real ones, are brought."
    define_integer(values, "image_size", None, text, 1, 4096)
    text = (
        "Some of frechet, kernel, inception_score, precision, recall, density, "
        "coverage, nearest, class_agreement, rfid, psnr, ssim, lpips; all but LPIPS."
    )
    flags.DEFINE_list("metrics", None, text, values)
    text = "Folders of earlier evaluations whose rows are put below."
    flags.DEFINE_list("join", [], text, values)
    text = "Join evaluations that do not compare; their rows then say so."
    flags.DEFINE_boolean("allow_incomparable", False, text, values)
    text = (
        "With how many seeds to generate, from --seed on; of several the table shows "
        "mean and standard deviation, evaluation.json each."
    )
    define_integer(values, "seeds", 1, text, 1, 1000)
    text = (
        "End the steps of a guidance after so many in a row that are no better in "
        "Frechet distance than the best before, and the sweep after so many guidances."
    )
    define_integer(values, "stop_when_worse", None, text, 1, 1000)


def define_web(values):
    """Where the page is written, and what it runs on."""
    flags.DEFINE_string("output", None, "Folder to make.", values)
    text = (
        "Folder of the npm package onnxruntime-web, whose files are copied; by default "
        "the page links to them on a public server."
    )
    flags.DEFINE_string("runtime", None, text, values)
    text = "How the weights are stored: float16 halves their size, uint8 quarters it."
    flags.DEFINE_enum("weights", "float16", WEIGHT_TYPES, text, values)
