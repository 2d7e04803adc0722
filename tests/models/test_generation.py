"""Generation: what its noise depends on, what its options do, what cannot harm it."""

import concurrent.futures
import os
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest

from keras_sphere import SphereEncoderModel, sampling
from tests import tiny_models

IMAGES, LABELS = tiny_models.new_images(), tiny_models.new_labels()


@pytest.fixture(scope="module")
def drawn(shared_model):
    """Seven images in one chunk, by which the others are judged."""
    return shared_model.generate(labels=LABELS[:7], steps=3, seed=11, return_steps=True)


@pytest.mark.parametrize("batch_size", [1, 3, 7, 64])
def test_images_do_not_depend_on_the_batch_size(shared_model, drawn, batch_size):
    images = shared_model.generate(
        labels=LABELS[:7], steps=3, seed=11, batch_size=batch_size
    )
    assert images.shape == (7, 16, 16, 3)
    assert images.dtype == np.float32
    np.testing.assert_allclose(images, drawn[-1], atol=1e-4)


def test_noise_is_bit_identical_whatever_the_chunk():
    shape = tiny_models.LATENT_SHAPE
    together = sampling.host_noise(11, range(7), 1, shape)
    alone = [sampling.host_noise(11, [index], 1, shape)[0] for index in range(7)]
    np.testing.assert_array_equal(together, alone)
    assert len({noise.tobytes() for noise in together}) == 7
    assert np.any(together != sampling.host_noise(11, range(7), 2, shape))
    assert np.any(together != sampling.host_noise(12, range(7), 1, shape))


def test_noise_of_a_seed_never_changes():
    """Published samples name their seed: these values hold for all versions."""
    noise = sampling.host_noise(0, [0], 0, (4,))[0]
    expected = [0.059911035, 0.015559634, -1.1644385, -0.13264713]
    np.testing.assert_allclose(noise, expected, rtol=1e-6)


@pytest.mark.parametrize("shared_noise", [True, False])
def test_given_noise_takes_the_place_of_the_seed(shared_model, shared_noise):
    options = {"steps": 3, "shared_noise": shared_noise, "batch_size": 4}
    noise = [
        sampling.host_noise(5, range(4), draw, tiny_models.LATENT_SHAPE)
        for draw in range(3)
    ]
    seeded = shared_model.generate(4, seed=5, **options)
    given = shared_model.generate(noise=noise[0], step_noise=noise[1:], **options)
    np.testing.assert_allclose(given, seeded, atol=1e-5)


def test_steps_are_returned_in_order(shared_model, drawn):
    assert drawn.shape == (3, 7, 16, 16, 3)
    options = {"labels": LABELS[:7], "seed": 11}
    for steps in (1, 2):
        images = shared_model.generate(steps=steps, **options)
        np.testing.assert_allclose(images, drawn[steps - 1], atol=1e-5)
    assert np.abs(drawn[1] - drawn[0]).max() > 1e-3


@pytest.mark.parametrize(
    "options",
    [
        {"steps": 2},
        {"schedule": "decay"},
        {"shared_noise": False},
        {"guidance_scale": 2.0},
        {"guidance_scale": 2.0, "guidance_position": "decoder"},
    ],
    ids=str,
)
def test_the_model_holds_the_defaults(shared_model, drawn, options):
    """What the constructor was given equals what `generate` is given."""
    model = SphereEncoderModel(
        shared_model.backbone,
        shared_model.noise_schedule.max_angle_degrees,
        sampling={"steps": 3, **options},
    )
    model.passes = shared_model.passes
    given = {"labels": LABELS[:7], "seed": 11}
    images = model.generate(**given)
    expected = shared_model.generate(**given, **{"steps": 3, **options})
    np.testing.assert_allclose(images, expected, atol=1e-6)
    assert np.abs(images - drawn[-1]).max() > 1e-4
    np.testing.assert_allclose(
        model.generate(
            **given, **{key: PLAIN[key] for key in options}, return_steps=True
        ),
        drawn,
        atol=1e-5,
    )


def test_the_angle_of_generation_may_differ_from_that_of_training(shared_model):
    def images(trained_degrees, **sampling):
        model = SphereEncoderModel(
            shared_model.backbone, trained_degrees, sampling={"steps": 2, **sampling}
        )
        model.passes = shared_model.passes
        return model.generate(labels=LABELS[:7], seed=11)

    narrow = images(80.0, max_angle_degrees=40.0)
    np.testing.assert_array_equal(narrow, images(40.0))
    assert np.abs(narrow - images(80.0)).max() > 1e-3


PLAIN = {
    "steps": 3,
    "schedule": "fixed",
    "shared_noise": True,
    "guidance_scale": 1.0,
    "guidance_position": "both",
}


def test_one_label_serves_all_images(shared_model):
    one = shared_model.generate(3, labels=2, steps=1, seed=0)
    np.testing.assert_array_equal(
        one, shared_model.generate(labels=[2, 2, 2], steps=1, seed=0)
    )
    assert shared_model.generate(labels=2, steps=1).shape[0] == 1
    assert np.abs(one - shared_model.generate(3, steps=1, seed=0)).max() > 1e-3


def test_without_a_seed_every_call_differs(shared_model):
    first, second = (shared_model.generate(2, steps=1) for _ in range(2))
    assert np.abs(first - second).max() > 1e-3


