"""DINOv3's vision transformer, which is never trained."""

from typing import Any

import keras

from keras_sphere.layers.dinov3_block import DINOv3Block
from keras_sphere.layers.wide_tensors import WideTensors
from keras_sphere.validation import read_boolean, read_integer, read_positive
from keras_sphere.wide_floats import as_float

FINAL_EPSILON = 1e-5


@keras.saving.register_keras_serializable(package="keras_sphere")
class DINOv3Network(WideTensors, keras.layers.Layer):
    """Normalized images to the tokens of their patches.

    A class token and registers stand in front of the tokens of the patches, positions
    are in the rotations of the attention only, and a last LayerNorm (epsilon 1e-5)
    has no weights. Then the tokens in front are dropped.

    It is frozen: it is never `trainable`, also where what is around it is made so, and
    computes the same in training as at inference. What is to be trained nevertheless
    is made trainable by itself, after `build`: `network.blocks[-1].trainable = True`.

    Args:
        hidden_dim: Integer. Width of every token.
        num_layers: Integer. Number of blocks.
        num_heads: Integer.
        patch_size: Integer. Side of a patch, in pixels.
        mlp_dim: Integer. See `DINOv3Block`, as for those below.
        gated_mlp: Boolean.
        num_register_tokens: Integer. 0 for none.
        rope_theta: Float.
        epsilon: Float. Of all norms but the last.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        images: Float tensor of shape `(batch, size, size, 3)`, normalized as for
            ImageNet.

    Returns:
        Float tensor of shape `(batch, (size // patch_size)**2, hidden_dim)`, float32
        or wider.

    Raises:
        ValueError: If the images are not square, or `patch_size` does not divide
            their sides.

    Reference:
        - [DINOv3](https://arxiv.org/abs/2508.10104)
    """

    def __init__(
        self,
        hidden_dim: int,
        num_layers: int,
        num_heads: int,
        patch_size: int,
        mlp_dim: int,
        gated_mlp: bool = True,
        num_register_tokens: int = 4,
        rope_theta: float = 100.0,
        epsilon: float = 1e-5,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.hidden_dim = read_integer("hidden_dim", hidden_dim)
        self.num_layers = read_integer("num_layers", num_layers)
        self.num_heads = read_integer("num_heads", num_heads)
        self.patch_size = read_integer("patch_size", patch_size)
        self.mlp_dim = read_integer("mlp_dim", mlp_dim)
        self.gated_mlp = read_boolean("gated_mlp", gated_mlp)
        self.num_register_tokens = read_integer(
            "num_register_tokens", num_register_tokens, least=0
        )
        self.rope_theta = read_positive("rope_theta", rope_theta)
        self.epsilon = read_positive("epsilon", epsilon)

    @property
    def trainable(self) -> bool:
        """`False`, whatever it is set to."""
        return False

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._freeze()

    def _freeze(self):
        for layer in self._layers:
            layer.trainable = False

    def build(self, input_shape):
        _, height, width, channels = input_shape
        if height != width or height % self.patch_size:
            raise ValueError(
                "The images must be square, of a side that `patch_size` divides. "
                f"Received: shape {tuple(input_shape)}, patch_size={self.patch_size}"
            )
        policy = self.dtype_policy
        self.patches = keras.layers.Conv2D(
            self.hidden_dim,
            self.patch_size,
            strides=self.patch_size,
            data_format="channels_last",
            dtype=policy,
            name="patches",
        )
        self.patches.build((None, height, width, channels))
        self._add_tokens_in_front()
        grid_size = height // self.patch_size
        self.blocks = [
            DINOv3Block(
                self.num_heads,
                grid_size,
                self.mlp_dim,
                self.gated_mlp,
                self.rope_theta,
                self.epsilon,
                dtype=policy,
                name=f"block_{i}",
            )
            for i in range(self.num_layers)
        ]
        num_tokens = self.num_prefix_tokens + grid_size**2
        for block in self.blocks:
            block.build((None, num_tokens, self.hidden_dim))
        self._freeze()

    def _add_tokens_in_front(self):
        counts = {"class_token": 1, "register_tokens": self.num_register_tokens}
        for name, count in counts.items():
            if count:
                weight = self.add_weight(
                    name=name,
                    shape=(1, count, self.hidden_dim),
                    initializer=keras.initializers.RandomNormal(stddev=0.02),
                    autocast=False,
                )
                setattr(self, name, weight)

    @property
    def num_prefix_tokens(self) -> int:
        """Tokens in front of those of the patches."""
        return 1 + self.num_register_tokens

    def call(self, images):
        tokens = self._with_tokens_in_front(as_float(self.patches(images)))
        for block in self.blocks:
            tokens = block(tokens)
        tokens = tokens[:, self.num_prefix_tokens :]
        return keras.ops.layer_normalization(tokens, epsilon=FINAL_EPSILON)

    def _with_tokens_in_front(self, grid):
        ops, dtype = keras.ops, grid.dtype
        _, rows, columns, channels = grid.shape
        patches = ops.reshape(grid, (-1, rows * columns, channels))
        front = [self.class_token]
        if self.num_register_tokens:
            front.append(self.register_tokens)
        front = ops.concatenate([ops.cast(x, dtype) for x in front], axis=1)
        shape = (ops.shape(patches)[0], self.num_prefix_tokens, channels)
        return ops.concatenate([ops.broadcast_to(front, shape), patches], axis=1)

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        num_tokens = (height // self.patch_size) * (width // self.patch_size)
        return (batch, num_tokens, self.hidden_dim)

    def get_config(self):
        return {
            **super().get_config(),
            "hidden_dim": self.hidden_dim,
            "num_layers": self.num_layers,
            "num_heads": self.num_heads,
            "patch_size": self.patch_size,
            "mlp_dim": self.mlp_dim,
            "gated_mlp": self.gated_mlp,
            "num_register_tokens": self.num_register_tokens,
            "rope_theta": self.rope_theta,
            "epsilon": self.epsilon,
        }
