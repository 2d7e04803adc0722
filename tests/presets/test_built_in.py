"""The presets of the package."""

import math
import pathlib
import tomllib

from absl.testing import parameterized

import keras_sphere
from keras_sphere import SphereEncoderBackbone, presets
from keras_sphere.backend.valueless import Valueless
from keras_sphere.convert.sphere2_hub import is_hub_folder
from keras_sphere.data import load_digits
from keras_sphere.models.limits import fewest_parameters
from keras_sphere.preset_files.folder import checked_weights, read_config
from keras_sphere.presets.sources import built_in_names
from tests.testing import TestCase

ROOT = pathlib.Path(keras_sphere.__file__).parent / "presets"

# Millions, as the paper's recipes state them; None: not stated.
PARAMETERS = {
    "animal_faces256": 642.15,
    "cifar10": 263.82,
    "digits16": None,
    "fashion28": None,
    "imagenet256_base": None,
    "imagenet256_large": 950.35,
    "imagenet256_xlarge": 1388.92,
    "imagenet512_base": None,
    "imagenet64": None,
    "oxford_flowers256": 948.84,
    "own_images": None,
}
# steps, guidance, shared noise, largest angle; losses: reconstruction's distance and
# perceptual weights, then consistency's; learning rate; epochs, warm-up epochs.
RECIPES = {
    "animal_faces256": (4, 1.0, True, 85, 25, 1, 1, 1, 1e-4, 1000, 10),
    "cifar10": (4, 1.2, True, 80, 1, 1, 0.5, 0.5, 1e-4, 5000, 10),
    "digits16": (4, 1.2, True, 80, 1, 1, 1, 1, 1.5e-3, 400, 3),
    "fashion28": (4, 3.0, True, 78, 1, 1, 1, 1, 1.5e-3, 24, 0.5),
    "imagenet256_base": (4, 1.4, True, 85, 50, 1, 25, 1, 1e-4, 800, 5),
    "imagenet256_large": (4, 1.4, True, 85, 50, 1, 25, 1, 1e-4, 800, 5),
    "imagenet256_xlarge": (4, 1.4, True, 85, 50, 1, 25, 1, 1e-4, 800, 5),
    "imagenet512_base": (4, 1.4, True, 85, 50, 1, 25, 1, 1e-4, 800, 5),
    "imagenet64": (4, 1.4, True, 80, 1, 1, 0.5, 0.5, 1e-4, 800, 5),
    "oxford_flowers256": (4, 1.6, False, 85, 25, 1, 1, 1, 1e-4, 1000, 10),
    "own_images": (4, 1.0, True, 75, 1, 1, 1, 1, 5.3e-4, 40, 1),
}
# Perceptual network, weight of latent consistency: other than the paper's.
OURS = {
    "digits16": ("gradient", 0.1),
    "fashion28": ("gradient", 1.0),
    "own_images": ("gradient", 1.0),
}
# Of Sphere Encoder 2: millions of the decoder that are trained, and with the table of
# positions; angle of generation; epochs; classes.
SPHERE2 = {
    "sphere2_flowers256_base": (130.51, 130.70, 85.5, 2000, 102),
    "sphere2_flowers256_large": (458.09, 458.35, 84.0, 2000, 102),
    "sphere2_flowers512_base": (132.28, 132.48, 85.5, 2000, 102),
    "sphere2_flowers512_large": (460.45, 460.71, 84.0, 2000, 102),
    "sphere2_imagenet256_base": (131.20, 131.39, 85.5, 300, 1000),
    "sphere2_imagenet256_large": (459.01, 459.27, 84.0, 300, 1000),
    "sphere2_imagenet512_base": (132.97, 133.17, 85.5, 300, 1000),
    "sphere2_imagenet512_large": (461.37, 461.63, 84.0, 300, 1000),
}
NAMES = sorted([*PARAMETERS, *SPHERE2])
DINOV3_PARAMETERS = 28_691_712


def abstract_backbone(architecture):
    """A backbone whose variables have shapes and no values."""
    with Valueless():
        return SphereEncoderBackbone(**architecture)


