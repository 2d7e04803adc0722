"""Flags that one task has, one function per task."""

from absl import flags

from keras_sphere.command_line.flag_types import define_integer, define_list
from keras_sphere.command_line.shared_flags import LARGEST_CLASS, LARGEST_SEED


def define_generate(values):
    """Which images, and how many."""
    text = "Classes, as many images of each; none: the null class."
    words = ("all", "none")
    define_list(values, "classes", "none", text, int, 0, LARGEST_CLASS, words)
    text = "Images in all; 8 of each class by default."
    define_integer(values, "num_images", None, text, 1, 10**7)
    text = "Draw the class of every image from --classes."
    flags.DEFINE_boolean("random_classes", False, text, values)
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


def define_again(values):
    """Where the model and the new picture are."""
    text = "Where the model is now, if elsewhere."
    flags.DEFINE_string("preset", None, text, values)
    text = "File to write; PICTURE_again by default."
    flags.DEFINE_string("output", None, text, values)
    flags.DEFINE_boolean("overwrite", False, "Replace an existing file.", values)
