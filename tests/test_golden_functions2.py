"""Single functions and layers of Sphere Encoder 2 must give the golden numbers."""

import json

import keras
import numpy as np
import pytest

from keras_sphere import geometry, rotation
from keras_sphere.convert import reference_names
from keras_sphere.layers import (
    AngleEmbedding,
    RMSNormalization,
    RotaryAttention,
    SinusoidEmbedding,
    TransformerBlock,
)
from keras_sphere.layers.angle_embedding import sinusoids
from keras_sphere.layers.pixel_heads import pixel_activation
from keras_sphere.layers.stochastic_depth import path_weights
from keras_sphere.losses.by_angle import ByAngle, low_share
from keras_sphere.losses.distances import mean_distance
from keras_sphere.losses.item_weights import balanced_weights
from keras_sphere.losses.logit_distance import LogitDistance
from keras_sphere.models.latent_paths import path
from tests import golden_data
from tests.differentiation import input_gradients

EPSILON = 1e-5
ARRAYS = golden_data.load("funcs2")


def close(actual, name, atol=2e-5):
    actual = np.asarray(keras.ops.convert_to_numpy(actual))
    np.testing.assert_allclose(actual, ARRAYS[name], rtol=0, atol=atol)


def load(pairs, prefix):
    """Gives variables the golden values of their names behind `prefix`."""
    for name, variable, layout in pairs:
        variable.assign(layout(ARRAYS[f"{prefix}/sd/{name.partition('.')[2]}"]))


@pytest.mark.parametrize("size", ["normal", "tiny"])
def test_epsilon_of_the_sphere(size):
    """The tiny inputs tell 1e-5 from 1e-6."""
    latents = ARRAYS[f"spherify_{size}/in"]
    for mode, per_token in (("global", False), ("local", True)):
        points = geometry.spherify(latents, per_token, EPSILON)
        close(points, f"spherify_{size}/{mode}")


@pytest.mark.parametrize("per_token", [False, True])
def test_rotation_away_from_a_point(per_token):
    name = f"away_{'loc' if per_token else 'glob'}"
    points, reference = ARRAYS[f"{name}/z"], ARRAYS[f"{name}/ref"]
    for degrees in (1, 5, 30):
        radians = np.radians(degrees).astype("float32")
        turned = rotation.rotate_away(points, reference, radians, per_token, EPSILON)
        close(turned, f"{name}/out_{degrees}", 1e-4)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(rotation.rotate_away(points, points, 0.5)), points
    )


def test_great_circle():
    start, end = ARRAYS["away_glob/z"], ARRAYS["away_glob/ref"]
    for percent in (0, 25, 50, 100):
        point = geometry.slerp(start, end, percent / 100)
        close(point, f"slerp_glob/t{percent}", 1e-4)


def test_great_circle_of_each_token():
    start, end = ARRAYS["away_loc/z"], ARRAYS["away_loc/ref"]
    points = path(start, end, [0.0, 0.25, 0.5, 1.0], per_token=True)
    for index, percent in enumerate((0, 25, 50, 100)):
        close(points[:, index], f"slerp_loc/t{percent}", 1e-4)


@pytest.mark.parametrize("size", [(4, 1), (3, 2)])
@pytest.mark.parametrize("zero", [True, False])
def test_stratified_shares(size, zero):
    batch, ranks = size
    name = f"stratified_{batch}x{ranks}_{'zero' if zero else 'nozero'}"
    uniforms = np.zeros(batch * ranks, "float32")
    uniforms[: len(ARRAYS[f"{name}/u"])] = ARRAYS[f"{name}/u"]
    radii = geometry.stratified_radii(uniforms, ARRAYS[f"{name}/perm"], zero)
    radii = keras.ops.reshape(radii, ARRAYS[f"{name}/out"].shape)
    close(radii, f"{name}/out", 1e-6)


def test_angle_embedding():
    largest = float(ARRAYS["angle/max_deg"])
    layer = AngleEmbedding(32, largest)
    layer.build()
    _load_embedding(layer, "angle")
    close(layer(ARRAYS["angle/alpha"]), "angle/out", 3e-4)
    shares = np.clip(ARRAYS["angle/alpha"] / np.radians(largest), 0.0, 1.0)
    close(sinusoids(1000.0 * shares), "angle/bank", 3e-4)


def test_embedding_of_a_noise_level():
    layer = SinusoidEmbedding(32)
    layer.build()
    _load_embedding(layer, "sigma_embed")
    close(sinusoids(ARRAYS["sigma_embed/t"]), "sigma_embed/bank")
    out = keras.ops.squeeze(layer(ARRAYS["sigma_embed/t"]), axis=1)
    close(out, "sigma_embed/out")


