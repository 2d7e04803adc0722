"""A layer called with weights that get no gradient."""

import contextlib

import keras


@contextlib.contextmanager
def fixed_weights(layer, values=None):
    """Context in which a layer's weights are constants, inside of a training step.

    Gradients pass through the layer to what it is given, and to none of its weights.

    Args:
        layer: Keras layer that is built.
        values: List of tensors or variables in place of its trained weights, or `None`.
    """
    weights = layer.trainable_variables
    given = [v.value for v in (weights if values is None else values)]
    inside = keras.StatelessScope()
    # All others keep their values, which on JAX are those of a scope around this one.
    for variable in layer.variables:
        inside.add_update((variable, variable.value))
    for variable, value in zip(weights, given, strict=True):
        inside.add_update((variable, keras.ops.stop_gradient(value)))
    with inside:
        yield
    own = {id(variable) for variable in weights}
    for variable in layer.non_trainable_variables:  # such as the states of its seeds
        if id(variable) not in own:
            variable.assign(inside.get_current_value(variable))
