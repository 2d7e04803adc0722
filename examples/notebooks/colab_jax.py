# %% [markdown]
# # Digits with keras_sphere and JAX
#
# Its usual place: Colab, on a TPU, a GPU or a CPU.
# Trains a small model on 16 px digits, minutes on two CPU cores, draws digits of each
# class, walks from one to another and changes the class of some. It is a notebook in
# VS Code, PyCharm, JupyterLab with Jupytext; `jupytext --to ipynb` makes a file of it.

# %%
# Once: %pip install "keras-sphere[jax,data]", or in a checkout -e ".[jax,data]"

# %%
import os

os.environ["KERAS_BACKEND"] = "jax"

import keras_sphere  # before keras

# %% [markdown]
# ## Data
#
# NumPy arrays are all that JAX needs.

# %%
(images, labels), (test_images, test_labels) = keras_sphere.data.load_digits()
keras_sphere.visualization.show(images[:16])

# %% [markdown]
# ## Model
#
# Latents of 16 x 8 numbers on a sphere, noise of up to 75 degrees.

# %%
size = {"hidden_dim": 96, "num_layers": 2, "num_heads": 4}
backbone = keras_sphere.SphereEncoderBackbone(
    image_size=16,
    patch_size=4,
    token_channels=8,
    num_channels=1,
    num_classes=10,
    encoder_size=size,
    decoder_size=size,
)
model = keras_sphere.SphereEncoderModel(
    backbone, max_angle_degrees=75.0, perceptual="gradient", seed=0
)
model.compile(optimizer=keras_sphere.SphereAdamW(learning_rate=2e-3))
model

# %%
history = model.fit(images, labels, batch_size=50, epochs=30)

# %% [markdown]
# ## Generate
#
# A row for each number of steps: the first row is one call of the decoder.

# %%
for steps in (1, 4):
    keras_sphere.visualization.show(
        model.generate(labels=range(10), steps=steps, seed=0), columns=10
    )

# %% [markdown]
# ## Interpolate, edit

# %%
path = model.interpolate(1, 2, num_images=8, start_labels=3, end_labels=8)
keras_sphere.visualization.show(path, columns=8)

# %%
eights = keras_sphere.editing.manipulate_class(model, test_images[:8], labels=8)
keras_sphere.visualization.show(eights, columns=8)

# %% [markdown]
# ## Keep it

# %%
model.save_to_preset("my_digits")
keras_sphere.presets.load("my_digits")
