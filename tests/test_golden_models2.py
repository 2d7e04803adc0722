"""Two models of Sphere Encoder 2 must give the golden numbers."""

import keras
import numpy as np
import pytest

from keras_sphere import convert
from keras_sphere.convert.reference_names import reference_weights
from keras_sphere.models import latent_paths
from tests import golden_data

IMAGES, LATENTS, LOSSES, GRADIENTS = 3e-4, 1e-4, 2e-6, 2e-4

# Arguments of `generate`.
GENERATION = {
    "gen_1": {"steps": 1},
    "gen_1_init60": {"steps": 1, "angle_degrees": 60.0},
    "gen_1_cfg5": {"steps": 1, "guidance_degrees": 5.0},
    "gen_2_shared": {"steps": 2},
    "gen_2_indep": {"steps": 2, "shared_noise": False},
    "gen_4_shared": {"steps": 4},
    "gen_4_indep": {"steps": 4, "shared_noise": False},
    "gen_4_loop60": {"steps": 4, "angle_degrees": 84.0, "loop_angle_degrees": 60.0},
    "gen_2_loop0": {"steps": 2, "loop_angle_degrees": 0.0},
    "gen_2_cfg5_shared": {"steps": 2, "guidance_degrees": 5.0},
    "gen_4_cfg5_shared": {"steps": 4, "guidance_degrees": 5.0},
    "gen_3_cfg10_loop45_shared": {
        "steps": 3,
        "guidance_degrees": 10.0,
        "loop_angle_degrees": 45.0,
    },
    "gen_4_cfg20_indep": {
        "steps": 4,
        "guidance_degrees": 20.0,
        "loop_angle_degrees": 45.0,
        "shared_noise": False,
    },
}


class Golden:
    """One golden file, its model, and its inputs in our layout."""

    def __init__(self, name):
        self.arrays = golden_data.load(name)
        self.model = self.new_model()
        self.images = golden_data.images(self.arrays["in/x"])
        self.labels = self.arrays["in/y"]
        self.other_labels = self.arrays["in/y_b"]
        self.noises = self.arrays["in/gen_noise"]
        self.max_angle = self.model.noise_schedule.max_angle_degrees
        self.draws = {
            "noise": self.arrays["in/e"],
            "angles": self.arrays["out/train/alpha_NOISY"],
        }

    def new_model(self):
        return convert.from_reference2(
            golden_data.config(self.arrays), golden_data.state_dict(self.arrays)
        )

    def out(self, key):
        array = self.arrays[f"out/{key}"]
        return golden_data.images(array) if array.shape[-3:-2] == (3,) else array


@pytest.fixture(scope="module", params=["s2a", "s2b"])
def golden(request):
    return Golden(request.param)


def close(actual, expected, atol):
    actual = np.asarray(keras.ops.convert_to_numpy(actual))
    np.testing.assert_allclose(actual, expected, rtol=0, atol=atol)


def to_unit(images):
    return np.clip((np.asarray(images) + 1.0) / 2.0, 0.0, 1.0)


def test_encoder(golden):
    backbone = golden.model.backbone
    close(backbone.encode(golden.images, golden.labels), golden.out("z"), LATENTS)
    close(golden.model.encode(golden.images), golden.out("fz"), LATENTS)


def test_decoder_is_told_angles(golden):
    model, backbone, points = golden.model, golden.model.backbone, golden.out("fz")

    def decode(points, angles, labels=golden.labels):
        return backbone.decode(points, labels, angles=angles)

    told_angles = (golden.out(key) for key in ("z_noisy", "alpha_rad", "dec_noisy"))
    for points_moved, angles, expected in zip(*told_angles, strict=True):
        close(decode(points_moved, angles), expected, IMAGES)
    told = np.radians(85.0).astype("float32")
    close(decode(points, told), golden.out("dec_clean_told85"), IMAGES)
    per_item = golden.out("per_item_alpha").reshape(-1)
    close(decode(points, per_item), golden.out("dec_per_item"), IMAGES)
    close(
        decode(golden.out("z_noisy")[2], np.radians(45.0).astype("float32"), None),
        golden.out("dec_z45_null"),
        IMAGES,
    )
    public = model.decode(points, golden.labels, angle_degrees=20.0)
    close(to_unit(public), np.clip(golden.out("decode_fz"), 0.0, 1.0), IMAGES)
    null = to_unit(model.decode(points))
    close(null, np.clip(golden.out("decode_null_fz"), 0.0, 1.0), IMAGES)
    degrees = np.degrees(per_item).clip(0.0, golden.max_angle)
    told = model.decode(points, golden.labels, angle_degrees=degrees)
    close(told, np.clip(golden.out("dec_per_item"), -1.0, 1.0), IMAGES)


