"""What is said, and how soon, when data is not there."""

import http.server
import inspect
import logging
import socket
import threading

import keras
import numpy as np
import pytest

from keras_sphere import data
from keras_sphere.data.cifar import FILES, URL
from keras_sphere.data.downloads import announce_download, why_unreachable


class Answers(http.server.BaseHTTPRequestHandler):
    """Sends a byte, or the status that the path names."""

    def do_GET(self):
        status = int(self.path.strip("/") or 200)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(b"x")

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(autouse=True)
def without_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")


def test_a_server_that_answers(server, caplog):
    assert why_unreachable(server) is None
    with caplog.at_level(logging.WARNING, logger="keras_sphere"):
        announce_download("flowers", "/there", [server], 344_900_000, True)
    message = caplog.records[-1].message
    assert message.startswith("flowers is not in /there. Downloading 344.9 MB from 127")


def test_a_server_that_refuses(server):
    assert why_unreachable(f"{server}/403") == "the server answers 403 Forbidden"


def test_a_server_that_is_not_there():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    assert why_unreachable(url).startswith("no connection (")
    with pytest.raises(
        data.DataNotFoundError,
        match=r"flowers is not in /there, .* 2\.0 GB from 127.*no connection.*'digits'",
    ):
        announce_download("flowers", "/there", [url], 2_000_000_000, True)


def test_a_server_that_never_answers():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        problem = why_unreachable(url, 0.2)
    assert "no answer within" in problem or "timed out" in problem


def test_without_permission_nothing_is_asked():
    with pytest.raises(data.DataNotFoundError, match="download=False"):
        announce_download("flowers", "/there", ["http://127.0.0.1:1"], 1, False)


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_cifar_is_missing(name, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(
        data.DataNotFoundError,
        match=rf"{name} is not in {tmp_path}/datasets.*MB from www\.cs\.toronto",
    ):
        data.load(name, download=False)
    with pytest.raises(ValueError, match="splits 'train' and 'test'"):
        data.load(name, split="validation")
    with pytest.raises(ValueError, match=r"KERAS_HOME.*data_dir="):
        data.load(name, data_dir=tmp_path)


@pytest.mark.parametrize(("name", "num_classes"), [("cifar10", 10), ("cifar100", 100)])
def test_cifar_as_keras_returns_it(name, num_classes, tmp_path, monkeypatch):
    """The download itself, which Keras checks by its hash, cannot be made here."""
    draws = np.random.default_rng(0)
    images = draws.integers(0, 256, (9, 32, 32, 3), "uint8")
    labels = draws.integers(0, num_classes, (9, 1), "uint8")
    arrays = ((images[:6], labels[:6]), (images[6:], labels[6:]))
    archive = {
        "cifar10": "cifar-10-batches-py-target",
        "cifar100": "cifar-100-python-target",
    }
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / f"{archive[name]}_archive").touch()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(getattr(keras.datasets, name), "load_data", lambda: arrays)
    train = data.load(name, batch_size=4, download=False)
    assert train.description.num_classes == num_classes
    assert len(train) == 1
    test = data.load(name, split="test", batch_size=2, download=False)
    np.testing.assert_array_equal(test.examples(range(3))[0], images[6:])
    np.testing.assert_array_equal(test[1][1], labels[8])
    assert test[0][1].dtype == np.int32

    def fail():
        raise Exception("URL fetch failure")

    monkeypatch.setattr(getattr(keras.datasets, name), "load_data", fail)
    with pytest.raises(data.DataNotFoundError, match="URL fetch failure"):
        data.load(name, download=False)


def test_the_archives_have_the_names_that_keras_gives_them():
    for name, (cached, file, _) in FILES.items():
        code = inspect.getsource(getattr(keras.datasets, name).load_data)
        assert cached.removesuffix("_archive") in code
        assert URL + file in code
