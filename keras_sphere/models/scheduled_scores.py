"""The score-matching term of a model: from which step on it counts, and what learns."""

import keras

from keras_sphere.learning_rate import WarmupCosine
from keras_sphere.models.score_network import ScoreNetwork
from keras_sphere.models.score_term import ScoreTerm
from keras_sphere.nearest import by_likeness
from keras_sphere.optimizer_groups import LearningApart
from keras_sphere.perceptual.input_augmentation import draw_translation
from keras_sphere.score_matching.transport import warmup_share
from keras_sphere.validation import (
    if_given,
    read_boolean,
    read_integer,
    read_positive,
)

PART = "score_term"  # in the paths of the networks' variables
SETTINGS_OF_TERM = (
    "network",
    "channel_floor",
    "calibration_calls",
    "balance_calls",
    "balance_decay",
    "normalizer",
    "largest_rms",
)
SETTINGS_OF_NETWORK = (
    "width",
    "num_layers",
    "num_heads",
    "qk_norm",
    "path_dropout",
    "width_margin",
    "shared_modulation",
)
_SCHEDULE = (
    "start_steps",
    "warmup_start_steps",
    "warmup_end_steps",
    "learning_rate",
    "min_learning_rate",
    "learning_rate_warmup",
    "learning_rate_decay",
    "clipnorm",
    "augment",
)
SETTINGS = (*SETTINGS_OF_TERM, *_SCHEDULE)


