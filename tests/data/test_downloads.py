"""What is said, and how soon, when data is not there."""

import http.server
import logging
import socket
import threading

import pytest

from keras_sphere import data
from keras_sphere.data.downloads import announce_download, why_unreachable

pytestmark = pytest.mark.any_backend


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
        match=r"flowers is not in /there, .* 2\.00 GB from 127.*"
        r"no connection.*'digits'",
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
