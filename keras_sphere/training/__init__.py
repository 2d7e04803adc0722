"""Training that can be interrupted, and what is known about it while it runs."""

from keras_sphere.training.checkpoints import TrainingCheckpoint, restore
from keras_sphere.training.csv_log import CSVLog
from keras_sphere.training.distill import DistillationRun, distill, measure_refiner
from keras_sphere.training.graceful_stop import StopOnSignal
from keras_sphere.training.image_log import ImageLog
from keras_sphere.training.memorization_alarm import MemorizationAlarm
from keras_sphere.training.plan import TrainingPlan
from keras_sphere.training.plan_file import PlanChangedError
from keras_sphere.training.run import TrainingRun, train
from keras_sphere.training.tensorboard_log import TensorBoardLog
from keras_sphere.training.training_state import Position
from keras_sphere.training.training_statistics import TrainingStatistics
from keras_sphere.training_options import TrainingOptions

__all__ = [
    "CSVLog",
    "DistillationRun",
    "ImageLog",
    "MemorizationAlarm",
    "PlanChangedError",
    "Position",
    "StopOnSignal",
    "TensorBoardLog",
    "TrainingCheckpoint",
    "TrainingOptions",
    "TrainingPlan",
    "TrainingRun",
    "TrainingStatistics",
    "distill",
    "measure_refiner",
    "restore",
    "train",
]
