"""Frozen, quantized and LoRA layers: what files keep, and what is refused."""

import copy
import json
import warnings

import keras
import numpy as np
import pytest

from keras_sphere import SphereAdamW, presets
from keras_sphere.models.encoder import Encoder
from keras_sphere.models.inference import current_weights
from keras_sphere.models.quantization import short_collections
from keras_sphere.training import TrainingCheckpoint
from tests import tiny_models
from tests.models.conftest import compile_quickly, without_tracing
from tests.tiny_models import fit

NOT_BUILT = "There is no moving average"


def flags(network):
    return {layer.path: layer.trainable for layer in network._flatten_layers()}


def pictures(model):
    return model.generate(2, seed=0, steps=2)


def reconstructions(model):
    images, labels = tiny_models.new_images(2), tiny_models.new_labels(2)
    return keras.ops.convert_to_numpy(model.backbone(images, labels))


def assert_same_weights(loaded, model):
    """The trained ones and their average."""
    for use_ema in (False, True):
        pairs = [current_weights(either, use_ema) for either in (loaded, model)]
        for a, b in zip(*pairs, strict=True):
            np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (a, b)))


def saved_and_loaded(model, folder):
    model.save(folder / "model.keras")
    return keras.saving.load_model(folder / "model.keras")


def as_trained(model):
    """Compiled, and with an average and a count of steps that no build gives."""
    compile_quickly(model, optimizer=SphereAdamW(1e-2, ema_momentum=0.5))
    for _, average in model.optimizer.moving_averages():
        average.assign(0.9 * average)
    model.optimizer.iterations.assign(2)
    return model


@pytest.fixture(scope="module")
def frozen():
    """A trained model, frozen but for the head of the encoder and the decoder."""
    model = tiny_models.new_model()
    model.backbone.encoder.trainable = False
    model.backbone.encoder.transformer.head.trainable = True
    model.backbone.decoder.transformer.blocks[0].trainable = False
    return as_trained(model)


def test_a_frozen_model_comes_back(frozen, tmp_path):
    assert frozen.backbone.encoder.trainable_variables == []
    loaded = saved_and_loaded(frozen, tmp_path)
    assert flags(loaded) == flags(frozen)
    assert len(loaded.trainable_variables) == len(frozen.trainable_variables)
    assert_same_weights(loaded, frozen)
    assert int(loaded.optimizer.iterations) == 2
    before = tiny_models.state(loaded)
    fit(without_tracing(loaded))
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
    path = tmp_path / "no_optimizer.weights.h5"
    tiny_models.new_model().save_weights(path)
    with pytest.warns(UserWarning, match="Skipping variable loading"):
        loaded.load_weights(path)
    with pytest.raises(ValueError, match="average was not restored"):
        current_weights(loaded, use_ema=True)
    fit(loaded)
    current_weights(loaded, use_ema=True)


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
    model = as_trained(tiny_models.new_model())
    model.backbone.encoder.trainable = False
    loaded = saved_and_loaded(model, tmp_path)
    assert_same_weights(loaded, model)
    assert flags(loaded) == flags(model)
    for either in (model, loaded):
        with pytest.raises(ValueError, match=r"Call `compile\(\)` again"):
            fit(either)
        with pytest.raises(ValueError, match=r"Call `compile\(\)` again"):
            either.train_on_batch(tiny_models.new_images(4))


def test_an_optimizer_that_was_not_built(tmp_path):
    model = tiny_models.new_model()
    model.compile()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loaded = saved_and_loaded(model, tmp_path)
    assert not [w for w in caught if "optimizer" in str(w.message)]
    with pytest.raises(ValueError, match=NOT_BUILT):
        current_weights(loaded, use_ema=True)


def enable_lora(model):
    """LoRA everywhere, with matrices as if they were trained."""
    for layer in model.backbone._flatten_layers():
        if hasattr(layer, "enable_lora"):
            layer.enable_lora(2)
            shape = layer.lora_kernel_b.shape
            layer.lora_kernel_b.assign(np.full(shape, 0.05, "float32"))
    return model


