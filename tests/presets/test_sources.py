"""Where presets come from."""

import functools
import hashlib
import http.server
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import textwrap
import threading

import pytest

from keras_sphere import presets
from keras_sphere.presets.sources import find
from tests import tiny_models

ROOT = pathlib.Path(__file__).parents[2]
REVISION = "0123456789abcdef0123456789abcdef01234567"


def test_a_built_in_name_and_a_folder(tmp_path, monkeypatch):
    tiny_models.new_model().save_to_preset(tmp_path / "cifar10", name="mine")
    monkeypatch.chdir(tmp_path)
    assert find("cifar10").config["name"] == "cifar10"
    for path in ("./cifar10", tmp_path / "cifar10", pathlib.Path("cifar10")):
        assert find(path).config["name"] == "mine"


@pytest.mark.parametrize(
    ("name", "closest"), [("cifra10", "cifar10"), ("flowers", "oxford_flowers256")]
)
def test_an_unknown_name_lists_the_others_closest_first(name, closest):
    with pytest.raises(ValueError, match=rf"Presets: {closest}, .*digits16.*{name}"):
        presets.load(name)


@pytest.mark.parametrize(
    "handle",
    ["hf://user", "hf://user/name/more", "hf://../name", "hf://", "https://x.org/a/b"],
)
def test_other_handles_are_refused(handle):
    with pytest.raises(ValueError, match=f"Received: name_or_path='{handle}'"):
        find(handle)


def run(program, **environment):
    """Runs a program in a process of its own, on the NumPy backend for speed."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": "numpy", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_hub_needs_its_package():
    program = """
        import sys
        sys.modules["huggingface_hub"] = None
        import keras_sphere
        keras_sphere.presets.load("hf://user/name")
    """
    assert 'pip install "keras-sphere[huggingface]"' in run(program).stderr


def test_nothing_else_touches_the_network():
    program = """
        import sys

        def refuse(event, args):
            if event in ("socket.connect", "socket.getaddrinfo"):
                raise RuntimeError(f"network: {event} {args}")

        sys.addaudithook(refuse)
        import keras_sphere
        keras_sphere.presets.list()
        keras_sphere.presets.describe("cifar10")
        keras_sphere.presets.load("digits16", compile=False)
        print("done")
    """
    result = run(program)
    assert result.stdout == "done\n", result.stderr


class Hub(http.server.BaseHTTPRequestHandler):
    """The part of the Hub's protocol that a download needs, over a local folder."""

    def __init__(self, folder, requests, *args):
        self.folder, self.requests = folder, requests
        super().__init__(*args)

    def do_HEAD(self):
        """Answers without the content."""
        self.do_GET()

    def do_GET(self):
        """Answers with a file of the folder."""
        prefix, _, name = self.path.partition("/resolve/")
        revision, _, name = name.partition("/")
        path = self.folder / name
        self.requests.append((self.command, prefix, revision, name))
        if prefix != "/user/name" or not path.is_file():
            self.send_error(404)
            return
        content = path.read_bytes()
        self.send_response(200)
        self.send_header("X-Repo-Commit", REVISION)
        self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *args):
        """Silent."""


@pytest.fixture
def hub(tmp_path):
    """A local server of the preset in `tmp_path / "served"`: address, requests."""
    requests = []
    handler = functools.partial(Hub, tmp_path / "served", requests)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", requests
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.skipif(
    importlib.util.find_spec("huggingface_hub") is None,
    reason="needs the package huggingface_hub",
)
def test_loading_from_a_hub(tmp_path, hub):
    address, requests = hub
    model = tiny_models.new_model()
    model.save_to_preset(tmp_path / "served", name="remote")
    program = """
        import json, keras, keras_sphere
        model = keras_sphere.presets.load("hf://user/name", weights=False)
        print("--")
        model = keras_sphere.presets.load("hf://user/name")
        first = keras.ops.convert_to_numpy(model.backbone.trainable_variables[0])
        print(json.dumps(first.ravel()[:5].tolist()))
    """
    result = run(
        program,
        HF_ENDPOINT=address,
        HF_HOME=str(tmp_path / "cache"),
        HF_HUB_DISABLE_TELEMETRY="1",
        NO_PROXY="127.0.0.1",
    )
    assert result.returncode == 0, result.stderr
    values = json.loads(result.stdout.splitlines()[-1])
    expected = model.backbone.trainable_variables[0].numpy().ravel()[:5]
    assert values == expected.tolist()
    fetched = [(r[3], r[2]) for r in requests if r[0] == "GET"]
    assert fetched == [("config.json", "main"), ("model.weights.h5", REVISION)]
