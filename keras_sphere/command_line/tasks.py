"""The tasks of the command line: the table that everything else reads."""

from keras_sphere.command_line import shared_flags as shared
from keras_sphere.command_line import task_flags as own
from keras_sphere.command_line.task import Task
from keras_sphere.command_line.training_flags import COMMON, define_training

_LOOP = (shared.define_steps, shared.define_guidance, shared.define_seed)
_PRIOR = (shared.define_guidance, shared.define_seed)
_EVALUATION = (
    shared.define_model,
    shared.define_evaluation,
    shared.define_steps,
    shared.define_guidance,
    shared.define_seed,
)
_IMAGES = (shared.define_image, shared.define_labels)


def _drawing(name, summary, example, *define, required=("image",)):
    """A task that draws with a model."""
    define = (shared.define_model, *define, shared.define_picture)
    return Task(
        name,
        summary,
        define,
        ("preset", *required),
        example=f"--preset=digits16 {example}",
    )


_ALL = (
    _drawing(
        "generate",
        "Images from random points of the sphere: a picture, or many files.",
        "--classes=all --seed=1 --output=digits.png",
        *_LOOP,
        shared.define_refiner,
        own.define_generate,
        required=(),
    ),
    _drawing(
        "reconstruct",
        "Images encoded and decoded, with or without noise in between.",
        "--image=seven.png --strength=0,0.5,1",
        *_IMAGES,
        own.define_reconstruct,
        shared.define_seed,
    ),
    _drawing(
        "variations",
        "Images near given ones, at a strength or an angle.",
        "--image=seven.png --angle_degrees=30,60",
        *_IMAGES,
        *_LOOP,
        own.define_variations,
    ),
    _drawing(
        "interpolate",
        "Images between points of the sphere, and between classes.",
        "--classes=3,8 --paths=4",
        *_LOOP,
        own.define_interpolate,
        shared.define_animation,
        required=(),
    ),
    _drawing(
        "walk",
        "A walk on the sphere, in steps of an angle, from noise or an image.",
        "--label=3 --angle_degrees=20",
        *_IMAGES,
        *_LOOP,
        own.define_walk,
        shared.define_animation,
        required=(),
    ),
    _drawing(
        "crossover",
        "Two images stitched along a line or a mask, and made one.",
        "--image=three.png --image=eight.png --pattern=all",
        *_IMAGES,
        *_LOOP,
        own.define_crossover,
    ),
    _drawing(
        "classes",
        "Images turned into images of other classes, step by step.",
        "--image=three.png --classes=0,8",
        shared.define_image,
        *_LOOP,
        own.define_classes,
        required=("image", "classes"),
    ),
    _drawing(
        "direction",
        "An image as the direction that every step moves in.",
        "--direction_image=three.png",
        *_IMAGES,
        *_LOOP,
        own.define_direction,
        required=("direction_image",),
    ),
    _drawing(
        "inpaint",
        "Missing pixels filled in.",
        "--image=three.png --hide=left",
        shared.define_image,
        *_PRIOR,
        own.define_inpaint,
    ),
    _drawing(
        "super-resolve",
        "Small images enlarged.",
        "--image=three.png --factor=2 --shrink",
        *_IMAGES,
        *_PRIOR,
        own.define_super_resolve,
    ),
    _drawing(
        "denoise",
        "Noise removed.",
        "--image=three.png --sigma=0.5 --add_noise",
        *_IMAGES,
        *_PRIOR,
        own.define_denoise,
    ),
    Task(
        "train",
        "A model trained on DATA: your images (folder, zip, list) or a data set.",
        (define_training,),
        required=(),
        arguments=("[DATA]",),
        example="photos/ --output=runs/photos",
        common=COMMON,
    ),
    Task(
        "again",
        "A picture made again from the settings in its file.",
        (own.define_again,),
        required=(),
        arguments=("PICTURE",),
        example="generate.png",
    ),
    Task(
        "evaluate",
        "Numbers: Frechet distance, recall, PSNR and more, as a table.",
        (own.define_evaluate, *_EVALUATION, shared.define_refiner),
        required=("data", "output"),
        example="--preset=digits16 --data=digits --network=digits --output=numbers",
    ),
    Task(
        "export",
        "The model as ONNX files, for programs without Python.",
        (own.define_export, shared.define_refiner),
        required=("preset", "output"),
        example="--preset=digits16 --weights=uint8 --output=digits_onnx",
    ),
    Task(
        "report",
        "One HTML page about a model, or of several runs side by side.",
        _EVALUATION,
        required=("preset", "data", "output"),
        required_with_arguments=("output",),
        arguments=("[RUN ...]",),
        example="--preset=digits16 --data=digits --network=digits --output=report.html",
    ),
    Task(
        "web",
        "A page of static files that generates in the browser.",
        (shared.define_source, own.define_web),
        required=("preset", "output"),
        example="--preset=digits16 --output=site",
    ),
    Task(
        "serve",
        "A local page that generates and edits, with the model behind it.",
        (shared.define_model, own.define_serve),
        example="--preset=digits16",
    ),
    Task(
        "presets",
        "The presets there are, or all that one says of itself.",
        (),
        required=(),
        arguments=("[NAME]",),
        example="digits16",
        needs_keras=False,
    ),
)
TASKS = {task.name: task for task in _ALL}
