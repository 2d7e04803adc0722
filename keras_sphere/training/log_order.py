"""The order of the callbacks that add to the logs and those that write them.

Keras gives all callbacks the same dict of logs, one after another, so what one adds
is seen only by those after it. That holds for the dict of `on_train_begin` too: there
they leave word of themselves, and a wrong order is an error before the first step.
"""

_WRITER = "keras_sphere_log_writer"


def begin_as_writer(callback, logs):
    """Leaves word that from here on the logs are written down."""
    if logs is not None:
        logs[_WRITER] = type(callback).__name__


def begin_as_source(callback, logs):
    """Raises a `ValueError` if what `callback` adds would come too late."""
    writer = (logs or {}).get(_WRITER)
    if writer is not None:
        name = type(callback).__name__
        raise ValueError(
            f"`{name}` must be listed before `{writer}`, which would not see what it "
            f"adds. Received: callbacks=[..., {writer}, ..., {name}, ...]"
        )
