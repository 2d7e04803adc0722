"""The folder of a page: exported networks, what describes them, and the page itself."""

import json
import pathlib
import shutil

PAGE = pathlib.Path(__file__).parent / "page"
FORMAT_VERSION = 1
PARTS = ("decoder", "encoder")
NO_LICENSE = "The licence of this model was not stated."
FILES = ("index.html", "style.css", "sphere.js", "LICENSE.txt")
LICENSES = """\
Licences of the files in this folder

index.html, style.css, sphere.js
    keras-sphere, Apache-2.0: see LICENSE.txt.

onnx/ ({name})
    {license}

onnxruntime-web {version}, {place}
{runtime_license}"""


def write_site(site, facts, runtime):
    """Completes the folder of a page around exported networks.

    Args:
        site: `pathlib.Path` of a folder that holds `onnx/decoder.onnx` and, if the
            model has one, `onnx/encoder.onnx`.
        facts: Dict of what the page reads of the model: `name`, `description`,
            `license`, `version`, `weights`, `config`, `sampling`, `class_names` and
            `max_angle_degrees`.
        runtime: `Runtime`.
    """
    files = {
        path.stem: {"url": f"onnx/{path.name}", "bytes": path.stat().st_size}
        for path in (site / "onnx" / f"{part}.onnx" for part in PARTS)
        if path.is_file()
    }
    content = {
        "format_version": FORMAT_VERSION,
        **facts,
        "files": files,
        "runtime": runtime.to_dict(),
    }
    (site / "model.json").write_text(json.dumps(content, indent=1), "utf-8")
    for name in FILES:
        shutil.copyfile(PAGE / name, site / name)
    runtime.copy_to(site)
    text = LICENSES.format(
        name=facts["name"],
        license=facts["license"] or NO_LICENSE,
        version=runtime.version,
        place="copied to runtime/" if runtime.folder else "linked, not in this folder",
        runtime_license=(PAGE / "onnxruntime_license.txt").read_text("utf-8"),
    )
    (site / "LICENSES.txt").write_text(text, "utf-8")
