"""The forward pass of a training step, and the losses of what it gives."""

from collections.abc import Mapping
from typing import Any

from keras_sphere.models.training_inputs import rescale
from keras_sphere.models.training_objective import loss_value
from keras_sphere.typing import Tensor


class TrainingForward:
    """Mixin of `SphereEncoderModel`: `training_outputs` and `loss_terms`.

    It needs the model's networks, noise schedule, seeds, objective and compiled losses.
    """

    def training_outputs(
        self,
        images: Tensor,
        labels: Tensor | None = None,
        draws: Mapping[str, Tensor] | None = None,
        training: bool = True,
        embeddings: Tensor | None = None,
    ) -> dict[str, Any]:
        """The training forward: noisy latents, what they decode to, and back.

        Args:
            images: Images, uint8 or float in [-1, 1].
            labels: Integer tensor of shape `(batch,)`, or `None`.
            draws: Dict of the random numbers of the step, to use in place of new ones,
                or `None`: the `DRAWS` of the noise schedule, and with latent uniformity
                those of `LatentUniformity.draw`, too. `noise` has the shape of the
                latents, all others have one value per image: `radii`, `small_radii`
                (both stratified in [0, 1]) and `hard_case_scalers`, or `angles` in
                radians where noise is a rotation. No label is dropped then.
            training: Boolean. Whether labels and embeddings are dropped.
            embeddings: Float tensor of shape `(batch, condition_dim)`, or `None`.

        Returns:
            Dict of `latents` (before projection), `noisy_latents`, `reconstruction`,
            `cycled_latents` (decoded noisy latents encoded again) and `features`, lists
            of perceptual feature maps of the images and of what was decoded. With two
            noises of an image also `slightly_noisy_latents`, of the `reconstruction`,
            and `noisy_reconstruction`, that of `noisy_latents`. With one, its `angles`,
            and `sphere_latents`, `latents` projected, as `cycled_latents` are there.
            With latent uniformity also `matched_projections`, a pair as that function
            returns it.
        """
        return self.objective.outputs(
            self, rescale(images), labels, draws, training and not draws, embeddings
        )

    def loss_terms(
        self, images: Tensor, outputs: Mapping[str, Any]
    ) -> dict[str, Tensor]:
        """The weighted losses of a training forward.

        Args:
            images: The images that `training_outputs` was given.
            outputs: What it returned.

        Returns:
            Dict of scalars: each loss that is compiled, or else those of the method, by
            name, and their sum `total`.
        """
        losses = self.objective.default_losses(self.perceptual)
        weights = self.objective.weights
        if self.compiled:
            losses = self._compile_loss._user_loss
            weights = self._compile_loss._user_loss_weights
        targets, predictions = self.objective.pair(images, outputs)
        terms = {
            name: weights[name] * loss_value(loss, targets[name], predictions[name])
            for name, loss in losses.items()
        }
        return {**terms, "total": sum(terms.values())}
