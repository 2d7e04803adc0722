"""What a training step computes and compares: what both methods share, and the first.

`rotation_objective` has the second one.
"""

import keras

from keras_sphere import perceptual as perceptual_networks
from keras_sphere.losses import LatentCosineDistance, LatentUniformity, PixelLoss
from keras_sphere.losses.latent_uniformity import matched_projections
from keras_sphere.models import distribution_terms, own_terms
from keras_sphere.models.angle_warmup import new_angle_warmup
from keras_sphere.models.perceptual_maps import feature_maps
from keras_sphere.models.training_inputs import interleave, rescale, separate

UNIFORMITY = "latent_uniformity"


def fixed(structure):
    """A structure of tensors through which no gradient passes."""
    return keras.tree.map_structure(
        lambda x: keras.ops.stop_gradient(keras.ops.convert_to_tensor(x)), structure
    )


def pixels(images, features):
    """What a `PixelLoss` compares: images in [0, 1] and their feature maps."""
    return {"images": distribution_terms.unit_pixels(images), "features": features}


class Objective:
    """What both methods share.

    Attributes:
        weights: Dict of the weights of the losses by name, without those that are
            optional.
        names: Tuple of the names of all losses.
    """

    weights = {}
    optional: tuple[str, ...] = (UNIFORMITY,)

    @property
    def names(self):
        return (*self.weights, *self.optional)

    def default_weights(self, model):
        """Weights of the losses by name, those that a model cannot do without too."""
        own = {} if model.scores is None else distribution_terms.DEFAULT_WEIGHTS
        return {**self.weights, **own, **own_terms.default_weights(model)}

    def default_losses(self, perceptual=None, names=(), by_scores=False):
        """The losses with the paper's distances, by name.

        Args:
            perceptual: The argument of the model, whose maps are made for a distance.
            names: Which of the optional ones there are, too.
            by_scores: Boolean. Whether the model has a score-matching term.
        """
        distance = perceptual_networks.feature_distance_of(perceptual) or "absolute"
        losses = self._required_losses(distance)
        if UNIFORMITY in names:
            losses[UNIFORMITY] = LatentUniformity(name=UNIFORMITY)
        names = set(names) & set(self.optional)
        return {
            **losses,
            **distribution_terms.default_losses(names, by_scores),
            **own_terms.default_losses(names),
        }

    def structure(self, model, names=()):
        """A dict as `pair` returns two, with a zero in place of each tensor.

        Args:
            model: `SphereEncoderModel`.
            names: Which of the optional losses there are.
        """
        maps = distribution_terms.network_maps(model, model.perceptual_network)
        compared = {"images": 0.0, "features": [0.0] * len(maps)}
        structure = self._structure(compared)
        return {**structure, UNIFORMITY: 0.0} if UNIFORMITY in names else structure

    def new_angle_warmup(self, settings, noise_schedule):
        """The layer of the model's argument `angle_warmup`, or `None`.

        Raises:
            ValueError: If there are settings where the method has no use of them.
        """
        if settings is not None:
            raise ValueError(
                "`angle_warmup` must be None: the noise of this model's method is a "
                f"rotation, by all angles from the start. Received: {settings!r}"
            )

    def draw(self, model, points, draws):
        """The random numbers of a step: those that are given, and what is missing."""
        if not draws:
            draws = model.noise_schedule.draw(points, model.seed_generator)
        if model.uniformity is not None and "directions" not in draws:
            own = model.uniformity.draw(points, model.seed_generator)
            draws = {**draws, **own}
        return draws

    def matched(self, model, points, labels, draws):
        """The part of the outputs that latent uniformity needs."""
        if model.uniformity is None:
            return {}
        random_points = model.backbone.spherify(draws["uniform_noise"])
        groups = labels if model.uniformity.per_class else None
        return {
            "matched_projections": matched_projections(
                points, random_points, draws["directions"], groups
            )
        }

    def pair(self, images, outputs):
        """Targets and predictions of the losses; targets get no gradient.

        Args:
            images: The images of the batch, uint8 or float in [-1, 1].
            outputs: Dict as `outputs` returns it.

        Returns:
            Pair of dicts by the names of the losses.
        """
        targets, predictions = self._pair(images, outputs)
        if "matched_projections" in outputs:
            predictions[UNIFORMITY], targets[UNIFORMITY] = outputs[
                "matched_projections"
            ]
        return targets, predictions


