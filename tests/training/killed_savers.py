"""Kills processes that save, at random moments, and checks what each one leaves.

python -m tests.training.killed_savers DIRECTORY NUMBER_OF_KILLS

Prints how often a kill left something half done. The savers are forked: importing
Keras takes them longer than saving a hundred times.
"""

import os
import random
import signal
import sys
import time

from keras_sphere.training.checkpoint_store import CheckpointStore


def write(number):
    def write_to(folder):
        (folder / "content").write_bytes(content(number))
        (folder / "number").write_text(str(number))

    return write_to


def content(number):
    return number.to_bytes(4, "little") * 50_000


def newest(store):
    """Number of the newest checkpoint, which must be whole."""
    entries = store.entries()
    if not entries:
        return 0
    folder = store.open(entries[-1])
    number = int((folder / "number").read_text())
    assert (folder / "content").read_bytes() == content(number)
    return number


def save_forever(store, pipe):
    number = newest(store)
    while True:
        number += 1
        store.save(write(number))
        os.write(pipe, f"{number}\n".encode())


def kill_one(store, seconds):
    """Lets a process save for a while; returns the last number it announced."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            save_forever(store, writer)
        finally:
            os._exit(1)
    os.close(writer)
    with os.fdopen(reader) as lines:
        announced = lines.readline()
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        announced = [announced, *lines.read().splitlines()][-1]
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL, status
    return int(announced)


def half_done(store):
    """Names in the folder that the list does not explain."""
    named = {entry["name"] for entry in store.entries()}
    names = {path.name for path in store.directory.iterdir()}
    return names - named - {"checkpoints.json", "checkpoints-copy.json"}


def main(directory, kills):
    store, moments, interrupted = CheckpointStore(directory, 2), random.Random(0), 0
    for _ in range(kills):
        announced = kill_one(store, moments.uniform(0.0, 0.1))
        assert announced <= newest(store) <= announced + 1
        interrupted += bool(half_done(store))
    store.save(write(0))
    assert not half_done(store)
    assert len(store.entries()) == 2
    print("interrupted:", interrupted)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
