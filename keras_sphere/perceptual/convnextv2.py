"""The maps of ConvNeXt V2, as features to compare distributions by."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_sphere.perceptual.convnext import ConvNeXt, convnext_shapes
from keras_sphere.typing import PathLike, Tensor
from keras_sphere.validation import read_integer, read_sequence

_EPSILON = 1e-6
_LEAST_SQUARE = 1e-24  # below it the norm of a channel has no gradient


@keras.saving.register_keras_serializable(package="keras_sphere")
class ConvNeXtV2(ConvNeXt):
    """What chosen stages of ConvNeXt V2 make of images, by default of its nano size.

    Images are clipped to [0, 1] and normalized as for ImageNet, and keep their size.
    In place of a layer scale, each block has a global response normalization: every
    channel is multiplied by its norm over the image, relative to the mean channel's.

    Args:
        stages: Integers, from 0: which stages' maps to return. Stage i has
            1 / (4 * 2**i) of the image's sides. Only what they need is built.
        depths: Integers. Blocks of each stage.
        hidden_dims: Integers. Channels of each stage.
        source: See `FrozenNetwork`. `"timm"`, the default: the file
            `convnextv2_nano.npz` that `keras_sphere.convert.perceptual` makes.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        images: Float tensor of shape `(batch, height, width, 1 or 3)`, in [0, 1].

    Returns:
        List of float32 tensors of shape `(batch, rows, columns, channels)`, one per
        stage of `stages`.

    Raises:
        ValueError: If there is no such stage, or `depths` and `hidden_dims` are not of
            one length.

    Example:

    >>> maps = ConvNeXtV2(stages=(1, 2))(images)  # 160 and 320 channels

    Reference:
        - [ConvNeXt V2](https://arxiv.org/abs/2301.00808)
    """

    feature_distance = None
    file_name = "convnextv2_nano.npz"
    sources = ("timm",)

    def __init__(
        self,
        stages: Sequence[int] = (1, 2),
        depths: Sequence[int] = (2, 2, 8, 2),
        hidden_dims: Sequence[int] = (80, 160, 320, 640),
        source: PathLike | None = "timm",
        **kwargs: Any,
    ) -> None:
        super().__init__(depths, hidden_dims, source, **kwargs)
        self.stages = read_sequence(
            "stages", stages, lambda name, stage: read_integer(name, stage, least=0)
        )
        if max(self.stages) >= len(self.depths):
            raise ValueError(
                f"`stages` must be of the {len(self.depths)} stages of the network, "
                f"from 0. Received: stages={self.stages}"
            )
        self.smallest_image = 4 * 2 ** max(self.stages)

    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        return self._shapes(len(self.depths))

    def used_names(self) -> list[str]:
        return list(self._shapes(max(self.stages) + 1))

    def _shapes(self, count):
        def response(channels):
            return {f"response_{part}": (4 * channels,) for part in ("scale", "bias")}

        return convnext_shapes(self.depths[:count], self.hidden_dims[:count], response)

    def features(self, images: Tensor) -> Any:
        images = keras.ops.clip(images, 0.0, 1.0)
        maps = list(self.stage_outputs(images, max(self.stages) + 1))
        return [maps[stage] for stage in self.stages]

    def expanded(self, x: Tensor, name: str) -> Tensor:
        """Global response normalization, in float32."""
        ops = keras.ops
        x = ops.cast(x, "float32")
        square = ops.sum(ops.square(x), axis=(1, 2), keepdims=True)
        size = ops.sqrt(ops.maximum(square, _LEAST_SQUARE))
        relative = size / (ops.mean(size, axis=-1, keepdims=True) + _EPSILON)
        scale, bias = (
            ops.cast(self.arrays[f"{name}_response_{part}"], "float32")
            for part in ("scale", "bias")
        )
        return x + x * relative * scale + bias

    def get_config(self):
        return {**super().get_config(), "stages": self.stages}
