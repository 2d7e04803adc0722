"""The golden calls of score matching: four batches, one after the other."""

import json

from tests import golden_data

NUM_CALLS, NUM_STAGES = 4, 2


def load():
    """The golden arrays of single functions, and the arguments of score matching."""
    arrays = golden_data.load("funcs2")
    return arrays, json.loads(str(arrays["sm/args"]))


def call(arrays, index):
    """The arrays of one call, by their names without its prefix."""
    return golden_data.state_dict(arrays, prefix=f"sm/call{index}/")


def stages(arrays, name):
    """An array per stage."""
    return [arrays[f"{name}{stage}"] for stage in range(NUM_STAGES)]
