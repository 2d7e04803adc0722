"""The score-matching term of a training: its networks, statistics and losses."""

import functools
import math

import keras

from keras_sphere.backend.operations import no_gradients
from keras_sphere.backend.replicas import draw_for_batch
from keras_sphere.choices import TRANSPORT_NORMALIZERS
from keras_sphere.losses.item_weights import balanced_weights, global_mean
from keras_sphere.models.layer_state import assign_state, new_state, state_values
from keras_sphere.models.score_network import ScoreNetwork
from keras_sphere.score_matching.denoising import (
    LEARNED_NOISE,
    TRANSPORT_LIMITS,
    TRANSPORT_NOISE,
    denoise,
    denoising_losses,
    log_normal_sigmas,
)
from keras_sphere.score_matching.feature_tokens import tokens, tokens_shape
from keras_sphere.score_matching.statistics import (
    balance_weights,
    deviations,
    gradient_strengths,
    no_balance,
    no_moments,
    standardize,
    updated_balance,
    updated_moments,
)
from keras_sphere.score_matching.transport import (
    transport,
    transport_losses,
)
from keras_sphere.validation import (
    check_choice,
    read_integer,
    read_positive,
    read_share,
)
from keras_sphere.wide_floats import per_image

SIDES = ("real", "fake")


