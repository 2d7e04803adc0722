"""Models that have shapes and no values."""

import keras

try:
    from keras.src.backend.common import global_state
except ImportError:  # another Keras: what waits for values gets them
    global_state = None


class Valueless(keras.StatelessScope):
    """In this scope, new variables have shapes, but no values, and never get any.

    Keras notes every variable that is made in a stateless scope, and when such a scope
    ends next, be it one of Keras' own, draws values for all: the memory of a whole
    model, and minutes on a CPU, for one of which the parameters were counted.
    """

    def __init__(self):
        super().__init__(initialize_variables=False)

    def __enter__(self):
        self._num_waiting = len(_waiting())
        return super().__enter__()

    def __exit__(self, *error):
        super().__exit__(*error)
        del _waiting()[self._num_waiting :]


def _waiting():
    """Keras' list of variables without values; an empty one if it keeps none."""
    if global_state is None:
        return []
    return global_state.get_global_attribute("uninitialized_variables") or []
