"""Which dimension of which variable is split over the devices of a model."""

import re
from collections.abc import Mapping, Sequence

import keras

BATCH_AXIS, MODEL_AXIS = "batch", "model"

# Pattern of a variable's whole path -> the dimensions to split, the first that can
# be. Layers that widen are split by output, the ones that follow them by input, so
# that one sum over the devices ends each attention and each MLP.
LAYOUT = {
    r".*/attention/qkv/kernel": (1, 0),
    r".*/attention/qkv/bias": (0,),
    r".*/attention/projection/kernel": (0, 1),
    r".*/mlp/expand/kernel": (1, 0),
    r".*/mlp/expand/bias": (0,),
    r".*/mlp/contract/kernel": (0, 1),
    r".*/modulation/linear/kernel": (1, 0),
    r".*/modulation/linear/bias": (0,),
    r".*/label_embedding/table": (1,),
    r".*/patch_embedding/(patches|projection)/kernel": (3, 2),
    r".*/decoder/embedding/kernel": (1, 0),
    r".*/transformer/head/linear/kernel": (0, 1),
    r".*/mixer/block_\d+/(channel|token)_in/kernel": (1, 0),
    r".*/mixer/block_\d+/(channel|token)_in/bias": (0,),
    r".*/mixer/block_\d+/(channel|token)_out/kernel": (0, 1),
}
OPTIONAL = ("label_embedding", "modulation", "mixer")  # not every model has them


def split_dimension(path, shape, num_parts, layout=None):
    """The dimension of a variable that is split.

    Args:
        path: String. Path of the variable.
        shape: Tuple of integers.
        num_parts: Integer. Devices to split it over.
        layout: Dict like `LAYOUT`; `None` for that one.

    Returns:
        Integer, or `None` if no pattern is about this variable, as about norms.

    Raises:
        ValueError: If several patterns are, or no dimension can be split evenly.
    """
    layout = LAYOUT if layout is None else layout
    patterns = [pattern for pattern in layout if re.fullmatch(pattern, path)]
    if not patterns:
        return None
    if len(patterns) > 1:
        raise ValueError(
            f"One pattern of the layout at most may be about {path}. "
            f"Received: {patterns}"
        )
    dimensions = layout[patterns[0]]
    for dimension in dimensions:
        if shape[dimension] % num_parts == 0:
            return dimension
    raise ValueError(
        f"The number of devices of a model must divide a dimension of {path}, of "
        f"shape {tuple(shape)}: one of {dimensions}. Received: {num_parts} devices"
    )


def check_patterns(layout, paths):
    """Raises a `ValueError` for patterns that are about none of a model's variables.

    Such a pattern, as one for a part of the path instead of the whole, would leave
    the variables that it was meant for on every device.

    Args:
        layout: Dict like `LAYOUT`.
        paths: Iterable of strings. Paths of all variables.
    """
    paths = sorted(paths)
    unused = [
        pattern
        for pattern in layout
        if not any(re.fullmatch(pattern, path) for path in paths)
        and not (pattern in LAYOUT and any(part in pattern for part in OPTIONAL))
    ]
    if unused:
        raise ValueError(
            "Every pattern of the layout must match the whole path of a variable, of "
            f"a model made after `setup`. Received: patterns that match none, {unused}"
            f", beside paths such as {paths[:3]}"
        )


class ShardedModel(keras.distribution.ModelParallel):
    """`keras.distribution.ModelParallel` with the layout of this package's models.

    Batches are split over the first axis of the mesh, variables over the second;
    moments and moving averages of the optimizer lie as their variables do.

    Args:
        device_mesh: `keras.distribution.DeviceMesh` of two axes.
        layout: Dict of pattern -> dimensions, in place of `LAYOUT`.

    Raises:
        ValueError: When data arrives, if a pattern matched no variable.
    """

    def __init__(
        self,
        device_mesh: keras.distribution.DeviceMesh,
        layout: Mapping[str, Sequence[int]] | None = None,
    ) -> None:
        super().__init__(
            layout_map=keras.distribution.LayoutMap(device_mesh),
            batch_dim_name=BATCH_AXIS,
            auto_shard_dataset=False,
        )
        self.layout = dict(LAYOUT if layout is None else layout)
        self._paths = set()
        self._is_checked = False

    def get_variable_layout(
        self, variable: keras.Variable
    ) -> keras.distribution.TensorLayout:
        if getattr(variable, "_layout", None) is not None:
            return variable._layout
        self._paths.add(variable.path)
        axes: list[str | None] = [None] * len(variable.shape)
        dimension = split_dimension(
            variable.path, variable.shape, self.device_mesh.shape[1], self.layout
        )
        if dimension is not None:
            axes[dimension] = MODEL_AXIS
        return keras.distribution.TensorLayout(axes, self.device_mesh)

    def get_data_layout(
        self, data_shape: Sequence[int]
    ) -> keras.distribution.TensorLayout:
        if not self._is_checked:
            check_patterns(self.layout, self._paths)
            self._is_checked = True
        return super().get_data_layout(data_shape)
