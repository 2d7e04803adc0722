"""Prints the bytes that JAX's program of a gradient needs, without and with
rematerialisation of every block.

    python -m tests.models.planned_memory

XLA's default scheduler on CPUs starts recomputations early, for concurrency, and so
saves nothing; with the other one, which this process asks for, they save memory.
"""

import os

SCHEDULER = "--xla_cpu_enable_concurrency_optimized_scheduler=false"


def working_memory(every):
    import jax
    import keras
    import numpy as np

    from keras_sphere.models.vision_transformer import VisionTransformer

    transformer = VisionTransformer(
        hidden_dim=16,
        num_layers=4,
        num_heads=2,
        in_context_start=0,
        grid_size=4,
        output_dim=4,
        num_classes=3,
        rematerialize_every=every,
    )
    transformer.build((None, 16, 16))
    fixed = [v.value for v in transformer.non_trainable_variables]
    labels = np.zeros(64, "int32")

    def loss(values, tokens):
        output, _ = transformer.stateless_call(values, fixed, tokens, labels)
        return keras.ops.sum(output**2)

    values = [v.value for v in transformer.trainable_variables]
    tokens = np.zeros((64, 16, 16), "float32")
    program = jax.jit(jax.grad(loss)).lower(values, tokens).compile()
    return program.memory_analysis().temp_size_in_bytes


if __name__ == "__main__":
    os.environ["XLA_FLAGS"] = SCHEDULER
    print(working_memory(None), working_memory(1))
