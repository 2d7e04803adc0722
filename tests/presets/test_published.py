"""Published weights on the Hub, converted once, in processes of their own."""

import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys
import textwrap

import pytest

from tests.presets.local_hub import REVISION, serve

pytestmark = [
    pytest.mark.any_backend,
    pytest.mark.skipif(
        importlib.util.find_spec("huggingface_hub") is None
        or importlib.util.find_spec("torch") is None,
        reason="needs the packages huggingface_hub and torch",
    ),
]

ROOT = pathlib.Path(__file__).parents[2]
FOLDER = "experiments/sphere2-base-imagenet-fd-lite-256px"
MAP = "imagenet.json/folder_to_id_to_label.json"
LOAD = """
    import sys
    import keras_sphere

    for handle in sys.argv[1:]:
        model = keras_sphere.presets.load(handle)
        table = model.backbone.decoder.transformer.label_embedding.table
        print(float(table.numpy()[0, 0]), model.backbone.class_names)
"""


def run(program, *arguments, **environment):
    """Runs a program in a process of its own, on the NumPy backend for speed."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": "numpy", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A repository in the layout of the published one."""
    folder = tmp_path_factory.mktemp("repository")
    program = f"""
        import json, pathlib, sys
        from tests.convert import sphere2_folders

        root = pathlib.Path(sys.argv[1])
        folder = root / "{FOLDER}"
        sphere2_folders.write_config(folder)
        for epoch in (3, 299):
            state_dict = sphere2_folders.state_dict()
            state_dict["decoder.y_embedder.embedding_table.weight"][:] = epoch
            sphere2_folders.save(folder, epoch=epoch, ema_model=state_dict)
        names = sphere2_folders.class_map(["a", "b", "c"])
        (root / "{MAP}").parent.mkdir()
        (root / "{MAP}").write_text(json.dumps(names))
        (root / "fdr6_stats.npz").write_bytes(b"other files")
    """
    result = run(program, folder)
    assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture
def environment(tmp_path):
    """Caches of this test, and no proxy."""
    return {
        "HF_HOME": str(tmp_path / "hub"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_XET": "1",
        "NO_PROXY": "127.0.0.1",
    }


def test_only_what_is_needed_is_fetched_and_converted_once(served, environment):
    handle = f"hf://user/name/{FOLDER}"
    with serve({"user/name": served}) as (address, requests):
        first = run(LOAD, handle, HF_ENDPOINT=address, **environment)
        assert first.returncode == 0, first.stderr
        assert first.stdout == "299.0 ('a', 'b', 'c')\n"
        assert first.stderr.count("Converting hf://user/name/") == 1
        fetched = [(r[3], r[2]) for r in requests if r[0] == "GET"]
        assert fetched == [
            (f"{FOLDER}/cfg.json", "main"),
            (None, REVISION),
            (f"{FOLDER}/ckpt/ep0299.pth", REVISION),
            (MAP, REVISION),
        ]
        requests.clear()
        again = run(LOAD, handle, HF_ENDPOINT=address, **environment)
        assert again.stdout == first.stdout
        assert "Converting" not in again.stderr
        assert not [r for r in requests if r[0] == "GET"]
    environment["HF_HUB_OFFLINE"] = "1"
    offline = run(LOAD, handle, **environment)
    assert offline.stdout == first.stdout, offline.stderr
    # What was fetched can be converted again without a network.
    shutil.rmtree(environment["XDG_CACHE_HOME"])
    offline = run(LOAD, handle, **environment)
    assert offline.stdout == first.stdout, offline.stderr


def test_other_spellings_of_the_same_folder(served, environment):
    name = FOLDER.partition("/")[2]
    handles = [
        f"hf://user/name/{name}",
        f"hf://user/name/{name.replace('fd-lite', 'fdlite')}/@main",
        f"hf://user/name/{FOLDER.replace('fd-lite', 'fdlite')}",
    ]
    with serve({"user/name": served}) as (address, _):
        result = run(LOAD, *handles, HF_ENDPOINT=address, **environment)
    assert result.returncode == 0, result.stderr
    assert result.stdout == "299.0 ('a', 'b', 'c')\n" * 3
    assert result.stderr.count("Converting") == 1


def test_what_is_not_in_the_repository(served, environment):
    with serve({"user/name": served}) as (address, _):
        result = run(LOAD, "hf://user/name/other", HF_ENDPOINT=address, **environment)
    assert "The folder on the Hub must hold cfg.json" in result.stderr


@pytest.mark.parametrize(
    "settings",
    [
        {"HF_HUB_OFFLINE": "1"},
        # The Hub's package tries for half a minute.
        pytest.param({"HF_ENDPOINT": "http://127.0.0.1:9"}, marks=pytest.mark.slow),
    ],
)
def test_without_a_network(environment, settings):
    handle = f"hf://user/name/{FOLDER}"
    result = run(LOAD, handle, **settings, **environment)
    last = result.stderr.splitlines()[-1]
    assert "ConnectionError: The Hugging Face Hub cannot be reached" in last
    assert last.endswith(f"Received: '{handle}'")


def test_a_conversion_of_all_asks_for_the_license_before_it_fetches(
    served, environment, tmp_path
):
    program = """
        import sys
        from keras_sphere.convert import sphere2_to_preset

        sphere2_to_preset(sys.argv[1], sys.argv[2], part="all")
    """
    words = f"hf://user/name/{FOLDER}", tmp_path / "preset"
    with serve({"user/name": served}) as (address, requests):
        result = run(program, *words, HF_ENDPOINT=address, **environment)
    assert "DINOv3 License" in result.stderr.splitlines()[-1]
    assert [r[3] for r in requests if r[0] == "GET"] == [f"{FOLDER}/cfg.json"]
