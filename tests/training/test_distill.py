"""A refiner is taught: it comes nearer to its teacher, and goes on exactly."""

import json
import signal

import keras
import numpy as np
import pytest

from keras_sphere import LatentRefiner, training
from keras_sphere.models.inference import current_weights
from keras_sphere.models.latent_map import latent_map
from keras_sphere.training.distillation import Distillation
from keras_sphere.training.distillation_draws import DistillationDraws
from tests import tiny_models
from tests.training import small_fits
from tests.training.signaller import Signaller

SIZE = {"hidden_dim": 16, "num_layers": 1, "num_heads": 2}
RUN = {
    "epochs": 2,
    "steps_per_epoch": 3,
    "batch_size": 4,
    "chain": 2,
    "learning_rate": 0.01,
    "seed": 3,
    "verbose": 0,
    "jit_compile": small_fits.JIT_COMPILE,
}


@pytest.fixture(scope="module")
def model(quick_compilation):
    return tiny_models.new_model()


def new_refiner(model, **arguments):
    keras.utils.set_random_seed(1)
    return LatentRefiner.of(model, size=SIZE, **arguments)


def weights(refiner):
    return [np.array(w) for w in refiner.get_weights()]


def draws(**arguments):
    given = {
        "latent_shape": (4, 2),
        "num_classes": 3,
        "motion": "addition",
        "values": (1.0, 2.0),
        "largest": 5.0,
        "shared_noise": True,
        "chain": 3,
        "batch_size": 8,
        "steps_per_epoch": 4,
        "seed": 0,
    }
    return DistillationDraws(**{**given, **arguments})


def test_draws_depend_on_seed_and_step_alone():
    first = draws().batch(6)
    again = next(draws().starting_at(1, 2))[0]
    for name, values in first.items():
        np.testing.assert_array_equal(values, again[name])
    for other in (draws(seed=1).batch(6), draws().batch(7)):
        assert np.all(first["noise"] != other["noise"])


def test_draws_are_of_the_method():
    many = draws(batch_size=2000).batch(0)
    assert 0.05 < np.mean(many["labels"] == 3) < 0.15
    assert set(many["labels"]) == {0, 1, 2, 3}
    assert np.ptp(many["conditions"], axis=1).max() == 0  # one scale per loop
    assert 1.0 <= many["conditions"].min() < 1.1 < 1.9 < many["conditions"].max() <= 2.0
    assert 0.0 <= many["strengths"].min() < 0.2 < 4.8 < many["strengths"].max() <= 5.0
    np.testing.assert_array_equal(many["moves"][:, 0], many["moves"][:, 2])
    assert np.all(many["moves"][:, 0] != many["noise"])
    turned = draws(motion="rotation", values=(70.0, 90.0), largest=0.0).batch(0)
    np.testing.assert_array_equal(turned["moves"][:, 1], turned["noise"])
    np.testing.assert_allclose(
        turned["strengths"], np.radians(turned["conditions"]), rtol=1e-6
    )
    assert 70.0 <= turned["conditions"].min() < turned["conditions"].max() <= 90.0
    apart = draws(shared_noise=False).batch(0)["moves"]
    assert np.all(apart[:, 0] != apart[:, 1])
    assert "labels" not in draws(num_classes=0).batch(0)


def test_draws_of_images():
    images = np.arange(5, dtype="float32")[:, None, None, None]
    batch = draws(images=images, labels=np.array([2, 2, 2, 2, 2])).batch(0)
    assert batch["images"].shape == (4, 1, 1, 1)
    assert set(batch["labels"][:4]) <= {2, 3}


@pytest.mark.parametrize("kind", ["adding", "rotating"])
def test_points_and_targets_are_those_of_loops(kind, model):
    """The loops of a step by hand, from the teacher's own functions."""
    if kind == "rotating":
        model = tiny_models.new_rotating_model()
    refiner = new_refiner(model)
    backbone = model.backbone
    plan = {"latent_shape": tiny_models.LATENT_SHAPE, "chain": 2}
    if kind == "rotating":
        plan |= {"motion": "rotation", "values": (70.0, 90.0), "largest": 0.0}
    batch = draws(**plan, images=tiny_models.new_images(4)).batch(0)
    trained = Distillation(refiner, backbone, current_weights(model, False), 2)
    labels = batch["labels"]
    encoded = backbone.spherify(backbone.encode(batch["images"], labels[:4]))
    points = keras.ops.concatenate(
        [
            backbone.perturb(encoded, batch["noise"][:4], batch["strengths"][:4, 0]),
            backbone.spherify(batch["noise"])[4:],
        ],
        axis=0,
    )
    for training_now in (False, True):
        found, targets = trained._loops(_tensors(batch), training_now)
        where = points
        for step in range(2):
            condition = keras.ops.convert_to_tensor(batch["conditions"][:, step])
            target = latent_map(
                backbone, where, labels, condition, refiner.guidance_position
            )
            np.testing.assert_allclose(_numpy(found[step]), _numpy(where), atol=2e-5)
            np.testing.assert_allclose(_numpy(targets[step]), _numpy(target), atol=2e-5)
            if step == 0:
                reached = target
                if training_now:
                    follows = batch["follows"][:, None, None]
                    own = refiner(where, labels, condition)
                    reached = keras.ops.where(follows, own, target)
                where = backbone.perturb(
                    reached, batch["moves"][:, 0], batch["strengths"][:, 1]
                )
    cosines = _numpy(trained(_tensors(batch)))
    assert cosines.shape == (8, 2)
    first = _numpy(refiner(points, labels, batch["conditions"][:, 0]))
    wanted = _numpy(
        latent_map(
            backbone,
            points,
            labels,
            keras.ops.convert_to_tensor(batch["conditions"][:, 0]),
            refiner.guidance_position,
        )
    )
    norms = np.sqrt(np.sum(first**2, (1, 2)) * np.sum(wanted**2, (1, 2)))
    expected = np.sum(first * wanted, (1, 2)) / norms
    np.testing.assert_allclose(cosines[:, 0], expected, atol=1e-5)