class BuiltInTest(TestCase):
    def test_names(self):
        self.assertEqual(built_in_names(), NAMES)

    @parameterized.parameters(*PARAMETERS.items())
    def test_parameters(self, name, millions):
        config = read_config(ROOT / name)
        backbone = abstract_backbone(config["architecture"])
        self.assertEqual(backbone.count_params(), config["parameters"])
        if millions is not None:
            self.assertEqual(round(config["parameters"] / 1e6, 2), millions)
        fewest = fewest_parameters(config["architecture"])
        self.assertBetween(fewest, 0.9 * config["parameters"], config["parameters"])

    def test_trainable_parameters(self):
        backbone = abstract_backbone(read_config(ROOT / "cifar10")["architecture"])
        count = sum(math.prod(v.shape) for v in backbone.trainable_variables)
        self.assertEqual(round(count / 1e6, 2), 263.42)

    @parameterized.parameters(*SPHERE2.items())
    def test_parameters_of_sphere_encoder_2(self, name, expected):
        config = read_config(ROOT / name)
        backbone = abstract_backbone(config["architecture"])
        self.assertEqual(backbone.count_params(), config["parameters"])
        decoder = backbone.decoder
        trained = sum(math.prod(v.shape) for v in decoder.trainable_variables)
        counts = (trained, decoder.count_params())
        self.assertEqual(tuple(round(n / 1e6, 2) for n in counts), expected[:2])
        self.assertEqual(backbone.encoder.count_params(), DINOV3_PARAMETERS)
        self.assertLen(decoder.weights, 349 if name.endswith("large") else 181)
        self.assertEqual(backbone.latent_shape, (256, 384))
        fewest = fewest_parameters(config["architecture"])
        self.assertBetween(fewest, 0.9 * counts[1], counts[1])

    @parameterized.parameters(*SPHERE2.items())
    def test_recipe_of_sphere_encoder_2(self, name, expected):
        config = read_config(ROOT / name)
        sampling, recipe = config["sampling"], config["recipe"]
        _, _, angle, epochs, classes = expected
        self.assertEqual((sampling["steps"], sampling["angle_degrees"]), (2, angle))
        self.assertIsNone(sampling["loop_angle_degrees"])
        self.assertEqual(sampling["guidance_degrees"], 0.0)
        self.assertTrue(sampling["shared_noise"])
        self.assertEqual(config["architecture"]["num_classes"], classes)
        for loss, weight, regime in (
            ("pixel_reconstruction", 1.0, "low"),
            ("latent_consistency", 0.1, "high"),
        ):
            values = recipe["losses"][loss]
            self.assertEqual((values["weight"], values["regime"]), (weight, regime))
            edges = (values["cutoff_degrees"], values["band_degrees"], values["soft"])
            self.assertEqual(edges, (70.0, 5.0, True))
        optimizer, training = recipe["optimizer"], recipe["training"]
        self.assertTrue(training["scale_learning_rates_with_batch_size"])
        self.assertEqual(training["learning_rate_scaling"], "square_root")
        self.assertEqual(optimizer["learning_rate"], training["min_learning_rate"])
        self.assertEqual((optimizer["beta_1"], optimizer["beta_2"]), (0.9, 0.95))
        self.assertEqual(optimizer["ema_momentum"], 0.99985)
        self.assertEqual((training["epochs"], training["warmup_epochs"]), (epochs, 10))
        self.assertEqual(config["name"], name)

    @parameterized.parameters(*SPHERE2)
    def test_distributions_of_sphere_encoder_2(self, name):
        """Epochs of score matching, and its steps at the batch of the learning rate."""
        recipe = read_config(ROOT / name)["recipe"]
        settings, training = recipe["score_matching"], recipe["training"]
        is_small = "flowers" in name
        epochs = (1000, 1050, 1150, 10, 1000) if is_small else (100, 105, 115, 5, 200)
        names = ("start", "warmup_start", "warmup_end")
        names = [f"{n}_steps" for n in names]
        names += ["learning_rate_warmup", "learning_rate_decay"]
        per_epoch = training["num_images"] // training["learning_rate_batch_size"]
        for key, count in zip(names, epochs, strict=True):
            name_there = f"score_matching_{key.removesuffix('_steps')}_epochs"
            self.assertEqual(training[name_there], count)
            self.assertEqual(settings[key], count * per_epoch)
        self.assertEqual(settings["balance_calls"], 1000 if is_small else 10_000)
        network = settings["network"]
        sizes = (network["width"], network["num_layers"], network["num_heads"])
        self.assertEqual(sizes, (384, 2, 8))
        rates = settings["learning_rate"], settings["min_learning_rate"]
        self.assertEqual((*rates, settings["clipnorm"]), (5e-4, 5e-5, 0.15))
        self.assertTrue(settings["augment"])
        networks = recipe["perceptual"], recipe["classifier"]
        self.assertEqual(networks, ("lpips", "convnext"))
        self.assertEqual(recipe["distribution_features"], "convnextv2_nano")
        losses = recipe["losses"]
        self.assertEqual(losses["distribution"]["weight"], 1.0)
        self.assertEqual(losses["distribution"]["regime"], "high")
        self.assertEqual(losses["logits"]["regime"], "all")
        of_lpips = losses["pixel_reconstruction"]["perceptual_weight"]
        self.assertAlmostEqual(of_lpips, 1.0 / 1.1, 6)
        self.assertAlmostEqual(losses["logits"]["weight"], 0.1 / 1.1, 6)

    @parameterized.parameters(*SPHERE2)
    def test_card_of_sphere_encoder_2(self, name):
        """It says where the weights are, what is not known and what was not tried."""
        card = " ".join((ROOT / name / "README.md").read_text().split())
        _, data, size = name.split("_")
        folder = f"sphere2-{size}-{data[:-3]}-{data[-3:]}px"
        self.assertIn(f"hf://tomg-group-umd/sphere2/experiments/{folder}", card)
        self.assertTrue(is_hub_folder(f"hf://tomg-group-umd/sphere2/{folder}"))
        self.assertIn("No figure of quality is known", card)
        self.assertIn("was never tried on the real files", card)
        self.assertIn("--accept_license=dinov3", card)

    @parameterized.parameters(*RECIPES.items())
    def test_recipe(self, name, expected):
        config = read_config(ROOT / name)
        sampling, recipe = config["sampling"], config["recipe"]
        losses, training = recipe["losses"], recipe["training"]
        self.assertEqual(
            (
                sampling["steps"],
                sampling["guidance_scale"],
                sampling["shared_noise"],
                config["noise"]["max_angle_degrees"],
                *(
                    losses[f"pixel_{name}"][f"{part}_weight"]
                    for name in ("reconstruction", "consistency")
                    for part in ("distance", "perceptual")
                ),
                recipe["optimizer"]["learning_rate"],
                training["epochs"],
                training["warmup_epochs"],
            ),
            expected,
        )
        network, weight = OURS.get(name, ("lpips_convnext", 0.1))
        for pair in ("pixel_reconstruction", "pixel_consistency"):
            self.assertEqual(losses[pair]["weight"], 1.0)
            expected = "absolute" if network == "gradient" else "l2"
            self.assertEqual(losses[pair]["feature_distance"], expected)
        self.assertEqual(recipe["perceptual"], network)
        self.assertEqual(losses["latent_consistency"]["weight"], weight)
        self.assertIsNone(sampling["max_angle_degrees"])
        self.assertEqual(config["name"], name)

    @parameterized.parameters(*NAMES)
    def test_card(self, name):
        card = (ROOT / name / "README.md").read_text()
        self.assertStartsWith(card, f"# {name}\n")
        self.assertIn(f"{read_config(ROOT / name)['parameters']:,}", card)

    def test_list(self):
        table = presets.list()
        self.assertEqual([row["name"] for row in table], NAMES)
        lines = str(table).splitlines()
        self.assertLen(lines, len(NAMES) + 1)
        self.assertRegex(
            lines[1], r"animal_faces256 +256 +0 +642,148,324 +Apache-2.0 +no"
        )
        self.assertEqual(
            table[2]["weights"], (ROOT / "digits16" / "model.weights.h5").exists()
        )

    def test_describe(self):
        description = presets.describe("oxford_flowers256")
        self.assertEqual(description["architecture"]["num_classes"], 102)
        self.assertIn("# oxford_flowers256", str(description))
        self.assertIn("guidance_scale: 1.6", str(description))
        self.assertIn("parameters: 948,844,516", str(description))
        self.assertIn("noise: random points 31.6 standard dev", str(description))
        self.assertNotIn("note:", str(description))

    def test_describe_warns_of_an_angle_far_from_what_the_images_ask_for(self):
        self.assertIn(
            "note: 85 degrees are few in 65,536 dim",
            str(presets.describe("imagenet256_base")),
        )

    def test_package_data(self):
        """Every file of a preset is one that the package's metadata includes."""
        pyproject = tomllib.loads((ROOT.parents[1] / "pyproject.toml").read_text())
        patterns = pyproject["tool"]["setuptools"]["package-data"]["keras_sphere"]
        included = {
            path
            for glob in patterns
            if glob.startswith("presets/")
            for path in ROOT.parent.glob(glob)
        }
        files = {
            path for path in ROOT.glob("*/*") if path.suffix not in (".py", ".pyc")
        }
        self.assertEqual(files, included)
        self.assertGreaterEqual(len(files), 2 * len(NAMES))


class Digits16Test(TestCase):
    """The preset that ships weights."""

    def setUp(self):
        super().setUp()
        if read_config(ROOT / "digits16")["weights"] is None:
            self.skipTest("digits16 has no weights yet: see its card.")

    def test_file(self):
        config = read_config(ROOT / "digits16")
        path = checked_weights(ROOT / "digits16", config)
        self.assertLess(path.stat().st_size, 4 * 2**20)
        self.assertLen(list(path.parent.glob("*.h5")), 1)
        card = (ROOT / "digits16" / "README.md").read_text()
        self.assertIn("500 real training images", card)
        self.assertNotIn("there are no weights", card)

    def test_generates_digits(self):
        """Samples look more like training images of their class than of others."""
        (images, labels), _ = load_digits(16)
        model = presets.load("digits16")
        self.assertEqual(model.generate(num_images=16).shape, (16, 16, 16, 1))
        wanted = [c for c in range(10) for _ in range(10)]
        samples = model.generate(labels=wanted, seed=0)
        images = images / 127.5 - 1.0
        distances = ((samples[:, None] - images[None]) ** 2).sum((2, 3, 4))
        nearest = labels[distances.argmin(1)]
        self.assertGreater((nearest == wanted).mean(), 0.9)
