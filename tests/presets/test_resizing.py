"""Weights brought to other numbers of tokens, and of pixels in a patch."""

import json

import keras
import numpy as np
import pytest

import keras_sphere
from keras_sphere import SphereEncoderBackbone, presets
from keras_sphere.layers.mlp_mixer import MixerBlock
from keras_sphere.layers.position_embedding import sincos_table
from keras_sphere.layers.rotary_embedding import rotary_table
from keras_sphere.perceptual.resizing import bilinear_matrix
from keras_sphere.presets.fitting import copy_fitting
from keras_sphere.presets.resizing import keep_positions
from tests.testing import perturb_weights, to_numpy

SIZE = {"hidden_dim": 16, "num_layers": 1, "num_heads": 2}
CHANNELS = 4


def new_backbone(image_size=16, patch_size=8, **arguments):
    backbone = SphereEncoderBackbone(
        image_size,
        patch_size,
        CHANNELS,
        encoder_size=SIZE,
        decoder_size=SIZE,
        **{
            "encoder_mixer_depth": 0,
            "decoder_mixer_depth": 0,
            "pixel_head": "patch",
            **arguments,
        },
    )
    perturb_weights(backbone)
    return backbone


def enlarged(grid, side):
    """Rows of a square grid on a grid of another side, by two products."""
    old = round(len(grid) ** 0.5)
    matrix = np.kron(*[bilinear_matrix(old, side)] * 2)
    return matrix @ grid


def test_positions_span_the_image():
    """The corners stay what they were, and the middle is between its neighbors."""
    source, target = new_backbone(), new_backbone(32)
    fitted = copy_fitting(source, target)
    paths = [
        f"backbone/{half}/transformer/position_embedding/table"
        for half in ("encoder", "decoder")
    ]
    assert fitted == ([], [], 1.0, None, paths)
    table = to_numpy(target.encoder.transformer.position_embedding.table)
    old = to_numpy(source.encoder.transformer.position_embedding.table)
    np.testing.assert_allclose(table[[0, 3, 12, 15]], old, rtol=1e-6)
    np.testing.assert_allclose(table[1], 0.75 * old[0] + 0.25 * old[1], rtol=1e-6)
    assert np.max(np.abs(table - sincos_table(16, 4))) > 0.5
    same = new_backbone()
    assert copy_fitting(source, same).resized == []


def test_rotary_positions_span_the_image():
    """The middle of four tokens is where one of them was; pairs keep their angle."""
    old, new = (rotary_table(8, *sides) for sides in ((2, 0), (6, 0, 2)))
    angles = [np.arctan2(*table[::-1]) for table in (old, new)]
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        middle = angles[1][(3 * row + 1) * 6 + 3 * column + 1]
        np.testing.assert_allclose(middle, angles[0][2 * row + column], atol=1e-6)
    trained = {"image_size": 16, "patch_size": 8}
    grids = [
        keep_positions({"image_size": side, "patch_size": patch}, trained)
        for side, patch in ((32, 8), (32, 16))
    ]
    assert [found["position_grid"] for found in grids] == [2, None]
    again = {"image_size": 16, "patch_size": 8}
    assert keep_positions(again, grids[0])["position_grid"] is None
    again = {"image_size": 24, "patch_size": 8}
    assert keep_positions(again, grids[0])["position_grid"] == 2


def test_a_preset_says_whose_positions_it_has(tmp_path):
    """Written where there are some, and read back; others stay as they were."""
    model = keras_sphere.SphereEncoderModel(new_backbone())
    model.save_to_preset(tmp_path / "small")
    larger = presets.load(tmp_path / "small", image_size=32)
    assert larger.backbone.architecture["position_grid"] == 2
    larger.save_to_preset(tmp_path / "large")
    for name, grid, version in (("small", None, 3), ("large", 2, 5)):
        config = json.loads((tmp_path / name / "config.json").read_text())
        assert config["architecture"].get("position_grid") == grid
        assert config["format_version"] == version
    again = presets.load(tmp_path / "large")
    images = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3)).astype("float32")
    np.testing.assert_allclose(
        to_numpy(again.reconstruct(images)),
        to_numpy(larger.reconstruct(images)),
        atol=1e-6,
    )


def mixers(source, target):
    """The first block of the encoder's mixer of both."""
    return [backbone.encoder.mixer.blocks[0] for backbone in (source, target)]


def over_tokens(block):
    """What a block adds to equal tokens by its product over tokens."""
    assert isinstance(block, MixerBlock)
    block.alpha1.assign([1.0])
    block.alpha2.assign([0.0])
    side = block.token_in.kernel.shape[0]
    tokens = np.ones((1, side, CHANNELS), "float32") * np.arange(1, CHANNELS + 1)
    return (to_numpy(block(tokens.astype("float32"))) - tokens)[0]


@pytest.mark.parametrize(("sides", "kept"), [((2, 4), 4), ((4, 2), 4)])
def test_mixers_add_what_they_added(sides, kept):
    """Of equal tokens; where units must go, they go that add nothing."""
    source, target = (new_backbone(8 * n, encoder_mixer_depth=1) for n in sides)
    old, new = mixers(source, target)
    kernel = to_numpy(old.token_out.kernel).copy()
    kernel[np.random.default_rng(0).permutation(len(kernel))[kept:]] = 0.0
    old.token_out.kernel.assign(kernel)
    fresh = to_numpy(new.token_in.kernel)
    fitted = copy_fitting(source, target)
    assert fitted.afresh == fitted.left_out == []
    assert len(fitted.resized) == 2 + 4
    added = over_tokens(old)
    assert np.std(added, axis=0).min() > 1e-3
    np.testing.assert_allclose(over_tokens(new), enlarged(added, sides[1]), atol=1e-5)
    if sides[1] > sides[0]:  # new units can learn: they see something
        given = to_numpy(new.token_in.kernel)[:, sides[0] ** 2 :]
        np.testing.assert_array_equal(given, fresh[:, sides[0] ** 2 :])


def test_an_enlarged_patch_gives_the_same_token():
    source, target = new_backbone(), new_backbone(32, 16)
    fitted = copy_fitting(source, target)
    assert fitted.afresh == fitted.left_out == []
    assert [path.rsplit("/", 2)[-2] for path in fitted.resized] == [
        *("patches", "linear", "linear")
    ]
    generator = np.random.default_rng(0)
    images = generator.uniform(-1, 1, (2, 16, 16, 3)).astype("float32")
    once = np.kron(np.eye(2, dtype="float32"), bilinear_matrix(8, 16))
    enlarge = "ai,bj,nijc->nabc", once, once
    large = np.einsum(*enlarge, images)
    np.testing.assert_allclose(
        to_numpy(target.encode(large)), to_numpy(source.encode(images)), atol=1e-4
    )
    points = keras.ops.convert_to_tensor(
        generator.standard_normal((2, 4, 4)), "float32"
    )
    small, drawn = (to_numpy(b.decoder(points)) for b in (source, target))
    pixels = np.einsum(*enlarge, np.arctanh(small))
    np.testing.assert_allclose(np.arctanh(drawn), pixels, atol=1e-4)


def test_what_draws_pixels_by_convolution_starts_afresh():
    source, target = (new_backbone(*n, pixel_head="conv") for n in ((16, 8), (32, 16)))
    fitted = copy_fitting(source, target)
    assert fitted.afresh == ["backbone/decoder/pixel_head/upsample/kernel"]
    assert fitted.resized == ["backbone/encoder/patch_embedding/patches/kernel"]
