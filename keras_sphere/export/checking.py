"""Whether a written file computes what the model computes."""

import dataclasses

import numpy as np

from keras_sphere.export.graphs import new_session

# The largest difference of float32 weights, and the least PSNR of others, in decibels;
# both of images in [-1, 1] or points of the sphere (of RMS 1).
LARGEST_DIFFERENCE = 1e-4
LEAST_PSNR = {"float16": 50.0, "uint8": 40.0}
BATCH_SIZES = (2, 3)


class ExportError(RuntimeError):
    """A file that was written does not compute what the model computes."""


@dataclasses.dataclass(frozen=True)
class Agreement:
    """How far a file is from the model.

    Args:
        difference: Float. The largest difference of two values.
        psnr: Float. In decibels, of a range of 2; infinite if all are equal.
    """

    difference: float
    psnr: float

    def __str__(self):
        return f"largest difference {self.difference:.1e}, PSNR {self.psnr:.1f} dB"


def measure(path, part, compute, rows):
    """Runs a file beside the model, on batches of two sizes.

    Args:
        path: Path of the file.
        part: `Part`.
        compute: Callable of the inputs by name, arrays, that returns the model's
            outputs as arrays.
        rows: Dict of the inputs by name: arrays of `max(BATCH_SIZES)` rows or scalars.

    Returns:
        `Agreement`.
    """
    session = new_session(str(path))
    differences = []
    for size in BATCH_SIZES:
        inputs = {n: a[:size] if a.ndim else a for n, a in rows.items()}
        outputs = session.run(list(part.outputs), inputs)
        for received, expected in zip(outputs, compute(inputs), strict=True):
            if received.shape != expected.shape:
                raise ExportError(
                    f"{path.name} gives arrays of the shape {received.shape}, and the "
                    f"model of {expected.shape}. This is a fault of the exporter."
                )
            differences.append(np.abs(received - expected).ravel())
    difference = np.concatenate(differences).astype("float64")
    error = np.mean(np.square(difference))
    psnr = 10.0 * np.log10(4.0 / error) if error else np.inf
    return Agreement(float(difference.max()), float(psnr))


def check(agreement, part, weights):
    """Raises an `ExportError` if a file is too far from the model."""
    if weights == "float32":
        limit = f"a difference of at most {LARGEST_DIFFERENCE:g}"
        is_near = agreement.difference <= LARGEST_DIFFERENCE
    else:
        limit = f"a PSNR of at least {LEAST_PSNR[weights]:g} dB"
        is_near = agreement.psnr >= LEAST_PSNR[weights]
    if not is_near:  # also where a value is not a number
        raise ExportError(
            f'The part "{part.name}" with weights="{weights}" differs from the model '
            f"by more than is allowed ({limit}); nothing was written. Received: "
            f"{agreement}"
        )
