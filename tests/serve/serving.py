"""A real server on a free port, and requests to it."""

import contextlib
import http.client
import json
import pathlib
import shutil
import threading
import time

from keras_sphere.serve.app import build_app
from keras_sphere.serve.running import listen, new_server

PATIENCE = 60.0  # seconds; what takes longer is stuck
JSON = "application/json"


PRESETS = pathlib.Path(__file__).parents[2] / "keras_sphere" / "presets"


def preset_copy(folder):
    """A preset in a folder, whose path nobody may learn; returns that."""
    return shutil.copytree(PRESETS / "digits16", folder / "mine")


@contextlib.contextmanager
def running(app):
    """Runs an ASGI application; yields its port."""
    listener = listen("127.0.0.1", 0)
    server = new_server(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


def served(actions, most_waiting=2, files=None):
    """Runs the application of actions; yields its port."""
    return running(build_app(files or {}, actions, "127.0.0.1", most_waiting))


def connect(port):
    return http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)


def ask(port, path, content, method="POST", media_type=JSON, **headers):
    """A request; returns the status, the list of JSON lines of the answer, headers."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    with contextlib.closing(connect(port)) as connection:
        sent = body if method == "POST" else None
        connection.request(method, path, sent, {"Content-Type": media_type, **headers})
        answer = connection.getresponse()
        lines = answer.read().decode().splitlines()
    return answer.status, list(map(json.loads, lines)), dict(answer.getheaders())


def wait_for(condition):
    """Waits until a callable without arguments returns a true value."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it stays false"
        time.sleep(0.005)
