"""Serves a page that generates and edits, with the model behind it."""

import contextlib
import functools
import os
import pathlib

from keras_sphere.command_line.job import check_sampling
from keras_sphere.command_line.model_source import ModelSource
from keras_sphere.command_line.served.drawing import Drawing
from keras_sphere.command_line.served.sphere_pictures import read_diagnosis
from keras_sphere.command_line.served.uploads import MOST_BYTES, read_upload
from keras_sphere.optional_imports import check_installed
from keras_sphere.presets.sources import built_in_names
from keras_sphere.serve.running import address_of, listen, run, warning_of
from keras_sphere.visualization.image_grid import PACKAGE as WRITING

JSON = "application/json"
# A few images of any model here in base64, and flags.
MOST_BYTES_OF_JSON = 8_000_000


def prepare(request):
    settings = request.settings
    for package in ("starlette", "uvicorn"):
        check_installed(package, "The server", "serve")
    check_installed(*WRITING)
    source = ModelSource(settings["preset"])
    check_sampling(settings, source.description)
    listener = listen(settings["host"], settings["port"])
    return functools.partial(_finish, request, source, listener)


def _finish(request, source, listener):
    settings = request.settings
    with listener:
        drawing = new_drawing(source, settings)
        drawing.model = (request.load_model or ModelSource.load)(source)
        app = new_app(drawing, settings["host"], settings["most_waiting"])
        address = address_of(listener, settings["host"])
        print(f"Open {address} in a browser; Ctrl-C ends the server.", flush=True)
        warning = warning_of(settings["host"])
        if warning:
            print(warning, flush=True)
        # What the tasks print is for one user at a terminal.
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
            run(app, listener)


def new_drawing(source, settings):
    """The `Drawing` of a model that is not loaded yet."""
    common = {
        "preset": _shown(source.handle),
        "batch_size": settings["batch_size"],
        "use_ema": settings["use_ema"],
    }
    return Drawing(source, common)


def new_app(drawing, host, most_waiting):
    """The ASGI application around a `Drawing` whose model is loaded."""
    import keras

    from keras_sphere.command_line.served.page import page_files
    from keras_sphere.serve.app import Action, build_app

    diagnose = functools.partial(read_diagnosis, drawing=drawing)
    upload = functools.partial(read_upload, description=drawing.source.description)
    actions = {
        "/draw": Action(drawing.read, JSON, MOST_BYTES_OF_JSON),
        "/sphere": Action(diagnose, JSON, MOST_BYTES_OF_JSON),
        "/image": Action(upload, "application/octet-stream", MOST_BYTES),
    }
    files = page_files(drawing, keras.backend.backend())
    return build_app(files, actions, host, most_waiting)


def _shown(handle):
    """What the page may know of `--preset`: no folder of this machine."""
    if handle in built_in_names() or handle.startswith("hf://"):
        return handle
    return pathlib.Path(handle).resolve().name
