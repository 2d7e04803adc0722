"""Training that can be interrupted, and what is known about it while it runs."""

from keras_sphere.training.checkpoints import TrainingCheckpoint, restore
from keras_sphere.training.csv_log import CSVLog
from keras_sphere.training.image_log import ImageLog
from keras_sphere.training.memorization_alarm import MemorizationAlarm
from keras_sphere.training.tensorboard_log import TensorBoardLog
from keras_sphere.training.training_state import Position
from keras_sphere.training.training_statistics import TrainingStatistics

__all__ = [
    "CSVLog",
    "ImageLog",
    "MemorizationAlarm",
    "Position",
    "TensorBoardLog",
    "TrainingCheckpoint",
    "TrainingStatistics",
    "restore",
]
