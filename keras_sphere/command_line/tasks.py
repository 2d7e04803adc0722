"""The tasks of the command line: the table that everything else reads."""

from keras_sphere.command_line import shared_flags as shared
from keras_sphere.command_line import task_flags as own
from keras_sphere.command_line.task import Task

_SAMPLED = (shared.define_sampling, shared.define_seed)
_IMAGES = (shared.define_image, shared.define_labels)


def _task(name, summary, example, *define, required=("preset", "image"), **more):
    """A task that draws with a model."""
    define = (shared.define_model, *define, shared.define_picture)
    return Task(name, summary, define, required, example=example, **more)


_ALL = (
    _task(
        "generate",
        "Images from random points of the sphere: a picture, or many files.",
        "--preset=digits16 --classes=all --seed=1 --output=digits.png",
        own.define_generate,
        *_SAMPLED,
        required=("preset",),
    ),
    _task(
        "reconstruct",
        "Images encoded and decoded, with or without noise in between.",
        "--preset=digits16 --image=seven.png --strength=0,0.5,1",
        *_IMAGES,
        own.define_reconstruct,
        shared.define_seed,
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
        "presets",
        "The presets there are, or all that one says of itself.",
        (),
        required=(),
        arguments=("[NAME]",),
        example="digits16",
    ),
)
TASKS = {task.name: task for task in _ALL}
