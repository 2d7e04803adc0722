"""Writes, converts and uses a decoder of full size, each in a process of its own.

    python -m tests.convert.full_size write|convert|generate FOLDER

Prints what `test_sphere2_full_size.py` checks, as JSON. Memory is what the process has
for itself: pages of mapped files, which the system can take back, are not counted.
"""

import json
import pathlib
import sys
import threading
import time

SIZE = {"vit_enc_model_size": "base", "vit_dec_model_size": "base", "sizes": None}
MODEL = {"image_size": 256, "patch_size": 16, "num_classes": 1000}
CHANNELS = 384


def own_memory():
    """Bytes of this process that are not mapped files (Linux)."""
    status = pathlib.Path("/proc/self/status").read_text()
    values = dict(line.split(":") for line in status.splitlines() if ":" in line)
    return int(values["RssAnon"].split()[0]) * 1024


class PeakMemory:
    """Samples the memory of this process in a thread."""

    def __enter__(self):
        self.before = self.peak = own_memory()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self._thread.start()
        return self

    def _sample(self):
        while not self._done.wait(0.01):
            self.peak = max(self.peak, own_memory())

    def __exit__(self, *error):
        self._done.set()
        self._thread.join()


def write(folder):
    """A file with the weights as trained and their average, encoder included."""
    import torch

    from tests.convert import sphere2_folders

    architecture = {
        **MODEL,
        "token_channels": CHANNELS,
        "encoder_size": "base",
        "decoder_size": "base",
        "pretrained_encoder": "dinov3_vits16plus",
    }
    run = folder / "run"
    sphere2_folders.write_config(run, **MODEL, **SIZE, token_channels=CHANNELS)
    tensors = {
        name: torch.randn(shape) * 0.02
        for name, shape in sphere2_folders.shapes(**architecture).items()
    }
    content = {"model": {n: t + 1.0 for n, t in tensors.items()}, "ema_model": tensors}
    torch.save({**content, "epoch": 299}, run / "ckpt" / "ep0299.pth")
    kept = [t for name, t in tensors.items() if name.startswith("decoder.")]
    return {
        "file": (run / "ckpt" / "ep0299.pth").stat().st_size,
        "kept": sum(4 * tensor.numel() for tensor in kept),
    }


def convert(folder):
    """The decoder to a preset."""
    from keras_sphere import convert

    with PeakMemory() as memory:
        convert.sphere2_to_preset(folder / "run", folder / "preset")
    return {"peak": memory.peak, "before": memory.before}


def generate(folder):
    """An image of it in one step."""
    import numpy as np

    from keras_sphere import presets

    model = presets.load(folder / "preset", weights=True, compile=False)
    image = model.generate(labels=[7], seed=0)
    return {
        "shape": image.shape,
        "spread": float(image.std()),
        "finite": bool(np.isfinite(image).all()),
        "parameters": model.backbone.count_params(),
        "size": (folder / "preset" / "model.weights.h5").stat().st_size,
    }


if __name__ == "__main__":
    start = time.perf_counter()
    task = {"write": write, "convert": convert, "generate": generate}[sys.argv[1]]
    result = task(pathlib.Path(sys.argv[2]))
    print(json.dumps({**result, "seconds": round(time.perf_counter() - start, 1)}))
