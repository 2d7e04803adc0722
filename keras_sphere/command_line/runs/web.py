"""Writes a page that generates in the browser."""

import functools
import pathlib

from keras_sphere.command_line.job import check_sampling
from keras_sphere.command_line.model_source import ModelSource
from keras_sphere.command_line.output_file import check_place
from keras_sphere.command_line.page_facts import page_facts
from keras_sphere.files.atomic_file import folder_when_done
from keras_sphere.optional_imports import check_installed
from keras_sphere.web import find_runtime, linked_runtime, write_site


def prepare(request):
    settings = request.settings
    output = pathlib.Path(settings["output"])
    if output.exists():
        raise FileExistsError(
            "A page is written to a new folder, and this one exists. "
            f"Received: output={output}"
        )
    check_place(output)
    folder = settings["runtime"]
    runtime = linked_runtime() if folder is None else find_runtime(folder)
    source = ModelSource(settings["preset"])
    check_sampling(settings, source.description)
    if source.description.condition_dim:
        raise ValueError(
            "A page asks for classes, and for no texts: a model that is conditional on "
            "vectors has none. `export` writes its files. Received: condition_dim="
            f"{source.description.condition_dim}"
        )
    for package in ("onnx", "onnxruntime"):
        check_installed(package, "Writing the page", "onnx")
    return functools.partial(_finish, request, source, runtime, output)


def _finish(request, source, runtime, output):
    from keras_sphere.export.exporting import export_onnx

    settings = request.settings
    model = (request.load_model or ModelSource.load)(source)
    parts = ("decoder", "encoder") if model.backbone.encoder else ("decoder",)
    with folder_when_done(output) as site:
        export_onnx(
            model,
            site / "onnx",
            parts=parts,
            weights=settings["weights"],
            use_ema=settings["use_ema"],
            license=source.card["license"],
            tell=_tell,
        )
        facts = {**page_facts(source, model), "weights": settings["weights"]}
        write_site(site, facts, runtime)
        size = sum(file.stat().st_size for file in site.rglob("*") if file.is_file())
    print(f"Wrote {output}, {size / 1e6:.1f} MB: any server of static files shows it,")
    print(f"for example `python -m http.server --directory {output}`.")
    if runtime.folder is None:
        print(
            f"Browsers fetch onnxruntime-web {runtime.version} from {runtime.host} and "
            "check it by its SHA-384; --runtime=FOLDER copies it beside the page."
        )


def _tell(file):
    print(f"{file.path.name}: {file.num_bytes / 1e6:.1f} MB, {file.agreement}")
