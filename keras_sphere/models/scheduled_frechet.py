"""The Frechet terms of a model: what they compare, and from which step on."""

import keras

from keras_sphere.choices import FRECHET_COMPARED
from keras_sphere.losses.frechet_term import FrechetTerm
from keras_sphere.validation import check_choice, read_integer, read_sequence

SETTINGS = ("compares", "start_steps", "decay", "epsilon", "pooling")


@keras.saving.register_keras_serializable(package="keras_sphere")
class ScheduledFrechet(keras.layers.Layer):
    """A `FrechetTerm` for each of what is compared, that follows the steps of training.

    Args:
        compares: List of `"latents"`, those of images and those that decoded images
            encode to, and `"features"`, the last of the feature maps that losses of
            distributions compare.
        start_steps: Integer. Training steps (batches) before the terms count. Their
            averages move from the first one on.
        decay: See `FrechetTerm`, as for the two others.
        epsilon: Likewise.
        pooling: Likewise.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        pairs: Dict of pairs by the names in `compares`: of real images, and of decoded
            ones.
        weights: Dict of tensors of shape `(batch,)`, likewise: how much each decoded
            image counts.
        training: Boolean. Whether averages move and steps are counted.

    Returns:
        Dict of what `FrechetTerm` returns, by the same names.

    Raises:
        ValueError: If there is nothing to compare, or a number is out of range.
    """

    def __init__(
        self,
        compares=("latents",),
        start_steps=0,
        decay=0.999,
        epsilon=1e-6,
        pooling="mean",
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        self.compares = read_sequence("compares", compares, _read_compared)
        if len(set(self.compares)) < len(self.compares):
            raise ValueError(
                f"`compares` must name each once. Received: compares={compares!r}"
            )
        self.start_steps = read_integer("start_steps", start_steps, least=0)
        self.terms = {
            name: FrechetTerm(decay, epsilon, pooling, name=name)
            for name in self.compares
        }

    def build(self, input_shape):
        """Makes averages and the count of steps.

        Args:
            input_shape: Dict of shapes, by the names in `compares`.
        """
        for name, term in self.terms.items():
            term.build(input_shape[name])
        self.steps = self.add_weight(
            name="steps",
            shape=(),
            initializer="zeros",
            dtype="int32",
            trainable=False,
            aggregation="only_first_replica",
        )

    def call(self, pairs, weights, training=False):
        step = keras.ops.convert_to_tensor(self.steps)
        results = {
            name: term(
                *pairs[name],
                weights[name],
                is_on=step >= self.start_steps,
                training=training,
            )
            for name, term in self.terms.items()
        }
        if training:
            self.steps.assign(step + 1)
        return results

    def compute_output_shape(self, *args, **kwargs):
        return {name: ((None,), ()) for name in self.compares}

    def settings(self):
        """All numbers of the terms, as `SphereEncoderModel` takes them: a dict."""
        config = next(iter(self.terms.values())).get_config()
        return {
            "compares": list(self.compares),
            "start_steps": self.start_steps,
            **{name: config[name] for name in ("decay", "epsilon", "pooling")},
        }


def _read_compared(name, value):
    check_choice(name, value, FRECHET_COMPARED)
    return value


def new_frechet(settings, **arguments):
    """The layer of the argument `frechet_matching` of the model.

    Args:
        settings: Dict with some of the keys `SETTINGS`; what is missing takes its
            default.
        **arguments: Further arguments of `ScheduledFrechet`.

    Raises:
        ValueError: If `settings` is no dict or has another key, or a value is out of
            range.
    """
    if not isinstance(settings, dict) or not set(settings) <= set(SETTINGS):
        raise ValueError(
            "`frechet_matching` must be None or a dict with some of the keys "
            f"{list(SETTINGS)}. Received: frechet_matching={settings!r}"
        )
    return ScheduledFrechet(**settings, **arguments)
