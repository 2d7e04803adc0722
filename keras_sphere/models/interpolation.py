"""The model's methods that generate between given points."""

from typing import Any

import numpy as np

from keras_sphere import sampling
from keras_sphere.models import class_paths, latent_paths
from keras_sphere.models.conditions import read_labels
from keras_sphere.models.generation import Generation, generate_images
from keras_sphere.models.generation_inputs import (
    read_latents,
    read_seed,
)
from keras_sphere.typing import Array, ArrayLike, Labels
from keras_sphere.validation import check_choice, read_integer


class Interpolation(Generation):
    """Mixin of `SphereEncoderModel`: `interpolate` and `interpolate_grid`.

    Both decode every point by the loop of `generate`, with one noise for all points
    of a path, and move the class as they move the latent: the class vectors of the
    encoder and of the decoder are interpolated.

    Reference:
        - [Sphere Encoder](https://arxiv.org/abs/2602.15030), interpolation.
    """

    def interpolate(
        self,
        start: int | ArrayLike | None = None,
        end: int | ArrayLike | None = None,
        start_labels: Labels | None = None,
        end_labels: Labels | None = None,
        num_images: int = 9,
        method: str = "slerp",
        label_method: str = "lerp",
        seed: int | None = None,
        step_noise: ArrayLike | None = None,
        **options: Any,
    ) -> Array:
        """Generates images at even distances between two points of the sphere.

        Args:
            start: The first point: an integer, the seed of the image that
                `generate(1, seed=start)` starts from, or a latent of shape
                `(num_tokens, token_channels)`. For several paths at once a sequence
                of seeds, or latents with one axis more in front. `None` draws it by
                `seed`.
            end: The last point; likewise. The same as `start` for a fixed latent
                with a moving class.
            start_labels: Class at the start: an integer, a name, or a mix of classes
                as `generate` takes it, or one per path. `None` is the null class.
            end_labels: Class at the end. `None` is that of the start.
            num_images: Integer, at least 2. Images per path, both ends included.
            method: `"slerp"`, along a great circle, in equal angles, or `"lerp"`,
                along the straight line, projected onto the sphere.
            label_method: How the class moves: `"lerp"` mixes the class vectors,
                `"slerp"` turns one into the other, `"hard"` changes in the middle.
            seed: Integer or `None` for a random one. Of the noise of the later
                steps, and of ends that are not given.
            step_noise: Array of shape `(draws, num_tokens, token_channels)`, in
                place of that noise.
            **options: Options of `generate`: `steps`, `guidance_scale`,
                `guidance_position`, `schedule`, `shared_noise`, `return_steps`,
                `batch_size`, `use_ema`.

        Returns:
            float32 array of shape `(num_images, height, width, channels)`, in
            [-1, 1]; with one axis more in front for several paths, and in front of
            all one for the steps if asked for with `return_steps`.

        Example:

        >>> strip = model.interpolate(1, 2, start_labels=3, end_labels=8)
        """
        check_choice("method", method, latent_paths.PATH_METHODS)
        check_choice("label_method", label_method, class_paths.METHODS)
        num_images = read_path_length(num_images)
        seed = read_seed(seed)
        ends, several = self._read_points({"start": start, "end": end}, seed)
        pairs, per_token = len(ends[0]), self.backbone.spherify_per_token
        shares = np.linspace(0.0, 1.0, num_images, dtype="float32")
        points = latent_paths.path(ends[0], ends[1], shares, method, per_token)
        end_labels = start_labels if end_labels is None else end_labels
        corners = [
            read_labels(self.backbone, labels, pairs, name)
            for name, labels in (
                ("start_labels", start_labels),
                ("end_labels", end_labels),
            )
        ]
        labels = class_paths.between(self.backbone, corners, shares, label_method)
        images = generate_images(
            self,
            pairs * num_images,
            labels,
            noise=points.reshape(-1, *self.backbone.latent_shape),
            step_noise=noise_of_paths(
                self, step_noise, seed, pairs, num_images, options
            ),
            **options,
        )
        shape = (pairs, num_images) if several else (num_images,)
        return images.reshape(*images.shape[:-4], *shape, *images.shape[-3:])

    def interpolate_grid(
        self,
        corners: ArrayLike | None = None,
        corner_labels: Labels | None = None,
        num_rows: int = 5,
        num_columns: int = 5,
        seed: int | None = None,
        step_noise: ArrayLike | None = None,
        **options: Any,
    ) -> Array:
        """Generates a grid of images between four points of the sphere.

        Args:
            corners: Four seeds, or an array of shape `(4, num_tokens,
                token_channels)`: top left, top right, bottom left, bottom right.
                `None` draws them by `seed`.
            corner_labels: Four classes, one class, or a mix as `generate` takes it.
            num_rows: Integer, at least 2.
            num_columns: Integer, at least 2.
            seed: As for `interpolate`.
            step_noise: As for `interpolate`.
            **options: As for `interpolate`.

        Returns:
            float32 array of shape `(num_rows, num_columns, height, width,
            channels)`, in [-1, 1]; with `return_steps` one axis comes first.
        """
        num_rows = read_path_length(num_rows, "num_rows")
        num_columns = read_path_length(num_columns, "num_columns")
        seed = read_seed(seed)
        if corners is None:
            corners = sampling.host_noise(seed, range(4), 0, self.backbone.latent_shape)
        corners = read_points(self.backbone, "corners", corners)
        if len(corners) != 4:
            raise ValueError(
                f"`corners` must hold four points. Received: {len(corners)} points"
            )
        per_token = self.backbone.spherify_per_token
        points = latent_paths.grid(corners, num_rows, num_columns, per_token)
        labels = read_labels(self.backbone, corner_labels, 4, "corner_labels")
        labels = [None] if labels is None else list(np.split(labels, 4))
        weights = latent_paths.grid_weights(num_rows, num_columns)
        images = generate_images(
            self,
            len(points),
            class_paths.mixed(self.backbone, labels, weights),
            noise=points,
            step_noise=noise_of_paths(self, step_noise, seed, 1, len(points), options),
            **options,
        )
        shape = (num_rows, num_columns)
        return images.reshape(*images.shape[:-4], *shape, *images.shape[-3:])

    def _read_points(self, ends, seed):
        """Both ends as arrays of equally many latents, and whether as several."""
        shape = self.backbone.latent_shape
        several = any(_is_several(point) for point in ends.values())
        points = []
        for index, (name, point) in enumerate(ends.items()):
            if point is None:
                point = sampling.host_noise(seed, [index], 0, shape)
            elif not _is_several(point):
                point = [point]
            points.append(read_points(self.backbone, name, point))
        counts = [len(point) for point in points]
        if min(counts) != max(counts) and min(counts) != 1:
            raise ValueError(
                "`start` and `end` must hold equally many points, or one of them a "
                f"single one. Received: {counts[0]} and {counts[1]} points"
            )
        return [np.repeat(p, max(counts) // len(p), axis=0) for p in points], several


def noise_of_paths(model, step_noise, seed, num_paths, num_points, options):
    """The noise of later steps, the same for all points of a path.

    Args:
        model: `SphereEncoderModel`.
        step_noise: Array of shape `(draws, num_tokens, token_channels)`, or `None`
            to draw for each path what `generate` draws for the image of that index.
        seed: Integer.
        num_paths: Integer.
        num_points: Integer. Points of each path.
        options: Dict of options of `generate`.

    Returns:
        List of arrays of shape `(num_paths * num_points, ...)`, one per draw.
    """
    if step_noise is None:
        given = ("steps", "shared_noise", "guidance_degrees")
        used = model.sampling.override(**{name: options.get(name) for name in given})
        shape = model.backbone.latent_shape
        step_noise = [
            sampling.host_noise(seed, range(num_paths), draw, shape)
            for draw in range(1, used.num_noise_draws + 1)
        ]
    else:
        step_noise = read_latents(model.backbone, "step_noise", step_noise)
        step_noise = [np.repeat(one[None], num_paths, axis=0) for one in step_noise]
    return [np.repeat(one, num_points, axis=0) for one in step_noise]


def read_points(backbone, name, points):
    """Seeds, or an array of latents, as an array of latents.

    Args:
        backbone: `SphereEncoderBackbone`.
        name: String. The argument, for messages.
        points: Sequence of integers or of latents, or of both.
    """
    latents = [
        sampling.host_noise(read_seed(int(point)), [0], 0, backbone.latent_shape)[0]
        if np.ndim(point) == 0 and np.issubdtype(np.asarray(point).dtype, np.integer)
        else point
        for point in points
    ]
    if not latents or any(np.ndim(point) != 2 for point in latents):
        raise ValueError(
            f"`{name}` must be a seed or a latent of shape {backbone.latent_shape}, or "
            f"a sequence of them. Received: {name} with shapes "
            f"{[np.shape(point) for point in points]}"
        )
    return read_latents(backbone, name, np.stack(latents))


def read_path_length(count, name="num_images"):
    """`count` as an `int`; a `ValueError` unless a path so long has two ends."""
    count = read_integer(name, count)
    if count < 2:
        raise ValueError(
            f"`{name}` must be at least 2, for both ends. Received: {name}={count}"
        )
    return count


def _is_several(point):
    return point is not None and np.ndim(point) in (1, 3)
