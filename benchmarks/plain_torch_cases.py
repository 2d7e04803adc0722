"""The model of `plain_torch.py` and that of the package, asked for the same things.

The model is that of the preset `cifar10`: 32 px, patch 2, 10 classes, without
perceptual losses. See `beside_plain_torch.py`.
"""

from absl import flags

SIZE = flags.DEFINE_string("size", "small", "Size of encoder and decoder.")
WIDTH = flags.DEFINE_integer("width", None, "Width, in place of the size's.")
LAYERS = flags.DEFINE_integer("layers", None, "Layers, in place of the size's.")
BATCH_SIZE = flags.DEFINE_integer("batch_size", 16, "Images at a time.")
GENERATED = flags.DEFINE_integer("generated", None, "Images, if not the batch size.")
DTYPE = flags.DEFINE_string("dtype", "float32", "Or mixed_bfloat16.")
GUIDANCE = flags.DEFINE_float("guidance_scale", 1.0, "Above 1: both passes.")
THREADS = flags.DEFINE_integer("threads", None, "Of torch on CPUs.")

IMAGE_SIZE, PATCH, CHANNELS, CLASSES, MIXER_DEPTH = 32, 2, 8, 10, 2
GRID = IMAGE_SIZE // PATCH


def architecture():
    """Width, layers and heads of both halves."""
    from keras_sphere.models.sizes import resolve_size

    size = resolve_size("size", SIZE.value)
    size["hidden_dim"] = WIDTH.value or size["hidden_dim"]
    size["num_layers"] = LAYERS.value or size["num_layers"]
    size["num_heads"] = min(size["num_heads"], size["hidden_dim"] // 8)
    return size


def new_model(dtype):
    """A model whose heads and gates are not zero, as they are before training."""
    import keras_sphere

    size = architecture()
    backbone = keras_sphere.SphereEncoderBackbone(
        IMAGE_SIZE,
        PATCH,
        CHANNELS,
        num_classes=CLASSES,
        encoder_size=size,
        decoder_size=size,
        pixel_head="conv",
        encoder_mixer_depth=MIXER_DEPTH,
        decoder_mixer_depth=MIXER_DEPTH,
        dtype=dtype,
    )
    random = numpy_random()
    for variable in backbone.trainable_variables:
        change = 0.02 * random.standard_normal(variable.shape)
        variable.assign_add(change.astype("float32"))
    model = keras_sphere.SphereEncoderModel(
        backbone, max_angle_degrees=80.0, hard_case_max_angle_degrees=85.0
    )
    model.compile()
    return model


def new_peer():
    """The model of `plain_torch.py`, on a GPU if there is one."""
    import plain_torch
    import torch

    if THREADS.value:
        torch.set_num_threads(THREADS.value)
    size = architecture()
    peer = plain_torch.SphereEncoder(
        {
            "patch": PATCH,
            "width": size["hidden_dim"],
            "layers": size["num_layers"],
            "heads": size["num_heads"],
            "grid": GRID,
            "channels": CHANNELS,
            "classes": CLASSES,
            "depth": MIXER_DEPTH,
        }
    )
    return peer.to("cuda" if torch.cuda.is_available() else "cpu")


def numpy_random():
    import numpy as np

    return np.random.default_rng(0)


def new_inputs():
    """Images NHWC, labels, random draws of a training step, and noise."""
    import numpy as np

    random, count = numpy_random(), BATCH_SIZE.value

    def normal(*shape):
        return random.standard_normal(shape).astype("float32")

    images = np.tanh(normal(count, IMAGE_SIZE, IMAGE_SIZE, 3))
    draws = {"noise": normal(count, GRID**2, CHANNELS)}
    for name in ("radii", "small_radii", "hard_case_scalers"):
        draws[name] = random.uniform(size=count).astype("float32")
    noise = normal(2, count, GRID**2, CHANNELS)
    return images, np.arange(count, dtype="int32") % CLASSES, draws, noise


def generated_labels():
    """Labels of the images that `generate` is asked for."""
    import numpy as np

    count = GENERATED.value or BATCH_SIZE.value
    return np.arange(count, dtype="int32") % CLASSES


class Peer:
    """Training and generation of the peer, arrays in and arrays out."""

    def __init__(self, compiled=False):
        import plain_torch
        import torch

        self.torch, self.model = torch, new_peer()
        self.device = next(self.model.parameters()).device
        self.training = plain_torch.Training(self.model)
        self.bfloat16 = DTYPE.value == "mixed_bfloat16"
        if compiled:
            self.model.encoder.compile()
            self.model.decoder.compile()

    def tensor(self, array):
        return self.torch.as_tensor(array, device=self.device)

    def images(self, array):
        return self.tensor(array).permute(0, 3, 1, 2).contiguous()

    def labels(self, array):
        return self.tensor(array).long()

    def array(self, tensor):
        array = tensor.detach().float().cpu().numpy()
        return array.transpose(0, 2, 3, 1) if array.ndim == 4 else array

    def train(self, images, labels, draws=None):
        draws = draws and {name: self.tensor(draw) for name, draw in draws.items()}
        images, labels = self.images(images), self.labels(labels)
        return self.training.step(images, labels, draws, self.bfloat16).item()

    def generate(self, labels, steps, noise=None):
        if noise is None:
            shape = (2, len(labels), GRID**2, CHANNELS)
            noise = self.torch.randn(shape, device=self.device)
        with self.torch.autocast(
            self.device.type, self.torch.bfloat16, enabled=self.bfloat16
        ):
            images = self.model.generate(
                *self.tensor(noise), self.labels(labels), steps, GUIDANCE.value
            )
        return self.array(images)


class Package:
    """The same of this package, by its public methods."""

    def __init__(self, dtype):
        import keras

        if keras.backend.backend() == "torch" and THREADS.value:
            import torch

            torch.set_num_threads(THREADS.value)
        self.model = new_model(dtype)

    def train(self, images, labels, draws=None):
        inputs = {"images": images, "labels": labels}
        if draws:
            inputs["draws"] = draws
        return float(self.model.train_on_batch(inputs, return_dict=True)["loss"])

    def generate(self, labels, steps, noise=None):
        given = {} if noise is None else {"noise": noise[0], "step_noise": noise[1:]}
        return self.model.generate(
            labels=labels,
            steps=steps,
            guidance_scale=GUIDANCE.value,
            batch_size=len(labels),
            **given,
        )
