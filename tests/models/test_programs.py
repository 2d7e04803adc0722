"""How often programs are made: what may differ from call to call is an input."""

import keras
import numpy as np
import pytest

from keras_sphere import geometry, sampling
from keras_sphere.backend import operations as backend
from tests import tiny_models

LABELS = tiny_models.new_labels()
NOISE = sampling.host_noise(0, range(4), 0, tiny_models.LATENT_SHAPE)
DRAWS = [sampling.host_noise(0, range(4), t, tiny_models.LATENT_SHAPE) for t in (1, 2)]


class Counter:
    """Counts the calls of a network, which a compiled program makes when traced."""

    def __init__(self, network):
        self.network, self.calls = network, 0

    def __call__(self, *arguments):
        self.calls += 1
        return self.network(*arguments)


@pytest.fixture
def counted(shared_model):
    """A model that has compiled nothing yet, with its counters."""
    model = tiny_models.new_model(weights=shared_model.backbone.get_weights())
    counters = {}
    for name in ("encode", "decode"):
        counters[name] = Counter(getattr(model.backbone, name))
        setattr(model.backbone, name, counters[name])
    return model, counters


@pytest.mark.skipif(not backend.COMPILES, reason="runs eagerly")
def test_one_program_serves_labels_seeds_scales_steps_and_counts(counted):
    model, counters = counted
    model.generate(labels=[0, 1, 2], seed=0, steps=4, guidance_scale=1.5)
    first = {name: counter.calls for name, counter in counters.items()}
    assert 1 <= first["decode"] == first["encode"] <= 3
    for options in (
        {"labels": [2, 2, 0]},
        {"seed": 7},
        {"guidance_scale": 2.5},
        {"steps": 1},
        {"steps": 9},
        {"schedule": "decay"},
        {"labels": [0, 1, 2, 0]},
        {"labels": None, "num_images": 4},
        {"noise": NOISE, "step_noise": DRAWS, "labels": 1},
        {"labels": [0, 1, 2, 0, 1, 2, 0], "batch_size": 4},
    ):
        given = {"labels": [0, 1, 2], "seed": 0, "steps": 4, "guidance_scale": 1.5}
        model.generate(**{**given, **options})
        calls = {name: counter.calls for name, counter in counters.items()}
        assert calls == first, options
    assert len(model.passes._programs) == 1
    model.generate(labels=[0, 1, 2], seed=0, steps=4, guidance_scale=1.0)
    assert len(model.passes._programs) == 2


@pytest.mark.skipif(not backend.COMPILES, reason="runs eagerly")
def test_counts_share_buckets(counted):
    model, _ = counted
    for count in (1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17):
        model.generate(count, steps=2, seed=0, batch_size=8)
    assert len(model.passes._programs) == 4  # 1, 2, 4 and 8


def test_the_networks_run_once_per_step_only(counted):
    """What is not asked for is not computed: no encoder pass in a single step."""
    model, counters = counted
    model.generate(2, steps=3, seed=0)
    if not backend.COMPILES:
        calls = {name: counter.calls for name, counter in counters.items()}
        assert calls == {"encode": 2, "decode": 3}
    assert counters["decode"].calls <= 3


@pytest.mark.parametrize("shared_noise", [True, False])
@pytest.mark.parametrize("from_noise", [True, False])
def test_the_program_is_the_loop_of_plain_functions(shared_noise, from_noise):
    """`sample_in_program` beside `sample`, on networks of one line."""
    shape, strengths = (2, 3, 4), [1.0, 0.5, 0.25]
    draws = [sampling.host_noise(1, range(2), t, shape[1:]) for t in range(4)]
    moves = draws[1:2] if shared_noise else draws[1:4]
    encode, decode = (lambda x: 0.5 * x + 0.1), (lambda z: 2.0 * z)
    images = sampling.sample(encode, decode, draws[0], moves, strengths, 3.0)
    program = backend.compiled(
        lambda noise, start, moves, sigmas, steps, from_noise: (
            sampling.sample_in_program(
                lambda: geometry.spherify(noise),
                lambda t, images: geometry.perturb(
                    encode(images),
                    sampling.draw_of_move(moves, t, from_noise),
                    keras.ops.take(sigmas, t),
                ),
                lambda t, points: decode(points),
                start,
                steps,
                from_noise,
                num_kept=4,
            )
        )
    )
    steps = 4 if from_noise else 3
    sigmas = [0.0, 3.0, 1.5, 0.75] if from_noise else [3.0, 1.5, 0.75, 9.0]
    start = np.zeros(shape, "float32") if from_noise else images[0]
    kept = program(
        *map(keras.ops.convert_to_tensor, (draws[0], start, np.stack(moves))),
        keras.ops.convert_to_tensor(np.asarray(sigmas, "float32")),
        np.asarray(steps, "int32"),
        np.asarray(from_noise),
    )
    kept = keras.ops.convert_to_numpy(kept)
    expected = images if from_noise else images[1:]
    for actual, wanted in zip(kept[:steps], expected, strict=True):
        wanted = keras.ops.convert_to_numpy(wanted)
        np.testing.assert_allclose(actual, wanted, atol=1e-5)


def test_mixed_classes(shared_model):
    """A mix of one class is that class; half of each is between the two."""

    def images(labels):
        return shared_model.generate(3, labels=labels, steps=2, seed=0)

    np.testing.assert_allclose(images({1: 2.0}), images(1), atol=1e-5)
    rows = np.eye(3, dtype="float32")[[1, 0, 2]]
    np.testing.assert_allclose(images(rows), images([1, 0, 2]), atol=1e-5)
    null = np.pad(np.zeros((3, 3), "float32"), ((0, 0), (0, 1)), constant_values=1)
    null[:, :3] = 0.0
    np.testing.assert_allclose(images(null), images(None), atol=1e-5)
    mixed = images({1: 1.0, 2: 1.0})
    assert np.abs(mixed - images(1)).max() > 1e-4
    assert np.abs(mixed - images(2)).max() > 1e-4
    np.testing.assert_allclose(
        mixed, images(np.tile([0.0, 0.5, 0.5], (3, 1))), atol=1e-5
    )


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        ({}, "labels"),
        ({5: 1.0}, r"`labels` must be in \[0, 2\].*from 5 to 5"),
        ({1: 0.0}, "positive sum"),
        (np.ones((2, 3)) / 3, r"shape \(3, 3\).*Received: shape \(2, 3\)"),
        (np.ones((3, 5)) / 5, r"shape \(3, 3\).*Received: shape \(3, 5\)"),
        (np.ones((3, 3)), r"rows with the sum 1.*Received: .*3\."),
        (np.full((3, 3), np.nan), "rows with the sum 1.*nan"),
    ],
    ids=str,
)
def test_bad_mixes(shared_model, labels, text):
    with pytest.raises(ValueError, match=f"(?s){text}"):
        shared_model.generate(3, labels=labels, steps=1)


def test_guidance_of_mixed_classes(shared_model):
    options = {"steps": 2, "seed": 0, "guidance_scale": 2.0}
    np.testing.assert_allclose(
        shared_model.generate(2, labels={1: 1.0}, **options),
        shared_model.generate(2, labels=1, **options),
        atol=1e-5,
    )
