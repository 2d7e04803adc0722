"""The paper's optimizer: Adam with a slower encoder and an average of the weights."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import keras

from keras_sphere.backend.batched_updates import BatchedUpdates
from keras_sphere.backend.operations import assign_if, num_replicas, outside_graph
from keras_sphere.optimizer_groups import APART, VariablesApart
from keras_sphere.typing import Tensor
from keras_sphere.validation import (
    if_given,
    plain,
    read_boolean,
    read_integer,
    read_not_negative,
    read_positive,
    read_share,
)

if TYPE_CHECKING:
    from keras_sphere.optimizer_groups import LearningApart


@keras.saving.register_keras_serializable(package="keras_sphere")
class SphereAdamW(BatchedUpdates, VariablesApart, keras.optimizers.Adam):
    """AdamW as the Sphere Encoder is trained with it.

    It differs from `keras.optimizers.AdamW` in what the paper's recipe needs:

    - variables of the encoder (a part named `encoder` in their path) learn at
      `encoder_learning_rate_factor` times the learning rate;
    - `epsilon` is added after bias correction, as in PyTorch;
    - gradients are clipped by one norm over all variables,
      `min(1, global_clipnorm / (norm + 1e-6))`; a gradient that is not finite
      counts as zero, so that a bad batch cannot destroy the weights;
    - the moving average starts from the initial weights, and never overwrites
      them: the model keeps both, and `use_ema=True` picks the average;
    - weight decay, if any, touches the encoder's matrices only (no embeddings,
      norms, biases, nor the decoder);
    - with `gradient_accumulation_steps` the moving average and a learning rate
      schedule move once per update, not once per batch.

    The scalar variable `gradient_norm` holds the norm of all gradients together, before
    clipping, of the last update, without networks that learn apart.

    Args:
        learning_rate: Float or `keras.optimizers.schedules.LearningRateSchedule`.
        beta_1: Float. Decay of the first moment.
        beta_2: Float. Decay of the second moment.
        epsilon: Float. Added to the root of the bias-corrected second moment.
        weight_decay: Float, at least 0.
        encoder_learning_rate_factor: Float. Defaults to `0.1`.
        global_clipnorm: Float or `None`. Largest norm of all gradients together.
        use_ema: Boolean. Whether to keep a moving average of the weights.
        ema_momentum: Float in [0, 1]. Share of the average that a step keeps.
        gradient_accumulation_steps: Integer of at least 2, or `None`. The weights
            are updated once in so many steps, by the mean of their gradients.
        apart: `LearningApart`, for networks that learn beside the model, or `None`;
            `SphereEncoderModel.compile` has one for those of score matching.
        **kwargs: Further arguments of `keras.optimizers.Optimizer`.

    Example:

    >>> model.compile(optimizer=keras_sphere.SphereAdamW(learning_rate=1e-3))
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 1e-4,
        beta_1: float = 0.9,
        beta_2: float = 0.95,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
        encoder_learning_rate_factor: float = 0.1,
        global_clipnorm: float | None = 1.0,
        use_ema: bool = True,
        ema_momentum: float = 0.9997,
        gradient_accumulation_steps: int | None = None,
        apart: LearningApart | None = None,
        name: str = "sphere_adamw",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            learning_rate=plain(learning_rate),
            beta_1=read_share("beta_1", beta_1),
            beta_2=read_share("beta_2", beta_2),
            epsilon=read_not_negative("epsilon", epsilon),
            weight_decay=if_given(read_not_negative, "weight_decay", weight_decay),
            global_clipnorm=if_given(read_positive, "global_clipnorm", global_clipnorm),
            use_ema=read_boolean("use_ema", use_ema),
            ema_momentum=read_share("ema_momentum", ema_momentum),
            gradient_accumulation_steps=if_given(
                read_integer, "gradient_accumulation_steps", gradient_accumulation_steps
            ),
            name=name,
            **kwargs,
        )
        if self.ema_overwrite_frequency is not None:
            raise ValueError(
                "`ema_overwrite_frequency` must be None: the average never overwrites "
                "the weights. Received: ema_overwrite_frequency="
                f"{self.ema_overwrite_frequency}"
            )
        if self.clipnorm is not None or self.clipvalue is not None:
            raise ValueError(
                "`clipnorm` and `clipvalue` must be None: gradients are clipped "
                "together, by `global_clipnorm`. Received: "
                f"clipnorm={self.clipnorm}, clipvalue={self.clipvalue}"
            )
        self.encoder_learning_rate_factor = read_not_negative(
            "encoder_learning_rate_factor", encoder_learning_rate_factor
        )
        is_config = isinstance(apart, dict)
        self.apart = (
            keras.saving.deserialize_keras_object(apart) if is_config else apart
        )
        self._average_is_lost = False
        self.gradient_norm = self.add_variable(
            (), dtype="float32", aggregation="only_first_replica", name="gradient_norm"
        )

    def build(self, variables):
        if self.built:
            return
        if self.gradient_accumulation_steps and num_replicas() > 1:
            raise ValueError(
                "`gradient_accumulation_steps` must be None under a TensorFlow "
                "strategy of several replicas, which cannot synchronize inside a "
                "condition. Received: gradient_accumulation_steps="
                f"{self.gradient_accumulation_steps}, {num_replicas()} replicas"
            )
        self.find_networks(variables)
        super().build(variables)
        paths = [variable.path for variable in variables]
        in_encoder = [re.search(r"(^|/)encoder/", path) is not None for path in paths]
        factors = {True: self.encoder_learning_rate_factor, False: 1.0}
        self._factors = [
            factors[encoder] if network is None else APART
            for encoder, network in zip(in_encoder, self.networks, strict=True)
        ]
        self._decayed = [
            encoder and len(variable.shape) == 2 and "embedding" not in path
            for encoder, variable, path in zip(
                in_encoder, variables, paths, strict=True
            )
        ]
        with outside_graph():
            self.restart_moving_average()

    def restart_moving_average(self) -> None:
        """Sets the moving average to the present weights."""
        if self.use_ema:
            for average, variable in zip(
                self._model_variables_moving_average,
                self.averaged(self._trainable_variables),
                strict=True,
            ):
                average.assign(keras.ops.copy(variable))
        self._average_is_lost = False

    def lose_moving_average(self) -> None:
        """Says that the weights are others now: the average is not one of them.

        It is again once it is loaded or restarted; until then, to ask for it is an
        error.
        """
        self._average_is_lost = True

    @property
    def average_is_lost(self) -> bool:
        """Whether the average has to be loaded or restarted before it is used."""
        return self._average_is_lost

    def load_own_variables(self, store):
        super().load_own_variables(store)
        if len(store.keys()) == len(self.variables):  # else Keras warns and skips it
            self._average_is_lost = False

    def moving_averages(self) -> list[tuple[keras.Variable, keras.Variable]]:
        """Pairs of a trained variable and its moving average.

        Raises:
            ValueError: If no average is kept, no step has built it yet, or the weights
                were loaded without it.
        """
        if not self.use_ema or not self.built:
            raise ValueError(
                "There is no moving average of the weights: it needs an optimizer "
                "with `use_ema=True` that has been built, as `fit` does. "
                f"Received: use_ema={self.use_ema}, built={self.built}"
            )
        if self._average_is_lost:
            raise ValueError(
                "The moving average was not restored with the weights: their file "
                "holds none that fits this optimizer. `fit` starts a new one. "
                "Received: use_ema=True"
            )
        return list(
            zip(
                self.averaged(self._trainable_variables),
                self._model_variables_moving_average,
                strict=True,
            )
        )

    def _get_current_learning_rate(self):
        schedule = self._learning_rate
        if isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
            return schedule(self.iterations)  # Keras counts batches, not updates
        return super()._get_current_learning_rate()

    def _backend_apply_gradients(self, grads, trainable_variables):
        grads = self.add_replicas(grads, trainable_variables)
        num_batches = self.gradient_accumulation_steps
        if not num_batches:
            self._update(grads, trainable_variables)
            return
        sums = [
            self._accumulated_gradients[self._get_variable_index(variable)]
            for variable in trainable_variables
        ]
        self._backend_increment_gradient_accumulators(grads, sums)

        def update():
            means = [keras.ops.divide(sum_, num_batches) for sum_ in sums]
            self._update(means, trainable_variables)
            self._backend_reset_gradient_accumulators()

        assign_if(
            (self._iterations + 1) % num_batches == 0,
            update,
            [*self.variables, *trainable_variables],
        )

    def _update(self, grads, trainable_variables):
        """One step of all variables and of their average."""
        grads = self.clip(grads, trainable_variables)
        self._backend_update_step(grads, trainable_variables, self.learning_rate)
        if self.use_ema:
            self._update_model_variables_moving_average(
                self.averaged(self._trainable_variables)
            )

    def step_sizes(
        self, learning_rate: Tensor, dtype: str
    ) -> tuple[dict[float, Tensor], dict[float, Tensor]]:
        """Step size and epsilon by factor, with bias correction folded in: two dicts.

        `lr / (1 - b1^t) m / (sqrt(v / (1 - b2^t)) + eps)` is
        `lr c / (1 - b1^t) m / (sqrt(v) + eps c)` with `c = sqrt(1 - b2^t)`.
        """
        base, epsilon = self._corrected(learning_rate, self.iterations + 1, dtype)
        sizes = {factor: base * factor for factor in {*self._factors} - {APART}}
        epsilons = dict.fromkeys(sizes, epsilon)
        if APART in self._factors:
            step = keras.ops.maximum(self.updates_apart, 1)
            rate = self.apart.rate(step - 1)
            sizes[APART], epsilons[APART] = self._corrected(rate, step, dtype)
        return sizes, epsilons

    def _corrected(self, learning_rate, step, dtype):
        ops = keras.ops
        step = ops.cast(step, dtype)
        correction = ops.sqrt(1.0 - ops.power(ops.cast(self.beta_2, dtype), step))
        base = ops.cast(learning_rate, dtype) * correction
        base = base / (1.0 - ops.power(ops.cast(self.beta_1, dtype), step))
        return base, self.epsilon * correction

    def decay(self, index: int, learning_rate: Tensor) -> Tensor | None:
        """Share of variable number `index` that a step decays, or `None`."""
        if not self.weight_decay or not self._decayed[index]:
            return None
        return learning_rate * self._factors[index] * self.weight_decay

    def update_step(self, gradient, variable, rates):
        """Moves one variable.

        Args:
            gradient: Tensor.
            variable: Variable.
            rates: Tuple of the learning rate and what `step_sizes` returns for it: in
                a graph each variable would have operations of its own for them.
        """
        ops = keras.ops
        index = self._get_variable_index(variable)
        learning_rate, step_sizes, epsilons = rates
        gradient = ops.cast(gradient, variable.dtype)
        m, v = self._momentums[index], self._velocities[index]
        self.assign_add(m, (gradient - m) * (1.0 - self.beta_1))
        self.assign_add(v, (ops.square(gradient) - v) * (1.0 - self.beta_2))
        step_size = ops.cast(step_sizes[self._factors[index]], variable.dtype)
        epsilon = ops.cast(epsilons[self._factors[index]], variable.dtype)
        update = step_size * m / (ops.sqrt(v) + epsilon)
        decay = self.decay(index, learning_rate)
        if decay is not None:
            update = update + ops.cast(decay, variable.dtype) * variable
        self.assign_sub(variable, update)

    def finalize_variable_values(self, var_list):
        """Leaves the weights as trained: Keras would put the average in their place."""

    def get_config(self):
        return {
            **super().get_config(),
            "encoder_learning_rate_factor": self.encoder_learning_rate_factor,
            "apart": keras.saving.serialize_keras_object(self.apart),
        }
