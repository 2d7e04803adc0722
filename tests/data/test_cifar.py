"""CIFAR, from archives in its layout with a few random images, and a local server."""

import dataclasses
import hashlib
import http.server
import inspect
import io
import itertools
import logging
import pickle
import tarfile
import threading

import numpy as np
import pytest
from keras.src.datasets import cifar10, cifar100
from keras.src.datasets.cifar import load_batch

from keras_sphere import data
from keras_sphere.data import cifar
from keras_sphere.data.cifar import ARCHIVES, URL

pytestmark = pytest.mark.any_backend

LABEL_KEYS = {"cifar10": "labels", "cifar100": "fine_labels"}  # of keras.datasets
MODULES = {"cifar10": cifar10, "cifar100": cifar100}
NAMES = tuple(LABEL_KEYS)
PER_BATCH = 3


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "datasets").mkdir()
    return tmp_path / "datasets"


def new_archive(name, monkeypatch):
    """Content of an archive, whose checksum is expected from now on."""
    draws, file, known = np.random.default_rng(0), io.BytesIO(), ARCHIVES[name]
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for batch in itertools.chain(*known.batches.values()):
            labels = draws.integers(0, len(cifar.CLASS_NAMES[name]), PER_BATCH)
            content = {
                b"data": draws.integers(0, 256, (PER_BATCH, 3072), "uint8"),
                LABEL_KEYS[name].encode(): labels.tolist(),
            }
            pickled = pickle.dumps(content, protocol=3)
            entry = tarfile.TarInfo(batch)
            entry.size = len(pickled)
            archive.addfile(entry, io.BytesIO(pickled))
    checksum = hashlib.sha256(file.getvalue()).hexdigest()
    monkeypatch.setitem(ARCHIVES, name, dataclasses.replace(known, sha256=checksum))
    return file.getvalue()


@pytest.fixture
def requests_to(monkeypatch):
    """Function that puts a server with a content in the place of CIFAR's.

    It returns the list of the paths that are asked for.
    """
    servers = []
    monkeypatch.setenv("no_proxy", "*")

    def serve(content):
        asked = []

        class Answers(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *arguments):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setattr(cifar, "URL", url)
        return asked

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("name", NAMES)
def test_missing(name, cache):
    with pytest.raises(
        data.DataNotFoundError,
        match=rf"{name} is not in {cache}.*MB from www\.cs\.toronto",
    ):
        data.load(name, download=False)
    with pytest.raises(ValueError, match="splits 'train' and 'test'"):
        data.load(name, split="validation")
    with pytest.raises(ValueError, match=r"KERAS_HOME.*data_dir="):
        data.load(name, data_dir=cache)


@pytest.mark.parametrize("name", NAMES)
def test_read_as_keras_reads_it(name, cache, tmp_path, monkeypatch):
    path = cache / ARCHIVES[name].cached
    path.write_bytes(new_archive(name, monkeypatch))
    with tarfile.open(path) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    for split, batches in ARCHIVES[name].batches.items():
        images, labels = zip(
            *(
                load_batch(tmp_path / "unpacked" / batch, LABEL_KEYS[name])
                for batch in batches
            ),
            strict=True,
        )
        dataset = data.load(name, split, batch_size=2, download=False)
        count = PER_BATCH * len(batches)
        assert dataset.description.num_images == count
        assert dataset.description.num_classes == len(cifar.CLASS_NAMES[name])
        mine, my_labels = dataset.examples(range(count))
        np.testing.assert_array_equal(
            mine.transpose(0, 3, 1, 2), np.concatenate(images)
        )
        np.testing.assert_array_equal(my_labels, np.concatenate(labels))
        assert my_labels.dtype == np.int32


@pytest.mark.parametrize("name", NAMES)
def test_a_damaged_archive_is_not_replaced_unasked(name, cache, requests_to):
    asked = requests_to(b"")
    path = cache / ARCHIVES[name].cached
    path.write_bytes(b"cut short")
    with pytest.raises(
        data.DataNotFoundError,
        match=rf"{name} is damaged in {cache}\. With `download=True`.*download=False",
    ):
        data.load(name, download=False)
    assert asked == []
    assert path.read_bytes() == b"cut short"


def test_a_damaged_archive_is_replaced_and_told(
    cache, requests_to, monkeypatch, caplog
):
    content = new_archive("cifar10", monkeypatch)
    asked = requests_to(content)
    path = cache / ARCHIVES["cifar10"].cached
    path.write_bytes(content[:-9])
    with caplog.at_level(logging.WARNING, logger="keras_sphere"):
        test = data.load("cifar10", "test")
    assert f"cifar10 is damaged in {cache}. Downloading 170.5 MB" in caplog.text
    assert set(asked) == {"/cifar-10-python.tar.gz"}
    assert path.read_bytes() == content
    again = data.load("cifar10", "test", download=False)
    np.testing.assert_array_equal(again[0][0], test[0][0])


def test_a_download_that_is_damaged(cache, requests_to):
    requests_to(b"an error page")
    with pytest.raises(
        data.DataNotFoundError, match=r"cifar10 could not be downloaded: Incomplete"
    ):
        data.load("cifar10")


def test_the_archives_are_those_of_keras():
    for name, archive in ARCHIVES.items():
        code = inspect.getsource(MODULES[name].load_data)
        for part in (
            archive.cached.removesuffix("_archive"),
            URL + archive.file,
            archive.sha256,
            *archive.batches["test"][0].split("/"),
            archive.batches["train"][0].split("/")[1].removesuffix("_1"),
        ):
            assert part in code
