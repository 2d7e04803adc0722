"""Exported files compute what the model computes, and are read back."""

import json

import numpy as np
import pytest

import keras_sphere
from keras_sphere import evaluation
from keras_sphere.export import ExportError, checking
from keras_sphere.version import __version__
from tests import tiny_models
from tests.testing import perturb_weights, to_numpy

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
onnxruntime_session = pytest.importorskip("keras_sphere.export.graphs").new_session

RANDOM = {"RandomNormal", "RandomNormalLike", "RandomUniform", "Multinomial", "Dropout"}
NAMES = ["bee", "ant", "fly"]
REFINER_SIZE = {"hidden_dim": 16, "num_layers": 1, "num_heads": 2}


def new_model(**arguments):
    model = tiny_models.new_model(**arguments)
    if model.backbone.num_classes:
        model.backbone.class_names = NAMES
    return model


@pytest.fixture(scope="module")
def model():
    return new_model()


def new_refiner(model):
    """Of random weights: a new one moves no point."""
    refiner = keras_sphere.LatentRefiner.of(model, size=REFINER_SIZE)
    perturb_weights(refiner)
    return refiner


@pytest.fixture(scope="module")
def refiner(model):
    return new_refiner(model)


@pytest.fixture(scope="module")
def folder(model, refiner, tmp_path_factory):
    """Decoder, encoder and refiner of `model`, exported once."""
    folder = tmp_path_factory.mktemp("export") / "files"
    told = []
    files = keras_sphere.export_onnx(
        model,
        folder,
        ["decoder", "encoder"],
        license="MIT",
        tell=told.append,
        refiner=refiner,
    )
    assert told == files
    assert [file.path for file in files] == [
        folder / "decoder.onnx",
        folder / "encoder.onnx",
        folder / "refiner.onnx",
    ]
    assert all(file.num_bytes == file.path.stat().st_size for file in files)
    assert all(0 < file.agreement.difference < 1e-4 for file in files)
    return folder


def described(values):
    """Names of inputs or outputs with their shapes."""
    return {
        value.name: [
            d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim
        ]
        for value in values
    }


def new_noise(count, seed=0):
    shape = (count, *tiny_models.LATENT_SHAPE)
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


def test_inputs_outputs_and_operators(folder):
    decoder = onnx.load(folder / "decoder.onnx")
    assert described(decoder.graph.input) == {
        "latents": ["batch", 4, 4],
        "labels": ["batch", 4],
    }
    assert described(decoder.graph.output) == {
        "images": ["batch", 16, 16, 3],
        "raw_images": ["batch", 16, 16, 3],
    }
    encoder = onnx.load(folder / "encoder.onnx")
    assert list(described(encoder.graph.input)) == ["images", "labels"]
    assert described(encoder.graph.output) == {
        "latents": ["batch", 4, 4],
        "raw_latents": ["batch", 4, 4],
    }
    refiner = onnx.load(folder / "refiner.onnx")
    assert described(refiner.graph.input) == {
        "points": ["batch", 4, 4],
        "labels": ["batch", 4],
        "guidance_scale": ["batch"],
    }
    for file in (decoder, encoder, refiner):
        assert [entry.version for entry in file.opset_import if not entry.domain] == [
            18
        ]
        assert not {node.op_type for node in file.graph.node} & RANDOM


def test_a_file_says_what_it_is(model, folder):
    texts = {
        entry.key: entry.value
        for entry in onnx.load(folder / "decoder.onnx").metadata_props
    }
    config = json.loads(texts["keras_sphere.config"])
    assert config["architecture"] == json.loads(json.dumps(model.backbone.architecture))
    assert config["noise"]["max_angle_degrees"] == 80.0
    assert json.loads(texts["keras_sphere.sampling"]) == model.sampling.to_dict() | {
        "shared_noise": True
    }
    assert json.loads(texts["keras_sphere.class_names"]) == NAMES
    assert texts["keras_sphere.version"] == __version__
    assert texts["keras_sphere.part"] == "decoder"
    assert texts["keras_sphere.weights"] == "float32"
    assert texts["keras_sphere.license"] == "MIT"


def test_weights_stand_in_a_file_once(folder):
    seen = set()
    for tensor in onnx.load(folder / "decoder.onnx").graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        key = (values.dtype, values.shape, values.tobytes())
        assert key not in seen
        seen.add(key)


@pytest.mark.parametrize("count", [1, 5])
def test_decoder_for_batches_of_any_size(model, folder, count):
    """Latents of any length, and a mix of classes."""
    latents, mix = 3.0 * new_noise(count), np.full((count, 4), 0.25, "float32")
    session = onnxruntime_session(str(folder / "decoder.onnx"))
    (images,) = session.run(["images"], {"latents": latents, "labels": mix})
    np.testing.assert_allclose(images, model.decode(latents, labels=mix), atol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"steps": 1},
        {"steps": 3, "guidance_scale": 1.5, "guidance_position": "both"},
        {"steps": 3, "shared_noise": False, "schedule": "decay"},
    ],
)
def test_files_generate_what_the_model_does(model, folder, options):
    exported = keras_sphere.load_onnx(folder)
    labels = ["bee", "fly"]
    np.testing.assert_allclose(
        exported.generate(labels=labels, seed=5, **options),
        model.generate(labels=labels, seed=5, **options),
        atol=1e-4,
    )


