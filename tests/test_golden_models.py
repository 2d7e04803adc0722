"""Two models with given weights and given noise must give the golden numbers."""

import keras
import numpy as np
import pytest

from keras_sphere import convert
from keras_sphere.convert.reference_names import reference_weights
from tests import golden_data

IMAGES, LATENTS, LOSSES = 2e-5, 1e-4, 1e-6

GENERATION = {
    "gen_1": {"steps": 1},
    "gen_4_shared": {"steps": 4},
    "gen_4_shared_sched": {"steps": 4, "schedule": "decay"},
    "gen_3_indep": {"steps": 3, "shared_noise": False},
    "gen_1_cfg_combo": {"steps": 1, "guidance_scale": 1.5},
    "gen_4_cfg_combo": {"steps": 4, "guidance_scale": 1.5},
    "gen_4_cfg_enc": {
        "steps": 4,
        "guidance_scale": 1.5,
        "guidance_position": "encoder",
    },
    "gen_4_cfg_dec": {
        "steps": 4,
        "guidance_scale": 1.5,
        "guidance_position": "decoder",
    },
}


class Golden:
    """One golden file, its model, and its inputs in our layout."""

    def __init__(self, name):
        self.arrays = golden_data.load(name)
        self.model = self.new_model()
        self.images = golden_data.images(self.arrays["in/x"])
        self.labels = self.arrays.get("in/y")
        self.draws = golden_data.draws(self.arrays)

    def new_model(self, **config):
        return convert.from_reference(
            {**golden_data.config(self.arrays), **config},
            golden_data.state_dict(self.arrays),
        )

    def out(self, key):
        array = self.arrays[f"out/{key}"]
        return golden_data.images(array) if array.shape[-3:-2] == (3,) else array

    def training_outputs(self):
        return self.model.training_outputs(self.images, self.labels, self.draws)


@pytest.fixture(scope="module", params=["a1", "a2"])
def golden(request):
    return Golden(request.param)


def close(actual, expected, atol):
    actual = np.asarray(keras.ops.convert_to_numpy(actual))
    np.testing.assert_allclose(actual, expected, rtol=0, atol=atol)


def to_unit(images):
    return np.clip((images + 1.0) / 2.0, 0.0, 1.0)


def test_encoder_and_decoder(golden):
    backbone = golden.model.backbone
    labels = golden.labels
    close(backbone.encode(golden.images, labels), golden.out("z"), LATENTS)
    close(golden.model.encode(golden.images, labels), golden.out("fz"), LATENTS)
    close(backbone.decode(golden.out("fz"), labels), golden.out("dec_fz"), IMAGES)
    close(golden.model.decode(golden.out("fz"), labels), golden.out("dec_fz"), IMAGES)


def test_null_class(golden):
    if golden.labels is None:
        assert golden.model.backbone.num_classes == 0
        return
    backbone = golden.model.backbone
    close(backbone.encode(golden.images), golden.out("z_null"), LATENTS)
    close(backbone.decode(golden.out("fz")), golden.out("dec_fz_null"), IMAGES)


def test_training_forward(golden):
    outputs = golden.training_outputs()
    for ours, theirs, atol in (
        ("latents", "z", LATENTS),
        ("noisy_latents", "z_NOISY", LATENTS),
        ("slightly_noisy_latents", "z_noisy", LATENTS),
        ("noisy_reconstruction", "x_NOISY", IMAGES),
        ("reconstruction", "x_noisy", IMAGES),
        ("cycled_latents", "v_NOISY", LATENTS),
    ):
        close(outputs[ours], golden.out(theirs), atol)


def test_noise_strengths(golden):
    schedule = golden.model.noise_schedule
    strong, weak = schedule.sigmas(golden.draws)
    close(strong, schedule.sigma * golden.out("r_NOISY")[:, 0, 0], 1e-5)
    close(weak, schedule.sigma * golden.out("r_small")[:, 0, 0], 1e-5)


@pytest.mark.parametrize("distance", ["l1", "l2", "l1+l2"])
def test_losses(golden, distance):
    loss = {
        **golden_data.config(golden.arrays)["loss"],
        "distance_loss_type": distance,
    }
    losses, weights = convert.reference.reference_losses(loss)
    golden.model.compile(loss=losses, loss_weights=weights)
    terms = golden.model.loss_terms(golden.images, golden.training_outputs())
    key = "loss" if distance == "l1" else f"loss_{distance}"
    close(terms["total"], golden.out(f"{key}/total_loss"), LOSSES)
    close(terms["pixel_reconstruction"], golden.out(f"{key}/dist_loss"), LOSSES)
    close(terms["pixel_consistency"], golden.out(f"{key}/pix_con_dist_loss"), LOSSES)
    if distance == "l1":
        close(terms["latent_consistency"], golden.out("loss/lat_con_loss"), LOSSES)