@keras.saving.register_keras_serializable(package="keras_sphere")
class ScoreTerm(keras.layers.Layer):
    """Moves the features of generated images to where real ones are likelier.

    For each stage of features, a denoiser learns those of real images and another one
    those of generated images. What they disagree about a generated feature with noise
    is its transport. Networks, running statistics and balance are variables of the
    layer. `score_matching` has the formulas.

    Args:
        network: Dict of arguments of `ScoreNetwork`, all networks' alike.
        channel_floor: Float. Least standard deviation of a channel, as a share of the
            median one's.
        calibration_calls: Integer. Calls by which the standard deviations are found.
        balance_calls: Integer. Calls with transport by which the target of the balance
            of stages is found.
        balance_decay: Float. How much of the running strengths a later call keeps.
        normalizer: `"sample"` or `"batch"`. See `score_matching.transport.transport`.
        largest_rms: Float. Longest transport of an item.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        real: List of feature maps of real images, one per stage, of shape
            `(batch, rows, columns, channels)` or `(batch, tokens, channels)`.
        fake: List of those of generated images. They alone get a gradient, that of the
            generator's loss.
        weights: Float tensor of shape `(batch,)`: how much each generated image
            counts in what the networks learn; the generator's loss is weighed by whom
            it is given to.
        labels: Integer tensor of shape `(batch,)` of both, or `None`, as the networks
            have classes.
        draws: Dict as `draw` returns it.
        share: Number or scalar tensor: how much the transport counts; see
            `warmup_share`. The number 0 leaves it out.
        training: Boolean. Whether statistics move and the networks drop paths, which
            they do where they learn only.
        counts: Boolean, or scalar tensor of one: whether the networks learn as yet,
            and the statistics move. Else their loss is 0.

    Returns:
        Pair of float32 tensors of shape `(batch,)`, whose means over the global batch
        are the losses: the generator's, before weights, which gives no gradient to the
        networks, and that of the networks, which gives none to the features.

    Raises:
        ValueError: If a stage is missing.

    Reference:
        - [Sphere Encoder 2](https://arxiv.org/abs/2610.02208), training.
    """

    def __init__(
        self,
        network=None,
        channel_floor=0.1,
        calibration_calls=1000,
        balance_calls=10_000,
        balance_decay=0.99,
        normalizer="sample",
        largest_rms=1.0,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        self.network = dict(network or {})
        self.channel_floor = read_share("channel_floor", channel_floor)
        self.calibration_calls = read_integer("calibration_calls", calibration_calls)
        self.balance_calls = read_integer("balance_calls", balance_calls)
        self.balance_decay = read_share("balance_decay", balance_decay)
        check_choice("normalizer", normalizer, TRANSPORT_NORMALIZERS)
        self.normalizer = normalizer
        self.largest_rms = read_positive("largest_rms", largest_rms)

    def build(self, input_shape):
        """Makes networks and statistics.

        Args:
            input_shape: List of the shapes of the feature maps, one per stage.
        """
        shapes = [tokens_shape(shape) for shape in input_shape]
        self.sizes = [math.prod(shape) for shape in shapes]
        self.networks = {
            side: [self._new_network(f"{side}_{i}", s) for i, s in enumerate(shapes)]
            for side in SIDES
        }
        self.moments = [
            new_state(self, f"moments_{i}", no_moments(channels))
            for i, (_, channels) in enumerate(shapes)
        ]
        self.balance = new_state(self, "balance", no_balance(len(shapes)))

    def _new_network(self, name, shape):
        network = ScoreNetwork(**self.network, dtype=self.dtype_policy, name=name)
        network.build((None, *shape))
        return network

    def draw(self, features, seed):
        """Draws all noise of a call, for the global batch.

        Args:
            features: List of feature maps, one per stage.
            seed: `keras.random.SeedGenerator`.

        Returns:
            Dict of `transport`, `real` and `fake`, each a list of pairs per stage:
            standard normal numbers of shape `(batch,)`, which strengths are made of,
            and of the shape of the tokens of the stage.
        """

        def normal(shape):
            return keras.random.normal(shape, dtype="float32", seed=seed)

        shapes = [keras.ops.shape(tokens(x)) for x in features]
        return {
            use: [
                (draw_for_batch(normal, shape[:1]), draw_for_batch(normal, shape))
                for shape in shapes
            ]
            for use in ("transport", *SIDES)
        }

    def call(
        self,
        real,
        fake,
        weights,
        labels=None,
        draws=None,
        share=1.0,
        training=False,
        counts=True,
    ):
        stages = len(self.moments)
        if not stages == len(real) == len(fake):
            raise ValueError(
                f"`real` and `fake` must be {stages} stages of features. Received: "
                f"{len(real)} and {len(fake)}"
            )
        real, fake = ([tokens(x) for x in maps] for maps in (real, fake))
        scales = self._scales(real, training, counts)
        features = {
            side: [standardize(x, *s) for x, s in zip(maps, scales, strict=True)]
            for side, maps in (("real", real), ("fake", fake))
        }
        labels = labels if self.network.get("num_classes", 0) else None
        weights = balanced_weights(weights)
        scores = [
            self._learning(side, features[side], labels, draws[side], training)
            for side in SIDES
        ]
        moved = keras.ops.zeros_like(weights)
        if not (isinstance(share, (int, float)) and share == 0):
            stds = [deviation for _, deviation in scales]
            rest = draws["transport"], stds, share, training
            moved = share * self._transport(features["fake"], labels, *rest)
        learned = scores[0] + scores[1] * weights
        return moved, learned * keras.ops.cast(counts, learned.dtype)

    def _scales(self, real, training, counts):
        """Mean and standard deviation per channel, of each stage."""
        scales = []
        for state, features in zip(self.moments, real, strict=True):
            values = state_values(state)
            if training:
                values = updated_moments(
                    values, features, self.calibration_calls, counts
                )
                assign_state(state, values)
            scales.append((values["mean"], deviations(values, self.channel_floor)))
        return scales

    def _learning(self, side, features, labels, draws, training):
        """What the denoisers of a side learn from, per image."""
        total = 0.0
        for network, clean, (normal, noise) in zip(
            self.networks[side], features, draws, strict=True
        ):
            clean = keras.ops.stop_gradient(clean)
            sigma = log_normal_sigmas(normal, *LEARNED_NOISE)
            noisy = clean + per_image(sigma, clean) * noise
            network = functools.partial(network, training=training)
            denoised = denoise(network, noisy, sigma, labels)
            total = total + denoising_losses(clean, denoised, sigma)
        return total

    def _transport(self, features, labels, draws, stds, share, training):
        """What moves generated features, per image: mean over balanced stages."""
        ops = keras.ops
        stages = zip(features, draws, strict=True)
        parts = [self._move(i, x, labels, d) for i, (x, d) in enumerate(stages)]
        values, rms = zip(*parts, strict=True)
        strengths = functools.partial(
            gradient_strengths, deviation_list=stds, sizes=self.sizes
        )
        state = state_values(self.balance)
        if training:
            state = updated_balance(
                state,
                ops.stack([global_mean(x) for x in rms]),
                strengths,
                self.balance_calls,
                self.balance_decay,
                ops.convert_to_tensor(share) > 0,
            )
            assign_state(self.balance, state)
        balance = ops.unstack(balance_weights(state, strengths), len(values))
        return sum(b * v for b, v in zip(balance, values, strict=True)) / len(values)

    def _move(self, stage, features, labels, draws):
        """Losses that move features of a stage, and the length of their transport."""
        normal, noise = draws
        fixed = keras.ops.stop_gradient(features)
        sigma = log_normal_sigmas(normal, *TRANSPORT_NOISE, TRANSPORT_LIMITS)
        noisy = fixed + per_image(sigma, fixed) * noise
        networks = [self.networks[side][stage] for side in SIDES]
        networks = [functools.partial(net, training=False) for net in networks]
        with no_gradients():
            denoised = [denoise(net, noisy, sigma, labels) for net in networks]
        direction, rms = transport(
            fixed, *denoised, self.normalizer, largest_rms=self.largest_rms
        )
        return transport_losses(features, direction), rms

    def compute_output_shape(self, *args, **kwargs):
        return (None,), (None,)

    def get_config(self):
        return {
            **super().get_config(),
            "network": self.network,
            "channel_floor": self.channel_floor,
            "calibration_calls": self.calibration_calls,
            "balance_calls": self.balance_calls,
            "balance_decay": self.balance_decay,
            "normalizer": self.normalizer,
            "largest_rms": self.largest_rms,
        }
