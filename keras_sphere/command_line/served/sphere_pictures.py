"""What the model makes of its own images: diagnostics of the sphere, as pictures."""

import functools
import random

from keras_sphere.command_line.job import check_sampling
from keras_sphere.command_line.served.asked import read_object
from keras_sphere.command_line.served.drawing import encoded, png_of, told_progress
from keras_sphere.evaluation.needs import check_sphere

KEYS = {"seed": int, "use_ema": bool}
NUM_IMAGES, NUM_LOOPS = 64, 10


def read_diagnosis(content, drawing):
    """Checks a request for the diagnostics; returns the work.

    The model generates images, which are encoded again: the diagnostics of
    `diagnose_sphere`, of these latents in place of those of real images.

    Args:
        content: Bytes of JSON: `seed`, `use_ema`.
        drawing: `Drawing`.

    Raises:
        ValueError: If it is something else, the model has no encoder, or a package
            that draws is not installed.
    """
    asked = read_object(content, KEYS)
    description = drawing.source.description
    if not description.has_encoder:
        raise ValueError("This model has no encoder, which the diagnostics need.")
    try:
        check_sphere()
    except ImportError as error:
        raise ValueError(str(error)) from None
    seed, use_ema = asked.get("seed"), asked.get("use_ema")
    seed = random.getrandbits(32) if seed is None else seed
    if not 0 <= seed < 2**32:
        raise ValueError(f"`seed` must be in [0, 2**32). Received: seed={seed}")
    check_sampling({"use_ema": use_ema}, description)
    return functools.partial(_diagnose, drawing, seed, use_ema)


def _diagnose(drawing, seed, use_ema, tell):
    from keras_sphere.evaluation import diagnose_sphere
    from keras_sphere.evaluation.diagnostics_plots import plot_drift, plot_histograms

    description, model = drawing.source.description, drawing.model
    classes = description.num_classes
    labels = [i * classes // NUM_IMAGES for i in range(NUM_IMAGES)] if classes else None
    options = {"batch_size": drawing.common["batch_size"], "use_ema": use_ema}
    # The images are made and encoded once, and in each loop decoded and encoded.
    chunks = (2 + 2 * NUM_LOOPS) * -(-NUM_IMAGES // options["batch_size"])
    with told_progress(tell, chunks):
        images = model.generate(NUM_IMAGES, labels=labels, seed=seed, **options)
        found = diagnose_sphere(
            model, images, labels, num_loops=NUM_LOOPS, seed=seed, **options
        )
    pictures = [
        encoded(png_of(functools.partial(plot, found)))
        for plot in (plot_histograms, plot_drift)
    ]
    return {"pictures": pictures, "text": str(found)}