class AdditionObjective(Objective):
    """The paper's: a slightly and a very noisy latent of each image.

    Reference:
        - [Sphere Encoder](https://arxiv.org/abs/2602.15030), section 3.
    """

    weights = {
        "pixel_reconstruction": 1.0,
        "pixel_consistency": 0.5,
        "latent_consistency": 0.1,
    }

    def new_angle_warmup(self, settings, noise_schedule):
        return new_angle_warmup(settings, noise_schedule.max_angle_degrees)

    def outputs(
        self, model, images, labels=None, draws=None, training=True, embeddings=None
    ):
        """See `SphereEncoderModel.training_outputs`."""
        backbone = model.backbone
        told = backbone.joined_condition(labels, embeddings)
        latents = backbone.encode(images, told, training)
        points = backbone.spherify(latents)
        draws = self.draw(model, points, draws)
        grown = 1.0
        if model.growing_noise is not None:
            grown = model.growing_noise(training=training)
        noisy, slightly_noisy = (
            backbone.perturb(points, draws["noise"], grown * sigma)
            for sigma in model.noise_schedule.sigmas(draws)
        )
        noisy_reconstruction, reconstruction = separate(
            backbone.decode(
                interleave(noisy, slightly_noisy),
                None if told is None else interleave(told, told),
                training,
            )
        )
        return {
            "latents": latents,
            "noisy_latents": noisy,
            "slightly_noisy_latents": slightly_noisy,
            "noisy_reconstruction": noisy_reconstruction,
            "reconstruction": reconstruction,
            "cycled_latents": model.encode_again(noisy_reconstruction, told, training),
            "features": feature_maps(
                model.perceptual_network, images, reconstruction, noisy_reconstruction
            ),
            **self.matched(model, points, labels, draws),
        }

    def zeros(self, images, latents, features):
        """Outputs of the shapes of given tensors, for a loss to be tried on."""
        return {
            **dict.fromkeys(("reconstruction", "noisy_reconstruction"), images),
            **dict.fromkeys(("latents", "cycled_latents"), latents),
            "features": [features] * 3,
        }

    def _pair(self, images, outputs):
        real, decoded, decoded_noisy = outputs["features"]
        reconstruction = pixels(outputs["reconstruction"], decoded)
        targets = {
            "pixel_reconstruction": fixed(pixels(rescale(images), real)),
            "pixel_consistency": fixed(reconstruction),
            "latent_consistency": fixed(outputs["latents"]),
        }
        predictions = {
            "pixel_reconstruction": reconstruction,
            "pixel_consistency": pixels(outputs["noisy_reconstruction"], decoded_noisy),
            "latent_consistency": outputs["cycled_latents"],
        }
        return targets, predictions

    def _structure(self, compared):
        return {
            "pixel_reconstruction": compared,
            "pixel_consistency": compared,
            "latent_consistency": 0.0,
        }

    def _required_losses(self, feature_distance):
        pixel = {
            name: PixelLoss(name=name, feature_distance=feature_distance)
            for name in ("pixel_reconstruction", "pixel_consistency")
        }
        return {
            **pixel,
            "latent_consistency": LatentCosineDistance(name="latent_consistency"),
        }


def loss_value(loss, targets, predictions):
    """What a loss, in any form that `compile` takes, makes of a batch: a scalar."""
    return keras.ops.mean(keras.losses.get(loss)(targets, predictions))
