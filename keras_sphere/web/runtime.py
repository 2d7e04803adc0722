"""The files of onnxruntime-web that a page runs its networks with."""

import dataclasses
import pathlib
import re
import shutil
import urllib.parse
from typing import Any

PACKAGE = "onnxruntime-web"
VERSION = "1.30.0"  # of the linked files; a folder may hold another one
ADDRESS = f"https://cdn.jsdelivr.net/npm/{PACKAGE}@{VERSION}/dist/"
# A script and a binary for each way to run a network.
NAMES = {
    "wasm": {
        "script": "ort.wasm.bundle.min.mjs",
        "binary": "ort-wasm-simd-threaded.wasm",
    },
    "webgpu": {
        "script": "ort.webgpu.bundle.min.mjs",
        "binary": "ort-wasm-simd-threaded.asyncify.wasm",
    },
}
# Size and SHA-384 of the files of `VERSION`, as the package on npm has them.
LINKED_FILES = {
    "ort.wasm.bundle.min.mjs": (
        73054,
        "PLWz+nHEVHpjwBsO0YVdvQj6n5814Iv8E3b8FG0Rp/uIAtjFMCKOpP66iPzedrIG",
    ),
    "ort-wasm-simd-threaded.wasm": (
        14239897,
        "vjBJ1z7qrhkTyYsNqKeF6c7N+nOJSU94czEo+tvZcu8G75JparGq9kB+kTnEUNVM",
    ),
    "ort.webgpu.bundle.min.mjs": (
        117732,
        "1ntMeyj+z5diX6vBR5h+zlJBPc4iNvhCxE6nlammh8daBYcLBZkzrwDkuJjhwI+f",
    ),
    "ort-wasm-simd-threaded.asyncify.wasm": (
        26781914,
        "EPVDLTxuO663dkZO/pcKJF6vOyyfq/5z9FY1oksN0UWFX2ABH4wDDZQHeNoUleWR",
    ),
}


@dataclasses.dataclass(frozen=True)
class Runtime:
    """Where a page gets its runtime.

    Args:
        version: String.
        files: Dict of file name -> dict of `url`, `bytes` and, of files that are not
            the page's own, `integrity`.
        folder: `pathlib.Path` to copy the files from; `None` where they are linked.
    """

    version: str
    files: dict[str, Any]
    folder: pathlib.Path | None = None

    @property
    def host(self):
        """Where linked files come from."""
        return urllib.parse.urlsplit(next(iter(self.files.values()))["url"]).netloc

    def to_dict(self):
        """What the page reads."""
        ways = {
            way: {kind: self.files[name] for kind, name in names.items()}
            for way, names in NAMES.items()
        }
        return {"version": self.version, **ways}

    def copy_to(self, site):
        """Copies the files into the folder of a page, unless they are linked."""
        if self.folder is None:
            return
        for name, file in self.files.items():
            target = site / file["url"]
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(self.folder / name, target)


def linked_runtime(address=ADDRESS):
    """The runtime at an address, whose files the browser checks before it runs them.

    Args:
        address: String that ends in a slash.
    """
    files = {
        name: {
            "url": address + name,
            "bytes": size,
            "integrity": f"sha384-{digest}",
        }
        for name, (size, digest) in LINKED_FILES.items()
    }
    return Runtime(VERSION, files)


def find_runtime(folder):
    """The runtime in a folder, to be copied.

    Args:
        folder: String or path of the npm package onnxruntime-web, of its `dist`, or of
            a folder with `node_modules`.

    Returns:
        `Runtime`.

    Raises:
        ValueError: If a file is missing, or is none of onnxruntime-web.
    """
    folder = pathlib.Path(folder)
    places = [folder, folder / "dist", folder / "node_modules" / PACKAGE / "dist"]
    names = list(LINKED_FILES)
    for place in places:
        if (place / names[0]).is_file():
            break
    else:
        raise _wrong(folder, f"no {names[0]}")
    for name in names:
        if not (place / name).is_file():
            raise _wrong(folder, f"no {name}")
    with (place / names[0]).open("rb") as file:
        version = re.search(rb"ONNX Runtime Web v([\w.-]+)", file.read(500))
    if version is None:
        raise _wrong(folder, f"a {names[0]} that names no version")
    files = {
        name: {"url": f"runtime/{name}", "bytes": (place / name).stat().st_size}
        for name in names
    }
    return Runtime(version[1].decode(), files, place)


def _wrong(folder, received):
    return ValueError(
        f"The runtime must be a folder of the npm package {PACKAGE}, as `npm install "
        f"{PACKAGE}@{VERSION}` makes it. Received: runtime={folder} with {received}"
    )
