"""What the tensors of a model of Sphere Encoder 2 say of it: their names and shapes.

Its `cfg.json` may lack keys, and which ones differs with its age.
"""

import math
import re

from keras_sphere.convert.reference_weights import clean_name
from keras_sphere.models.sizes import SIZES

DINOV3 = "encoder.encoder."
_HEAD_DIM = 64  # of every DINOv3 up to a billion parameters
_COLORS = 3


class Shapes:
    """Shapes by clean name.

    Args:
        tensors: Dict from reference names to what has a `shape`.
    """

    def __init__(self, tensors):
        self._shapes = {clean_name(n): tuple(t.shape) for n, t in tensors.items()}

    def has(self, part):
        """Whether some name has a part."""
        return any(part in name for name in self._shapes)

    def shape(self, name, num_axes):
        """The shape of a tensor.

        Raises:
            ValueError: If it is missing or has another number of axes.
        """
        shape = self._shapes.get(name)
        if shape is None or len(shape) != num_axes:
            raise ValueError(
                f"A state dict must hold {name!r}, of {num_axes} axes. Received: "
                f"{'no such tensor' if shape is None else shape}"
            )
        return shape

    def count(self, blocks):
        """How many blocks there are whose names begin so, before their number."""
        pattern = re.compile(rf"{re.escape(blocks)}(\d+)\.")
        numbers = (pattern.match(name) for name in self._shapes)
        return len({match[1] for match in numbers if match})

    def first_block(self, blocks):
        """The width, number and heads of blocks; heads are `None` if unknown."""
        width = self.shape(f"{blocks}0.norm1.weight", 1)[0]
        heads = None
        if self.has(f"{blocks}0.attn.q_norm"):
            heads = width // self.shape(f"{blocks}0.attn.q_norm.weight", 1)[0]
        return width, self.count(blocks), heads


def read_off(tensors):
    """What the shapes of a decoder say, in the reference's terms.

    Args:
        tensors: Dict from reference names to what has a `shape`.

    Returns:
        Dict of constructor arguments, and of `num_channels`.

    Raises:
        ValueError: If a tensor that says something is missing.
    """
    shapes = Shapes(tensors)
    head = _pixel_head(shapes)
    num_tokens = shapes.shape("decoder.pos_embed", 3)[1]
    given = {
        **head,
        "input_size": math.isqrt(num_tokens) * head["patch_size"],
        "token_channels": shapes.shape("decoder.x_embedder.weight", 2)[1],
        "num_classes": 0,
        "in_context_size": 0,
        "use_angle_condition": shapes.has("decoder.alpha_embedder."),
        "use_qk_norm": shapes.has(".attn.q_norm."),
        "load_pretrained_encoder": shapes.has(DINOV3),
        "pretrained_encoder_fix_compression_ratio": shapes.has("encoder.out.weight"),
    }
    if shapes.has("decoder.y_embedder."):
        rows = shapes.shape("decoder.y_embedder.embedding_table.weight", 2)[0]
        given["num_classes"] = rows - 1
    if shapes.has("decoder.inctx_pos_embed"):
        given["in_context_size"] = shapes.shape("decoder.inctx_pos_embed", 3)[1]
    return given


def _pixel_head(shapes):
    if shapes.has("decoder.out.4"):
        _, channels, kernel, _ = shapes.shape("decoder.out.4.weight", 4)
        return {
            "pixel_head_type": "conv",
            "patch_size": kernel - 2,
            "num_channels": channels,
        }
    values = shapes.shape("decoder.ffn.linear.weight", 2)[0]
    kind, channels = "linear", _COLORS
    if shapes.has("decoder.out.2"):
        kind, channels = "linear+conv", shapes.shape("decoder.out.2.weight", 4)[0]
    return {
        "pixel_head_type": kind,
        "patch_size": math.isqrt(values // channels),
        "num_channels": channels,
    }


def read_size(tensors, half):
    """The size of a transformer, by its tensors.

    Args:
        tensors: Dict from reference names to what has a `shape`.
        half: `"encoder"` or `"decoder"`.

    Returns:
        Dict as `models.sizes.resolve_size` returns it.

    Raises:
        ValueError: If they do not say how many heads there are.
    """
    width, layers, heads = Shapes(tensors).first_block(f"{half}.blocks.")
    known = [size for size in SIZES.values() if size["hidden_dim"] == width]
    if known:
        heads = known[0]["num_heads"] if heads is None else heads
        return {**known[0], "num_layers": layers, "num_heads": heads}
    if heads is None:
        raise ValueError(
            f"The heads of the {half} cannot be read off its tensors: cfg.json must "
            f"name its size. Received: blocks of the width {width}"
        )
    return {
        "hidden_dim": width,
        "num_layers": layers,
        "num_heads": heads,
        "in_context_start": 0,
    }


def read_dinov3(tensors):
    """Arguments of `DINOv3Encoder` by its tensors, without what they do not say."""
    shapes = Shapes(tensors)
    name, block = f"{DINOV3}embeddings", f"{DINOV3}model.layer."
    hidden_dim, _, patch_size, _ = shapes.shape(f"{name}.patch_embeddings.weight", 4)
    registers = 0
    if shapes.has(f"{name}.register_tokens"):
        registers = shapes.shape(f"{name}.register_tokens", 3)[1]
    arguments = {
        "hidden_dim": hidden_dim,
        "num_layers": shapes.count(block),
        "num_heads": max(hidden_dim // _HEAD_DIM, 1),
        "patch_size": patch_size,
        "mlp_dim": shapes.shape(f"{block}0.mlp.up_proj.weight", 2)[0],
        "gated_mlp": shapes.has(f"{block}0.mlp.gate_proj"),
        "num_register_tokens": registers,
    }
    if shapes.has("encoder.out.weight"):
        arguments["token_channels"] = shapes.shape("encoder.out.weight", 2)[0]
    return arguments
