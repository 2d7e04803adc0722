"""`--deterministic`, in a process of its own: it cannot be taken back."""

import subprocess
import sys

import keras

PROGRAM = {
    "jax": "assert True",
    "tensorflow": (
        "from tensorflow.python.framework import config; "
        "assert config.is_op_determinism_enabled()"
    ),
    "torch": (
        "import torch; assert torch.are_deterministic_algorithms_enabled(); "
        "assert torch.is_deterministic_algorithms_warn_only_enabled()"
    ),
}


def test_the_backend_is_asked_or_the_user_told_what_to_set():
    backend = keras.backend.backend()
    program = (
        "from keras_sphere.backend.operations import make_deterministic; "
        f"make_deterministic(); {PROGRAM[backend]}"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert ("xla_gpu_deterministic_ops=true" in result.stderr) is (backend == "jax")
