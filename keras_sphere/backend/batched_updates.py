"""How optimizers update many variables at once on each backend."""

import itertools

import keras

from keras_sphere.backend.fused_operations import ON_TORCH
from keras_sphere.backend.replicas import all_reduced, in_group

if ON_TORCH:
    import torch

    class BatchedUpdates:
        """Optimizer mixin: updates all variables by a few fused kernels.

        Keras does this for its own optimizers on torch, but a subclass falls back
        to one small kernel after another.
        """

        averages_gradients = True

        def add_replicas(self, grads, trainable_variables):
            """Gradients of the whole batch: their mean over all processes."""
            if not in_group():
                return list(grads)
            count = torch.distributed.get_world_size()
            return [total / count for total in all_reduced(grads)]

        @torch.no_grad()
        def joint_norm(self, grads):
            """The norm of all gradients together, in float32."""
            norms = torch._foreach_norm([gradient.float() for gradient in grads])
            return torch.linalg.vector_norm(torch.stack(norms))

        @torch.no_grad()
        def scaled(self, grads, scale, finite):
            """Gradients, scaled; zeros unless they are `finite`, a boolean tensor."""
            scaled, not_finite = torch._foreach_mul(grads, scale), ~finite
            for gradient in scaled:
                gradient.masked_fill_(not_finite, 0.0)
            return scaled

        def _values(self, slots, variables):
            return [slots[self._get_variable_index(v)].value for v in variables]

        @torch.no_grad()
        def _backend_update_step(self, grads, trainable_variables, learning_rate):
            sizes, epsilons = self.step_sizes(learning_rate, grads[0].dtype)
            index = [self._get_variable_index(v) for v in trainable_variables]
            variables = [v.value for v in trainable_variables]
            m = self._values(self._momentums, trainable_variables)
            v = self._values(self._velocities, trainable_variables)
            torch._foreach_lerp_(m, grads, 1.0 - self.beta_1)
            torch._foreach_mul_(v, self.beta_2)
            torch._foreach_addcmul_(v, grads, grads, 1.0 - self.beta_2)
            denominators = torch._foreach_sqrt(v)
            for factor, epsilon in epsilons.items():
                chosen = [self._factors[i] == factor for i in index]
                torch._foreach_add_(
                    [*itertools.compress(denominators, chosen)], epsilon
                )
            updates = torch._foreach_div(m, denominators)
            for factor, size in sizes.items():
                chosen = [self._factors[i] == factor for i in index]
                torch._foreach_mul_([*itertools.compress(updates, chosen)], size)
            decays = [self.decay(i, learning_rate) for i in index]
            if any(d is not None for d in decays):
                for variable, decay in zip(variables, decays, strict=True):
                    if decay is not None:
                        variable.mul_(1.0 - decay)
            torch._foreach_sub_(variables, updates)

        @torch.no_grad()
        def _backend_increment_gradient_accumulators(self, grads, acc_grads):
            torch._foreach_add_([sum_.value for sum_ in acc_grads], grads)

        @torch.no_grad()
        def _backend_reset_gradient_accumulators(self):
            torch._foreach_zero_([sum_.value for sum_ in self._accumulated_gradients])

        @torch.no_grad()
        def _update_model_variables_moving_average(self, trainable_variables):
            torch._foreach_lerp_(
                [average.value for average in self._model_variables_moving_average],
                [variable.value for variable in trainable_variables],
                1.0 - self.ema_momentum,
            )

else:

    class BatchedUpdates:  # type: ignore[no-redef]
        """Optimizer mixin: XLA and TensorFlow graphs fuse the updates themselves.

        TensorFlow's replicas add up their gradients only after clipping if left to
        Keras; here they do before, so that the norm is that of the whole batch.
        """

        def add_replicas(self, grads, trainable_variables):
            """Gradients of the whole batch, from those of each replica."""
            if keras.backend.backend() != "tensorflow":
                return list(grads)
            pairs = zip(grads, trainable_variables, strict=True)
            pairs = super()._all_reduce_sum_gradients(pairs)
            return [gradient for gradient, _ in pairs]

        def joint_norm(self, grads):
            """The norm of all gradients together, in float32."""
            ops = keras.ops
            squares = [ops.sum(ops.square(ops.cast(g, "float32"))) for g in grads]
            return ops.sqrt(ops.sum(ops.stack(squares)))

        def scaled(self, grads, scale, finite):
            """Gradients, scaled; zeros unless they are `finite`, a boolean tensor."""
            ops = keras.ops
            return [
                ops.where(finite, g * ops.cast(scale, g.dtype), ops.zeros_like(g))
                for g in grads
            ]

        def _backend_update_step(self, grads, trainable_variables, learning_rate):
            dtypes = [variable.dtype for variable in trainable_variables]
            dtype = keras.backend.result_type("float32", *dtypes)
            rates = (learning_rate, *self.step_sizes(learning_rate, dtype))
            super()._backend_update_step(grads, trainable_variables, rates)

        def _all_reduce_sum_gradients(self, grads_and_vars):
            return grads_and_vars  # `add_replicas` did it

        def _update_model_variables_moving_average(self, trainable_variables):
            for variable, average in zip(
                trainable_variables, self._model_variables_moving_average, strict=True
            ):
                step = (variable - average) * (1.0 - self.ema_momentum)
                average.assign(average + step)
