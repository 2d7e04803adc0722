"""Networks whose features stand for images when sets of images are compared."""

import hashlib
from collections.abc import Callable
from typing import Any

import keras

from keras_sphere.choices import RESIZINGS
from keras_sphere.evaluation.compiled_model import CompiledModel
from keras_sphere.evaluation.inception_file import find_inception_weights
from keras_sphere.evaluation.inception_network import (
    IMAGE_SIDE,
    build_inception_network,
    load_inception_weights,
)
from keras_sphere.perceptual import EfficientNetLite2Classifier
from keras_sphere.perceptual.resizing import resize_bilinear
from keras_sphere.typing import PathLike, Tensor
from keras_sphere.validation import check_choice


class FeatureNetwork:
    """A Keras model that maps images to features, and its name in results.

    Args:
        model: Keras model or layer from float images of shape
            `(batch, height, width, channels)`, in [0, 1], to features of shape
            `(batch, ...)`, or to a dict of `features` and optionally `logits` of a
            classifier.
        name: String. What results call it: numbers of networks of different names
            are not compared.
        prepare: Callable of a float tensor of images in [0, 255] that returns what the
            model takes, in place of the division by 255.

    Call arguments:
        images: uint8 array of shape `(batch, height, width, channels)`.

    Returns:
        Dict of `features`, a float32 array of shape `(batch, features)`, and `logits`
        of shape `(batch, classes)`, or `None`.
    """

    def __init__(
        self,
        model: Callable[[Tensor], Any],
        name: str,
        prepare: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self.name = name
        self._run = CompiledModel(model, prepare)

    def __call__(self, images: Tensor) -> Any:
        outputs = self._run(images)
        if not isinstance(outputs, dict):
            outputs = {"features": outputs}
        features = outputs["features"].reshape(len(images), -1)
        return {"features": features, "logits": outputs.get("logits")}


class InceptionFeatures(FeatureNetwork):
    """The network of the FID, with the public weights from a local file.

    Args:
        weights: String or path of the file that
            `python -m keras_sphere.evaluation.inception_weights` makes; `None` looks
            for it where the weights of perceptual networks are.
        resize: `"tensorflow1"`, as torch-fidelity and the original do, or
            `"half_pixel"`, as pytorch-fid does: FIDs by different ones do not compare.

    Raises:
        FileNotFoundError: If there is no such file.
        CorruptFileError: If it is damaged.
        ValueError: If it does not hold the weights of the network.
    """

    def __init__(
        self, weights: PathLike | None = None, resize: str = "tensorflow1"
    ) -> None:
        check_choice("resize", resize, RESIZINGS)
        weights = find_inception_weights(weights)
        network = build_inception_network()
        checksum = load_inception_weights(network, weights)

        def prepare(images):
            if images.shape[-1] == 1:
                images = keras.ops.repeat(images, 3, axis=-1)
            return (resize_bilinear(images, IMAGE_SIDE, resize) - 128.0) / 128.0

        super().__init__(
            network, f"inception-2015-12-05 ({checksum[:8]}), {resize} resize", prepare
        )


class EfficientNetFeatures(FeatureNetwork):
    """EfficientNet-Lite2, an ImageNet classifier whose weights a package brings.

    Distances of its features are no FID, and compare with each other only.

    Args:
        weights: String or path of a file that ends in `.npz` or `.pth`; `None` looks
            for it as `perceptual.EfficientNetLite2` does.
        image_size: Integer. The side to which images of any size are brought. The
            network was trained on 260 px.

    Raises:
        FileNotFoundError: If there are no weights.
        CorruptFileError: If their file is damaged.
        ValueError: If it does not hold the weights of the network.
    """

    def __init__(self, weights: PathLike | None = None, image_size: int = 128) -> None:
        network = EfficientNetLite2Classifier(image_size, weights or "package")
        network.build((None, image_size, image_size, 3))
        digest = hashlib.sha256()  # of the numbers, alike for both kinds of files
        for variable in network.weights:
            digest.update(keras.ops.convert_to_numpy(variable).tobytes())
        name = f"efficientnet_lite2 ({digest.hexdigest()[:8]}), {image_size} px"
        super().__init__(network, name)