def _load_embedding(layer, name):
    pairs = [
        *reference_names._linear("e.mlp.0", layer.expand),
        *reference_names._linear("e.mlp.2", layer.contract),
    ]
    load(pairs, name)


def test_regimes():
    arguments = json.loads(str(ARRAYS["anchor/args"]))
    cutoff = arguments["thres"], arguments["band"]
    close(low_share(ARRAYS["anchor/alpha"], *cutoff), "anchor/soft", 1e-6)
    hard = low_share(ARRAYS["anchor_hard/alpha"], *cutoff, soft=False)
    close(hard, "anchor_hard/out", 0)
    low, high = (ByAngle(None, regime) for regime in ("low", "high"))
    both = low.weights(ARRAYS["anchor/alpha"]) + high.weights(ARRAYS["anchor/alpha"])
    np.testing.assert_allclose(keras.ops.convert_to_numpy(both), 1.0, atol=1e-6)


def test_weighted_mean():
    values = keras.ops.convert_to_tensor(ARRAYS["wmean/v"])
    weights = ARRAYS["wmean/w"]
    close(keras.ops.mean(values * balanced_weights(weights)), "wmean/out", 1e-6)
    none = keras.ops.mean(values * balanced_weights(np.zeros_like(weights)))
    close(none, "wmean/out_allzero", 1e-6)


def test_smooth_distance_beyond_one():
    images = [
        (golden_data.images(ARRAYS[f"smoothl1/{name}"]) + 1.0) / 2.0 for name in "xy"
    ]
    raw = [golden_data.images(ARRAYS[f"smoothl1/{name}"]) for name in "xy"]
    distances = [
        float(keras.ops.mean(mean_distance(*pair, "l1"))) for pair in (images, raw)
    ]
    expected = float(ARRAYS["smoothl1/out"])
    assert min(abs(distance - expected) for distance in distances) < 1e-6


def test_distance_of_logits():
    pair = [keras.ops.convert_to_tensor(ARRAYS[f"logits/{n}"]) for n in ("tgt", "inp")]
    weights = balanced_weights(ARRAYS["logits/w"])
    for distance, name in (("cosine", "cosine"), ("l2", "mse")):
        values = LogitDistance(distance).call(*pair)
        assert values.shape == (5,)
        close(keras.ops.mean(values * weights), f"logits/{name}", 2e-5)


def test_norm():
    norm = RMSNormalization(EPSILON)
    norm.build((None, None, 32))
    norm.scale.assign(ARRAYS["rmsnorm/weight"])
    close(norm(ARRAYS["rmsnorm/in"]), "rmsnorm/out")


def test_norm_of_queries_and_keys():
    layer = RotaryAttention(4, 3, qk_norm=True, epsilon=EPSILON)
    layer.build((None, 9, 32))
    load(_attention("a", layer), "attn_qk")
    tokens, cotangent = ARRAYS["attn_qk/in"], ARRAYS["attn_qk/cotangent"]
    close(layer(tokens), "attn_qk/out")
    (gradient,) = input_gradients(layer, [tokens], cotangent)
    close(gradient, "attn_qk/grad_in", 1e-4)
    layer.qkv.bias.assign(ARRAYS["attn_qk/qkv_bias_small"])
    close(layer(ARRAYS["attn_qk/in_small"]), "attn_qk/out_small")


def _attention(name, layer):
    yield from reference_names._linear(f"{name}.qkv", layer.qkv)
    yield from reference_names._linear(f"{name}.proj", layer.projection)
    yield f"{name}.q_norm.weight", layer.query_scale, reference_names.same
    yield f"{name}.k_norm.weight", layer.key_scale, reference_names.same


@pytest.fixture(scope="module")
def block():
    layer = TransformerBlock(4, 3, conditional=True, qk_norm=True, epsilon=EPSILON)
    layer.build((None, 9, 32))
    load(reference_names._block("b", layer), "block")
    return layer


def test_block(block):
    close(block(ARRAYS["block/in"], ARRAYS["block/cond"]), "block/out")


def test_stochastic_depth(block):
    dropout = float(ARRAYS["stochdepth/ratio"])
    ranks = np.argsort(ARRAYS["stochdepth/perm"], axis=1)
    weights = keras.ops.stack([path_weights(r, dropout) for r in ranks], axis=1)
    out = block(ARRAYS["stochdepth/in"], ARRAYS["stochdepth/cond"], weights)
    close(out, "stochdepth/out", 5e-5)


def test_bounds_of_pixels_in_training():
    values = ARRAYS["scaledtanh/in"]
    for name, training in (("train", True), ("eval", False)):
        bounded = pixel_activation(values, "training_tanh", training)
        close(bounded, f"scaledtanh/{name}", 1e-6)
