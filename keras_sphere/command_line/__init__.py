"""`python -m keras_sphere TASK`: what a trained model can do, from a shell.

Nothing that this package imports by itself imports Keras: a task is imported when it
runs.
"""

from keras_sphere.command_line.front import main

__all__ = ["main"]
