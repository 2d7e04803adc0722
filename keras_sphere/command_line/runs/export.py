"""Writes a model as ONNX files."""

import functools

from keras_sphere.command_line.errors import UsageError
from keras_sphere.command_line.evaluation import find_source
from keras_sphere.command_line.output_file import check_place
from keras_sphere.command_line.refiner_flag import (
    OF_PRESET,
    check_refiner,
    load_refiner,
)
from keras_sphere.export.checks import PARTS, REFINER, check_encoder, read_request
from keras_sphere.readable import readable_size


def prepare(request):
    settings = request.settings
    try:
        folder, parts, opset = read_request(
            settings["output"],
            settings["parts"] or PARTS,
            settings["weights"],
            settings["opset"],
        )
    except FileExistsError as error:
        raise FileExistsError(
            f"--output must be a folder that does not exist yet. Received: "
            f"output={settings['output']}"
        ) from error
    check_place(folder / "any")
    source = find_source(request)
    steps = settings["steps"] or source.description.sampling["steps"]
    has_encoder = source.description.has_encoder
    own = OF_PRESET if REFINER in parts else None
    check_refiner(settings["refiner"] or own, source)
    if settings["parts"] is None and not has_encoder:
        parts = ("decoder",)
    check_encoder(parts, steps, has_encoder)
    if settings["use_ema"] and not source.description.keeps_average:
        raise UsageError("--use_ema needs a file model.keras, which keeps an average.")
    return functools.partial(_finish, request, source, folder, parts, opset)


def _finish(request, source, folder, parts, opset):
    from keras_sphere.export import export_onnx

    settings = request.settings
    print(f"Loading {settings['preset']} ...", flush=True)
    model = source.load()

    def tell(file):
        size = readable_size(file.num_bytes)
        print(f"{file.path.name}: {size}, {file.agreement}", flush=True)

    refiner = load_refiner(settings["refiner"], model)
    more = ["refiner"] if refiner and "refiner" not in parts else []
    print(f"Writing and checking {', '.join([*parts, *more])} ...", flush=True)
    files = export_onnx(
        model,
        folder,
        parts,
        weights=settings["weights"],
        opset=opset,
        steps=settings["steps"],
        use_ema=settings["use_ema"],
        license=source.card["license"],
        tell=tell,
        refiner=refiner,
    )
    print(f"Wrote {folder}")
    if any(file.part == "decoder" for file in files):
        print(
            "To measure it: python -m keras_sphere evaluate "
            f"--onnx={folder} --data=DATA --output=numbers"
        )
