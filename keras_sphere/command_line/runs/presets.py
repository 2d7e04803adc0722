"""Lists the presets, or describes one."""

from keras_sphere import presets


def run(request):
    name = request.settings["name"]
    print(presets.describe(name) if name else presets.list())
