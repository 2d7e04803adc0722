"""The model's methods that start from images."""

from keras_sphere.models.conditions import read_labels
from keras_sphere.models.generation_inputs import read_images
from keras_sphere.models.sampling_run import run_sampling, sampling_options
from keras_sphere.typing import Array, ArrayLike, Labels


class Reconstruction:
    """Mixin of `SphereEncoderModel`: reconstruct, once or in a loop."""

    def reconstruct(
        self,
        images: ArrayLike,
        labels: Labels | None = None,
        strength: float | None = None,
        noise: ArrayLike | None = None,
        seed: int | None = None,
        batch_size: int | None = None,
        use_ema: bool | None = None,
        angle_degrees: float | None = None,
    ) -> Array:
        """Encodes images and decodes them, with noise in between if asked for.

        `decode(f(f(encode(x)) + strength sigma e))`: strength 0 reconstructs, 1 is a
        step of generation, in between are variations of the image. Where noise is a
        rotation, it turns the latent by that share of the largest angle, and the
        decoder is told.

        Args:
            images: As for `encode`.
            labels: As for `encode`.
            strength: Float in [0, 1], a share of the largest noise; `None` for none.
            noise: Array of shape `(batch, num_tokens, token_channels)`; `None` draws
                it by `seed`.
            seed: Integer or `None` for a random one.
            batch_size: Integer or `None`. Images at a time.
            use_ema: Boolean or `None` for the model's default.
            angle_degrees: Float from 0 to the largest angle of training, in place of
                `strength`, where noise is a rotation.

        Returns:
            float32 array of the shape of `images`, in [-1, 1].
        """
        images = read_images(self.backbone, images)
        options = self.sampling.for_reconstruction(use_ema)
        return run_sampling(
            self,
            options,
            len(images),
            images=images,
            labels=read_labels(self.backbone, labels, len(images)),
            step_noise=None if noise is None else [noise],
            seed=seed,
            batch_size=batch_size,
            **options.reconstruction(
                strength, angle_degrees, self.noise_schedule.max_angle_degrees
            ),
        )

    def reconstruct_loop(
        self,
        images: ArrayLike,
        labels: Labels | None = None,
        steps: int | None = None,
        angle_degrees: float | None = None,
        loop_angle_degrees: float | None = None,
        shared_noise: bool | None = None,
        seed: int | None = None,
        step_noise: ArrayLike | None = None,
        return_steps: bool = False,
        batch_size: int | None = None,
        use_ema: bool | None = None,
    ) -> Array:
        """Decodes the encoded images as if they were noisy, then loops as `generate`.

        The first step moves nothing and tells the decoder `angle_degrees`, so that it
        makes a similar image of its own. Where noise is a rotation.

        Args:
            images: As for `encode`.
            labels: As for `encode`.
            steps: Integer, at least 1. Decoder calls.
            angle_degrees: Float. What the first decoder call is told.
            loop_angle_degrees: Float or `None` for the same. By how much later steps
                turn the latent.
            shared_noise: Boolean. Whether later steps all turn towards the same noise.
            seed: Integer or `None` for a random one.
            step_noise: Array of shape `(draws, batch, num_tokens, token_channels)`.
                Noises of the later steps, in place of draws.
            return_steps: Boolean. Whether to return the image of every step.
            batch_size: Integer or `None`. Images at a time.
            use_ema: Boolean or `None` for the model's default.

        Returns:
            float32 array of the shape of `images`, in [-1, 1]; with `return_steps` one
            axis of length `steps` comes first.

        Raises:
            ValueError: If the model's noise is no rotation, or an argument is out of
                range.

        Reference:
            - [Sphere Encoder 2](https://arxiv.org/abs/2610.02208), editing.
        """
        options = sampling_options(
            self,
            steps=steps,
            angle_degrees=0.0 if angle_degrees is None else angle_degrees,
            loop_angle_degrees=loop_angle_degrees,
            shared_noise=shared_noise,
            use_ema=use_ema,
        )
        images = read_images(self.backbone, images)
        return run_sampling(
            self,
            options,
            len(images),
            images=images,
            labels=read_labels(self.backbone, labels, len(images)),
            step_noise=step_noise,
            seed=seed,
            return_steps=return_steps,
            batch_size=batch_size,
            first=(0.0, options.angle_degrees),
        )
