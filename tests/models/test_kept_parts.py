"""Frozen, quantized and LoRA layers: what files keep, and what is refused."""

import copy
import warnings

import keras
import numpy as np
import pytest

from keras_sphere import SphereAdamW, presets
from keras_sphere.models.encoder import Encoder
from keras_sphere.training import TrainingCheckpoint
from tests import tiny_models
from tests.models.conftest import compile_quickly
from tests.models.test_file_saving import fit

LOST = "moving average was not restored"
NOT_BUILT = "There is no moving average"


def flags(network):
    return {layer.path: layer.trainable for layer in network._flatten_layers()}


def pictures(model, use_ema=False):
    return model.generate(2, seed=0, steps=2, use_ema=use_ema)


def assert_same_pictures(loaded, model):
    for use_ema in (False, True):
        np.testing.assert_array_equal(
            pictures(loaded, use_ema), pictures(model, use_ema)
        )


def saved_and_loaded(model, folder):
    model.save(folder / "model.keras")
    return keras.saving.load_model(folder / "model.keras")


def new_model():
    return compile_quickly(
        tiny_models.new_model(), optimizer=SphereAdamW(1e-2, ema_momentum=0.5)
    )


@pytest.fixture(scope="module")
def frozen():
    """A trained model, all frozen but the head of the encoder and the decoder."""
    model = tiny_models.new_model()
    model.backbone.encoder.trainable = False
    model.backbone.encoder.transformer.head.trainable = True
    model.backbone.decoder.transformer.blocks[0].trainable = False
    compile_quickly(model, optimizer=SphereAdamW(1e-2, ema_momentum=0.5))
    fit(model)
    return model


def test_a_frozen_model_comes_back(frozen, tmp_path):
    assert frozen.backbone.encoder.trainable_variables == []
    loaded = saved_and_loaded(frozen, tmp_path)
    assert flags(loaded) == flags(frozen)
    assert len(loaded.trainable_variables) == len(frozen.trainable_variables)
    assert_same_pictures(loaded, frozen)
    assert int(loaded.optimizer.iterations) == 2
    before = tiny_models.state(loaded)
    fit(loaded)
    moved = [
        variable.path
        for variable, value in zip(loaded.variables, before, strict=False)
        if not np.array_equal(keras.ops.convert_to_numpy(variable), value)
        and "seed_generator" not in variable.path
    ]
    in_encoder = [path for path in moved if "/encoder/" in path]
    assert in_encoder
    assert all("encoder/transformer/head/" in path for path in in_encoder)
    assert "backbone/decoder/embedding/kernel" in moved


@pytest.mark.parametrize("copied", [copy.deepcopy, keras.models.clone_model])
def test_a_frozen_model_is_copied(frozen, copied):
    assert flags(copied(frozen)) == flags(frozen)


def test_a_frozen_encoder_in_a_model_of_keras(frozen):
    """It is built after it is constructed, and frozen as a constructor argument is."""
    image = keras.Input((tiny_models.IMAGE_SIZE, tiny_models.IMAGE_SIZE, 3))
    encoder = frozen.backbone.encoder
    again = type(encoder).from_config(encoder.get_config())
    again.build((None, *image.shape[1:]))
    assert [*flags(again).values()] == [*flags(encoder).values()]
    config = {k: v for k, v in encoder.get_config().items() if k != "kept_parts"}
    argument = Encoder(**config)
    argument.build((None, *image.shape[1:]))
    assert not any(variable.trainable for variable in argument.variables)


def test_frozen_after_training(tmp_path):
    """The average of what was trained stays; to train on, it is compiled again."""
    model = new_model()
    fit(model)
    model.backbone.encoder.trainable = False
    loaded = saved_and_loaded(model, tmp_path)
    assert_same_pictures(loaded, model)
    assert flags(loaded) == flags(model)
    for either in (model, loaded):
        with pytest.raises(ValueError, match=r"Call `compile\(\)` again"):
            fit(either)
        with pytest.raises(ValueError, match=r"Call `compile\(\)` again"):
            either.train_on_batch(tiny_models.new_images(4))


def test_an_average_that_a_file_lacks_is_lost(tmp_path):
    path = tmp_path / "other.weights.h5"
    tiny_models.new_model().save_weights(path)
    model = new_model()
    fit(model)
    with pytest.warns(UserWarning, match="Skipping variable loading"):
        model.load_weights(path)
    with pytest.raises(ValueError, match=LOST):
        pictures(model, use_ema=True)
    fit(model)
    assert not np.array_equal(pictures(model, True), pictures(model))


