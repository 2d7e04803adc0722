"""A real server around plain functions: turns, limits, and what ends them."""

import contextlib
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from keras_sphere.serve.app import Action
from tests.serve.serving import JSON, ask, connect, served, wait_for

pytestmark = pytest.mark.any_backend

MOST_BYTES = 1000


def action(read):
    return Action(read, JSON, MOST_BYTES)


def doubled(content):
    """Work that doubles a number, in parts; refuses other things."""
    number = json.loads(content)
    if not isinstance(number, int):
        raise ValueError(f"`number` must be an integer. Received: {number!r}")

    def work(tell):
        tell({"done": 1, "total": 2})
        return 2 * number

    return work


class Gate:
    """Work that begins, says so, and goes on until it is let through or cancelled."""

    def __init__(self):
        self.begun, self.open, self.ended = [], threading.Event(), []

    def read(self, content):
        def work(tell):
            self.begun.append(content)
            try:
                while not self.open.wait(0.01):
                    tell({})
            finally:
                self.ended.append(content)
            return "through"

        return work


@pytest.fixture
def gate():
    gate = Gate()
    yield gate
    gate.open.set()


def hang_on(port, path, content=b"1"):
    """A connection with a request on its way."""
    connection = connect(port)
    connection.request("POST", path, content, {"Content-Type": JSON})
    return connection


def events_of(connection):
    with contextlib.closing(connection):
        return [json.loads(line) for line in connection.getresponse()]


@pytest.fixture(scope="module")
def port():
    def fail(tell):
        raise RuntimeError("/a/secret/path")

    actions = {
        "/double": action(doubled),
        "/now": action(lambda content: {"bytes": len(content)}),
        "/fail": action(lambda content: fail),
        "/refuse": action(lambda content: doubled(b"1") and _refusing),
    }
    files = {"/": (b"<p>", "text/html"), "/a.js": (b"1", "text/javascript")}
    with served(actions, files=files) as port:
        yield port


def _refusing(tell):
    raise ValueError("This cannot be.")


def test_files(port):
    with contextlib.closing(connect(port)) as connection:
        connection.request("GET", "/")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"<p>")
        headers = dict(answer.getheaders())
    assert headers["content-type"].startswith("text/html")
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["content-security-policy"] == "frame-ancestors 'none'"
    assert "server" not in headers


def test_work(port):
    status, events, _ = ask(port, "/double", 21)
    assert status == 200
    assert events[-1] == {"state": "done", "result": 42}
    states = [event["state"] for event in events]
    assert states == sorted(states, key=["waiting", "working", "done"].index)
    assert ask(port, "/now", b"123")[:2] == (200, [{"bytes": 3}])


@pytest.mark.parametrize(
    ("path", "content", "options", "status", "text"),
    [
        ("/double", "x", {}, 400, "`number` must be an integer. Received: 'x'"),
        ("/double", b"{", {}, 400, "Expecting"),
        ("/double", b"1" * (MOST_BYTES + 1), {}, 413, "1,000 bytes at most"),
        ("/double", 1, {"media_type": "text/plain"}, 415, "must be application/json"),
        ("/double", 1, {"Origin": "http://evil.example"}, 403, "Another site"),
        ("/double", 1, {"Host": "evil.example"}, 403, "its own address"),
        ("/double", None, {"method": "GET"}, 405, "Method Not Allowed"),
        ("/nothing", 1, {}, 404, "Not Found"),
    ],
)
def test_refused(port, path, content, options, status, text):
    received, (answer,), _ = ask(port, path, content, **options)
    assert received == status
    assert text in answer["error"]


def test_a_declared_length_is_refused_before_the_body(port):
    with contextlib.closing(connect(port)) as connection:
        connection.putrequest("POST", "/now")
        connection.putheader("Content-Type", JSON)
        connection.putheader("Content-Length", str(MOST_BYTES + 1))
        connection.endheaders()
        assert connection.getresponse().status == 413


def test_a_chunked_body_is_counted(port):
    def chunks():
        for _ in range(11):
            yield b"1" * 100

    with contextlib.closing(connect(port)) as connection:
        with contextlib.suppress(ConnectionError):  # it may hang up in the middle
            connection.request("POST", "/now", chunks(), {"Content-Type": JSON})
        assert connection.getresponse().status == 413


