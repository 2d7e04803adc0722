"""The model that `fit` trains in a distillation: a refiner, with its teacher inside."""

import keras
import numpy as np

from keras_sphere.backend.fixed_weights import fixed_weights
from keras_sphere.backend.operations import no_gradients
from keras_sphere.losses.distances import cosine_distance
from keras_sphere.models import SphereEncoderBackbone
from keras_sphere.models.compiled_steps import CompiledSteps
from keras_sphere.models.file_saving import FileSaving
from keras_sphere.models.latent_map import latent_map


@keras.saving.register_keras_serializable(package="keras_sphere")
class Distillation(CompiledSteps, FileSaving, keras.Model):
    """Teaches a refiner the map of a model on points of loops of generation.

    Of each loop the points of the first steps are taught: from what the teacher makes
    of a point, or, of the loops that `follows` names, from what the refiner makes of
    it, noise moves it to the next one. Files of it hold the refiner alone.

    Args:
        refiner: `LatentRefiner`.
        backbone: `SphereEncoderBackbone`.
        weights: List of tensors: the teacher's weights. They are copied.
        chain: Integer. How many points of a loop are taught.
        **kwargs: Arguments of `keras.Model`.

    Call arguments:
        inputs: Dict as of `DistillationDraws`.
        training: Boolean. Otherwise all loops are the teacher's.

    Returns:
        Cosines of what the refiner and the teacher make, of shape `(batch, chain)`.
    """

    def __init__(self, refiner, backbone, weights, chain, **kwargs):
        super().__init__(**kwargs)
        self.autocast = False
        self.refiner = refiner
        self.chain = chain
        self._teacher = _Teacher(backbone, weights)
        self.cosines = [
            keras.metrics.Mean(name=f"cosine_{step + 1}") for step in range(chain)
        ]
        self.built = True

    @property
    def non_trainable_variables(self):
        """Those of the teacher, too: what is no state would be a constant for JAX."""
        return [*super().non_trainable_variables, *self._teacher.backbone.variables]

    def call(self, inputs, training=False):
        ops, chain = keras.ops, self.chain
        points, targets = self._loops(inputs, training)
        labels, shape = inputs.get("labels"), ops.shape(points)
        refined = self.refiner(
            ops.reshape(points, (-1, *shape[2:])),
            None if labels is None else ops.concatenate([labels] * chain),
            ops.reshape(ops.transpose(inputs["conditions"]), (-1,)),
        )
        targets = ops.reshape(targets, (-1, *shape[2:]))
        cosines = 1.0 - cosine_distance(targets, refined)
        return ops.transpose(ops.reshape(cosines, (chain, -1)))

    def _loops(self, inputs, training):
        """Points of loops and what the teacher makes of them, both (chain, batch, ...).

        In a loop of the program, which has the teacher once: it compiles for long.
        """
        ops, labels = keras.ops, inputs.get("labels")
        follows = inputs["follows"][:, None, None]

        def advance(step, state):
            points, *kept = state
            condition = ops.take(inputs["conditions"], step, axis=1)
            target = self._taught(points, labels, condition)
            reached = target
            if training:
                with fixed_weights(self.refiner):
                    refined = self.refiner(points, labels, condition)
                reached = ops.where(follows, refined, target)
            moved = self._teacher.backbone.perturb(
                reached,
                ops.take(inputs["moves"], step, axis=1),
                ops.take(inputs["strengths"], (step + 1) % self.chain, axis=1),
            )
            kept = [
                ops.slice_update(all_of, (step, 0, 0, 0), one[None])
                for all_of, one in zip(kept, (points, target), strict=True)
            ]
            return ops.reshape(moved, ops.shape(points)), *kept

        with no_gradients():
            start = self._start(inputs)
            nothing = ops.repeat(ops.zeros_like(start)[None], self.chain, axis=0)
            state = (start, nothing, nothing)
            found = ops.fori_loop(0, self.chain, advance, state)[1:]
        return [ops.stop_gradient(kept) for kept in found]

    def _start(self, inputs):
        backbone = self._teacher.backbone
        points = backbone.spherify(inputs["noise"])
        if "images" not in inputs:
            return points
        images, labels = inputs["images"], inputs.get("labels")
        count = images.shape[0] or keras.ops.shape(images)[0]
        labels = None if labels is None else labels[:count]
        noisy = backbone.perturb(
            backbone.spherify(backbone.encode(images, labels)),
            inputs["noise"][:count],
            inputs["strengths"][:count, 0],
        )
        return keras.ops.concatenate([noisy, points[count:]], axis=0)

    def _taught(self, points, labels, condition):
        refiner = self.refiner
        told = None if refiner.condition is None else condition
        return latent_map(
            self._teacher.backbone, points, labels, told, refiner.guidance_position
        )

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        return keras.ops.mean(1.0 - y_pred)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        for step, metric in enumerate(self.cosines):
            metric.update_state(y_pred[:, step])
        return self.get_metrics_result()

    def get_config(self):
        refiner = keras.saving.serialize_keras_object(self.refiner)
        return {**super().get_config(), "refiner": refiner, "chain": self.chain}


class _Teacher:
    """A copy of a backbone where Keras does not look for layers to save and train.

    A copy, because JAX gives the memory of a training's state away at every step.
    """

    def __init__(self, backbone, weights):
        values = [np.array(keras.ops.convert_to_numpy(value)) for value in weights]
        self.backbone = SphereEncoderBackbone.from_config(backbone.get_config())
        self.backbone.trainable = False
        for variable, value in zip(self.backbone.weights, values, strict=True):
            variable.assign(value)
