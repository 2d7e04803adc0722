"""Programs that a later process finds compiled."""

import logging
import os

import keras
import pytest

from keras_sphere.backend.compilation_cache import cache_folder, keep_compiled_programs
from keras_sphere.backend.operations import BACKEND, compiled


def test_the_folder_is_in_the_user_s_cache(tmp_path):
    assert cache_folder({"XDG_CACHE_HOME": str(tmp_path)}).parent.parent == tmp_path
    assert str(cache_folder({})).startswith(os.path.expanduser("~/.cache/"))


@pytest.mark.skipif(BACKEND == "jax", reason="JAX keeps its programs")
def test_other_backends_are_left_alone(tmp_path):
    keep_compiled_programs(tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


@pytest.fixture
def jax():
    """JAX without a folder of its own, which is as it was after the test."""
    if BACKEND != "jax":
        pytest.skip("only JAX keeps compiled programs")
    import jax
    from jax.experimental.compilation_cache import compilation_cache

    names = (
        "jax_compilation_cache_dir",
        "jax_compilation_cache_max_size",
        "jax_persistent_cache_min_compile_time_secs",
    )
    before = {name: jax.config.values[name] for name in names}
    jax.config.update("jax_compilation_cache_dir", None)
    compilation_cache.reset_cache()
    yield jax
    for name, value in before.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()


def run_new_program(jax):
    """Compiles as a new process would, and checks the result."""
    jax.clear_caches()
    program = compiled(lambda x: keras.ops.sum(keras.ops.sin(x) ** 2))
    assert abs(float(program(keras.ops.ones((3,)))) - 2.1242) < 1e-3


def test_programs_are_kept_and_taken_up(jax, tmp_path):
    hits = []
    jax.monitoring.register_event_listener(lambda event, **_: hits.append(event))
    keep_compiled_programs(tmp_path / "new" / "cache")
    run_new_program(jax)
    assert list((tmp_path / "new" / "cache").glob("jit_*-cache"))
    assert "/jax/compilation_cache/cache_hits" not in hits
    run_new_program(jax)
    assert "/jax/compilation_cache/cache_hits" in hits


def test_a_damaged_program_is_compiled_anew(jax, tmp_path):
    keep_compiled_programs(tmp_path)
    run_new_program(jax)
    for path in tmp_path.glob("*-cache"):
        path.write_bytes(path.read_bytes()[:10])
    with pytest.warns(UserWarning, match="persistent compilation cache"):
        run_new_program(jax)


def test_a_program_without_a_date_keeps_no_other_out(jax, tmp_path):
    (tmp_path / "jit_old-cache").write_bytes(b"of a process that died")
    keep_compiled_programs(tmp_path)
    run_new_program(jax)
    assert len(list(tmp_path.glob("*-cache"))) > 1
    assert (tmp_path / "jit_old-atime").exists()


def test_a_folder_that_cannot_be_written_to_costs_a_warning(jax, tmp_path, caplog):
    (tmp_path / "file").touch()
    with caplog.at_level(logging.WARNING, "keras_sphere"):
        keep_compiled_programs(tmp_path / "file")
    assert "Compiled programs are not kept" in caplog.text
    run_new_program(jax)


def test_a_folder_that_the_user_chose_stays(jax, tmp_path):
    jax.config.update("jax_compilation_cache_dir", str(tmp_path / "own"))
    keep_compiled_programs(tmp_path / "ours")
    assert jax.config.jax_compilation_cache_dir == str(tmp_path / "own")
