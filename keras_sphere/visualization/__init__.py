"""Pictures of images, losses and latents, without a display."""

from keras_sphere.visualization.image_grid import image_grid, save_image
from keras_sphere.visualization.image_table import plot_image_table
from keras_sphere.visualization.losses import plot_losses
from keras_sphere.visualization.sphere import plot_sphere

__all__ = [
    "image_grid",
    "plot_image_table",
    "plot_losses",
    "plot_sphere",
    "save_image",
]
