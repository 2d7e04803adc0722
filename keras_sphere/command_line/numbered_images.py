"""Generated images by number: each depends on the seed and its number alone."""

import itertools

import numpy as np

from keras_sphere.backend.operations import COMPILES
from keras_sphere.command_line.image_classes import label_of
from keras_sphere.command_line.prompts import vector_of
from keras_sphere.models.chunks import bucket
from keras_sphere.sampling import host_noise
from keras_sphere.visualization.image_grid import to_uint8


class NumberedImages:
    """Makes images of a run by their numbers, in any order and in any batches.

    An image always stands in the same row of a batch of one size, so that it comes
    out the same to the last bit whichever others are made beside it.

    Args:
        job: `Job` of the task `generate`, with `num_images` filled in.
        sampling: Dict of keyword arguments of `model.generate`.
        seed: Integer.
    """

    def __init__(self, job, sampling, seed):
        self.job, self.seed = job, seed
        self.sampling = dict(sampling)
        self.total = job.settings["num_images"]
        most = bucket(self.total) if COMPILES else self.total
        self.rows = min(self.sampling.pop("batch_size"), most)

    def batches(self, numbers):
        """Yields lists of numbers that one batch can make, from ascending ones."""
        for _, part in itertools.groupby(numbers, lambda number: number // self.rows):
            yield list(part)

    def label(self, number):
        """The class of an image, or `None`."""
        return label_of(self.job, number, self.seed)

    def make(self, numbers, return_steps=False):
        """Makes images.

        Args:
            numbers: List of integers in ascending order.
            return_steps: Boolean. Whether to return the image of every step.

        Returns:
            uint8 array of shape `(images, height, width, channels)`; with
            `return_steps` one axis, of the steps, comes first.
        """
        parts = [
            self.make_batch(self.prepare_batch(part), return_steps)
            for part in self.batches(numbers)
        ]
        return np.concatenate(parts, axis=1 if return_steps else 0)

    def prepare_batch(self, numbers):
        """Numbers that one batch can make, with their noise and labels."""
        places = self._places(numbers)
        moves = range(1, self._draws() + 1)
        return numbers, {
            "labels": self._labels(numbers, places),
            **self._vectors(numbers, places),
            "noise": self._noise(numbers, places, 0),
            "step_noise": [self._noise(numbers, places, draw) for draw in moves],
        }

    def make_batch(self, prepared, return_steps=False):
        """Makes the images of what `prepare_batch` returned; see `make`."""
        numbers, inputs = prepared
        places = self._places(numbers)
        images = self.job.model.generate(
            num_images=self.rows,
            return_steps=return_steps,
            batch_size=self.rows,
            refiner=self.job.refiner,
            **inputs,
            **self.sampling,
        )
        return to_uint8(np.take(images, places, axis=1 if return_steps else 0))

    def _places(self, numbers):
        return [number % self.rows for number in numbers]

    def _draws(self):
        moves = self.sampling["steps"] - 1
        return min(moves, 1) if self.sampling["shared_noise"] else moves

    def _noise(self, numbers, places, draw):
        shape = self.job.description.latent_shape
        noise = np.zeros((self.rows, *shape), "float32")
        noise[places] = host_noise(self.seed, numbers, draw, shape)
        return noise

    def _vectors(self, numbers, places):
        if self.job.vectors is None:
            return {}
        vectors = np.zeros((self.rows, self.job.description.condition_dim), "float32")
        chosen = [vector_of(self.job, number) for number in numbers]
        vectors[places] = self.job.vectors[chosen]
        negative = self.job.negative_vector
        return {"embeddings": vectors, "negative_embeddings": negative}

    def _labels(self, numbers, places):
        if self.job.settings["class_mix"]:
            return self.job.class_mix()
        if self.label(numbers[0]) is None:
            return None
        labels = np.zeros(self.rows, "int32")
        labels[places] = [self.label(number) for number in numbers]
        return labels
