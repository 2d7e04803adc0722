"""Compiled programs that outlive the process: JAX compiles each of them once."""

import importlib.util
import logging
import os
import pathlib

from keras_sphere.backend.operations import BACKEND
from keras_sphere.files.user_cache import user_cache

if BACKEND == "jax":
    import jax

MOST_BYTES = 2 * 2**30

logger = logging.getLogger("keras_sphere")


def cache_folder(environ=os.environ):
    """Where compiled programs are kept.

    Args:
        environ: See `files.user_cache.user_cache`.

    Returns:
        `pathlib.Path`, which need not exist.
    """
    return user_cache(environ) / "jax"


def keep_compiled_programs(folder=None):
    """Lets JAX keep what it compiles from now on, and take it up in later processes.

    It does nothing on other backends, nor where JAX has a folder already
    (`JAX_COMPILATION_CACHE_DIR`). A folder that cannot be written to, or a damaged
    program in it, costs a warning and the time to compile. Programs that were not used
    for long make room for others beyond 2 GB, if the package filelock is installed.

    Args:
        folder: String or path; `None` is `cache_folder()`.
    """
    if BACKEND != "jax" or jax.config.jax_compilation_cache_dir:
        return
    folder = pathlib.Path(folder or cache_folder())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(f"{folder} is read-only")
    except OSError as error:
        logger.warning("Compiled programs are not kept: %s", error)
        return
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    if importlib.util.find_spec("filelock"):
        _date_all(folder)
        jax.config.update("jax_compilation_cache_max_size", MOST_BYTES)


def _date_all(folder):
    """Calls programs long unused that have no date of use.

    JAX writes one beside each program if the folder has a limit. If one is missing, as
    after a process that died or had no limit, it would keep no program any more.
    """
    for program in folder.glob("*-cache"):
        date = program.with_name(f"{program.name.removesuffix('-cache')}-atime")
        if not date.exists():
            date.write_bytes(bytes(8))
