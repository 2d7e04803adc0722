"""The model's methods that take and return NumPy arrays, in chunks."""

import random

import keras
import numpy as np

from keras_sphere import sampling
from keras_sphere.backend import no_gradients
from keras_sphere.models.inference import current_weights, in_chunks
from keras_sphere.models.training_inputs import is_array, rescale
from keras_sphere.validation import (
    check_images,
    check_labels,
    check_positive_integer,
    check_share,
)


class Generation:
    """Mixin of `SphereEncoderModel`: encode, decode, reconstruct and generate.

    It needs `backbone`, `noise_schedule`, `sampling` and `passes`. Labels are
    integers in [0, num_classes - 1]; without labels a class-conditional model uses
    the null class. All work is done in chunks of `batch_size` (64 by default), by
    programs compiled for that size.
    """

    def encode(self, images, labels=None, batch_size=None, use_ema=None):
        """Images to points of the sphere.

        Args:
            images: Array of shape `(batch, height, width, channels)`, uint8 or float
                in [-1, 1].
            labels: Integers of shape `(batch,)`, one integer, or `None`.
            batch_size: Integer or `None`. Images at a time.
            use_ema: Boolean or `None` for the model's default.

        Returns:
            float32 array of shape `(batch, num_tokens, token_channels)`.
        """
        images = self._check_images(images)
        labels = self._check_labels(labels, len(images))
        weights = self._weights(use_ema)

        def run(_, images, labels):
            latents = self.passes.encode(weights, rescale(images), labels)
            return keras.ops.convert_to_numpy(latents)

        return in_chunks(run, [images, labels], len(images), batch_size)

    def decode(self, latents, labels=None, batch_size=None, use_ema=None):
        """Latents, projected onto the sphere, to images.

        Args:
            latents: Array of shape `(batch, num_tokens, token_channels)`.
            labels: As for `encode`.
            batch_size: Integer or `None`. Images at a time.
            use_ema: Boolean or `None` for the model's default.

        Returns:
            float32 array of shape `(batch, height, width, channels)`, in [-1, 1].
        """
        latents = self._check_latents("latents", latents)
        labels = self._check_labels(labels, len(latents))
        weights = self._weights(use_ema)

        def run(_, latents, labels):
            with no_gradients():
                points = self.backbone.spherify(latents)
            images = self.passes.decode(weights, points, labels)
            return keras.ops.convert_to_numpy(images)

        return in_chunks(run, [latents, labels], len(latents), batch_size)

    def reconstruct(
        self,
        images,
        labels=None,
        strength=0.0,
        noise=None,
        seed=None,
        batch_size=None,
        use_ema=None,
    ):
        """Encodes images and decodes them, with noise in between if asked for.

        `decode(f(f(encode(x)) + strength sigma e))`: strength 0 reconstructs, 1 is a
        step of generation, in between are variations of the image.

        Args:
            images: As for `encode`.
            labels: As for `encode`.
            strength: Float in [0, 1].
            noise: Array of shape `(batch, num_tokens, token_channels)`; `None` draws
                it by `seed`.
            seed: Integer or `None` for a random one.
            batch_size: Integer or `None`. Images at a time.
            use_ema: Boolean or `None` for the model's default.

        Returns:
            float32 array of the shape of `images`, in [-1, 1].
        """
        check_share("strength", strength)
        images = self._check_images(images)
        labels = self._check_labels(labels, len(images))
        noise = self._check_latents("noise", noise, len(images))
        seed, weights = _resolve_seed(seed), self._weights(use_ema)
        sigma = strength * self.noise_schedule.sigma

        def run(indices, images, labels, noise):
            points = self.passes.encode(weights, rescale(images), labels)
            if strength > 0:
                if noise is None:
                    noise = self._draw_noise(seed, indices, 1)
                with no_gradients():
                    points = self.backbone.perturb(points, noise, sigma)
            decoded = self.passes.decode(weights, points, labels)
            return keras.ops.convert_to_numpy(decoded)

        return in_chunks(run, [images, labels, noise], len(images), batch_size)

    def generate(
        self,
        num_images=None,
        labels=None,
        steps=None,
        guidance_scale=None,
        guidance_position=None,
        schedule=None,
        shared_noise=None,
        seed=None,
        noise=None,
        step_noise=None,
        return_steps=False,
        batch_size=None,
        use_ema=None,
    ):
        """Generates images from random points of the sphere.

        What is `None` takes the model's own default, `model.sampling`, which also
        holds the angle of the noise. The noise of image i depends on `seed` and i
        alone, not on batch size or backend.

        Args:
            num_images: Integer; `None` follows `labels` or `noise`, or is 1.
            labels: Integers of shape `(num_images,)`, one integer for all, or `None`
                for the null class.
            steps: Integer, at least 1. Decoder calls.
            guidance_scale: Float. Above 1 the class is stressed.
            guidance_position: `"encoder"`, `"decoder"` or `"both"`.
            schedule: `"fixed"` or `"decay"`. Noise strength over the steps.
            shared_noise: Boolean. Whether all steps add the same noise.
            seed: Integer or `None` for a random one.
            noise: Array of shape `(num_images, num_tokens, token_channels)`. The
                start, in place of a draw.
            step_noise: Array of shape `(draws, num_images, num_tokens,
                token_channels)`. Noises of the later steps, in place of draws; the
                first one alone is used if it is shared.
            return_steps: Boolean. Whether to return the image of every step.
            batch_size: Integer or `None`. Images at a time.
            use_ema: Boolean. Whether to use the moving average of the weights.

        Returns:
            float32 array of shape `(num_images, height, width, channels)`, in
            [-1, 1]; with `return_steps` one axis of length `steps` comes first.

        Raises:
            ValueError: If an argument is out of range, or labels or guidance are
                asked of an unconditional model.
        """
        options = self.sampling.override(
            steps=steps,
            guidance_scale=guidance_scale,
            guidance_position=guidance_position,
            schedule=schedule,
            shared_noise=shared_noise,
            use_ema=use_ema,
        )
        if options.guidance_scale > 1 and not self.backbone.num_classes:
            raise ValueError(
                "`guidance_scale` above 1 needs a class-conditional model. Received: "
                f"guidance_scale={options.guidance_scale} with num_classes=0"
            )
        num_images = _count(num_images, labels, noise)
        labels = self._check_labels(labels, num_images)
        noise = self._check_latents("noise", noise, num_images)
        draws = self._check_step_noise(step_noise, num_images, options)
        seed, weights = _resolve_seed(seed), self._weights(options.use_ema)

        def run(indices, labels, noise, *given):
            if noise is None:
                noise = self._draw_noise(seed, indices, 0)
            given = given or [
                self._draw_noise(seed, indices, t + 1)
                for t in range(options.num_noise_draws)
            ]
            images = self._sample(weights, labels, noise, given, options)
            kept = images if return_steps else images[-1:]
            stacked = np.stack([keras.ops.convert_to_numpy(i) for i in kept])
            return stacked if return_steps else stacked[0]

        return in_chunks(run, [labels, noise, *draws], num_images, batch_size)

    def _sample(self, weights, labels, noise, step_noise, options):
        at_encoder, at_decoder = map(options.guidance_at, ("encoder", "decoder"))
        with no_gradients():
            return sampling.sample(
                lambda images: self.passes.encode(weights, images, labels, at_encoder),
                lambda points: self.passes.decode(weights, points, labels, at_decoder),
                noise,
                step_noise,
                options.strengths,
                options.sigma(self.noise_schedule.max_angle_degrees),
                self.backbone.spherify_per_token,
            )

    def _draw_noise(self, seed, indices, draw):
        return sampling.host_noise(seed, indices, draw, self.backbone.latent_shape)

    def _weights(self, use_ema):
        if use_ema is None:
            use_ema = self.sampling.use_ema
        return current_weights(self, use_ema)

    def _check_images(self, images):
        images = images if is_array(images) else np.asarray(images)
        check_images(images, self.backbone.image_size, self.backbone.num_channels)
        return np.asarray(keras.ops.convert_to_numpy(images))

    def _check_labels(self, labels, num_images):
        """Labels of `num_images` images, int32; the null class if there are none."""
        num_classes = self.backbone.num_classes
        if num_classes == 0:
            if labels is not None:
                raise ValueError(
                    "`labels` must be None: the model is unconditional "
                    f"(num_classes=0). Received: labels={labels!r}"
                )
            return None
        if labels is None:
            return np.full((num_images,), num_classes, "int32")
        labels = np.asarray(keras.ops.convert_to_numpy(labels))
        if labels.ndim == 0:
            labels = np.full((num_images,), labels)
        check_labels(labels, num_classes, num_images)
        return labels.reshape(-1).astype("int32")

    def _check_latents(self, name, latents, num_images=None):
        if latents is None:
            return None
        latents = np.asarray(keras.ops.convert_to_numpy(latents), "float32")
        num_images = latents.shape[0] if num_images is None else num_images
        expected = (num_images, *self.backbone.latent_shape)
        if latents.shape != expected or not np.all(np.isfinite(latents)):
            raise ValueError(
                f"`{name}` must be finite, of shape {expected}: images, tokens, "
                f"channels. Received: shape {latents.shape}, "
                f"{'finite' if np.all(np.isfinite(latents)) else 'not finite'}"
            )
        return latents

    def _check_step_noise(self, step_noise, num_images, options):
        if step_noise is None:
            return []
        if len(step_noise) < options.num_noise_draws:
            raise ValueError(
                f"`step_noise` must hold {options.num_noise_draws} noises for "
                f"{options.steps} steps with shared_noise={options.shared_noise}. "
                f"Received: {len(step_noise)} noises"
            )
        return [
            self._check_latents("step_noise", noise, num_images)
            for noise in step_noise[: options.num_noise_draws]
        ]


def _count(num_images, labels, noise):
    """How many images to generate, by whatever says so."""
    if num_images is None:
        if noise is not None:
            return len(noise)
        return 1 if labels is None or np.ndim(labels) == 0 else len(labels)
    check_positive_integer("num_images", num_images)
    return num_images


def _resolve_seed(seed):
    if seed is None:
        return random.getrandbits(63)
    if not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**64:
        raise ValueError(
            f"`seed` must be None or an integer in [0, 2**64). Received: seed={seed!r}"
        )
    return int(seed)
