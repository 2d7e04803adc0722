"""The same images at several settings, in one call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_sphere.loop_plan import UNGUIDED
from keras_sphere.models.generation_inputs import read_seed
from keras_sphere.models.sampling_run import sampling_options
from keras_sphere.typing import Array, Labels
from keras_sphere.validation import read_integer, read_not_negative, read_sequence

if TYPE_CHECKING:
    from keras_sphere.models.sphere_encoder_model import SphereEncoderModel


def sweep(
    model: SphereEncoderModel,
    num_images: int | None = None,
    labels: Labels | None = None,
    steps: Sequence[int] = (1, 2, 4),
    guidance_scales: Sequence[float] | None = None,
    guidance_degrees: Sequence[float] | None = None,
    seed: int | None = None,
    **options: Any,
) -> Array:
    """Generates the same images with several step counts and guidance scales.

    Where the noise strength does not depend on the number of steps (the "fixed"
    schedule), one run of the most steps gives all counts.

    Args:
        model: `SphereEncoderModel`.
        num_images: As for `SphereEncoderModel.generate`.
        labels: As for `SphereEncoderModel.generate`.
        steps: Sequence of integers, at least 1.
        guidance_scales: Sequence of floats; `None` for no guidance.
        guidance_degrees: Likewise, where noise is a rotation.
        seed: Integer or `None` for a random one. All settings start from the same
            noise.
        **options: Further options of `SphereEncoderModel.generate`: `noise`,
            `guidance_position`, `schedule`, `shared_noise`, ...

    Returns:
        float32 array of shape `(guidances, len(steps), num_images, height, width,
        channels)`, in [-1, 1].

    Raises:
        ValueError: If a sequence is empty, or an argument is out of range.
    """
    steps = read_sequence("steps", steps, read_integer)
    name, off = UNGUIDED[model.backbone.architecture["motion"]]
    guidances = [{name: off}]
    for name, values in (
        ("guidance_scales", guidance_scales),
        ("guidance_degrees", guidance_degrees),
    ):
        if values is not None:
            values = read_sequence(name, values, read_not_negative)
            option = name.replace("scales", "scale")
            guidances = [{option: value} for value in values]
    used = sampling_options(model, schedule=options.get("schedule"))
    shared = {"num_images": num_images, "labels": labels, "seed": read_seed(seed)}
    rows = []
    for guidance in guidances:
        given = {**options, **shared, **guidance}
        if not used.depends_on_steps:
            images = model.generate(steps=max(steps), return_steps=True, **given)
            rows.append(np.stack([images[count - 1] for count in steps]))
        else:
            rows.append(
                np.stack([model.generate(steps=count, **given) for count in steps])
            )
    return np.stack(rows)
