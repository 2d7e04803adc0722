"""The model that users train and generate with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import keras

from keras_sphere.choices import DISTRIBUTION_FEATURES as FEATURES
from keras_sphere.models.compile_arguments import read_compile_arguments
from keras_sphere.models.compiled_steps import CompiledSteps
from keras_sphere.models.distribution_terms import DISTRIBUTION
from keras_sphere.models.encoder_average import EncoderAverage
from keras_sphere.models.file_saving import FileSaving
from keras_sphere.models.guarded_training import GuardedTraining
from keras_sphere.models.inference import NetworkPasses
from keras_sphere.models.interpolation import Interpolation
from keras_sphere.models.methods import check_told_angles, method_of
from keras_sphere.models.optimizer_state import OptimizerState
from keras_sphere.models.own_terms import distance_names, frechet_losses
from keras_sphere.models.perceptual_maps import resolve_perceptual
from keras_sphere.models.preset_saving import PresetSaving
from keras_sphere.models.program_export import ProgramExport
from keras_sphere.models.refiner_checks import HeldRefiner
from keras_sphere.models.term_layers import TermLayers
from keras_sphere.models.training_forward import TrainingForward
from keras_sphere.models.training_inputs import (
    BatchReader,
    is_in_range,
    measure_range,
    rescale,
)
from keras_sphere.models.training_measures import new_measures, update_measures
from keras_sphere.models.training_objective import UNIFORMITY
from keras_sphere.preset_files.card import describe_sampling
from keras_sphere.short_repr import ShortRepr
from keras_sphere.validation import check_choice, if_given, read_seed

if TYPE_CHECKING:
    from keras_sphere.models.sphere_encoder_backbone import SphereEncoderBackbone


@keras.saving.register_keras_serializable(package="keras_sphere")
class SphereEncoderModel(
    ShortRepr,
    Interpolation,
    PresetSaving,
    HeldRefiner,
    TrainingForward,
    EncoderAverage,
    TermLayers,
    GuardedTraining,
    FileSaving,
    OptimizerState,
    ProgramExport,
    CompiledSteps,
    keras.Model,
):
    """An autoencoder on a sphere that generates from random points of it.

    Training minimises three losses: pixel reconstruction (decode a slightly noisy
    latent to the image), pixel consistency (decode a very noisy latent to the same)
    and latent consistency (encode that image back to the latent). A fourth, latent
    uniformity, is optional: see `compile`. A backbone whose `motion` is "rotation" is
    trained by the method of Sphere Encoder 2: one noise per image, whose angle the
    decoder is told, and losses that count by the angle.

    Args:
        backbone: `SphereEncoderBackbone`.
        max_angle_degrees: Float. Largest noise angle. In (0, 90) where noise is added:
            about 85 for images of 256 px (the default), 80 for 32 px, less for small
            data sets. In [0, 90] where it is a rotation, by default 90.
        hard_case_probability: Float in [0, 1]. Share of images trained with more, by
            default 0.1. The three hard case arguments are of noise that is added.
        hard_case_max_angle_degrees: Float in (0, 90) or `None`. See
            `NoiseSchedule`.
        hard_case_band: `"narrow"` or `"full"`. See `NoiseSchedule`.
        perceptual: `None`, `"gradient"` (image gradients at several scales, no
            weights), a name such as `"lpips_convnext"` (see
            `keras_sphere.perceptual.load`), or a Keras model that maps images in
            [0, 1] to a list of feature maps; it is frozen.
        sampling: Dict of defaults for `generate`; see `SamplingOptions`, or
            `RotationSamplingOptions` where noise is a rotation.
        seed: Integer or `None`. Seed of the noise of training.
        cycle_encoder: `"live"`, `"frozen"` or `"averaged"`. What encodes decoded images
            for latent consistency: the encoder, the encoder without a gradient to its
            weights, or a moving average of it, of `cycle_encoder_momentum`.
        cycle_encoder_momentum: Float in [0, 1]. Share of that average that a step
            keeps.
        distribution_features: What an optional loss of distributions compares; see
            `compile`: `"pixels"`, `"features"`, the maps of `perceptual`, or those of
            another network: `"convnextv2_nano"`, or a Keras model that maps images in
            [0, 1] to a list of feature maps.
        score_matching: Dict, which may be empty, for that loss by score matching, or
            `None`. Of `ScoreTerm` it may have all arguments, of `ScheduledScores` the
            steps from which on networks and generator learn, and the learning rate
            of the networks.
        classifier: `None`, one of `keras_sphere.perceptual.load_classifier`, or a Keras
            layer that maps images in [0, 1] to logits: what a loss of logits compares;
            it is frozen.
        frechet_matching: Dict, which may be empty, of arguments of `ScheduledFrechet`,
            for losses by Frechet distances of moving averages, or `None`.
        angle_warmup: `None`, or a dict of `steps`, and perhaps `initial_degrees`
            (default 20): over so many training steps the largest angle rises from
            that to `max_angle_degrees`. See `AngleWarmup`. Of noise that is added.
        **kwargs: Arguments of `keras.Model`.

    Call arguments:
        inputs: Images of shape `(batch, height, width, channels)`, uint8 or float in
            [-1, 1], or a dict of `images` and optionally `labels`, `embeddings` and
            `draws`.
        training: Boolean. Whether labels are dropped.

    Returns:
        Reconstructed images in [-1, 1]; the dict of `training_outputs` if `inputs`
        has `draws`, which may be empty.

    Example:

    >>> backbone = SphereEncoderBackbone(32, 2, token_channels=8, num_classes=10)
    >>> model = SphereEncoderModel(backbone, max_angle_degrees=80.0)
    >>> model.compile()
    >>> model.fit(images, labels, epochs=10)
    >>> samples = model.generate(labels=[0, 1, 2], steps=4)

    Reference:
        - [Sphere Encoder](https://arxiv.org/abs/2602.15030)
    """

    def __init__(
        self,
        backbone: SphereEncoderBackbone,
        max_angle_degrees: float | None = None,
        hard_case_probability: float | None = None,
        hard_case_max_angle_degrees: float | None = None,
        hard_case_band: str | None = None,
        perceptual: str | keras.Layer | None = None,
        sampling: Mapping[str, Any] | None = None,
        seed: int | None = None,
        cycle_encoder: str = "live",
        cycle_encoder_momentum: float = 0.99985,
        distribution_features: str | keras.Layer = "pixels",
        score_matching: Mapping[str, Any] | None = None,
        classifier: keras.Layer | None = None,
        frechet_matching: Mapping[str, Any] | None = None,
        angle_warmup: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.autocast = False  # images, noise and radii stay in float32
        self.backbone = backbone
        method = method_of(backbone)
        self.objective = method.objective
        self.noise_schedule = method.new_schedule(
            max_angle_degrees=max_angle_degrees,
            hard_case_probability=hard_case_probability,
            hard_case_max_angle_degrees=hard_case_max_angle_degrees,
            hard_case_band=hard_case_band,
        )
        check_told_angles(backbone, self.noise_schedule)
        self.growing_noise = self.objective.new_angle_warmup(
            angle_warmup, self.noise_schedule
        )
        self.perceptual = perceptual
        self.perceptual_network = resolve_perceptual(perceptual, backbone.dtype_policy)
        self.sampling = method.sampling(**(sampling or {}))
        self.seed = if_given(read_seed, "seed", seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed)
        self.reader = BatchReader(backbone)
        self.passes = NetworkPasses(backbone)
        self.uniformity = self.distribution = None
        self.frechet_losses = {}
        if not isinstance(distribution_features, keras.Layer):
            check_choice("distribution_features", distribution_features, FEATURES)
        self.distribution_features = distribution_features
        self._make_encoder_average(cycle_encoder, cycle_encoder_momentum)
        self._make_terms(score_matching, classifier, frechet_matching)
        self.measures = new_measures(distance_names(self))
        self.build()

    @property
    def angle_warmup(self) -> dict[str, Any] | None:
        """How noise grows in the first steps of training, or `None`."""
        return None if self.growing_noise is None else self.growing_noise.settings()

    def _facts(self):
        angle = self.noise_schedule.max_angle_degrees
        return {
            **self.backbone._facts(),
            "largest angle": f"{angle:g} degrees",
            "generate": describe_sampling(self.sampling.to_dict()),
            "compiled": "yes" if self.compiled else "no",
        }

    def build(self, input_shape=None):
        if self.built:
            return
        if self.perceptual_network is not None and not self.perceptual_network.built:
            side, channels = self.backbone.image_size, self.backbone.num_channels
            self.perceptual_network.build((None, side, side, channels))
        self._build_terms()
        if self.growing_noise is not None:
            self.growing_noise.build()
        self.batch_range = self.add_weight(
            name="batch_range",
            shape=(4,),
            initializer="zeros",
            trainable=False,
            aggregation="only_first_replica",
        )
        self.built = True

    def compile(self, optimizer=None, loss=None, loss_weights=None, **kwargs):
        """Prepares training; with no arguments, by the paper's settings.

        Args:
            optimizer: Keras optimizer. Defaults to `SphereAdamW()`.
            loss: Dict of `keras.losses.Loss` for `pixel_reconstruction`,
                `pixel_consistency` (each called with dicts of `images` and
                `features`), `latent_consistency`, and optionally
                `latent_uniformity` (a `LatentUniformity`); `None` leaves one out. Where
                noise is a rotation each is a `ByAngle` around such a loss, there is no
                `pixel_consistency`, and optionally a `distribution` (`ByAngle` around
                `Drifting`). A model with `score_matching` has `distribution` and
                `score_networks`, each a `ByAngle` around a `ComputedLoss`; one with a
                `classifier` has `logits`, a `ByAngle` around a `LogitDistance`; one
                with `frechet_matching` has `frechet_latents`, `frechet_features` or
                both, each a `ByAngle` around a `ComputedLoss`.
            loss_weights: Dict of numbers, at least 0, with the names of `loss`.
                Defaults to 1, 0.5 and 0.1, or 1 and 0.1 where noise is a rotation,
                without those that are optional; to 1 for both of score matching, 0.1
                for logits and Frechet distances.
            **kwargs: Further arguments of `keras.Model.compile`, but no metrics.
                `jit_compile=True` on torch compiles the transformer blocks, also of
                `encode`, `decode` and `generate`; it needs a C++ compiler. Left at
                "auto" it is so saved too, for the backend that loads the file.

        Raises:
            ValueError: If `fit` could not use one of them.
        """
        arguments = read_compile_arguments(
            self, optimizer, loss, loss_weights, **kwargs
        )
        super().compile(**arguments)
        self._compile_config.config["jit_compile"] = arguments["jit_compile"]
        self.passes.jit_compile = self.jit_compile
        self.uniformity = arguments["loss"].get(UNIFORMITY)
        self.distribution = arguments["loss"].get(DISTRIBUTION)
        self.frechet_losses = frechet_losses(arguments["loss"])

    def call(self, inputs, training=False):
        inputs, _ = self.reader.read(inputs)
        if "draws" in inputs:
            return self.training_outputs(**inputs, training=training)
        told = self.backbone.joined_condition(
            inputs.get("labels"), inputs.get("embeddings")
        )
        return self.backbone(rescale(inputs["images"]), told)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        inputs, given_weight = self.reader.read((x, y, sample_weight))
        if not isinstance(y_pred, dict):
            y_pred = self.training_outputs(**inputs, training=training)
        targets, predictions = self.objective.pair(inputs["images"], y_pred)
        loss = super().compute_loss(
            x, targets, predictions, given_weight, training=training
        )
        # Streams cannot be checked in advance, and an out-of-range label is an error,
        # NaN or nothing at all depending on the backend: here the loss becomes NaN,
        # and `FiniteLossGuard` says why.
        bounds = measure_range(inputs["images"], inputs.get("labels"))
        self.batch_range.assign(bounds)
        in_range = is_in_range(bounds, self.backbone.num_classes)
        return keras.ops.where(in_range, loss, float("nan"))

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        if isinstance(y_pred, dict):
            inputs, weights = self.reader.read((x, y, sample_weight))
            update_measures(self.measures, inputs["images"], y_pred, weights)
        return super().compute_metrics(x, y, y_pred, sample_weight)

    def _repack(self, data, **defaults):
        inputs, sample_weight = self.reader.read(data)
        return {**defaults, **inputs}, None, sample_weight

    def train_step(self, *args):
        *state, data = args
        return super().train_step(*state, self._repack(data, draws={}))

    def test_step(self, *args):
        *state, data = args
        return super().test_step(*state, self._repack(data, draws={}))

    def predict_step(self, *args):
        *state, data = args
        return super().predict_step(*state, self._repack(data)[:1])

    def get_config(self):
        return {
            **super().get_config(),
            "backbone": keras.saving.serialize_keras_object(self.backbone),
            **self.noise_schedule.get_config(),
            "perceptual": _serialized(self.perceptual),
            "sampling": self.sampling.to_dict(),
            "seed": self.seed,
            "cycle_encoder": self.cycle_encoder,
            "cycle_encoder_momentum": self.cycle_encoder_momentum,
            "distribution_features": _serialized(self.distribution_features),
            "score_matching": self.score_matching,
            "classifier": _serialized(self.classifier),
            "frechet_matching": self.frechet_matching,
            "angle_warmup": self.angle_warmup,
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        for name in ("backbone", "perceptual", "classifier", "distribution_features"):
            if isinstance(config.get(name), dict):
                config[name] = keras.saving.deserialize_keras_object(config[name])
        return cls(**config)


def _serialized(network):
    """The configuration of a network; a name, or `None`, as it is."""
    is_layer = isinstance(network, keras.Layer)
    return keras.saving.serialize_keras_object(network) if is_layer else network
