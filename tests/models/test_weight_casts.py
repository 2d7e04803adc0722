"""With mixed precision a program casts its weights once, before its first step."""

import keras
import numpy as np

from keras_sphere import sampling
from keras_sphere.backend import operations as backend
from tests import tiny_models


def test_programs_get_weights_in_the_dtype_of_their_uses():
    model = tiny_models.new_model(dtype="mixed_bfloat16")
    backbone, seen = model.backbone, set()
    noise = sampling.host_noise(0, range(2), 0, tiny_models.LATENT_SHAPE)
    with backend.no_gradients():
        cast_at_use = backbone.decode(backbone.spherify(noise), None)
    decode = backbone.decode

    def watched(*arguments, **named):
        seen.update(
            keras.backend.standardize_dtype(weight.value.dtype)
            for weight in backbone.trainable_variables
        )
        return decode(*arguments, **named)

    backbone.decode = watched
    images = model.decode(noise)
    assert seen == {"bfloat16"}
    expected = keras.ops.convert_to_numpy(keras.ops.cast(cast_at_use, "float32"))
    np.testing.assert_allclose(images, expected, atol=0.02)
    assert {weight.dtype for weight in backbone.trainable_variables} == {"float32"}
