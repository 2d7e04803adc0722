"""Random changes of training images, by layers of Keras or KerasCV."""

import concurrent.futures
import contextlib
import logging
import random

import keras
import numpy as np

FLIP, AFFINE, RANDAUGMENT = "flip", "affine", "randaugment"
NAMES = (FLIP, AFFINE, RANDAUGMENT)
VALUE_RANGE = (0, 255)
# What the configuration of a layer holds beside what it does.
INCIDENTAL = ("name", "trainable", "dtype", "build_input_shape")
# Layers run in this one thread. Keras keeps per thread which distribution and which
# dtype policy are in force, so the training's are not; and generators that a process
# has only one of serve one batch after the other.
THREAD = concurrent.futures.ThreadPoolExecutor(1, "augmentation")

logger = logging.getLogger("keras_sphere")


class Augmentation:
    """Layers that change batches of images, at random but by seeds alone.

    The layers see float32 images in [0, 255], and run on the CPU. Random numbers come
    from the seed generators of Keras' layers; `AugMix` draws from Python's `random`,
    too, and KerasCV from TensorFlow's generators. All are set anew for each batch.

    Args:
        augment: See `keras_sphere.data.load`.

    Raises:
        ValueError: If it is neither a name nor a layer, nor a sequence of these, or
            if a layer expects pixels in another range.
    """

    def __init__(self, augment):
        parts = read_parts(augment)
        self._name = ", ".join(map(str, map(_name, parts)))
        self._layer = THREAD.submit(_pipeline, parts).result()
        self._parts = self._layer._flatten_layers()

    def __call__(self, images, generator):
        """Changed images.

        Args:
            images: uint8 array of shape `(batch, height, width, channels)`.
            generator: `numpy.random.Generator`, which all random numbers depend on.

        Returns:
            New array of the same shape and dtype.
        """
        images = THREAD.submit(self._changed, images, generator).result()
        return np.rint(np.clip(images, *VALUE_RANGE)).astype("uint8")

    def _changed(self, images, generator):
        images = images.astype("float32")
        with on_cpu(), self._seeded(generator):
            changed = self._layer(images, training=True)
            return np.array(keras.ops.convert_to_numpy(changed))

    def _seeded(self, generator):
        """Lets all that the layers draw from start anew; a context for the call."""
        for variable in self._layer.variables:
            if variable.name == "seed_generator_state":
                variable.assign(generator.integers(2**30, size=2))
        seed = int(generator.integers(2**31))
        if any(map(_is_of_keras_cv, self._parts)):
            _seed_tensorflow(seed, self._parts)
        if any(isinstance(part, keras.layers.AugMix) for part in self._parts):
            return _python_seeded(seed)
        return contextlib.nullcontext()

    def check(self, shape):
        """Tries the layers on noise, and warns if seeds do not decide what they do.

        Args:
            shape: Tuple. Shape of the batches to come.

        Raises:
            ValueError: If such images cannot be changed, or come out in another shape.
        """
        noise = np.random.default_rng(0).integers(0, 256, shape, "uint8")
        try:
            # The first call of a layer may draw more, to build it.
            _, first, second = (self(noise, np.random.default_rng(0)) for _ in range(3))
        except Exception as error:  # a layer of a user's may raise anything
            raise ValueError(
                f"`augment` must take batches of shape {shape}. "
                f"Received: augment={self._name}, which raised {error!r}"
            ) from error
        if first.shape != shape:
            raise ValueError(
                "`augment` must keep the shape of the images: `image_size` and `crop` "
                f"change it. Received: augment={self._name}, which makes {first.shape} "
                f"of {shape}"
            )
        if (first != second).any():
            logger.warning(
                "The augmentation %s draws random numbers that cannot be seeded: a "
                "training that is taken up again sees other images than an unbroken "
                "one.",
                self._name,
            )


