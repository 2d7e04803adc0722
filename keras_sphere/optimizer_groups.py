"""Networks that learn beside a model, by a rule of their own, in one optimizer."""

import re
from collections.abc import Sequence
from typing import Any

import keras

from keras_sphere.typing import Tensor
from keras_sphere.validation import if_given, plain, read_not_negative, read_positive

APART = "apart"  # in place of the factor of a learning rate


@keras.saving.register_keras_serializable(package="keras_sphere")
class LearningApart:
    """How networks learn that the rest of a model is not trained together with.

    The gradients of each of them are clipped by a norm of their own, and count in no
    other one. The learning rate and the correction of moments follow the number of
    updates in which they had a gradient, so that they may start late. No moving average
    of them is kept.

    Args:
        part: String. The part of a variable's path that the name of its network
            follows: `model/part/network/.../kernel`.
        learning_rate: Float or `keras.optimizers.schedules.LearningRateSchedule`.
        clipnorm: Float or `None`. Largest norm of the gradients of a network.
    """

    def __init__(self, part, learning_rate, clipnorm=None):
        self.part = part
        schedule = keras.optimizers.schedules.LearningRateSchedule
        if isinstance(learning_rate, dict):
            learning_rate = keras.saving.deserialize_keras_object(learning_rate)
        if not isinstance(learning_rate, schedule):
            learning_rate = read_not_negative("learning_rate", plain(learning_rate))
        self.learning_rate = learning_rate
        self.clipnorm = if_given(read_positive, "clipnorm", clipnorm)

    def network(self, path):
        """The name of the network that a variable is of, by its path, or `None`."""
        found = re.search(rf"(?:^|/){re.escape(self.part)}/([^/]+)/", path)
        return found and found[1]

    def rate(self, updates):
        """The learning rate after a number of updates, a tensor."""
        rate = self.learning_rate
        return rate(updates) if callable(rate) else rate

    def get_config(self):
        rate = self.learning_rate
        if callable(rate):
            rate = keras.saving.serialize_keras_object(rate)
        return {"part": self.part, "learning_rate": rate, "clipnorm": self.clipnorm}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class VariablesApart:
    """Optimizer mixin: some variables learn as a `LearningApart` says.

    It stands in front of a Keras optimizer and needs `BatchedUpdates`.
    """

    apart: Any = None

    def learn_apart(self, apart: LearningApart) -> None:
        """Lets the networks that `apart` names learn by it.

        Args:
            apart: `LearningApart`.

        Raises:
            ValueError: If the optimizer is built already.
        """
        if self.built:
            raise ValueError(
                "What learns apart must be said before the optimizer is built. "
                f"Received: part={apart.part!r}"
            )
        self.apart = apart

    def find_networks(self, variables: Sequence[keras.Variable]) -> None:
        """Finds what network each variable is of: called before all are built for."""
        networks = [None] * len(variables)
        if self.apart is not None:
            networks = [self.apart.network(variable.path) for variable in variables]
            self.updates_apart = self.add_variable(
                (), dtype="int", aggregation="only_first_replica", name="updates_apart"
            )
        self.networks = networks

    def add_optimizer_variables(self, trainable_variables, name, *args, **kwargs):
        if name == "average":
            trainable_variables = self.averaged(trainable_variables)
        return super().add_optimizer_variables(
            trainable_variables, name, *args, **kwargs
        )

    def averaged(self, variables: Sequence[keras.Variable]) -> list[keras.Variable]:
        """Those of all variables of which a moving average is kept."""
        pairs = zip(variables, self.networks, strict=True)
        return [variable for variable, network in pairs if network is None]

    def clip(
        self, grads: list[Tensor], variables: Sequence[keras.Variable]
    ) -> list[Tensor]:
        """Gradients, clipped by a norm over each network's, and over those of the rest.

        Args:
            grads: List of tensors.
            variables: List of as many variables.
        """
        clipped, norms_apart = list(grads), []
        for network, positions in self._by_network(variables).items():
            own, scale = [grads[i] for i in positions], 1.0
            norm, largest = self.joint_norm(own), self.global_clipnorm
            if network is None:
                self.assign(self.gradient_norm, norm)
            else:
                largest = self.apart.clipnorm
                norms_apart.append(norm)
            if largest:
                scale = keras.ops.minimum(1.0, largest / (norm + 1e-6))
            own = self.scaled(own, scale, keras.ops.isfinite(norm))
            for position, gradient in zip(positions, own, strict=True):
                clipped[position] = gradient
        self._count_update(norms_apart)
        return clipped

    def _by_network(self, variables):
        """Dict from the name of a network, `None` for the rest, to positions."""
        positions = {}
        for position, variable in enumerate(variables):
            network = self.networks[self._get_variable_index(variable)]
            positions.setdefault(network, []).append(position)
        return positions

    def _count_update(self, norms):
        """Counts an update of networks, given the norms of their gradients."""
        if norms:
            norms = keras.ops.stack(norms)
            moved = keras.ops.any((norms > 0) & keras.ops.isfinite(norms))
            dtype = self.updates_apart.dtype
            self.assign_add(self.updates_apart, keras.ops.cast(moved, dtype))
