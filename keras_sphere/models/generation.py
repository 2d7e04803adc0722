"""The model's methods that take and return NumPy arrays, in chunks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from keras_sphere.models.chunks import in_chunks
from keras_sphere.models.conditions import (
    Conditions,
    embed_prompts,
    only_one,
    read_embeddings,
    read_labels,
    read_rows,
)
from keras_sphere.models.generation_inputs import (
    count_images,
    read_images,
    read_latents,
    read_told_angles,
)
from keras_sphere.models.inference import current_weights
from keras_sphere.models.reconstruction import Reconstruction
from keras_sphere.models.refiner_checks import find_refiner
from keras_sphere.models.sampling_run import run_sampling, sampling_options
from keras_sphere.typing import Array, ArrayLike, Labels
from keras_sphere.validation import as_array, if_given, read_boolean

if TYPE_CHECKING:
    from keras_sphere.models.latent_refiner import LatentRefiner


class Generation(Conditions, Reconstruction):
    """Mixin of `SphereEncoderModel`: encode, decode, reconstruct and generate.

    It needs `backbone`, `noise_schedule`, `sampling` and `passes`. Labels are
    integers in [0, num_classes - 1], or mix classes: `{3: 0.5, 8: 0.5}`, or one row
    of class weights per image. If the backbone has `class_names`, a name stands
    wherever an integer does: `"bee"`, `["bee", 3]`, `{"bee": 1, "ant": 2}`. A string
    is always a name, an integer always an id. Without labels a class-conditional
    model uses the null class. Where a model is conditional on vectors, rows of
    `condition` stand wherever labels do. All work is done in chunks of
    `batch_size` (64 by default), by programs compiled for that size.
    """

    def encode(
        self,
        images: ArrayLike,
        labels: Labels | None = None,
        batch_size: int | None = None,
        use_ema: bool | None = None,
    ) -> Array:
        """Images to points of the sphere.

        Args:
            images: Array of shape `(batch, height, width, channels)`, uint8 or float
                in [-1, 1].
            labels: Integers or names of shape `(batch,)`, one of them, a mix of
                classes, or `None`; see the class.
            batch_size: Integer or `None`. Images at a time.
            use_ema: Boolean or `None` for the model's default.

        Returns:
            float32 array of shape `(batch, num_tokens, token_channels)`.
        """
        self.backbone.require_encoder("`encode`")
        images = read_images(self.backbone, images)
        labels = read_labels(self.backbone, labels, len(images))
        return encode_images(self, images, labels, batch_size, use_ema)

    def decode(
        self,
        latents: ArrayLike,
        labels: Labels | None = None,
        angle_degrees: ArrayLike | None = None,
        batch_size: int | None = None,
        use_ema: bool | None = None,
    ) -> Array:
        """Latents, projected onto the sphere, to images.

        Args:
            latents: Array of shape `(batch, num_tokens, token_channels)`.
            labels: As for `encode`.
            angle_degrees: Float, or one per image: by how much noise turned the
                latents, from 0 to the largest angle of training. `None` is 0. Only of
                a model whose decoder is told.
            batch_size: Integer or `None`. Images at a time.
            use_ema: Boolean or `None` for the model's default.

        Returns:
            float32 array of shape `(batch, height, width, channels)`, in [-1, 1].
        """
        latents = read_latents(self.backbone, "latents", latents)
        labels = read_labels(self.backbone, labels, len(latents))
        angles = read_told_angles(self, angle_degrees, len(latents))
        weights = _weights(self, use_ema)

        def decode(chunk):
            return self.passes.decode(weights, *chunk)

        rows = [latents, labels, angles]
        return in_chunks(_rows, decode, rows, len(latents), batch_size)

    def generate(
        self,
        num_images: int | None = None,
        labels: Labels | None = None,
        steps: int | None = None,
        guidance_scale: float | None = None,
        guidance_position: str | None = None,
        schedule: str | None = None,
        shared_noise: bool | None = None,
        seed: int | None = None,
        noise: ArrayLike | None = None,
        step_noise: ArrayLike | None = None,
        return_steps: bool = False,
        batch_size: int | None = None,
        use_ema: bool | None = None,
        angle_degrees: float | None = None,
        loop_angle_degrees: float | None = None,
        guidance_degrees: float | None = None,
        refiner: LatentRefiner | bool | None = None,
        embeddings: ArrayLike | None = None,
        negative_embeddings: ArrayLike | None = None,
        prompts: str | Sequence[str] | None = None,
        negative_prompts: str | Sequence[str] | None = None,
    ) -> Array:
        """Generates images from random points of the sphere.

        What is `None` takes the model's own default, `model.sampling`, which also
        holds the angle of the noise. The noise of image i depends on `seed` and i
        alone, not on batch size or backend. Guidance is a scale, at a position, where
        noise is added, and an angle where noise is a rotation; `schedule` belongs to
        the former, the angles to the latter.

        Args:
            num_images: Integer; `None` follows `labels` or `noise`, or is 1.
            labels: Integers or names of shape `(num_images,)`, one for all, a mix of
                classes (see the class), or `None` for the null class.
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
                first one alone is used if it is shared. (A rotation's shared noise is
                the start. With guidance each step but the last takes two: the second
                one turns the images without class.)
            return_steps: Boolean. Whether to return the image of every step.
            batch_size: Integer or `None`. Images at a time.
            use_ema: Boolean. Whether to use the moving average of the weights.
            angle_degrees: Float. What the first decoder call is told; see
                `RotationSamplingOptions`.
            loop_angle_degrees: Float. By how much later steps turn the latent.
            guidance_degrees: Float. By how much they turn away from no class.
            refiner: `LatentRefiner` that this model taught, which stands in place of
                decoder and encoder between the steps; `True` for the model's own. A
                single step has no place for it.
            embeddings: Floats of shape `(num_images, condition_dim)`, or
                `(condition_dim,)` for all images: the vectors of a model that is
                conditional on some. `None` is the null vector.
            negative_embeddings: Likewise: what guidance leads away from, in place of
                no condition.
            prompts: Text, or list of texts, in place of `embeddings`: the model's
                embedder makes vectors of them.
            negative_prompts: Likewise, in place of `negative_embeddings`.

        Returns:
            float32 array of shape `(num_images, height, width, channels)`, in
            [-1, 1]; with `return_steps` one axis of length `steps` comes first.

        Raises:
            ValueError: If an argument is out of range or of another method, labels
                or guidance are asked of an unconditional model, the refiner is of
                another model or was not taught what is asked for, or vectors are of
                another width, not finite, or not what the model is conditional on.
        """
        embeddings = _vectors(self.backbone, "", embeddings, prompts)
        num_images = count_images(num_images, labels, noise, embeddings)
        negative = _vectors(
            self.backbone, "negative_", negative_embeddings, negative_prompts
        )
        return generate_images(
            self,
            num_images,
            _rows_or_labels(self.backbone, num_images, labels, embeddings),
            null_labels=_negative_rows(self.backbone, num_images, negative),
            noise=noise,
            step_noise=step_noise,
            seed=seed,
            return_steps=return_steps,
            batch_size=batch_size,
            steps=steps,
            guidance_scale=guidance_scale,
            guidance_position=guidance_position,
            schedule=schedule,
            shared_noise=shared_noise,
            use_ema=use_ema,
            angle_degrees=angle_degrees,
            loop_angle_degrees=loop_angle_degrees,
            guidance_degrees=guidance_degrees,
            refiner=refiner,
        )


def generate_images(
    model,
    num_images,
    labels,
    noise=None,
    step_noise=None,
    seed=None,
    return_steps=False,
    batch_size=None,
    refiner=None,
    null_labels=None,
    **options,
):
    """`model.generate` with labels that are read already; see there."""
    return run_sampling(
        model,
        sampling_options(model, **options),
        num_images,
        noise=noise,
        labels=labels,
        step_noise=step_noise,
        seed=seed,
        return_steps=return_steps,
        batch_size=batch_size,
        refiner=find_refiner(model, refiner),
        null_labels=null_labels,
    )


def encode_images(model, images, labels=None, batch_size=None, use_ema=None):
    """`model.encode` of images and labels that are read already."""
    weights = _weights(model, use_ema)

    def encode(chunk):
        return model.passes.encode(weights, *chunk)

    return in_chunks(_rows, encode, [images, labels], len(images), batch_size)


def _vectors(backbone, prefix, embeddings, prompts):
    """Vectors as an array, from one of two arguments of `generate`, or `None`."""
    names = f"{prefix}embeddings", f"{prefix}prompts"
    made = embed_prompts(backbone, prompts, names[1])
    embeddings = only_one(names[0], embeddings, names[1], made)
    return None if embeddings is None else as_array(names[0], embeddings)


def _rows_or_labels(backbone, num_images, labels, embeddings):
    if embeddings is None:
        return read_labels(backbone, labels, num_images)
    embeddings = read_embeddings(backbone, embeddings, num_images)
    return read_rows(backbone, num_images, labels, embeddings)


def _negative_rows(backbone, num_images, negative):
    if negative is None:
        return None
    name = "negative_embeddings"
    negative = read_embeddings(backbone, negative, num_images, name)
    return read_rows(backbone, num_images, embeddings=negative)


def _rows(_, *chunks):
    """A chunk that needs no preparation."""
    return chunks


def _weights(model, use_ema):
    use_ema = if_given(read_boolean, "use_ema", use_ema)
    use_ema = model.sampling.use_ema if use_ema is None else use_ema
    return current_weights(model, use_ema)
