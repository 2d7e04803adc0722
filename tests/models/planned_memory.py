"""Prints the bytes that JAX's program of a training step needs, without and with
rematerialisation of every block.

    python -m tests.models.planned_memory

In a process of its own: the tests' setting of devices and optimization changes them.
"""

import os


def working_memory(every):
    import jax
    import numpy as np

    from keras_sphere import SphereEncoderBackbone, SphereEncoderModel

    size = {"hidden_dim": 32, "num_layers": 4, "num_heads": 2}
    backbone = SphereEncoderBackbone(
        32,
        4,
        4,
        encoder_size=size,
        decoder_size=size,
        encoder_mixer_depth=0,
        decoder_mixer_depth=0,
        num_classes=3,
        rematerialize_every=every,
    )
    model = SphereEncoderModel(backbone, seed=0)
    model.compile()
    model.build_training()
    parts = (
        model.trainable_variables,
        model.non_trainable_variables,
        model.optimizer.variables,
        model.metrics_variables,
    )
    state = tuple([variable.value for variable in part] for part in parts)
    batch = np.zeros((16, 32, 32, 3), "float32"), np.zeros(16, "int32")
    step = jax.jit(model.train_step, donate_argnums=0)
    return step.lower(state, batch).compile().memory_analysis().temp_size_in_bytes


if __name__ == "__main__":
    os.environ.pop("XLA_FLAGS", None)
    print(working_memory(None), working_memory(1))
