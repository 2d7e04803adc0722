"""Pictures of images, losses and latents, without a display."""

from keras_sphere.visualization.animation import save_animation
from keras_sphere.visualization.image_grid import image_grid, save_image
from keras_sphere.visualization.image_table import plot_image_table
from keras_sphere.visualization.image_text import read_image_text
from keras_sphere.visualization.losses import plot_losses
from keras_sphere.visualization.panels import Panel, draw_panels
from keras_sphere.visualization.showing import show
from keras_sphere.visualization.sphere import plot_sphere

__all__ = [
    "Panel",
    "draw_panels",
    "image_grid",
    "plot_image_table",
    "plot_losses",
    "plot_sphere",
    "read_image_text",
    "save_animation",
    "save_image",
    "show",
]