def _tensors(batch):
    return {name: keras.ops.convert_to_tensor(value) for name, value in batch.items()}


def _numpy(tensor):
    if hasattr(tensor, "detach"):
        tensor = tensor.detach()
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def test_it_comes_nearer_to_its_teacher(model, tmp_path):
    before = model.backbone.get_weights()
    refiner = new_refiner(model)
    at_first = training.measure_refiner(
        model, refiner, batch_size=8, chain=2, jit_compile=small_fits.JIT_COMPILE
    )
    run = training.distill(
        model,
        refiner,
        output_dir=tmp_path,
        **{**RUN, "epochs": 3, "batch_size": 16, "steps_per_epoch": 20},
    )
    assert run.is_complete
    assert run.refiner is refiner
    assert np.all(np.array(run.cosines) > np.array(at_first) + 0.1)
    assert run.history["loss"][-1] < run.history["loss"][0]
    for old, new in zip(before, model.backbone.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)  # the teacher is not changed
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"checkpoints", "log.csv", "plan.json", "refiner.keras"}
    plan = json.loads((tmp_path / "plan.json").read_text())["plan"]
    assert plan["refiner"]["teacher"] == refiner.teacher
    assert model.generate(2, steps=3, refiner=refiner).shape == (2, 16, 16, 3)


def test_it_goes_on_exactly_after_a_signal(model, tmp_path):
    images, labels = tiny_models.new_images(), tiny_models.new_labels()
    given = {**RUN, "images": images, "labels": labels}
    straight = training.distill(
        model, new_refiner(model), output_dir=tmp_path / "a", **given
    )
    stopped = training.distill(
        model,
        new_refiner(model),
        output_dir=tmp_path / "b",
        callbacks=[Signaller(signal.SIGTERM, at_step=2)],
        **given,
    )
    assert not stopped.is_complete
    assert stopped.cosines is None
    assert not (tmp_path / "b" / "refiner.keras").exists()
    refiner = new_refiner(model)
    run = training.distill(model, refiner, output_dir=tmp_path / "b", **given)
    assert run.is_complete
    assert run.cosines == straight.cosines
    for ours, theirs in zip(weights(refiner), weights(straight.refiner), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    done = training.distill(
        model, new_refiner(model), output_dir=tmp_path / "b", **given
    )
    assert done.cosines == straight.cosines  # all is done: nothing is trained
    assert done.history == {}


@pytest.fixture(scope="module")
def begun(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("begun")
    arguments = {**RUN, "epochs": 1, "steps_per_epoch": 1}
    training.distill(model, new_refiner(model), output_dir=folder, **arguments)
    return folder, arguments


def test_another_plan_is_refused(model, begun):
    folder, arguments = begun
    for change, message in (
        ({"batch_size": 8}, "batch_size: 4 -> 8"),
        ({"seed": 4}, "seed: 3 -> 4"),
        ({"images": tiny_models.new_images()}, "images: None -> "),
        ({"learning_rate": 0.1}, "learning_rate: 0.01 -> 0.1"),
    ):
        with pytest.raises(training.PlanChangedError, match=message):
            training.distill(
                model,
                new_refiner(model),
                output_dir=folder,
                **{**arguments, **change},
            )
    with pytest.raises(ValueError, match="resume=False"):
        training.distill(
            model, new_refiner(model), output_dir=folder, resume=False, **arguments
        )


def test_another_teacher_is_refused_before_any_work(model, tmp_path):
    other = tiny_models.new_model()
    other.backbone.set_weights([w + 0.1 for w in other.backbone.get_weights()])
    refiner = new_refiner(other)
    with pytest.raises(ValueError, match="taught by another model"):
        training.distill(model, refiner, output_dir=tmp_path / "run", **RUN)
    with pytest.raises(ValueError, match="taught by another model"):
        training.measure_refiner(model, refiner)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs"),
        ({"batch_size": 0}, "batch_size"),
        ({"learning_rate": -1.0}, "learning_rate"),
        ({"labels": [1]}, "`labels` are those of `images`"),
        ({"images": np.zeros((2, 8, 8, 3), "uint8")}, "images"),
        ({"share": 2.0, "refiner": None}, "share"),
        ({"refiner": "small"}, "must be a `keras_sphere.LatentRefiner`"),
    ],
)
def test_bad_arguments(change, message, model, tmp_path):
    arguments = {"refiner": new_refiner(model), **RUN, **change}
    with pytest.raises(ValueError, match=message):
        training.distill(model, output_dir=tmp_path / "run", **arguments)
    assert not (tmp_path / "run").exists()


def test_a_decoder_alone_has_no_map(tmp_path):
    model = tiny_models.new_rotating_model(backbone={"has_encoder": False})
    with pytest.raises(ValueError, match="A refiner needs the encoder"):
        training.distill(model, output_dir=tmp_path / "run", **RUN)
