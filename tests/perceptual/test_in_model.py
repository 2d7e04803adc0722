"""A model that trains with a pretrained perceptual network."""

import keras
import numpy as np
import pytest

from keras_sphere import presets
from keras_sphere.perceptual import LPIPS, WeightedSum
from keras_sphere.perceptual.weight_files import FOLDER_VARIABLE, write_weight_file
from keras_sphere.training.training_state import Position, load_state, save_state
from tests import tiny_models
from tests.models.conftest import compile_quickly
from tests.perceptual import golden_vgg16
from tests.testing import to_numpy

IMAGES, LABELS = tiny_models.new_images(4), tiny_models.new_labels(4)
DRAWS = tiny_models.new_draws(4)
FEW_BYTES = 2**20  # those of the tiny model and its optimizer, not of VGG16


@pytest.fixture(scope="module", autouse=True)
def weights(tmp_path_factory):
    """A file of weights where networks look for it."""
    folder = tmp_path_factory.mktemp("weights")
    write_weight_file(folder / LPIPS.file_name, golden_vgg16.our_weights(0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDER_VARIABLE, str(folder))
        patch.setenv("KERAS_HOME", str(folder / "home"))
        yield folder


@pytest.fixture(scope="module")
def trained(weights):
    """A model with LPIPS by name, after one step."""
    model = compile_quickly(tiny_models.new_model(perceptual="lpips"))
    model.optimizer.learning_rate = 0.01
    model.before = model.backbone.get_weights()
    model.fit(IMAGES, LABELS, batch_size=4, verbose=0)
    return model


def losses(model):
    outputs = model.training_outputs(IMAGES, LABELS, DRAWS)
    return {k: float(v) for k, v in model.loss_terms(IMAGES, outputs).items()}


def test_the_network_is_tracked_and_frozen(trained):
    network = trained.perceptual_network
    assert network.trainable_weights == []
    assert len(trained.trainable_weights) == len(trained.backbone.trainable_weights)
    tracked = {id(variable) for variable in trained.non_trainable_weights}
    assert {id(variable) for variable in network.weights} <= tracked
    expected = golden_vgg16.our_weights(0)
    for name, variable in network.arrays.items():
        np.testing.assert_array_equal(to_numpy(variable), expected[name])
    assert any(
        not np.array_equal(a, b)
        for a, b in zip(trained.backbone.get_weights(), trained.before, strict=True)
    )


def test_the_losses_hold_the_lpips_distance(trained):
    """By the default losses: the distance of the maps is the squared one."""
    outputs = trained.training_outputs(IMAGES, LABELS, DRAWS)
    x, y = (
        keras.ops.convert_to_tensor((to_numpy(images) + 1.0) / 2.0)
        for images in (IMAGES, outputs["reconstruction"])
    )
    network = trained.perceptual_network
    maps = zip(network(x), network(y), strict=True)
    lpips = sum(float(keras.ops.mean(keras.ops.square(a - b))) for a, b in maps)
    expected = 0.5 * float(keras.ops.mean(keras.ops.square(x - y))) + lpips
    assert lpips > 0.01
    value = float(trained.loss_terms(IMAGES, outputs)["pixel_reconstruction"])
    assert value == pytest.approx(expected, rel=1e-5)


def test_files_leave_out_the_weights_and_bring_the_network_back(trained, tmp_path):
    path = tmp_path / "model.keras"
    trained.save(path)
    assert path.stat().st_size < FEW_BYTES
    assert trained._count_bytes() < FEW_BYTES
    loaded = keras.saving.load_model(path)
    assert loaded.perceptual == "lpips"
    assert losses(loaded) == pytest.approx(losses(trained), rel=1e-5)
    assert type(loaded.optimizer) is type(trained.optimizer)
    trained.save_weights(tmp_path / "model.weights.h5")
    assert (tmp_path / "model.weights.h5").stat().st_size < FEW_BYTES
    other = tiny_models.new_model(perceptual="lpips")
    other.load_weights(tmp_path / "model.weights.h5")
    assert losses(other) == pytest.approx(losses(trained), rel=1e-5)


def test_a_file_without_the_weights_at_hand(trained, tmp_path, monkeypatch):
    trained.save(tmp_path / "model.keras")
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"'lpips' needs lpips_vgg16\.npz"):
        keras.saving.load_model(tmp_path / "model.keras")


