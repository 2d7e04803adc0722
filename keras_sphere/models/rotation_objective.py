"""What a training step of the second method computes and compares."""

import keras

from keras_sphere.losses import ByAngle, LatentCosineDistance, PixelLoss
from keras_sphere.models import distribution_terms, own_terms
from keras_sphere.models.perceptual_maps import feature_maps
from keras_sphere.models.training_inputs import rescale
from keras_sphere.models.training_objective import (
    UNIFORMITY,
    Objective,
    fixed,
    pixels,
)
from keras_sphere.wide_floats import as_float


class RotationObjective(Objective):
    """That of Sphere Encoder 2: one latent of each image, turned by one angle.

    Reference:
        - [Sphere Encoder 2](https://arxiv.org/abs/2610.02208), training.
    """

    weights = {"pixel_reconstruction": 1.0, "latent_consistency": 0.1}
    optional = (UNIFORMITY, *distribution_terms.DEFAULT_WEIGHTS, *own_terms.NAMES)

    def structure(self, model, names=()):
        own = {
            **distribution_terms.structure(model, names),
            **own_terms.structure(names),
        }
        return {
            **super().structure(model, names),
            **{name: {"value": zero, "angles": 0.0} for name, zero in own.items()},
        }

    def outputs(
        self, model, images, labels=None, draws=None, training=True, embeddings=None
    ):
        """See `SphereEncoderModel.training_outputs`."""
        backbone = model.backbone
        told = backbone.joined_condition(labels, embeddings)
        latents = backbone.encode(images, told, training)
        points = backbone.spherify(latents)
        draws = self.draw(model, points, draws)
        angles = keras.ops.reshape(as_float(draws["angles"]), (-1,))
        noisy = backbone.perturb(points, draws["noise"], angles)
        reconstruction = backbone.decode(noisy, told, training, angles=angles)
        compared = {
            "angles": angles,
            "reconstruction": reconstruction,
            "features": feature_maps(model.perceptual_network, images, reconstruction),
        }
        cycled = backbone.spherify(
            model.encode_again(reconstruction, training=training)
        )
        return {
            "latents": latents,
            "sphere_latents": points,
            "noisy_latents": noisy,
            **compared,
            "cycled_latents": cycled,
            **self.matched(model, points, labels, draws),
            **distribution_terms.outputs(
                model, images, labels, compared, draws, training
            ),
            **own_terms.outputs(
                model, images, (points, cycled), compared, draws, training
            ),
        }

    def zeros(self, images, latents, features):
        """Outputs of the shapes of given tensors, for a loss to be tried on."""
        return {
            "reconstruction": images,
            "angles": latents[:, 0, 0],
            **dict.fromkeys(("sphere_latents", "cycled_latents"), latents),
            "features": [features] * 2,
        }

    def _pair(self, images, outputs):
        real, decoded = outputs["features"]
        angles = fixed(outputs["angles"])
        terms = distribution_terms.pair(outputs), own_terms.pair(outputs)
        far, near = ({**a, **b} for a, b in zip(*terms, strict=True))
        targets = {
            "pixel_reconstruction": fixed(pixels(rescale(images), real)),
            "latent_consistency": fixed(outputs["sphere_latents"]),
            **far,
        }
        predictions = {
            "pixel_reconstruction": pixels(outputs["reconstruction"], decoded),
            "latent_consistency": outputs["cycled_latents"],
            **near,
        }
        return tuple(
            {name: {"value": x, "angles": angles} for name, x in side.items()}
            for side in (targets, predictions)
        )

    def _structure(self, compared):
        return {
            "pixel_reconstruction": {"value": compared, "angles": 0.0},
            "latent_consistency": {"value": 0.0, "angles": 0.0},
        }

    def _required_losses(self, feature_distance):
        pixel = PixelLoss(feature_distance=feature_distance)
        return {
            "pixel_reconstruction": ByAngle(pixel, "low", name="pixel_reconstruction"),
            "latent_consistency": ByAngle(
                LatentCosineDistance(), "high", name="latent_consistency"
            ),
        }
