"""The forward pass of a training step, and the losses of what it gives."""

from keras_sphere.losses.latent_uniformity import matched_projections
from keras_sphere.models.training_inputs import interleave, rescale, separate
from keras_sphere.models.training_objective import (
    LOSS_WEIGHTS,
    default_losses,
    feature_maps,
    loss_value,
    pair_losses,
)


class TrainingForward:
    """Mixin of `SphereEncoderModel`: `training_outputs` and `loss_terms`.

    It needs the model's networks, noise schedule, seeds and compiled losses.
    """

    def training_outputs(self, images, labels=None, draws=None, training=True):
        """The training forward: noisy latents, what they decode to, and back.

        Args:
            images: Images, uint8 or float in [-1, 1].
            labels: Integer tensor of shape `(batch,)`, or `None`.
            draws: Dict of `noise` of the shape of the latents, and `radii`,
                `small_radii` (both stratified in [0, 1]) and `hard_case_scalers`
                of one value per image, to use in place of random ones, with latent
                uniformity those of `LatentUniformity.draw`, too; no label is dropped
                then. `None` draws them.
            training: Boolean. Whether labels are dropped.

        Returns:
            Dict of `latents` (before projection), `noisy_latents`,
            `slightly_noisy_latents`, `noisy_reconstruction`, `reconstruction`,
            `cycled_latents` (the noisy reconstruction encoded), and `features`, three
            lists of perceptual feature maps (of the images, the reconstruction and
            the noisy reconstruction); with latent uniformity also
            `matched_projections`, a pair as that function returns it.
        """
        images, training = rescale(images), training and not draws
        latents = self.backbone.encode(images, labels, training)
        sphere_latents = self.backbone.spherify(latents)
        if not draws:
            draws = self.noise_schedule.draw(sphere_latents, self.seed_generator)
        if self.uniformity is not None and "directions" not in draws:
            own = self.uniformity.draw(sphere_latents, self.seed_generator)
            draws = {**draws, **own}
        noisy, slightly_noisy = (
            self.backbone.perturb(sphere_latents, draws["noise"], sigma)
            for sigma in self.noise_schedule.sigmas(draws)
        )
        noisy_reconstruction, reconstruction = separate(
            self.backbone.decode(
                interleave(noisy, slightly_noisy),
                None if labels is None else interleave(labels, labels),
                training,
            )
        )
        outputs = {
            "latents": latents,
            "noisy_latents": noisy,
            "slightly_noisy_latents": slightly_noisy,
            "noisy_reconstruction": noisy_reconstruction,
            "reconstruction": reconstruction,
            "cycled_latents": self.backbone.encode(
                noisy_reconstruction, labels, training
            ),
            "features": feature_maps(
                self.perceptual_network, images, reconstruction, noisy_reconstruction
            ),
        }
        if self.uniformity is not None:
            points = self.backbone.spherify(draws["uniform_noise"])
            groups = labels if self.uniformity.per_class else None
            outputs["matched_projections"] = matched_projections(
                sphere_latents, points, draws["directions"], groups
            )
        return outputs

    def loss_terms(self, images, outputs):
        """The weighted losses of a training forward.

        Args:
            images: The images that `training_outputs` was given.
            outputs: What it returned.

        Returns:
            Dict of scalars: `pixel_reconstruction`, `pixel_consistency`,
            `latent_consistency`, `latent_uniformity` if it is compiled, and their sum
            `total`.
        """
        losses, weights = default_losses(self.perceptual), LOSS_WEIGHTS
        if self.compiled:
            losses = self._compile_loss._user_loss
            weights = self._compile_loss._user_loss_weights
        targets, predictions = pair_losses(images, outputs)
        terms = {
            name: weights[name] * loss_value(loss, targets[name], predictions[name])
            for name, loss in losses.items()
        }
        return {**terms, "total": sum(terms.values())}
