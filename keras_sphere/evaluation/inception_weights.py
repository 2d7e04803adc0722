"""Makes the file of weights that the Inception metrics need, once, with PyTorch.

    python -m keras_sphere.evaluation.inception_weights \
        pt_inception-2015-12-05-6726825d.pth [--folder=FOLDER]

The public file is a release asset of the projects pytorch-fid and torch-fidelity (there
as `weights-inception-2015-12-05-6726825d.pth`). What is written, `fid_inception.npz`,
is read by NumPy alone.
"""

import pathlib
import sys

from absl import app, flags

from keras_sphere.convert.checkpoint_files import open_checkpoint
from keras_sphere.evaluation.inception_file import FILE_NAME
from keras_sphere.evaluation.inception_network import (
    build_inception_network,
    weight_layouts,
)
from keras_sphere.files.integrity import CorruptFileError, sha256
from keras_sphere.perceptual.weight_files import (
    check_shapes,
    weight_folders,
    write_weight_file,
)

PUBLIC_SHA256 = "6726825d"
# Counters of training steps, which the network has no use for.
_LEFT_OUT = (".num_batches_tracked",)

FOLDER = flags.DEFINE_string(
    "folder",
    None,
    "Where to write; default: KERAS_SPHERE_PERCEPTUAL_DIR if set, or Keras' cache.",
)
VERIFY = flags.DEFINE_boolean("verify", True, "Take the public file only.")


def convert_inception(source, folder=None, verify=True):
    """Writes `fid_inception.npz`, the weights of `InceptionFeatures`.

    Args:
        source: String or path. The public `.pth` file.
        folder: String or path. Where to write; `None` for the first folder in which
            the network looks for it.
        verify: Boolean. Whether the file must be the public one, by the start of its
            SHA-256.

    Returns:
        `pathlib.Path` of the file.

    Raises:
        CorruptFileError: If the file is missing or damaged, or is not the public one.
        ValueError: If a tensor is missing, left over or of the wrong shape.
        ImportError: If PyTorch is not installed.
    """
    if verify and not pathlib.Path(source).is_file():
        raise CorruptFileError(f"{source} is missing.")
    if verify and not sha256(source).startswith(PUBLIC_SHA256):
        raise CorruptFileError(
            f"{source} must be the public file, whose SHA-256 starts with "
            f"{PUBLIC_SHA256}. Received: {sha256(source)}; `verify=False` (--noverify) "
            "takes other weights"
        )
    layouts = weight_layouts(build_inception_network())
    with open_checkpoint(source, left_out=_LEFT_OUT) as checkpoint:
        tensors = checkpoint.state_dicts.get(None, {})
        expected = {
            name: tuple(variable.shape[axis] for axis in to_public)
            for name, (variable, to_public, _) in layouts.items()
        }
        received = {name: tensor.shape for name, tensor in tensors.items()}
        check_shapes(received, expected, source)
        weights = {
            name: tensors[name].read().transpose(to_ours)
            for name, (_, _, to_ours) in layouts.items()
        }
    path = (pathlib.Path(folder) if folder else weight_folders()[0]) / FILE_NAME
    write_weight_file(path, weights)
    return path


def main(arguments):
    if len(arguments) != 2:
        raise app.UsageError("Give one argument, the public file.")
    try:
        print("Wrote", convert_inception(arguments[1], FOLDER.value, VERIFY.value))
    except (ValueError, OSError, ImportError) as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    app.run(main)