class ScheduledScores(keras.layers.Layer):
    """A `ScoreTerm` that counts the steps of a training and follows them.

    Args:
        num_classes: Integer. Of the networks; 0 for none.
        seed: Integer or `None`. Of the noise of the term, which is a stream of its own:
            that of the rest of a training is the same without the term.
        start_steps: Integer. Training steps (batches) before networks and statistics
            begin to learn.
        warmup_start_steps: Integer. Steps before the generator begins to follow; `None`
            for `start_steps`.
        warmup_end_steps: Integer. Steps before it follows wholly; `None` for
            `warmup_start_steps`.
        learning_rate: Float. The networks' own, after its warm-up; see `WarmupCosine`.
        min_learning_rate: Float. The same after its decay.
        learning_rate_warmup: Integer. Updates since their start.
        learning_rate_decay: Integer. Updates since then; `None` for no decay.
        clipnorm: Float or `None`. Largest norm of the gradients of a network.
        augment: Boolean. Whether images are moved and mirrored at random before their
            feature maps are made, real and generated ones each in their own way.
        network: Dict of arguments of `ScoreNetwork`, without `num_classes`.
        term: Dict of further arguments of `ScoreTerm`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        real: See `ScoreTerm`, as for all others.
        fake: Likewise.
        weights: Likewise.
        labels: Likewise.
        draws: Likewise; `None` draws.
        training: Likewise; the steps are counted then.

    Returns:
        See `ScoreTerm`.

    Raises:
        ValueError: If the steps are not in order, or a number is out of range.
    """

    def __init__(
        self,
        num_classes=0,
        seed=None,
        start_steps=0,
        warmup_start_steps=None,
        warmup_end_steps=None,
        learning_rate=5e-4,
        min_learning_rate=5e-5,
        learning_rate_warmup=0,
        learning_rate_decay=None,
        clipnorm=0.15,
        augment=False,
        network=None,
        term=None,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        self._read_steps(start_steps, warmup_start_steps, warmup_end_steps)
        self.schedule = WarmupCosine(
            learning_rate, min_learning_rate, learning_rate_warmup, learning_rate_decay
        )
        self.clipnorm = if_given(read_positive, "clipnorm", clipnorm)
        self.augment = read_boolean("augment", augment)
        network = {**(network or {}), "num_classes": num_classes}
        ScoreNetwork(**network)  # whatever is wrong is said now
        self.term = ScoreTerm(
            network, **(term or {}), dtype=self.dtype_policy, name=PART
        )
        self.seed_generator = keras.random.SeedGenerator(seed)

    def _read_steps(self, start, warmup_start, warmup_end):
        self.start_steps = read_integer("start_steps", start, least=0)
        self.warmup_start_steps = read_integer(
            "warmup_start_steps",
            start if warmup_start is None else warmup_start,
            least=0,
        )
        self.warmup_end_steps = read_integer(
            "warmup_end_steps",
            self.warmup_start_steps if warmup_end is None else warmup_end,
            least=0,
        )
        steps = self.start_steps, self.warmup_start_steps, self.warmup_end_steps
        if list(steps) != sorted(steps):
            raise ValueError(
                "`start_steps`, `warmup_start_steps` and `warmup_end_steps` must be in "
                f"this order. Received: {', '.join(map(str, steps))}"
            )

    def build(self, input_shape):
        """Makes networks, statistics and the count of steps.

        Args:
            input_shape: List of the shapes of the feature maps, one per stage.
        """
        self.term.build(input_shape)
        self.steps = self.add_weight(
            name="steps",
            shape=(),
            initializer="zeros",
            dtype="int32",
            trainable=False,
            aggregation="only_first_replica",
        )

    def draw_views(self, images):
        """How the images of a step are moved, real and generated ones; or `None`.

        Args:
            images: Tensor of shape `(batch, height, width, channels)`.

        Returns:
            Pair of dicts as `input_augmentation.draw_translation` returns them.
        """
        if not self.augment:
            return None
        shape = keras.ops.shape(images)
        return [draw_translation(shape, self.seed_generator) for _ in range(2)]

    def call(self, real, fake, weights, labels=None, draws=None, training=False):
        if draws is None:
            draws = self.term.draw(fake, self.seed_generator)
        step = keras.ops.convert_to_tensor(self.steps)
        share = warmup_share(step, self.warmup_start_steps, self.warmup_end_steps)
        losses = self.term(
            real,
            fake,
            weights,
            labels,
            draws=draws,
            share=share,
            training=training,
            counts=step >= self.start_steps,
        )
        if training:
            self.steps.assign(step + 1)
        return losses

    def learning_apart(self):
        """How the networks learn: a `LearningApart`."""
        return LearningApart(PART, self.schedule, self.clipnorm)

    def settings(self):
        """All numbers of the term, as `SphereEncoderModel` takes them: a dict."""
        term, schedule = self.term.get_config(), self.schedule
        network = ScoreNetwork(**term["network"]).get_config()
        return {
            **{name: term[name] for name in SETTINGS_OF_TERM},
            "network": {name: network[name] for name in SETTINGS_OF_NETWORK},
            "start_steps": self.start_steps,
            "warmup_start_steps": self.warmup_start_steps,
            "warmup_end_steps": self.warmup_end_steps,
            "learning_rate": schedule.max_value,
            "min_learning_rate": schedule.min_value,
            "learning_rate_warmup": schedule.warmup_steps,
            "learning_rate_decay": schedule.decay_steps,
            "clipnorm": self.clipnorm,
            "augment": self.augment,
        }


def new_scores(settings, **arguments):
    """The layer of the argument `score_matching` of the model.

    Args:
        settings: Dict with some of the keys `SETTINGS`; what is missing takes its
            default.
        **arguments: Further arguments of `ScheduledScores`.

    Raises:
        ValueError: If `settings` is no dict or has another key, or a value is out of
            range.
    """
    if not isinstance(settings, dict):
        raise ValueError(
            "`score_matching` must be None or a dict with some of the keys "
            f"{list(SETTINGS)}. Received: score_matching={settings!r}"
        )
    network = settings.get("network") or {}
    for given, known, place in (
        (settings, SETTINGS, "`score_matching`"),
        (network, SETTINGS_OF_NETWORK, "`network` of `score_matching`"),
    ):
        for name in set(given) - set(known):
            raise ValueError(
                f"{place} has no {name!r}. It has: "
                f"{', '.join(by_likeness(name, known))}. Received: {dict(given)}"
            )
    term = [name for name in settings if name in SETTINGS_OF_TERM and name != "network"]
    return ScheduledScores(
        **{name: settings[name] for name in settings if name not in term},
        term={name: settings[name] for name in term},
        **arguments,
    )