def test_moves(golden):
    backbone, points = golden.model.backbone, golden.out("fz")
    noise = golden.arrays["in/e"]
    close(backbone.spherify(noise), golden.out("fe"), LATENTS)
    for degrees, expected in zip(
        golden.arrays["in/angles_deg"], golden.out("z_noisy"), strict=True
    ):
        radians = np.radians(degrees).astype("float32")
        close(backbone.perturb(points, noise, radians), expected, LATENTS)
    for degrees in (5, 25):
        turned = backbone.motion.turn_away(
            points, golden.out("rot_ref"), np.radians(degrees).astype("float32")
        )
        close(turned, golden.out(f"rot_{degrees}"), LATENTS)


@pytest.mark.parametrize("key", GENERATION)
def test_generation(golden, key):
    options = {"angle_degrees": 85.0, **GENERATION[key]}
    steps = golden.model.generate(
        labels=golden.labels,
        noise=golden.arrays["in/gen_e0"],
        step_noise=golden.noises,
        return_steps=True,
        **options,
    )
    used = golden.model.sampling.override(**options)
    assert used.num_noise_draws == golden.out(f"{key}/n_noise_draws")
    close(to_unit(steps[-1]), golden.out(f"{key}/image"), IMAGES)
    if len(steps) > 1:
        close(to_unit(steps), golden.out(f"{key}/steps"), IMAGES)


def test_an_angle_beyond_the_largest_is_that_one(golden):
    """The reference cuts 120 degrees off, where this package refuses them."""
    images = golden.model.generate(
        labels=golden.labels,
        noise=golden.arrays["in/gen_e0"],
        steps=2,
        angle_degrees=golden.max_angle,
    )
    close(to_unit(images), golden.out("gen_2_init120/image"), IMAGES)


def test_reconstruction(golden):
    model, images, labels = golden.model, golden.images, golden.labels
    clean = to_unit(model.reconstruct(images, labels))
    close(clean, golden.out("rec_clean"), IMAGES)
    close(to_unit(model.reconstruct(images)), golden.out("rec_null"), IMAGES)
    half = model.reconstruct(
        images,
        labels,
        angle_degrees=0.5 * min(golden.max_angle, 80.0),
        noise=golden.noises[0],
    )
    close(to_unit(half), golden.out("rec_half_of_80"), IMAGES)


@pytest.mark.parametrize("key", ["1_ang0", "1", "4_shared", "3_indep", "2_null"])
def test_reconstruction_loop(golden, key):
    steps = int(key[0])
    options = {"angle_degrees": 85.0}
    if key == "1_ang0":
        options = {"angle_degrees": 0.0}
    if key == "3_indep":
        options = {
            "angle_degrees": 80.0,
            "loop_angle_degrees": 50.0,
            "shared_noise": False,
        }
    images = golden.model.reconstruct_loop(
        golden.images,
        None if key == "2_null" else golden.labels,
        steps=steps,
        step_noise=golden.noises,
        **options,
    )
    close(to_unit(images), golden.out(f"recloop_{key}/image"), IMAGES)