def read_parts(augment):
    """The names and layers of an `augment`, in their order, as a tuple.

    Args:
        augment: String of names, with commas between them; a layer; or a sequence of
            names and layers.

    Raises:
        ValueError: If it is none of these.
    """
    if isinstance(augment, str):
        parts = tuple(name.strip() for name in augment.split(","))
    else:
        parts = tuple(augment) if isinstance(augment, (list, tuple)) else (augment,)
    for part in parts:
        is_known = part in NAMES if isinstance(part, str) else _is_layer(part)
        if not is_known:
            raise ValueError(
                f"`augment` must be one of {list(NAMES)}, several of them with commas "
                "between them, a Keras layer, or a list of names and layers. "
                f"Received: augment={part!r}"
            )
    if not parts:
        raise ValueError(f"`augment` must not be empty. Received: augment={augment!r}")
    return parts


def record(augment):
    """What an `augment` does, as names, dicts and numbers that JSON can hold.

    Equal for layers that do the same, whatever they are called.

    Args:
        augment: See `keras_sphere.data.load`.

    Returns:
        List of strings, for names, and dicts of the name of a class and its arguments.

    Raises:
        ValueError: If it is no augmentation.
    """
    return [
        part if isinstance(part, str) else _essence(_serialized(part))
        for part in read_parts(augment)
    ]


def names_in_record(parts):
    """What `record` returned, as text: names and classes of layers."""
    names = [part if isinstance(part, str) else next(iter(part)) for part in parts]
    return ", ".join(names)


def _serialized(layer):
    try:
        return keras.saving.serialize_keras_object(layer)
    except Exception as error:  # so may its `get_config`
        raise ValueError(
            "`augment` must be of layers whose `get_config` says what they do. "
            f"Received: augment={layer!r}, which raised {error!r}"
        ) from error


def _essence(value):
    if isinstance(value, dict) and {"class_name", "config"} <= set(value):
        config = value["config"] or {}
        if isinstance(config, dict):
            config = {k: v for k, v in config.items() if k not in INCIDENTAL}
        return {value["class_name"]: _essence(config)}
    if isinstance(value, dict):
        return {key: _essence(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_essence(part) for part in value if not _is_input(part)]
    return value


def _is_input(value):
    """Whether this is what a `Sequential` adds to its layers when it is built."""
    return isinstance(value, dict) and value.get("class_name") == "InputLayer"


def _pipeline(parts):
    layers = keras.layers
    made = {
        FLIP: lambda: layers.RandomFlip("horizontal"),
        AFFINE: lambda: layers.Pipeline(
            [
                layers.RandomRotation(0.03, fill_mode="nearest"),
                layers.RandomTranslation(0.08, 0.08, fill_mode="nearest"),
                layers.RandomZoom(0.1, fill_mode="nearest"),
            ]
        ),
        RANDAUGMENT: layers.RandAugment,
    }
    pipeline = layers.Pipeline(
        [made[part]() if isinstance(part, str) else part for part in parts]
    )
    for layer in pipeline._flatten_layers():
        value_range = getattr(layer, "value_range", VALUE_RANGE)
        if tuple(value_range) != VALUE_RANGE:
            raise ValueError(
                "`augment` must be of layers for pixels in [0, 255]: "
                f"value_range={VALUE_RANGE}. Received: augment={_name(layer)} with "
                f"value_range={value_range}"
            )
    return pipeline


@contextlib.contextmanager
def _python_seeded(seed):
    """Context in which Python's generator starts from a seed."""
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)


def _is_layer(value):
    return isinstance(value, keras.layers.Layer)


def _name(part):
    return part if isinstance(part, str) else type(part).__name__


def _is_of_keras_cv(layer):
    return type(layer).__module__.split(".")[0] == "keras_cv"


def _seed_tensorflow(seed, layers):
    """Sets the generator of TensorFlow, and those that layers of KerasCV hold."""
    import tensorflow as tf

    tf.random.set_seed(seed)
    for layer in layers:
        generator = getattr(layer, "_random_generator", None)
        if isinstance(generator, tf.random.Generator):
            generator.reset_from_seed(seed)


def on_cpu():
    """Context in which Keras computes on the CPU of this process, if there is one."""
    if keras.backend.backend() != "jax":
        return keras.device("cpu")
    import jax

    try:
        device = jax.local_devices(backend="cpu")[0]
    except RuntimeError:  # JAX may be told to know no CPU
        return contextlib.nullcontext()
    return jax.default_device(device)