def test_lora_is_merged(tmp_path):
    plain = tiny_models.new_model()
    model = enable_lora(tiny_models.new_model(weights=plain.backbone.get_weights()))
    assert any("lora" in variable.name for variable in model.trainable_variables)
    expected = reconstructions(model)
    assert np.abs(expected - reconstructions(plain)).max() > 0.01
    model.save_to_preset(tmp_path / "preset")
    as_trained(model).save(tmp_path / "model.keras")
    with pytest.warns(UserWarning, match="Skipping variable loading"):
        loaded = keras.saving.load_model(tmp_path / "model.keras")
    with pytest.raises(ValueError, match=NOT_BUILT):
        current_weights(loaded, use_ema=True)
    for either in (loaded, presets.load(tmp_path / "preset")):
        np.testing.assert_allclose(reconstructions(either), expected, atol=1e-5)


def test_lora_has_no_checkpoints(tmp_path):
    model = enable_lora(tiny_models.new_model())
    model.compile()
    with pytest.raises(ValueError, match=r"cannot be resumed.*Received: LoRA"):
        fit(model, callbacks=[TrainingCheckpoint(tmp_path)])
    assert list(tmp_path.iterdir()) == []


WEIGHTS_ONLY = keras.quantizers.Int8QuantizationConfig(activation_quantizer=None)


def test_int8_after_training_and_generation(shared_model, tmp_path):
    values = shared_model.backbone.get_weights()
    model = as_trained(tiny_models.new_model(weights=values))
    floats = pictures(model)
    model.quantize("int8")
    quantized = pictures(model)  # no stale program
    assert 0.0 < np.abs(quantized - floats).max() < 0.05
    with pytest.raises(ValueError, match=NOT_BUILT):
        current_weights(model, use_ema=True)
    model.backbone.decoder.trainable = False
    as_trained(model)  # what is left in floats
    loaded = saved_and_loaded(model, tmp_path)
    assert_same_weights(loaded, model)
    assert flags(loaded) == flags(model)
    assert loaded.backbone.encoder.transformer.head.linear._kernel.dtype == "int8"
    np.testing.assert_array_equal(reconstructions(loaded), reconstructions(model))


def test_int8_presets(tmp_path):
    model = tiny_models.new_model()
    model.save_to_preset(tmp_path / "floats")
    model.quantize("int8")
    model.save_to_preset(tmp_path / "preset", dtype="float16")
    assert presets.describe(tmp_path / "floats")["quantized_layers"] == []
    assert "layers in int8" in (tmp_path / "preset" / "README.md").read_text()
    loaded = presets.load(tmp_path / "preset")
    error = reconstructions(loaded) - reconstructions(model)
    assert 0.0 < np.abs(error).max() < 0.02  # norms and tables: float16
    mixed = presets.load(tmp_path / "preset", dtype="mixed_bfloat16")
    layer = mixed.backbone.encoder.transformer.head.linear
    assert layer.dtype_policy.name == "int8_from_mixed_bfloat16"
    loaded.save_to_preset(tmp_path / "again")
    with pytest.raises(ValueError, match="has the architecture it has"):
        presets.load(tmp_path / "preset", num_classes=5)
    config = json.loads((tmp_path / "again" / "config.json").read_text())
    config["quantized_layers"][0] = "encoder/unknown"
    (tmp_path / "again" / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=r"have a kernel.*encoder/unknown"):
        presets.load(tmp_path / "again")


@pytest.mark.parametrize(
    "arguments",
    [{"mode": "int4"}, {"config": WEIGHTS_ONLY}, {"mode": "int8", "filters": "qkv"}],
    ids=["int4", "weights", "some"],
)
def test_other_quantization(shared_model, arguments, tmp_path):
    model = tiny_models.new_model(weights=shared_model.backbone.get_weights())
    model.quantize(**arguments)
    loaded = saved_and_loaded(model, tmp_path)
    np.testing.assert_array_equal(reconstructions(loaded), reconstructions(model))
    model.save_weights(tmp_path / "model.weights.h5")
    loaded.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(reconstructions(loaded), reconstructions(model))
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
    model = as_trained(tiny_models.new_model())
    with short_collections(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*does not have a `quantize`")
        model.backbone.quantize("int8")
    with pytest.raises(ValueError, match="weights that the model no longer has"):
        current_weights(model, use_ema=True)
    with pytest.raises(ValueError, match="call `compile\\(\\)` again before you save"):
        model.save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match=r"Call `compile\(\)` again"):
        fit(model)
