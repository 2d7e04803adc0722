"""Encoder, decoder, the backbone that joins them, and the model that trains it."""

from keras_sphere.models.decoder import Decoder
from keras_sphere.models.dinov3 import DINOv3Encoder
from keras_sphere.models.encoder import Encoder
from keras_sphere.models.latent_refiner import LatentRefiner
from keras_sphere.models.sphere_encoder_backbone import SphereEncoderBackbone
from keras_sphere.models.sphere_encoder_model import SphereEncoderModel

__all__ = [
    "DINOv3Encoder",
    "Decoder",
    "Encoder",
    "LatentRefiner",
    "SphereEncoderBackbone",
    "SphereEncoderModel",
]
