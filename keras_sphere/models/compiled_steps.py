"""Steps whose blocks torch compiles."""

from keras_sphere.backend.compiled_blocks import compiled_blocks


class CompiledSteps:
    """Mixin of `SphereEncoderModel`: what `jit_compile` means on torch.

    It stands in front of `keras.Model`, whose steps do without on other backends: they
    compile whole.
    """

    def train_step(self, *args):
        with compiled_blocks(self.jit_compile):
            return super().train_step(*args)

    def test_step(self, *args):
        with compiled_blocks(self.jit_compile):
            return super().test_step(*args)

    def predict_step(self, *args):
        with compiled_blocks(self.jit_compile):
            return super().predict_step(*args)

    def _should_torch_compile(self):
        return False  # not whole steps, as Keras would: that takes minutes