def test_files_reconstruct_what_the_model_does(model, folder):
    images = tiny_models.new_images(3)
    np.testing.assert_allclose(
        keras_sphere.load_onnx(folder).reconstruct(images),
        model.reconstruct(images),
        atol=1e-4,
    )


def test_an_evaluation_names_the_file(folder):
    real = np.random.default_rng(0).uniform(-1, 1, (12, 16, 16, 3)).astype("float32")
    result = evaluation.evaluate(
        keras_sphere.load_onnx(folder),
        real,
        metrics=["frechet", "psnr"],
        network="digits",
        num_images=6,
    )
    assert [row.name for row in result.rows] == [
        "decoder.onnx, float32",
        "reconstructed",
    ]
    assert result.rows[0].values["frechet"] > 0
    assert result.rows[0].settings["weights"].startswith("float32 ")


def check_refined(model, refiner, exported, **options):
    """The refiner makes the steps of `options`, and other images than the encoder."""
    given = {"num_images": 3, "seed": 1, **options}
    images = exported.generate(refiner=True, **given)
    expected = to_numpy(model.generate(refiner=refiner, **given))
    np.testing.assert_allclose(images, expected, atol=1e-4)
    assert np.max(np.abs(images - to_numpy(model.generate(**given)))) > 1e-2


def test_a_refiner_is_a_part(model, refiner, folder, tmp_path):
    guided = {"guidance_scale": 1.5, "guidance_position": "both"}
    options = {"steps": 3, "labels": ["bee", "ant", "fly"], **guided}
    exported = keras_sphere.load_onnx(folder)
    check_refined(model, refiner, exported, **options)
    with pytest.raises(ValueError, match=r"`guidance_scale` must be in.*Received"):
        exported.generate(refiner=True, **{**options, "guidance_scale": 9.0})
    other = new_model()
    other.backbone.set_weights([2.0 * w for w in other.backbone.get_weights()])
    with pytest.raises(ValueError, match="taught by another model"):
        keras_sphere.export_onnx(other, tmp_path / "no", ["decoder"], refiner=refiner)
    assert not (tmp_path / "no").exists()


def test_a_refiner_of_another_decoder(folder, tmp_path):
    (tmp_path / "decoder.onnx").write_bytes((folder / "decoder.onnx").read_bytes())
    with pytest.raises(ValueError, match=r"holds none.*Received: no refiner\.onnx"):
        keras_sphere.load_onnx(tmp_path).generate(labels=[0], refiner=True)
    file = onnx.load(folder / "refiner.onnx")
    known = {entry.key: entry for entry in file.metadata_props}
    taught = json.loads(known["keras_sphere.refiner"].value)
    assert taught["teacher"] == known["keras_sphere.teacher"].value
    taught["teacher"] = 64 * "0"
    known["keras_sphere.refiner"].value = json.dumps(taught)
    onnx.save(file, tmp_path / "refiner.onnx")
    with pytest.raises(ValueError, match=r"another model than decoder\.onnx is of"):
        keras_sphere.load_onnx(tmp_path)


@pytest.mark.slow
def test_a_refiner_where_noise_is_a_rotation(tmp_path):
    """The model's own, which the name of the part means."""
    model = tiny_models.new_rotating_model()
    refiner = new_refiner(model)
    model.attach_refiner(refiner)
    keras_sphere.export_onnx(model, tmp_path / "files", ["decoder", "refiner"])
    exported = keras_sphere.load_onnx(tmp_path / "files")
    check_refined(model, refiner, exported, steps=3, guidance_degrees=10.0, labels=1)


def test_without_the_encoder_there_is_one_step(folder, tmp_path):
    (tmp_path / "decoder.onnx").write_bytes((folder / "decoder.onnx").read_bytes())
    exported = keras_sphere.load_onnx(tmp_path)
    assert exported.generate(labels=[0], steps=1).shape == (1, 16, 16, 3)
    with pytest.raises(ValueError, match=r"needs the encoder.*parts="):
        exported.generate(labels=[0], steps=2)


def test_a_folder_that_is_no_export(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"has none.*Received: onnx"):
        keras_sphere.load_onnx(tmp_path)
    (tmp_path / "decoder.onnx").write_bytes(b"no graph")
    with pytest.raises(ValueError, match="must be an ONNX file of `export_onnx`"):
        keras_sphere.load_onnx(tmp_path)
    node = onnx.helper.make_node("Identity", ["a"], ["b"])
    ends = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1])
        for name in "ab"
    ]
    graph = onnx.helper.make_graph([node], "other", ends[:1], ends[1:])
    onnx.save(
        onnx.helper.make_model(
            graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10
        ),
        tmp_path / "decoder.onnx",
    )
    with pytest.raises(ValueError, match="an ONNX file without that"):
        keras_sphere.load_onnx(tmp_path)


