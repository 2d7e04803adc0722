"""Training that can be interrupted: checkpoints, and going on from them."""

from keras_sphere.training.checkpoints import TrainingCheckpoint, restore
from keras_sphere.training.training_state import Position

__all__ = ["Position", "TrainingCheckpoint", "restore"]
