"""What a backbone is conditional on, beside the names of its classes."""

from keras_sphere.embedders.embedding import (
    Embedder,
    find_embedder,
    known_embedder,
)
from keras_sphere.typing import Embed, Tensor


class BackboneCondition:
    """Mixin of `SphereEncoderBackbone`: vectors, and what makes them of texts.

    It needs `condition_rows`, the columns of its rows, and `_arguments`.
    """

    @property
    def condition_dim(self) -> int:
        """Length of the vectors that the model is conditional on; 0 for none."""
        return self.condition_rows.condition_dim

    @property
    def is_conditional(self) -> bool:
        """Whether there are classes, or vectors, that generation can follow."""
        return self.condition_rows.width > 0

    def joined_condition(
        self, labels: Tensor | None, embeddings: Tensor | None = None
    ) -> Tensor | None:
        """What the networks take of both: rows, or labels where there are no vectors.

        Args:
            labels: Integer tensor of shape `(batch,)`, or `None`.
            embeddings: Float tensor of shape `(batch, condition_dim)`, or `None`.
        """
        if not self.condition_dim:
            return labels
        return self.condition_rows.pack(labels, embeddings)

    @property
    def embedder(self) -> Embedder | None:
        """An `Embedder`, whose function may be unknown, or `None`."""
        return self._embedder

    @embedder.setter
    def embedder(self, embedder: str | Embed | Embedder | None) -> None:
        if embedder is not None and not self.condition_dim:
            raise ValueError(
                "`embedder` is for models that are conditional on vectors. Received: "
                f"embedder={embedder!r} with condition_dim=0"
            )
        is_name = isinstance(embedder, str)
        find = known_embedder if is_name else find_embedder
        self._embedder = None if embedder is None else find(embedder)
        self._arguments["embedder"] = self._embedder and self._embedder.name