def test_reconstruction_is_encoding_and_decoding(shared_model):
    latents = shared_model.encode(IMAGES, LABELS, batch_size=3)
    assert latents.shape == (8, *tiny_models.LATENT_SHAPE)
    np.testing.assert_allclose(np.mean(latents**2, axis=(1, 2)), 1.0, atol=1e-3)
    images = shared_model.reconstruct(IMAGES, LABELS)
    np.testing.assert_allclose(
        shared_model.decode(latents, LABELS, batch_size=3), images, atol=1e-5
    )
    noisy = shared_model.reconstruct(IMAGES, LABELS, strength=0.5, seed=1)
    again = shared_model.reconstruct(IMAGES, LABELS, 0.5, seed=1, batch_size=3)
    np.testing.assert_allclose(again, noisy, atol=1e-4)
    assert np.abs(noisy - images).max() > 1e-3


def test_latents_are_projected_before_decoding(shared_model):
    latents = shared_model.encode(IMAGES)
    np.testing.assert_allclose(
        shared_model.decode(5.0 * latents), shared_model.decode(latents), atol=1e-4
    )


def test_use_ema_picks_the_average(model):
    options = {"num_images": 4, "steps": 2, "seed": 0, "use_ema": True}
    for _, average in model.optimizer.moving_averages():
        average.assign(keras.ops.multiply(average, 1.5))
    averaged = model.generate(**options)
    assert np.abs(averaged - model.generate(**{**options, "use_ema": False})).max() > (
        1e-3
    )
    for variable, average in model.optimizer.moving_averages():
        variable.assign(average)
    np.testing.assert_allclose(
        model.generate(**{**options, "use_ema": False}), averaged, atol=1e-5
    )


def test_use_ema_needs_an_average(shared_model):
    model = SphereEncoderModel(shared_model.backbone)
    with pytest.raises(ValueError, match=r"`use_ema=True` needs.*Received: optimizer="):
        model.generate(1, use_ema=True)


def test_generating_in_a_callback_shows_the_weights_of_that_moment(model):
    """On JAX the weights live outside of the model during `fit`."""

    class Show(keras.callbacks.Callback):
        images = []

        def on_train_batch_end(self, batch, logs=None):
            self.images.append(model.generate(4, steps=1, seed=0))

    def train(callbacks):
        model.optimizer.learning_rate = 0.01
        return model.fit(
            IMAGES,
            LABELS,
            batch_size=4,
            epochs=2,
            shuffle=False,
            verbose=0,
            callbacks=callbacks,
        ).history["loss"]

    values = tiny_models.state(model)
    expected = train([])
    tiny_models.restore(model, values)
    assert train([Show()]) == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(
        Show.images[-1], model.generate(4, steps=1, seed=0), atol=1e-5
    )
    for before, after in zip(Show.images[:-1], Show.images[1:], strict=True):
        assert np.abs(before - after).max() > 1e-4


def twin(model):
    """A model of the same weights that has compiled nothing yet."""
    return tiny_models.new_model(weights=model.backbone.get_weights())


def test_eight_threads_draw_what_one_draws(shared_model):
    """All of them start on programs that are not compiled yet."""

    def draw(model, seed):
        return model.generate(
            labels=LABELS[seed % 3 : seed % 3 + 4],
            seed=seed,
            steps=2,
            guidance_scale=1.0 + seed % 2,
        )

    alone = [draw(shared_model, seed) for seed in range(16)]
    model = twin(shared_model)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda seed: draw(model, seed), range(16)))
    np.testing.assert_allclose(together, alone, atol=1e-5)


@pytest.mark.parametrize("place", ["encode", "decode"])
def test_an_interrupt_inside_a_pass_harms_nothing(shared_model, place):
    options = {"num_images": 4, "steps": 2, "seed": 0}
    expected = shared_model.generate(**options)
    model = twin(shared_model)
    network, interrupts = getattr(model.backbone, place), [KeyboardInterrupt]

    def interrupted(*arguments):
        output = network(*arguments)
        if interrupts:
            raise interrupts.pop()
        return output

    setattr(model.backbone, place, interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.generate(**options)
    np.testing.assert_allclose(model.generate(**options), expected, atol=1e-5)


INTERRUPTED_PROGRAM = """
    import os, signal, threading, time
    import numpy as np
    from tests import tiny_models

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may ignore it
    reference = tiny_models.new_model()
    model = tiny_models.new_model(weights=reference.backbone.get_weights())
    options = {"num_images": 4, "steps": 2, "seed": 0}
    expected = reference.generate(**options)
    hits = 0
    for delay in (0.05, 0.2, 0.5, 0.1, 0.15, 0.02):
        timer = threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        try:
            deadline = time.monotonic() + 5.0
            while time.monotonic() < deadline:
                model.generate(**options)
        except (KeyboardInterrupt, SystemError):  # TensorFlow's tracer, if hit inside
            hits += 1
    for a, b in zip(model.get_weights(), reference.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(model.generate(**options), expected, atol=1e-5)
    print("interrupted" if hits >= 3 else hits)  # JAX's own hooks swallow some
"""


def test_control_c_harms_nothing():
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(INTERRUPTED_PROGRAM)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "KERAS_BACKEND": keras.backend.backend()},
    )
    assert result.stdout.strip() == "interrupted", result.stderr[-3000:]
