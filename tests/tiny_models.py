"""The smallest models and data that still show how a model behaves."""

import keras
import numpy as np

from keras_sphere import HashingEmbedder, SphereEncoderBackbone, SphereEncoderModel
from tests.testing import perturb_weights

IMAGE_SIZE, NUM_CLASSES, LATENT_SHAPE = 16, 3, (4, 4)
_SIZE = {"hidden_dim": 16, "num_layers": 1, "num_heads": 2}
ROTATING = {
    "encoder_size": _SIZE,
    "decoder_size": _SIZE,
    "encoder_mixer_depth": 0,
    "decoder_mixer_depth": 0,
    "motion": "rotation",
    "epsilon": 1e-5,
    "qk_norm": True,
    "pixel_head": "patch",
    "pixel_activation": "linear",
    "conditional_encoder": False,
    "angle_condition": "both",
}


def new_model(
    num_classes=NUM_CLASSES,
    dtype=None,
    weights=None,
    size=None,
    rematerialize_every=None,
    **arguments,
):
    """A model of 16 x 16 color images, with weights that let gradients through.

    Args:
        num_classes: Integer. 0 for an unconditional model.
        dtype: Dtype policy of the backbone, or `None`.
        weights: List of arrays for the backbone, or `None` for random ones.
        size: Dict of the size of both networks, or `None` for the smallest.
        rematerialize_every: See `SphereEncoderBackbone`.
        **arguments: Arguments of `SphereEncoderModel`.
    """
    backbone = SphereEncoderBackbone(
        IMAGE_SIZE,
        8,
        LATENT_SHAPE[1],
        num_classes=num_classes,
        encoder_size=size or _SIZE,
        decoder_size=size or _SIZE,
        encoder_mixer_depth=0,
        decoder_mixer_depth=0,
        rematerialize_every=rematerialize_every,
        dtype=dtype,
    )
    if weights is None:
        perturb_weights(backbone)
    else:
        backbone.set_weights(weights)
    return SphereEncoderModel(
        backbone, **{"max_angle_degrees": 80.0, "seed": 0, **arguments}
    )


VECTORS = ("a red square", "a green square", "a blue square", "a white square")


def new_vector_model(num_classes=0, motion="addition", dim=8):
    """A model that is conditional on vectors of texts, compiled.

    Args:
        num_classes: Integer. 0 for vectors alone.
        motion: `"addition"` or `"rotation"`.
        dim: Integer. Length of the vectors.
    """
    sizes = {name: ROTATING[name] for name in list(ROTATING)[:4]}
    backbone = SphereEncoderBackbone(
        IMAGE_SIZE,
        8,
        LATENT_SHAPE[1],
        num_classes=num_classes,
        condition_dim=dim,
        embedder=HashingEmbedder(dim),
        **(ROTATING if motion == "rotation" else sizes),
    )
    perturb_weights(backbone)
    angle = {} if motion == "rotation" else {"max_angle_degrees": 80.0}
    model = SphereEncoderModel(backbone, seed=0, **angle)
    model.compile()
    return model


def new_vector_data(model, count=8):
    """Images, vectors of texts, and labels if the model has classes, as a dict."""
    texts = [VECTORS[i % len(VECTORS)] for i in range(count)]
    data = {
        "images": new_images(count),
        "embeddings": model.backbone.embedder.function(texts),
    }
    return {**data, "labels": new_labels(count)} if model.backbone.num_classes else data


def new_rotating_model(num_classes=NUM_CLASSES, backbone=None, **arguments):
    """`new_model` by the method of Sphere Encoder 2.

    Args:
        num_classes: Integer. 0 for an unconditional model.
        backbone: Dict of further arguments of the backbone.
        **arguments: Arguments of `SphereEncoderModel`.
    """
    backbone = SphereEncoderBackbone(
        IMAGE_SIZE,
        8,
        LATENT_SHAPE[1],
        num_classes=num_classes,
        **{**ROTATING, **(backbone or {})},
    )
    perturb_weights(backbone)
    return SphereEncoderModel(backbone, **{"seed": 0, **arguments})


def new_scoring_model(backbone=None, **settings):
    """`new_rotating_model` with score matching of pixels by networks of one block.

    Args:
        backbone: Dict of further arguments of the backbone.
        **settings: Further keys of `score_matching`; `network` is one of arguments to
            change.
    """
    network = {"width": 8, "num_layers": 1, "num_heads": 1}
    network.update(settings.pop("network", {}))
    return new_rotating_model(
        backbone=backbone, score_matching={"network": network, **settings}
    )


def new_images(count=8, seed=0):
    """Float images in [-1, 1]: a bright square on a dark ground, and noise."""
    generator = np.random.default_rng(seed)
    images = np.full((count, IMAGE_SIZE, IMAGE_SIZE, 3), -0.6, "float32")
    for image in images:
        row, column = generator.integers(0, 10, 2)
        image[row : row + 6, column : column + 6] = generator.uniform(0.2, 0.9, 3)
    return images + generator.uniform(-0.1, 0.1, images.shape).astype("float32")


def new_labels(count=8):
    """Labels that go through the classes."""
    return (np.arange(count) % NUM_CLASSES).astype("int64")


def new_draws(count, seed=0):
    """Noise and radii to give to a training forward in place of random ones."""
    generator = np.random.default_rng(seed)
    return {
        "noise": generator.standard_normal((count, *LATENT_SHAPE)).astype("float32"),
        **{
            name: generator.uniform(size=count).astype("float32")
            for name in ("radii", "small_radii", "hard_case_scalers")
        },
    }


def new_projection_draws(count, num_projections, seed=0):
    """What latent uniformity draws; not for `fit`, which cuts it into batches."""
    generator = np.random.default_rng(seed)
    directions = generator.standard_normal((np.prod(LATENT_SHAPE), num_projections))
    noise = generator.standard_normal((count, *LATENT_SHAPE))
    return {
        "uniform_noise": noise.astype("float32"),
        "directions": (directions / np.linalg.norm(directions, axis=0)).astype(
            "float32"
        ),
    }


def fit(model, **arguments):
    """Trains on eight images in two batches; returns the losses of the epochs."""
    return model.fit(
        *(new_images(), new_labels()),
        **{"batch_size": 4, "shuffle": False, "verbose": 0, **arguments},
    ).history["loss"]


def state(model):
    """Copies of all values that training changes, as a list of arrays."""
    return [np.array(keras.ops.convert_to_numpy(v)) for v in _variables(model)]


def restore(model, values):
    """Puts back what `state` returned."""
    for variable, value in zip(_variables(model), values, strict=True):
        variable.assign(value)


def _variables(model):
    optimizer = getattr(model, "optimizer", None)
    return [*model.variables, *(optimizer.variables if optimizer else [])]