@pytest.mark.parametrize(
    "arguments",
    [
        {"sampling": {"steps": 3, "guidance_scale": 1.5, "schedule": "decay"}},
        {"num_classes": 0, "sampling": {"steps": 2}},
    ],
)
@pytest.mark.slow
def test_the_loop_of_noise_that_is_added(arguments, tmp_path):
    """The export itself compares with `generate` at the default `sigma`."""
    check_loop(new_model(**arguments), tmp_path / "files")


@pytest.mark.parametrize(
    "arguments",
    [
        {"sampling": {"steps": 3, "guidance_degrees": 10.0}},
        {"num_classes": 0, "sampling": {"steps": 2, "loop_angle_degrees": 60.0}},
    ],
)
@pytest.mark.slow
def test_the_loop_of_noise_that_is_a_rotation(arguments, tmp_path):
    model = tiny_models.new_rotating_model(**arguments)
    folder = tmp_path / "files"
    check_loop(model, folder)
    keras_sphere.export_onnx(model, tmp_path / "two", ["decoder", "encoder"])
    decoder = onnx.load(tmp_path / "two" / "decoder.onnx")
    assert described(decoder.graph.input)["angles"] == ["batch"]
    encoder = onnx.load(tmp_path / "two" / "encoder.onnx")
    assert list(described(encoder.graph.input)) == ["images"]
    given = {"num_images": 3, "seed": 1}
    read = keras_sphere.load_onnx(tmp_path / "two").generate(**given)
    np.testing.assert_allclose(read, to_numpy(model.generate(**given)), atol=1e-4)


def check_loop(model, folder):
    """Exports the loop; the noise between the steps must count for something."""
    keras_sphere.export_onnx(model, folder, ["sample"])
    assert [path.name for path in folder.iterdir()] == ["sample.onnx"]
    file = onnx.load(folder / "sample.onnx")
    assert not {node.op_type for node in file.graph.node} & RANDOM
    known = {entry.key: entry.value for entry in file.metadata_props}
    sampling = json.loads(known["keras_sphere.sampling"])
    assert sampling["num_steps"] == model.sampling.steps
    noise = new_noise(4, seed=7)
    inputs = {"noise": noise, "sigma": np.asarray(sampling["sigma"], "float32")}
    if model.backbone.num_classes:
        inputs["labels"] = np.eye(4, dtype="float32")
    assert described(file.graph.input).keys() == inputs.keys()
    session = onnxruntime_session(str(folder / "sample.onnx"))
    (images,) = session.run(None, inputs)
    expected = model.generate(
        4, labels=inputs.get("labels"), noise=noise, step_noise=noise[None]
    )
    np.testing.assert_allclose(images, to_numpy(expected), atol=1e-4)
    (others,) = session.run(None, {**inputs, "sigma": np.asarray(inputs["sigma"] / 2)})
    assert np.max(np.abs(others - images)) > 1e-3


@pytest.mark.slow
def test_a_model_of_another_dtype_is_exported_in_float32(model, tmp_path):
    weights = model.backbone.get_weights()
    halves = new_model(dtype="mixed_bfloat16", weights=weights)
    keras_sphere.export_onnx(halves, tmp_path / "files", ["decoder"])
    noise = new_noise(2)
    exported = keras_sphere.load_onnx(tmp_path / "files")
    np.testing.assert_allclose(
        exported.generate(noise=noise, steps=1),
        model.generate(noise=noise, steps=1),
        atol=1e-5,
    )


@pytest.mark.slow
def test_a_file_that_is_too_far_off_is_not_kept(model, tmp_path, monkeypatch):
    monkeypatch.setattr(checking, "LARGEST_DIFFERENCE", 0.0)
    with pytest.raises(ExportError, match=r"nothing was written.*largest difference"):
        keras_sphere.export_onnx(model, tmp_path / "files", ["decoder"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "parts",
    [
        ["decoder"],
        pytest.param(["decoder", "encoder", "sample"], marks=pytest.mark.slow),
    ],
)
def test_vectors_are_an_input_of_their_own(tmp_path, parts):
    model = tiny_models.new_vector_model(num_classes=3)
    files = keras_sphere.export_onnx(model, tmp_path / "files", parts)
    assert all(file.agreement.difference < 1e-4 for file in files)
    session = onnxruntime_session(str(tmp_path / "files" / "decoder.onnx"))
    inputs = {value.name: value.shape[1:] for value in session.get_inputs()}
    assert inputs == {"latents": [4, 4], "labels": [4], "embeddings": [9]}
    read = keras_sphere.load_onnx(tmp_path / "files")
    rows = read.condition(labels=[1, 2], prompts=["a red square", "a blue square"])
    options = {"labels": rows, "seed": 0, "steps": min(len(parts), 2)}
    options.update(guidance_scale=2.0, guidance_position="decoder")
    np.testing.assert_allclose(
        read.generate(**options), model.generate(**options), atol=1e-4
    )
