"""Requests that other sites make a browser send."""

import socket

import pytest

from keras_sphere.serve.guards import is_loopback, refusal
from keras_sphere.serve.running import address_of, listen, warning_of

pytestmark = pytest.mark.any_backend

LOCAL, OPEN = "127.0.0.1", "0.0.0.0"


@pytest.mark.parametrize(
    ("method", "headers", "host"),
    [
        ("GET", {"host": "127.0.0.1:8000"}, LOCAL),
        ("GET", {"host": "localhost:8000"}, LOCAL),
        ("GET", {"host": "[::1]:8000"}, "::1"),
        ("GET", {"host": "LOCALHOST"}, LOCAL),
        ("GET", {"host": "127.0.0.1", "sec-fetch-site": "cross-site"}, LOCAL),
        ("GET", {"host": "192.168.0.7:8000"}, OPEN),
        ("GET", {"host": socket.gethostname().lower()}, OPEN),
        ("GET", {"host": "box:80"}, "box"),
        ("POST", {"host": "127.0.0.1:8000"}, LOCAL),
        ("POST", {"host": "localhost:1", "origin": "http://localhost:1"}, LOCAL),
        ("POST", {"host": "localhost", "sec-fetch-site": "same-origin"}, LOCAL),
    ],
)
def test_answered(method, headers, host):
    assert refusal(method, headers, host) is None


@pytest.mark.parametrize(
    ("method", "headers", "host"),
    [
        ("GET", {}, LOCAL),
        ("GET", {"host": "evil.example"}, LOCAL),
        ("GET", {"host": "evil.example:8000"}, OPEN),
        ("GET", {"host": "192.168.0.7"}, LOCAL),
        ("GET", {"host": "[::1"}, LOCAL),
        ("GET", {"host": "127.0.0.1.evil.example"}, LOCAL),
        ("GET", {"host": "localhost@evil.example"}, LOCAL),
        ("POST", {"host": "localhost:1", "origin": "http://evil.example"}, LOCAL),
        ("POST", {"host": "localhost:1", "origin": "http://localhost:2"}, LOCAL),
        ("POST", {"host": "localhost", "origin": "null"}, LOCAL),
        ("POST", {"host": "localhost", "sec-fetch-site": "cross-site"}, LOCAL),
        ("POST", {"host": "localhost", "sec-fetch-site": "same-site"}, LOCAL),
        ("DELETE", {"host": "localhost", "origin": "http://evil.example"}, LOCAL),
    ],
)
def test_refused(method, headers, host):
    assert "Received: " in refusal(method, headers, host)


@pytest.mark.parametrize(
    ("host", "alone"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
        ("192.168.0.7", False),
        ("box", False),
    ],
)
def test_loopback_needs_no_warning(host, alone):
    assert is_loopback(host) == alone
    assert (warning_of(host) is None) == alone


def test_a_port_in_use_is_told_at_once():
    with listen(LOCAL, 0) as first:
        port = first.getsockname()[1]
        assert address_of(first, LOCAL) == f"http://127.0.0.1:{port}/"
        assert address_of(first, "0.0.0.0") == f"http://127.0.0.1:{port}/"
        assert address_of(first, "::1") == f"http://[::1]:{port}/"
        with pytest.raises(OSError, match=rf"Port {port} of 127.0.0.1 is in use"):
            listen(LOCAL, port)
    listen(LOCAL, port).close()


def test_addresses_of_other_machines():
    with pytest.raises(OSError, match="no such address"):
        listen("203.0.113.1", 0)
    with pytest.raises(OSError, match="no such host"):
        listen("a..b", 0)