def test_a_network_by_its_path_comes_back(weights, tmp_path):
    """From its own file, while weights that are in no file are saved."""
    lpips = LPIPS((0, 2), source=weights / LPIPS.file_name)
    network = WeightedSum([lpips, LPIPS((0, 1), None)], [1.0, 2.0])
    model = compile_quickly(tiny_models.new_model(perceptual=network))
    assert model._compile_loss._user_loss["pixel_consistency"].feature_distance == "l2"
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.perceptual_network.trainable_weights == []
    assert losses(loaded) == pytest.approx(losses(model), rel=1e-5)


def test_checkpoints(trained, tmp_path):
    save_state(trained, tmp_path, Position(1, 0), 1, 1)
    other = compile_quickly(tiny_models.new_model(perceptual="lpips"))
    assert load_state(other, tmp_path)["position"] == Position(1, 0)
    assert losses(other) == pytest.approx(losses(trained), rel=1e-5)


def test_presets_keep_the_name(trained, tmp_path):
    trained.save_to_preset(tmp_path / "mine")
    recipe = presets.describe(tmp_path / "mine")["recipe"]
    assert recipe["perceptual"] == "lpips"
    assert recipe["losses"]["pixel_consistency"]["feature_distance"] == "l2"
    loaded = presets.load(tmp_path / "mine", perceptual="lpips")
    assert losses(loaded) == pytest.approx(losses(trained), rel=1e-5)


def test_the_network_follows_the_dtype_of_the_backbone(weights):
    model = tiny_models.new_model(dtype="mixed_bfloat16", perceptual="lpips")
    assert model.perceptual_network.compute_dtype == "bfloat16"
    assert {v.dtype for v in model.perceptual_network.weights} == {"float32"}
    assert np.isfinite(losses(model)["total"])


class Recording(keras.layers.Layer):
    """Features that are the images, and a note of each batch."""

    def __init__(self):
        super().__init__()
        self.batches = []

    def call(self, images):
        self.batches.append(images.shape[0])
        return images


def test_each_image_is_looked_at_once_per_step():
    network = Recording()
    model = tiny_models.new_model(perceptual=network)
    model.training_outputs(IMAGES, LABELS, DRAWS)
    assert network.batches == [12]


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="torch runs eagerly")
def test_weights_are_arguments_of_the_compiled_step():
    model = compile_quickly(tiny_models.new_model(perceptual=LPIPS((0, 2), None)))
    weights = sum(to_numpy(v).nbytes for v in model.perceptual_network.weights)
    assert weights > 10**6
    program, constants = training_program(model)
    assert len(program) < weights
    assert sum(np.asarray(constant).nbytes for constant in constants) < 10**5


def training_program(model):
    """The program of a training step as text or bytes, and constants beside it."""
    model.build_training()
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        step = tf.function(model.train_step).get_concrete_function((IMAGES, LABELS))
        constants = [x for x in step.captured_inputs if x.dtype != tf.resource]
        program = step.graph.as_graph_def().SerializeToString()
    else:
        import jax

        lists = (
            model.trainable_variables,
            model.non_trainable_variables,
            model.optimizer.variables,
            model.metrics_variables,
        )
        state = [[variable.value for variable in part] for part in lists]
        constants = jax.make_jaxpr(model.train_step)(state, (IMAGES, LABELS)).consts
        program = jax.jit(model.train_step).lower(state, (IMAGES, LABELS)).as_text()
    return program, constants
