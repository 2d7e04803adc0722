"""A preset's folder in the hands of a process that dies, at any moment."""

import os
import pathlib
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.any_backend

DIE = """
    import os, pathlib, sys
    from tests.preset_files.test_folder import read, write

    base = pathlib.Path(sys.argv[1])
    left = -1

    def count(event, args):
        # Dies, as by kill -9, before one of the calls that change files in `base`.
        global left
        changes = event in ("os.rename", "os.remove", "os.mkdir") or (
            event == "open" and args[1] is not None and set("wax") & set(args[1])
        )
        if left >= 0 and changes and str(args[0]).startswith(str(base)):
            if left == 0:
                os._exit(9)
            left -= 1

    sys.addaudithook(count)
    for moment in range(100):
        folder = base / f"{moment}"
        if sys.argv[2] == "overwrite":
            write(folder, 1)
        if (child := os.fork()) == 0:
            left = moment
            write(folder, 2, overwrite=True)
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        found = read(folder) if folder.exists() else None
        print(code, found)
        write(folder, 3, overwrite=True)
        assert read(folder) == 3 and len(list(folder.iterdir())) >= 3
        if code == 0:
            break
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.parametrize("mode", ["fresh", "overwrite"])
def test_dying_at_any_moment(tmp_path, mode):
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(DIE), str(tmp_path), mode],
        cwd=pathlib.Path(__file__).parents[2],
        # Keras' NumPy backend starts no threads, so that forking is safe.
        env={**os.environ, "KERAS_BACKEND": "numpy"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    outcomes = [line.split() for line in result.stdout.splitlines()]
    assert len(outcomes) > 5
    assert [code for code, _ in outcomes[:-1]] == ["9"] * (len(outcomes) - 1)
    assert outcomes[-1] == ["0", "2.0"]
    before = "1.0" if mode == "overwrite" else "None"
    assert {found for _, found in outcomes} == {before, "2.0"}