def test_default_losses_are_the_paper_s(golden):
    golden.model.compile()
    terms = golden.model.loss_terms(golden.images, golden.training_outputs())
    close(terms["total"], golden.out("loss/total_loss"), LOSSES)
    close(terms["pixel_consistency"], golden.out("loss/pix_con_dist_loss"), LOSSES)


def test_generation(golden):
    variants = [
        key for key in GENERATION if f"out/{key}/n_noise_draws" in golden.arrays
    ]
    assert len(variants) == (8 if golden.model.backbone.num_classes else 4)
    for key in variants:
        steps = golden.model.generate(
            labels=golden.labels,
            noise=golden.arrays["in/gen_e0"],
            step_noise=golden.arrays["in/gen_noise"],
            return_steps=True,
            **GENERATION[key],
        )
        options = golden.model.sampling.override(**GENERATION[key])
        assert options.num_noise_draws == golden.out(f"{key}/n_noise_draws")
        expected = f"{key}/image" if len(steps) == 1 else f"{key}/steps"
        steps = steps[0] if len(steps) == 1 else steps
        close(to_unit(steps), golden.out(expected), IMAGES)


def test_reconstruction(golden):
    model, images, labels = golden.model, golden.images, golden.labels
    noise = golden.arrays["in/gen_noise"][0]
    close(to_unit(model.reconstruct(images, labels)), golden.out("rec_clean"), IMAGES)
    noisy = model.reconstruct(images, labels, strength=0.5, noise=noise)
    close(to_unit(noisy), golden.out("rec_noisy_half"), IMAGES)
    if labels is not None:
        null = to_unit(model.reconstruct(images))
        close(null, golden.out("rec_null"), IMAGES)


@pytest.mark.usefixtures("quick_program")
def test_three_optimizer_steps(golden):
    """The real training step, with the draws in the batch.

    After the first step Adam's momentum is `(1 - beta_1) scale gradient`, with the
    scale of global clipping, so one compiled program shows the gradients too.
    """
    model = golden.new_model()
    batch = {"images": golden.images, "draws": golden.draws}
    if golden.labels is not None:
        batch["labels"] = golden.labels
    trace = []
    for step in range(3):
        model.reset_metrics()
        trace.append(model.train_on_batch(batch, return_dict=True)["loss"])
        if step == 0:
            check_gradients(golden, model)
    outputs = model.training_outputs(golden.images, golden.labels, golden.draws)
    trace.append(float(model.loss_terms(golden.images, outputs)["total"]))
    close(trace, golden.out("opt/loss_trace"), 1e-5)
    averages = {id(v): average for v, average in model.optimizer.moving_averages()}
    for kind in ("param", "ema"):
        checked = 0
        for name, variable, transform in reference_weights(model.backbone):
            if f"out/opt/{kind}/{name}" in golden.arrays:
                value = variable if kind == "param" else averages[id(variable)]
                check_values(value, transform(golden.arrays[f"out/opt/{kind}/{name}"]))
                checked += 1
        assert checked == 6


def check_values(actual, expected):
    error = np.abs(keras.ops.convert_to_numpy(actual) - expected)
    assert error.max() <= 5e-5
    assert np.mean(error <= 1e-5) >= 0.999


def check_gradients(golden, model):
    optimizer = model.optimizer
    total_norm = float(golden.out("opt/grad_norm")[0])
    scale = min(1.0, optimizer.global_clipnorm / (total_norm + 1e-6))
    gradients = {
        id(variable): keras.ops.convert_to_numpy(momentum)
        / ((1.0 - optimizer.beta_1) * scale)
        for variable, momentum in zip(
            model.trainable_variables, optimizer._momentums, strict=True
        )
    }
    names = [str(name) for name in golden.arrays["out/gradnorm/names"]]
    norms = dict(zip(names, golden.out("gradnorm/values"), strict=True))
    checked = 0
    for name, variable, transform in reference_weights(model.backbone):
        if id(variable) not in gradients:
            continue
        gradient = gradients[id(variable)]
        norm = norms.pop(name)
        assert np.linalg.norm(gradient) == pytest.approx(norm, rel=1e-4, abs=1e-9)
        if f"out/grad/{name}" in golden.arrays:
            expected = transform(golden.arrays[f"out/grad/{name}"])
            close(gradient, expected, 1e-4 * np.abs(expected).max())
            checked += 1
    assert checked == 6
    assert not norms
