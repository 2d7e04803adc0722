"""What a step of distillation draws: a function of a seed and the step alone."""

import dataclasses
import itertools

import numpy as np

NULL_SHARE = 0.1
_STREAM = 1  # of the random numbers; that of generation is 0
UNSEEN = 2**40  # steps from here on are of no training


@dataclasses.dataclass(frozen=True)
class DistillationDraws:
    """Batches of draws in an order that can be taken up anywhere.

    Args:
        latent_shape: Tuple. Shape of one latent.
        num_classes: Integer. 0 for a model without classes.
        motion: `"addition"` or `"rotation"`.
        values: Pair of floats: the guidance scales, or the angles in degrees.
        largest: Float. The strength of noise that is added at most; not for rotations.
        shared_noise: Boolean. Whether all moves of an image take one noise.
        chain: Integer. How many points of a loop there are.
        batch_size: Integer. Loops at a time.
        steps_per_epoch: Integer.
        seed: Integer.
        images: float32 array in [-1, 1], or `None`. Half of the loops start from them.
        labels: Integer array, or `None`: those of the images. With a `null_row` rows,
            those of the images or, without images, any: they are drawn from.
        null_row: Array, the row of no condition, or `None` for a model without vectors.
    """

    latent_shape: tuple[int, ...]
    num_classes: int
    motion: str
    values: tuple[float, float]
    largest: float
    shared_noise: bool
    chain: int
    batch_size: int
    steps_per_epoch: int
    seed: int
    images: np.ndarray | None = None
    labels: np.ndarray | None = None
    null_row: np.ndarray | None = None

    def starting_at(self, epoch=0, step=0):
        """A generator of batches without end, from a position of the training."""
        for number in itertools.count(epoch * self.steps_per_epoch + step):
            yield (self.batch(number),)

    def batch(self, number):
        """The draws of a step.

        Returns:
            Dict of arrays: `noise` and `moves`; `labels`; `conditions` and `strengths`
            of shape `(batch, chain)`, of which the first strength is that of images;
            `follows` (batch,), whether the loop goes on from what the refiner makes;
            and `images`.
        """
        generator = np.random.Generator(
            np.random.Philox(key=self.seed, counter=[0, _STREAM, 0, number])
        )
        rows, chain = self.batch_size, self.chain

        def normal(*shape):
            return generator.standard_normal((*shape, *self.latent_shape), "float32")

        batch = {"noise": normal(rows), "moves": normal(rows, chain)}
        if self.shared_noise:
            shared = batch["noise"] if self.motion == "rotation" else None
            shared = batch["moves"][:, 0] if shared is None else shared
            batch["moves"] = np.repeat(shared[:, None], chain, axis=1)
        columns = chain if self.motion == "rotation" else 1
        values = generator.uniform(*self.values, (rows, columns))
        values = np.broadcast_to(values, (rows, chain))
        if self.motion == "rotation":
            strengths = np.radians(values)
        else:
            strengths = generator.uniform(0.0, self.largest, (rows, chain))
        batch["conditions"] = values.astype("float32")
        batch["strengths"] = strengths.astype("float32")
        batch["follows"] = generator.uniform(size=rows) < 0.5
        classes = max(self.num_classes, 1)
        batch["labels"] = generator.integers(classes, size=rows, dtype="i4")
        if self.null_row is not None:
            drawn = generator.integers(len(self.labels), size=rows)
            batch["labels"] = self.labels[drawn]
        self._add_images(batch, generator)
        is_null = generator.uniform(size=rows) < NULL_SHARE
        if self.null_row is not None:
            batch["labels"][is_null] = self.null_row
        elif self.num_classes:
            batch["labels"][is_null] = self.num_classes
        else:
            del batch["labels"]
        return batch

    def _add_images(self, batch, generator):
        if self.images is None:
            return
        count = self.batch_size // 2
        chosen = generator.integers(len(self.images), size=count)
        batch["images"] = self.images[chosen]
        if self.labels is not None:
            batch["labels"][:count] = self.labels[chosen]
