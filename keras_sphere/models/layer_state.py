"""States of pure functions, dicts of tensors, as variables of a layer."""


def new_state(layer, name, state):
    """Dict of variables that hold a state; all replicas compute the same values.

    Args:
        layer: Keras layer, in its `build`.
        name: String. What the names of the variables begin with.
        state: Dict of tensors, of which the shapes count.
    """
    return {
        key: layer.add_weight(
            name=f"{name}_{key}",
            shape=tuple(value.shape),
            initializer="zeros",
            dtype="float32",
            trainable=False,
            aggregation="only_first_replica",
        )
        for key, value in state.items()
    }


def state_values(state):
    """The values of a dict of variables."""
    return {key: variable.value for key, variable in state.items()}


def assign_state(state, values):
    """Gives a dict of variables values by the same keys."""
    for key, variable in state.items():
        variable.assign(values[key])
