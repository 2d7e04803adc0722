"""The layers that a model has for its optional losses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_sphere.models.distribution_terms import DISTRIBUTION, map_shapes
from keras_sphere.models.logits_term import LogitsTerm, resolve_classifier
from keras_sphere.models.own_terms import FRECHET, LOGITS
from keras_sphere.models.perceptual_maps import resolve_distribution_network
from keras_sphere.models.scheduled_frechet import new_frechet
from keras_sphere.models.scheduled_scores import new_scores

if TYPE_CHECKING:
    import keras

# Each layer draws from a stream of its own, whose seed is so far from the model's.
_SCORES, _WINDOWS = 1, 2


class TermLayers:
    """Mixin of `SphereEncoderModel`: scores, logits and Frechet distances.

    It needs the model's backbone, objective and seed.
    """

    def _make_terms(self, score_matching, classifier, frechet_matching):
        self._refuse_terms(
            score_matching=(score_matching, DISTRIBUTION),
            classifier=(classifier, LOGITS),
            frechet_matching=(frechet_matching, FRECHET["latents"]),
        )
        self.scores = self.logits_term = self.frechet = None
        if score_matching is not None:
            self.scores = new_scores(
                score_matching,
                num_classes=self.backbone.num_classes,
                seed=self._seed_apart(_SCORES),
                dtype=self.backbone.dtype_policy,
                name="score_matching",
            )
        self.classifier = classifier
        if classifier is not None:
            network = resolve_classifier(classifier, self.backbone.dtype_policy)
            seed = self._seed_apart(_WINDOWS)
            self.logits_term = LogitsTerm(network, seed, name="logits_term")
        if frechet_matching is not None:
            self.frechet = new_frechet(frechet_matching, name="frechet")

    def _refuse_terms(self, **given):
        """Raises a `ValueError` for what the model's method has no loss for."""
        for argument, (value, loss) in given.items():
            if value is not None and loss not in self.objective.names:
                raise ValueError(
                    f"`{argument}` must be None: this model's method has no loss "
                    f"{loss!r}. Received: {argument}={value!r}"
                )

    def _seed_apart(self, distance):
        return None if self.seed is None else (self.seed + distance) % 2**64

    def _build_terms(self):
        side, channels = self.backbone.image_size, self.backbone.num_channels
        if self.scores is not None:
            self.scores.build(map_shapes(self))
        if self.logits_term is not None:
            self.logits_term.build((None, side, side, channels))
        if self.frechet is not None:
            shapes = {"latents": (None, *self.backbone.latent_shape)}
            if "features" in self.frechet.compares:
                shapes["features"] = map_shapes(self)[-1]
            self.frechet.build(shapes)

    @property
    def distribution_network(self) -> keras.Layer | None:
        """What makes the maps that losses of distributions compare; `None`: pixels.

        Its weights are looked for when a loss needs them first.
        """
        if not hasattr(self, "_distribution_network"):
            self._distribution_network = resolve_distribution_network(self)
        return self._distribution_network

    @property
    def score_matching(self) -> dict[str, Any] | None:
        """All settings of the score-matching term, or `None`."""
        return None if self.scores is None else self.scores.settings()

    @property
    def frechet_matching(self) -> dict[str, Any] | None:
        """All settings of the Frechet terms, or `None`."""
        return None if self.frechet is None else self.frechet.settings()

    @property
    def frozen_networks(self) -> list[keras.Layer]:
        """Networks that are not trained, of which files of models may keep nothing."""
        terms = [self.logits_term]
        networks = [term.classifier for term in terms if term is not None]
        networks.append(getattr(self, "_distribution_network", None))
        return [x for x in (self.perceptual_network, *networks) if x is not None]
