"""Bad arguments of models and their methods: an error that names them."""

import numpy as np
import pytest

from keras_sphere import SphereEncoderBackbone, SphereEncoderModel
from tests import tiny_models

IMAGES = tiny_models.new_images(4)
LATENTS = np.ones((4, *tiny_models.LATENT_SHAPE), "float32")


BAD_GENERATION = {
    "steps": ({"steps": 0}, "`steps` must be an integer of at least 1.*steps=0"),
    "half steps": ({"steps": 1.5}, r"`steps` must be an integer.*steps=1\.5"),
    "num_images": ({"num_images": 0}, "`num_images`.*at least 1.*num_images=0"),
    "no labels": ({"num_images": None, "labels": []}, "Received"),
    "position": (
        {"guidance_position": "middle"},
        r"`guidance_position` must be one of \['encoder', 'decoder', 'both'\].*"
        "guidance_position='middle'",
    ),
    "schedule": (
        {"schedule": "linear"},
        r"`schedule` must be one of \['fixed', 'decay'\].*schedule='linear'",
    ),
    "scale": ({"guidance_scale": -1.0}, r"`guidance_scale`.*guidance_scale=-1\.0"),
    "scale text": ({"guidance_scale": "2"}, "`guidance_scale`.*guidance_scale='2'"),
    "seed": ({"seed": -1}, r"`seed` must be an integer.*seed=-1"),
    "half seed": ({"seed": 0.5}, r"`seed` must be an integer.*seed=0\.5"),
    "batch_size": ({"batch_size": 0}, "`batch_size`.*at least 1.*batch_size=0"),
    "noise shape": (
        {"noise": LATENTS[:, :2]},
        r"`noise` must be finite, of shape \(4, 4, 4\).*Received: shape \(4, 2, 4\)",
    ),
    "noise count": (
        {"noise": LATENTS[:2]},
        r"`noise`.*\(4, 4, 4\).*Received: shape \(2, 4, 4\)",
    ),
    "noise NaN": ({"noise": LATENTS * np.nan}, "`noise` must be finite.*not finite"),
    "step_noise count": (
        {"steps": 4, "shared_noise": False, "step_noise": [LATENTS, LATENTS]},
        "`step_noise` must hold 3 noises for 4 steps.*Received: 2 noises",
    ),
    "step_noise shape": (
        {"steps": 2, "step_noise": [LATENTS[:2]]},
        r"`step_noise`.*\(4, 4, 4\).*Received: shape \(2, 4, 4\)",
    ),
}


@pytest.mark.parametrize("name", BAD_GENERATION)
def test_generation_options(shared_model, name):
    options, text = BAD_GENERATION[name]
    with pytest.raises(ValueError, match=f"(?s){text}"):
        shared_model.generate(**{"num_images": 4, **options})


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan"), "half"])
def test_strength(shared_model, strength):
    with pytest.raises(
        ValueError, match=rf"`strength` must be a number in \[0, 1\].*{strength!r}"
    ):
        shared_model.reconstruct(IMAGES, strength=strength)


def test_latents(shared_model):
    with pytest.raises(ValueError, match=r"`latents`.*Received: shape \(4, 4\)"):
        shared_model.decode(LATENTS[0])
    with pytest.raises(ValueError, match=r"`latents` must be finite.*not finite"):
        shared_model.decode(LATENTS * np.inf)


@pytest.mark.parametrize("angle", [0, 90, 90.0, -5, 120, float("nan"), "80"])
@pytest.mark.parametrize("name", ["max_angle_degrees", "hard_case_max_angle_degrees"])
def test_angles(shared_model, name, angle):
    with pytest.raises(ValueError, match=rf"`{name}`.*\(0, 90\).*{name}={angle!r}"):
        SphereEncoderModel(shared_model.backbone, **{name: angle})


BAD_MODELS = {
    "probability": ({"hard_case_probability": 1.5}, r"`hard_case_probability`.*1\.5"),
    "band": ({"hard_case_band": "wide"}, r"one of \['narrow', 'full'\].*'wide'"),
    "smaller hard angle": (
        {"max_angle_degrees": 80.0, "hard_case_max_angle_degrees": 70.0},
        r"at least `max_angle_degrees`=80\.0.*hard_case_max_angle_degrees=70\.0",
    ),
    "perceptual": ({"perceptual": "vgg"}, "`perceptual` must be None.*'vgg'"),
    "sampling": ({"sampling": {"steps": 0}}, "`steps`.*steps=0"),
}


@pytest.mark.parametrize("name", BAD_MODELS)
def test_model_arguments(shared_model, name):
    arguments, text = BAD_MODELS[name]
    with pytest.raises(ValueError, match=text):
        SphereEncoderModel(shared_model.backbone, **arguments)


SIZE = {"hidden_dim": 16, "num_layers": 1, "num_heads": 2}
BAD_BACKBONES = {
    "patch": (
        {"patch_size": 5},
        "`patch_size` must divide `image_size`.*image_size=16, patch_size=5",
    ),
    "patch 0": ({"patch_size": 0}, "`patch_size`.*at least 1.*patch_size=0"),
    "classes": ({"num_classes": -1}, "`num_classes`.*num_classes=-1"),
    "head": (
        {"pixel_head": "mlp"},
        r"`pixel_head`.*\['linear', 'conv', 'patch'\].*'mlp'",
    ),
    "dropout": ({"label_dropout": 2}, r"`label_dropout`.*\[0, 1\].*=2"),
    "size": ({"encoder_size": "tiny"}, "`encoder_size` must be one of.*'tiny'"),
    "heads": (
        {"decoder_size": {**SIZE, "num_heads": 3}},
        "`decoder_size`.*multiple of 4 `num_heads`.*'num_heads': 3",
    ),
    "conv of one token": (
        {"pixel_head": "conv", "patch_size": 16},
        "2 x 2 tokens.*image_size=16, patch_size=16",
    ),
}


@pytest.mark.parametrize("name", BAD_BACKBONES)
def test_backbone_arguments(name):
    arguments, text = BAD_BACKBONES[name]
    valid = {"patch_size": 8, "encoder_size": SIZE, "decoder_size": SIZE}
    with pytest.raises(ValueError, match=text):
        SphereEncoderBackbone(16, token_channels=4, **{**valid, **arguments})
