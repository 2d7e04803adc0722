"""What would be downloaded, said before it is."""

import logging
import os
import pathlib
import threading
import urllib.error
import urllib.parse
import urllib.request

from keras_sphere.readable import readable_size

logger = logging.getLogger("keras_sphere")

SECONDS_TO_ANSWER = 5.0


class DataNotFoundError(FileNotFoundError):
    """Data that is not on the disk and cannot be, or may not be, downloaded."""


def keras_cache():
    """Folder of the datasets that Keras downloads."""
    home = os.environ.get("KERAS_HOME", "~/.keras")
    return pathlib.Path(home).expanduser() / "datasets"


def announce_download(name, place, urls, num_bytes, download, state="is not in"):
    """Says what is to be downloaded, if that is wanted and the server answers.

    Args:
        name: String. The dataset.
        place: String. Where it was looked for.
        urls: List of strings.
        num_bytes: Integer. How large the download is.
        download: Boolean. Whether it may be downloaded.
        state: String. What was found there, such as `"is damaged in"`.

    Raises:
        DataNotFoundError: If it may not, or if the first server does not answer
            within seconds.
    """
    hosts = sorted({urllib.parse.urlsplit(url).netloc for url in urls})
    missing = f"{name} {state} {place}"
    source = f"{readable_size(num_bytes)} from {', '.join(hosts)}"
    if not download:
        raise DataNotFoundError(
            f"{missing}. With `download=True` it would be downloaded: {source}. "
            "Received: download=False"
        )
    problem = why_unreachable(urls[0])
    if problem is not None:
        raise DataNotFoundError(
            f"{missing}, and cannot be downloaded, which would be {source}: {problem}. "
            "Prepare it on a machine with a network and copy the folder, or train on "
            f"'digits', 'fake' or a folder of images. Received: url={urls[0]!r}"
        )
    logger.warning("%s. Downloading %s.", missing, source)


def fetch(name, file, url, folder, sha256=None):
    """Downloads a file to Keras' cache, where `keras.datasets` finds it.

    Args:
        name: String. The dataset.
        file: String. Its name in the cache.
        url: String.
        folder: `pathlib.Path`, `keras_cache()` or in it.
        sha256: String or `None`. SHA-256 of its content in hexadecimal digits.

    Returns:
        `pathlib.Path`. A file that is there and has that checksum stays.

    Raises:
        DataNotFoundError: If it cannot be downloaded, or is another one.
    """
    import keras  # not at the top: checks of what is there do not wait for it

    home = keras_cache().parent
    try:
        path = keras.utils.get_file(
            file,
            url,
            file_hash=sha256,
            cache_dir=home,
            cache_subdir=folder.relative_to(home),
        )
    except Exception as error:  # Keras raises a bare Exception for a failed download
        raise DataNotFoundError(
            f"{name} could not be downloaded: {error}. Received: folder={str(folder)!r}"
        ) from error
    return pathlib.Path(path)


def why_unreachable(url, seconds=SECONDS_TO_ANSWER):
    """Why a server does not send a file.

    Args:
        url: String.
        seconds: Float. How long to wait.

    Returns:
        String, or `None` if it does.
    """
    answers = []

    def ask():
        request = urllib.request.Request(url, headers={"Range": "bytes=0-0"})
        try:
            urllib.request.urlopen(request, timeout=seconds).close()
            answers.append(None)
        except urllib.error.HTTPError as error:
            error.close()
            answers.append(f"the server answers {error.code} {error.reason}")
        except (OSError, ValueError) as error:
            answers.append(f"no connection ({getattr(error, 'reason', error)})")

    # A name server that is gone is not bound by the time limit of the connection.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return answers[0] if answers else f"no answer within {seconds:.0f} seconds"
