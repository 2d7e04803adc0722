"""Memory and answers of `serve` over many requests, and many at once (Linux).

    python benchmarks/measure_serving.py [--preset=digits16] [--requests=2000]

Starts the server in a process of its own and asks it one request after the other: nine
of ten generate 8 pictures in 2 steps, each tenth sends a picture and has the left half
of it filled in. Prints the resident memory along the way and the time of a request;
then asks 200 at once, each for one picture of one step, compares every answer with the
one that a single request got, and counts those that were turned away.
"""

import base64
import contextlib
import http.client
import io
import json
import pathlib
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from absl import app, flags

PRESET = flags.DEFINE_string("preset", "digits16", "The model.")
REQUESTS = flags.DEFINE_integer("requests", 2000, "Requests in a row.")
AT_ONCE, SEEDS = 200, 5
MARKS = (1, 100, 200, 500, 1000, 1500)


class Server:
    """The server's process, and requests to it."""

    def __init__(self, preset):
        command = [sys.executable, "-m", "keras_sphere", "serve", "--port=0"]
        self.process = subprocess.Popen(
            [*command, f"--preset={preset}"], stdout=subprocess.PIPE, text=True
        )
        self.port = int(re.search(r":(\d+)/", self.process.stdout.readline())[1])

    def close(self):
        self.process.terminate()
        self.process.wait()

    def memory(self):
        """Resident memory in MB."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1000

    def ask(self, path, body, media_type="application/json"):
        """Status, and the last line of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        with contextlib.closing(connection):
            connection.request("POST", path, body, {"Content-Type": media_type})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read().splitlines()[-1])

    def draw(self, task, images=None, **flags):
        asked = {"task": task, "flags": flags, "images": images or {}}
        return self.ask("/draw", json.dumps(asked))


def fill_in(server, picture, seed):
    """Sends a picture and has the left half of it filled in."""
    pixels = server.ask("/image", picture, "application/octet-stream")[1]["pixels"]
    with contextlib.closing(io.BytesIO(picture)) as file:
        import PIL.Image

        side = PIL.Image.open(file).width
    half = bytes([0] * (side // 2) + [255] * (side - side // 2)) * side
    mask = [{"pixels": base64.b64encode(half).decode()}]
    images = {"image": [{"pixels": pixels}], "mask": mask}
    return server.draw("inpaint", images, seed=seed, label="none")


def picture_of(server):
    """A PNG file of one picture that the model makes."""
    import numpy as np
    import PIL.Image

    (text,) = server.draw("generate", num_images=1, seed=0)[1]["result"]["rows"][0]
    pixels = np.frombuffer(base64.b64decode(text), "uint8")
    for colors in (1, 3):
        side = round((pixels.size / colors) ** 0.5)
        if side * side * colors == pixels.size:
            shape = (side, side) if colors == 1 else (side, side, 3)
            file = io.BytesIO()
            PIL.Image.fromarray(pixels.reshape(shape)).save(file, "PNG")
            return file.getvalue()
    raise ValueError(f"No square picture. Received: {pixels.size} values")


def run_in_a_row(server):
    picture, times = picture_of(server), []
    print("| requests | resident memory | median of the last |")
    print("|---|---|---|")
    for number in range(1, REQUESTS.value + 1):
        start = time.perf_counter()
        if number % 10:
            status, last = server.draw("generate", num_images=8, steps=2, seed=number)
        else:
            status, last = fill_in(server, picture, number)
        assert (status, last["state"]) == (200, "done"), last
        times.append(time.perf_counter() - start)
        if number in MARKS or number == REQUESTS.value:
            median = sorted(times[-100:])[len(times[-100:]) // 2]
            cells = (number, f"{server.memory():.0f} MB", f"{1000 * median:.0f} ms")
            print("|", " | ".join(map(str, cells)), "|", flush=True)


def run_at_once(server):
    def one(seed):
        return server.draw("generate", num_images=1, steps=1, seed=seed)

    expected = [one(seed)[1]["result"]["rows"] for seed in range(SEEDS)]
    barrier = threading.Barrier(AT_ONCE)

    def wait_and_ask(number):
        barrier.wait()
        status, last = one(number % SEEDS)
        if status == 200:
            right = last["result"]["rows"] == expected[number % SEEDS]
            return "right" if right else "WRONG"
        return f"{status} and a sentence" if "error" in last else f"{status}"

    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = list(threads.map(wait_and_ask, range(AT_ONCE)))
    counts = {answer: answers.count(answer) for answer in sorted(set(answers))}
    print(f"{AT_ONCE} at once: {counts}; {server.memory():.0f} MB afterwards")


def main(_):
    with contextlib.closing(Server(PRESET.value)) as server:
        print(f"Ready: {server.memory():.0f} MB")
        run_in_a_row(server)
        run_at_once(server)


if __name__ == "__main__":
    app.run(main)