def test_an_optimizer_that_was_not_built(tmp_path):
    model = presets.load("digits16")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loaded = saved_and_loaded(model, tmp_path)
    assert not [w for w in caught if "optimizer" in str(w.message)]
    with pytest.raises(ValueError, match=NOT_BUILT):
        loaded.generate(1, use_ema=True)


def enable_lora(model):
    """LoRA everywhere, with matrices as if they were trained."""
    for layer in model.backbone._flatten_layers():
        if hasattr(layer, "enable_lora"):
            layer.enable_lora(2)
            shape = layer.lora_kernel_b.shape
            layer.lora_kernel_b.assign(np.full(shape, 0.05, "float32"))
    return model


def test_lora_is_merged(tmp_path):
    model = enable_lora(presets.load("digits16"))
    assert any("lora" in v.name for v in model.trainable_variables)
    expected = pictures(model)
    assert np.abs(expected - pictures(presets.load("digits16"))).max() > 0.01
    model.save_to_preset(tmp_path / "preset")
    for loaded in (
        saved_and_loaded(model, tmp_path),
        presets.load(tmp_path / "preset"),
    ):
        np.testing.assert_allclose(pictures(loaded), expected, atol=1e-4)
    with pytest.raises(ValueError, match=NOT_BUILT):
        pictures(loaded, use_ema=True)


def test_lora_has_no_checkpoints(tmp_path):
    model = enable_lora(tiny_models.new_model())
    model.compile()
    with pytest.raises(ValueError, match=r"cannot be resumed.*Received: LoRA"):
        fit(model, callbacks=[TrainingCheckpoint(tmp_path)])
    assert list(tmp_path.iterdir()) == []


WEIGHTS_ONLY = keras.quantizers.Int8QuantizationConfig(activation_quantizer=None)


def test_int8_after_training_and_generation(tmp_path):
    model = new_model()
    fit(model)
    floats = pictures(model)
    model.quantize("int8")
    quantized = pictures(model)
    assert 0.0 < np.abs(quantized - floats).max() < 0.05
    with pytest.raises(ValueError, match=NOT_BUILT):
        pictures(model, use_ema=True)
    model.backbone.decoder.trainable = False
    loaded = saved_and_loaded(model, tmp_path)
    np.testing.assert_array_equal(pictures(loaded), quantized)
    assert flags(loaded) == flags(model)
    kernel = loaded.backbone.encoder.transformer.head.linear._kernel
    assert kernel.dtype == "int8"
    compile_quickly(loaded)
    fit(loaded)  # what is left in floats is trained
    again = saved_and_loaded(loaded, tmp_path)
    assert_same_pictures(again, loaded)


@pytest.mark.parametrize(
    "arguments",
    [{"mode": "int4"}, {"config": WEIGHTS_ONLY}, {"mode": "int8", "filters": "qkv"}],
    ids=["int4", "weights", "some"],
)
def test_other_quantization(shared_model, arguments, tmp_path):
    model = tiny_models.new_model(weights=shared_model.backbone.get_weights())
    model.quantize(**arguments)
    loaded = saved_and_loaded(model, tmp_path)
    np.testing.assert_array_equal(pictures(loaded), pictures(model))
    model.save_weights(tmp_path / "model.weights.h5")
    loaded.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(pictures(loaded), pictures(model))
    if "filters" not in arguments:
        with pytest.raises(ValueError, match="A preset holds layers"):
            model.save_to_preset(tmp_path / "preset")
        assert not (tmp_path / "preset").exists()


def test_quantization_that_cannot_be_saved(tmp_path):
    model = tiny_models.new_model()
    model.quantize("float8")
    for save in (
        lambda: model.save(tmp_path / "model.keras"),
        lambda: model.save_to_preset(tmp_path / "preset"),
        lambda: copy.deepcopy(model),
    ):
        with pytest.raises(ValueError, match="Received: mode='float8' of the layer"):
            save()
    assert list(tmp_path.iterdir()) == []
    model = tiny_models.new_model()
    model.quantize("int8")
    with pytest.raises(ValueError, match="quantized encoder or decoder"):
        model.backbone.encoder.get_config()


def test_weights_that_are_gone(tmp_path):
    model = new_model()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*does not have a `quantize`")
        model.backbone.quantize("int8")
    with pytest.raises(ValueError, match="weights that the model no longer has"):
        pictures(model, use_ema=True)
    with pytest.raises(ValueError, match="call `compile\\(\\)` again before you save"):
        model.save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match=r"Call `compile\(\)` again"):
        fit(model)