def test_training_forward(golden):
    outputs = golden.model.training_outputs(golden.images, golden.labels, golden.draws)
    for ours, theirs, atol in (
        ("latents", "z", LATENTS),
        ("reconstruction", "train/x_NOISY", IMAGES),
        ("cycled_latents", "train/v_NOISY", LATENTS),
    ):
        close(outputs[ours], golden.out(theirs), atol)
    points = golden.model.backbone.spherify(outputs["latents"])
    close(points, golden.out("train/z_clean"), LATENTS)
    terms = golden.model.loss_terms(golden.images, outputs)
    close(terms["total"], golden.out("train/loss/total"), LOSSES)
    for ours, theirs in (
        ("pixel_reconstruction", "dist_loss"),
        ("latent_consistency", "lat_con_loss"),
    ):
        close(terms[ours], golden.out(f"train/loss/{theirs}"), LOSSES)


@pytest.mark.usefixtures("quick_program")
@pytest.mark.parametrize("cycle_encoder", ["live", "frozen"])
def test_gradients(golden, cycle_encoder):
    """Those of a real training step, by Adam's momentum after it."""
    model = golden.new_model()
    model.cycle_encoder = cycle_encoder
    model.optimizer.global_clipnorm = None
    model.train_on_batch(
        {"images": golden.images, "labels": golden.labels, "draws": golden.draws}
    )
    gradients = {
        id(variable): keras.ops.convert_to_numpy(momentum)
        / (1.0 - model.optimizer.beta_1)
        for variable, momentum in zip(
            model.trainable_variables, model.optimizer._momentums, strict=True
        )
    }
    folder = "train" if cycle_encoder == "live" else "train_freeze2"
    checked = 0
    for name, variable, layout in reference_weights(model.backbone):
        expected = golden.arrays.get(f"out/{folder}/grad/{name}")
        if expected is not None:
            expected = layout(expected)
            atol = GRADIENTS * np.abs(expected).max()
            close(gradients[id(variable)], expected, atol)
            checked += 1
    assert checked == sum(f"/{folder}/grad/" in key for key in golden.arrays)
    if cycle_encoder == "live":
        names = golden.arrays["out/train/gradnorm/names"].tolist()
        norms = dict(zip(names, golden.out("train/gradnorm/values"), strict=True))
        for name, variable, _ in reference_weights(model.backbone):
            if id(variable) in gradients:
                norm = np.linalg.norm(gradients[id(variable)])
                assert norm == pytest.approx(norms.pop(name), rel=2e-4, abs=1e-8)
        assert not norms


@pytest.mark.parametrize(
    ("key", "options"),
    [
        ("lerp_5", {"steps": 1}),
        ("slerp_4_T2", {"label_method": "slerp"}),
        ("hard_4", {"label_method": "hard", "steps": 1, "angle_degrees": 80.0}),
        ("slerp_fix_4_T2", {"label_method": "slerp", "angle_degrees": 84.0}),
    ],
)
def test_interpolation(golden, key, options):
    start, end = golden.arrays["in/interp_e"]
    paths = golden.model.interpolate(
        start,
        start if "fix" in key else end,
        golden.labels,
        golden.other_labels,
        num_images=len(golden.out(f"interp_{key}")),
        **{"angle_degrees": 85.0, **options},
    )
    close(to_unit(paths), np.swapaxes(golden.out(f"interp_{key}"), 0, 1), IMAGES)


def test_interpolation_with_a_noise_of_its_own_for_each_image(golden):
    start, end = golden.arrays["in/interp_e"]
    shares = np.linspace(0.0, 1.0, 3, dtype="float32")
    points = latent_paths.path(
        start, end, shares, per_token=golden.model.backbone.spherify_per_token
    )
    table = np.eye(6, dtype="float32")
    for index, expected in enumerate(golden.out("interp_lerp_3_T2_nocache")):
        share = shares[index]
        images = golden.model.generate(
            labels=(1 - share) * table[golden.labels]
            + share * table[golden.other_labels],
            noise=points[:, index],
            step_noise=golden.noises[index][None],
            shared_noise=False,
            angle_degrees=85.0,
            loop_angle_degrees=50.0,
        )
        close(to_unit(images), expected, IMAGES)
