"""The building blocks of encoder and decoder, one layer per file."""

from keras_sphere.layers.angle_embedding import AngleEmbedding, SinusoidEmbedding
from keras_sphere.layers.attention import RotaryAttention
from keras_sphere.layers.dense import Dense
from keras_sphere.layers.dinov3_block import DINOv3Block
from keras_sphere.layers.dinov3_network import DINOv3Network
from keras_sphere.layers.gradient_pyramid import GradientPyramid
from keras_sphere.layers.in_context_tokens import InContextTokens
from keras_sphere.layers.label_embedding import LabelEmbedding
from keras_sphere.layers.mlp_mixer import MLPMixer
from keras_sphere.layers.modulation import AdaptiveModulation, ModulatedDense
from keras_sphere.layers.patch_embedding import PatchEmbedding
from keras_sphere.layers.pixel_heads import (
    ConvPixelHead,
    LinearPixelHead,
    PatchPixelHead,
)
from keras_sphere.layers.position_embedding import SinCosPositionEmbedding
from keras_sphere.layers.rms_normalization import RMSNormalization
from keras_sphere.layers.swiglu import SwiGLU
from keras_sphere.layers.transformer_block import TransformerBlock

__all__ = [
    "AdaptiveModulation",
    "AngleEmbedding",
    "ConvPixelHead",
    "DINOv3Block",
    "DINOv3Network",
    "Dense",
    "GradientPyramid",
    "InContextTokens",
    "LabelEmbedding",
    "LinearPixelHead",
    "MLPMixer",
    "ModulatedDense",
    "PatchEmbedding",
    "PatchPixelHead",
    "RMSNormalization",
    "RotaryAttention",
    "SinCosPositionEmbedding",
    "SinusoidEmbedding",
    "SwiGLU",
    "TransformerBlock",
]
