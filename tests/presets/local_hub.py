"""What downloads need of the Hugging Face Hub's protocol, over local folders."""

import contextlib
import functools
import hashlib
import http.server
import json
import threading
import urllib.parse

REVISION = "0123456789abcdef0123456789abcdef01234567"


class Hub(http.server.BaseHTTPRequestHandler):
    """Answers with files of folders, and with lists of them.

    Args:
        repositories: Dict from `user/name` to `pathlib.Path`.
        requests: List, to which each request is added: method, repository, revision
            and file; the file of a list is `None`.
        *args: Of the base class.
    """

    def __init__(self, repositories, requests, *args):
        self.repositories = repositories
        self.requests = requests
        super().__init__(*args)

    def do_HEAD(self):
        """Answers without the content."""
        self.do_GET()

    def do_GET(self):
        """Answers with a file, or with the list of all."""
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        kind = "/tree/" if path.startswith("/api/models/") else "/resolve/"
        repository, _, rest = path.removeprefix("/api/models").partition(kind)
        repository = repository.removeprefix("/")
        revision, _, name = rest.partition("/")
        is_list = kind == "/tree/"
        wanted = (self.command, repository, revision, None if is_list else name)
        self.requests.append(wanted)
        folder = self.repositories.get(repository)
        if folder is None or not (is_list or (folder / name).is_file()):
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound")
            self.end_headers()
        elif is_list:
            self._send(json.dumps(_entries(folder)).encode())
        else:
            self._send((folder / name).read_bytes())

    def _send(self, content):
        self.send_response(200)
        self.send_header("X-Repo-Commit", REVISION)
        self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *args):
        """Silent."""


def _entries(folder):
    return [
        {
            "type": "file",
            "path": path.relative_to(folder).as_posix(),
            "size": path.stat().st_size,
            "oid": "0" * 40,
        }
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]


@contextlib.contextmanager
def serve(repositories):
    """A server of local folders.

    Args:
        repositories: Dict from `user/name` to `pathlib.Path`.

    Yields:
        Pair of its address and the list of requests.
    """
    requests = []
    handler = functools.partial(Hub, repositories, requests)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", requests
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
