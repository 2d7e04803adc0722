"""Lists the presets, or describes one."""

import functools

from keras_sphere import presets


def prepare(request):
    name = request.settings["name"]
    text = presets.describe(name) if name else presets.list()
    return functools.partial(print, text)
