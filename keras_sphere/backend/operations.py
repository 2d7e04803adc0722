"""What differs between JAX, TensorFlow and PyTorch.

Outside of this folder the package is written on `keras.ops`.
"""

import contextlib
import functools
import logging
import os

import keras

BACKEND = keras.backend.backend()

logger = logging.getLogger("keras_sphere")

if BACKEND == "jax":
    import jax
    import jax.numpy as jnp
elif BACKEND == "tensorflow":
    import tensorflow as tf
elif BACKEND == "torch":
    import torch

# Whether `compiled` makes programs that serve one shape each.
COMPILES = BACKEND in ("jax", "tensorflow")


def compiled(function):
    """Compiles a function of tensors for inference.

    `jax.jit` without donation (an interrupted or concurrent call loses nothing),
    `tf.function`, or eager execution without gradients on torch. `function` must
    take everything it depends on as arguments, weights included.

    Args:
        function: Callable of (nested lists of) tensors.

    Returns:
        Callable of the same arguments.
    """
    if BACKEND == "jax":
        return _JittedFunction(function)
    if BACKEND == "tensorflow":
        # TensorFlow counts how often one code is traced, to warn; a partial has none,
        # so that programs of the same code for other shapes do not count together.
        own = functools.partial(function)
        return tf.function(own, autograph=False, reduce_retracing=True)
    if BACKEND == "torch":
        return torch.no_grad()(function)
    return function


def no_gradients():
    """Context in which no gradient is recorded (torch records them eagerly)."""
    return torch.no_grad() if BACKEND == "torch" else contextlib.nullcontext()


def widest_float():
    """The float for functions of matrices: JAX may have none wider than float32."""
    has_double = BACKEND != "jax" or jax.config.jax_enable_x64
    return "float64" if has_double else "float32"


def outside_graph():
    """Context in which assignments happen once, now, even while a graph is traced."""
    return tf.init_scope() if BACKEND == "tensorflow" else contextlib.nullcontext()


def num_replicas():
    """Copies of the model that TensorFlow's strategy in force trains; otherwise 1."""
    if BACKEND != "tensorflow":
        return 1
    return tf.distribute.get_strategy().num_replicas_in_sync


def assign_if(condition, assign, variables):
    """Runs `assign` where a condition holds that only the running program knows.

    Args:
        condition: Boolean scalar tensor.
        assign: Callable without arguments that assigns to some of `variables`, and
            reads no other `keras.Variable`.
        variables: List of `keras.Variable`.
    """
    if BACKEND == "jax":

        def values_after(values):
            mapping = list(zip(variables, values, strict=True))
            with keras.StatelessScope(state_mapping=mapping) as scope:
                assign()
            return [scope.get_current_value(variable) for variable in variables]

        values = [variable.value for variable in variables]
        values = jax.lax.cond(condition, values_after, lambda same: same, values)
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
    elif BACKEND == "tensorflow":
        tf.cond(condition, assign, lambda: None)
    elif condition:
        assign()


def rematerialized(layer, variables, *inputs):
    """Calls a layer whose activations the backward pass computes again.

    Args:
        layer: Callable that draws nothing at random and assigns nothing.
        variables: List of the variables that it reads.
        *inputs: Its inputs, tensors.

    Returns:
        Its output, one tensor.
    """
    # A new function for each call: JAX remembers what it traced of an old one, and
    # would differentiate that, with the weights as constants.
    if BACKEND != "jax":
        return keras.remat(lambda *tensors: layer(*tensors))(*inputs)

    def apply(values, inputs):
        mapping = list(zip(variables, values, strict=True))
        with keras.StatelessScope(state_mapping=mapping):
            return layer(*inputs)

    def forward(values, inputs):
        return apply(values, inputs), (values, inputs)

    def backward(kept, gradient):
        values, inputs = kept
        inputs = _after(gradient, inputs)
        _, pull_back = jax.vjp(apply, values, inputs)
        of_values, of_inputs = pull_back(gradient)
        return of_values, _after(of_values, of_inputs)

    function = jax.custom_vjp(apply)
    function.defvjp(forward, backward)
    return function([variable.value for variable in variables], inputs)


def _after(first, tensors):
    """Adds a zero to tensors that XLA cannot know before it has computed `first`.

    `jax.checkpoint` alone saves nothing on CPUs: XLA drops its barriers before it
    orders the operations, recomputes early, and keeps activations for gradients of
    weights that it leaves to the end. TensorFlow's `recompute_grad` adds such a zero.
    """
    total = sum(jnp.ravel(leaf)[0] for leaf in jax.tree.leaves(first))
    zero = jnp.where(total == total, 0.0, jnp.nan)  # not foldable: NaN is not NaN
    return jax.tree.map(lambda tensor: tensor + zero.astype(tensor.dtype), tensors)


def sync_variables(model):
    """Writes the state of a running `fit` back into the model's variables.

    Keras' JAX trainer keeps weights outside of the model while it trains, so
    callbacks that read weights must ask for them first.
    """
    if BACKEND == "jax" and getattr(model, "_jax_state", None) is not None:
        model.jax_state_sync()


def dynamic_batches(input_signature):
    """Argument of `torch.export` that keeps it from fixing the size of a batch.

    Args:
        input_signature: List of (nested) `keras.InputSpec`, those of any batch with
            `None` first.

    Returns:
        Dict of arguments of `keras.Model.export(format="torch")`.
    """
    batch = torch.export.Dim("batch")

    def describe(spec):
        return {0: batch} if spec.shape[0] is None else None

    if not any(map(describe, keras.tree.flatten(input_signature))):
        return {}
    shapes = keras.tree.map_structure(describe, input_signature)
    return {"dynamic_shapes": [tuple(shapes)]}


def make_deterministic():
    """Asks the backend for operations that give the same numbers in every run.

    They can be slower, and matter on GPUs. JAX takes its choice from the environment,
    before it starts: a warning names the variable if it is not set.
    """
    if BACKEND == "jax" and "deterministic_ops" not in os.environ.get("XLA_FLAGS", ""):
        logger.warning(
            "JAX must be told before it starts: on a GPU set "
            "XLA_FLAGS=--xla_gpu_deterministic_ops=true in the environment."
        )
    if BACKEND == "tensorflow":
        tf.config.experimental.enable_op_determinism()
    elif BACKEND == "torch":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)


if BACKEND == "jax":

    class _JittedFunction:
        """`jax.jit`; with several devices, every one of them gets the whole result."""

        def __init__(self, function):
            self.function = function
            self.programs = {}

        def __call__(self, *arguments):
            distribution = keras.distribution.distribution()
            mesh = distribution and distribution.device_mesh.backend_mesh
            if mesh not in self.programs:
                whole = mesh and jax.sharding.NamedSharding(
                    mesh, jax.sharding.PartitionSpec()
                )
                self.programs[mesh] = jax.jit(self.function, out_shardings=whole)
            return self.programs[mesh](*arguments)