def test_failures_in_the_middle(port, capfd):
    *_, last = ask(port, "/refuse", 1)[1]
    assert last == {"state": "failed", "error": "This cannot be."}
    *_, last = ask(port, "/fail", 1)[1]
    assert last["state"] == "failed"
    assert "secret" not in last["error"]
    assert "secret" in capfd.readouterr().err
    assert ask(port, "/double", 1)[1][-1]["result"] == 2


def test_turns_and_no_more_than_may_wait(gate):
    with served({"/gate": action(gate.read)}, most_waiting=2) as port:
        first = hang_on(port, "/gate", b"1")
        wait_for(lambda: gate.begun)
        others = []
        for content in (b"2", b"3"):
            others.append(hang_on(port, "/gate", content))
            response = others[-1].getresponse()
            assert json.loads(response.readline())["state"] == "waiting"
            others[-1].kept = response
        status, (answer,), headers = ask(port, "/gate", 4)
        assert status == 503
        assert "2 requests wait" in answer["error"]
        assert headers["retry-after"] == "2"
        gate.open.set()
        assert events_of(first)[-1]["result"] == "through"
        for connection in others:
            with contextlib.closing(connection):
                *_, last = map(json.loads, connection.kept)
            assert last["result"] == "through"
        assert gate.begun == [b"1", b"2", b"3"]
        assert ask(port, "/gate", 5)[0] == 200


def test_who_hangs_up_gives_the_turn_away(gate):
    with served({"/gate": action(gate.read)}, most_waiting=1) as port:
        working = hang_on(port, "/gate", b"1")
        wait_for(lambda: gate.begun)
        waiting = hang_on(port, "/gate", b"2")
        waiting.getresponse().readline()
        assert ask(port, "/gate", 3)[0] == 503
        waiting.sock.shutdown(socket.SHUT_RDWR)
        waiting.close()
        next_one = None

        def has_a_place():
            nonlocal next_one
            next_one = hang_on(port, "/gate", b"4")
            response = next_one.getresponse()
            next_one.kept = response
            return response.status == 200

        wait_for(has_a_place)
        working.sock.shutdown(socket.SHUT_RDWR)
        working.close()
        wait_for(lambda: gate.begun == [b"1", b"4"])  # 2 was never begun
        assert gate.ended == [b"1"]
        gate.open.set()
        with contextlib.closing(next_one):
            *_, last = map(json.loads, next_one.kept)
        assert last["result"] == "through"


def test_an_answer_that_nobody_takes_keeps_its_place():
    """Or answers that wait to be sent would fill the memory."""
    ended = []

    def work(tell):
        ended.append(True)
        return "x" * 20_000_000

    with served({"/large": action(lambda content: work)}, most_waiting=0) as port:
        connection = hang_on(port, "/large")
        wait_for(lambda: ended)
        for _ in range(20):
            assert ask(port, "/large", 1)[0] == 503
        assert len(events_of(connection)[-1]["result"]) == 20_000_000
        wait_for(lambda: ask(port, "/large", 1)[0] == 200)


def test_the_end_of_the_server_ends_the_work(gate):
    with served({"/gate": action(gate.read)}) as port:
        connection = hang_on(port, "/gate", b"1")
        wait_for(lambda: gate.begun)
    assert gate.ended == [b"1"]
    connection.close()


def test_two_hundred_at_once():
    with served({"/double": action(doubled)}, most_waiting=16) as port:
        with ThreadPoolExecutor(200) as threads:
            barrier = threading.Barrier(200)

            def one(number):
                barrier.wait()
                return number, *ask(port, "/double", number)[:2]

            answers = list(threads.map(one, range(200)))
        statuses = {status for _, status, _ in answers}
        assert 200 in statuses
        assert statuses <= {200, 503}
        for number, status, lines in answers:
            if status == 200:
                assert lines[-1] == {"state": "done", "result": 2 * number}
            else:
                assert "Please try again" in lines[0]["error"]
        assert ask(port, "/double", 4)[0] == 200
