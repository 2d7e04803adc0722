"""Networks of scores with the golden weights."""

from keras_sphere.convert.reference_names import score_network_weights


def load(network, tensors, name=""):
    """Gives a built network tensors of the reference, all of them.

    Args:
        network: `ScoreNetwork`.
        tensors: Dict from names to arrays.
        name: String. What the names of the network's tensors start with.
    """
    weights = list(score_network_weights(name, network))
    own = {key.strip(".") for key, *_ in weights}
    assert own == {key for key in tensors if key.startswith(name)}
    assert len(own) == len(network.trainable_variables)
    for key, variable, layout in weights:
        variable.assign(layout(tensors[key.strip(".")]))
