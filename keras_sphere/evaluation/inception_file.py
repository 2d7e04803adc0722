"""Where the weights of the Inception network are."""

import pathlib

from keras_sphere.perceptual.weight_files import weight_folders

FILE_NAME = "fid_inception.npz"


def find_inception_weights(path=None):
    """Path of the weights, for before the network is built, which takes a while.

    Args:
        path: String or path of the file; `None` looks in the folder of the environment
            variable `KERAS_SPHERE_PERCEPTUAL_DIR` and in Keras' cache.

    Raises:
        FileNotFoundError: If it is not there, or in none of these folders.
    """
    if path is not None:
        if not pathlib.Path(path).is_file():
            raise FileNotFoundError(
                f"There are no Inception weights at this path. Received: {str(path)!r}"
            )
        return path
    folders = weight_folders()
    for folder in folders:
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    raise FileNotFoundError(
        f"The Inception network needs {FILE_NAME}. Looked in "
        f"{' and '.join(map(str, folders))}. Make it once, on any machine with "
        "PyTorch, by `python -m keras_sphere.evaluation.inception_weights "
        "pt_inception-2015-12-05-6726825d.pth`; or take another feature network: any "
        f"Keras model, or 'digits'. Received: no {FILE_NAME}"
    )
