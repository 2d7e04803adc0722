"""What watches a training run: logs, pictures, the alarm."""

import keras

from keras_sphere.preset_files.run_folders import LOG_FILE
from keras_sphere.training.csv_log import CSVLog
from keras_sphere.training.image_log import ImageLog
from keras_sphere.training.memorization_alarm import MemorizationAlarm
from keras_sphere.training.tensorboard_log import TensorBoardLog
from keras_sphere.training.training_statistics import TrainingStatistics


class _PictureNames(keras.callbacks.Callback):
    """Prints where the newest samples are, once there are new ones."""

    def __init__(self, image_log):
        super().__init__()
        self.image_log, self._told = image_log, None

    def on_epoch_end(self, epoch, logs=None):
        newest = self.image_log.pictures.get("samples")
        if newest != self._told:
            self._told = newest
            print(f"Samples: {newest}")


def watching_callbacks(plan, data, folder):
    """The callbacks of a plan that only look, in the order that they need.

    Args:
        plan: `TrainingPlan`.
        data: `NamedData` or `Stream`.
        folder: Path of the run's folder.

    Returns:
        List of callbacks.
    """
    callbacks = [TrainingStatistics()]
    batch_size, every = plan.data.batch_size, plan.log_images_every
    to_show = held_out = image_log = None
    if every:
        held_out = data.held_out()
        to_show = (held_out,) if held_out is not None else data.to_show()
    if to_show is not None:
        image_log = ImageLog(
            folder / "pictures",
            *to_show,
            every_epochs=every,
            seed=plan.seed,
            batch_size=batch_size,
        )
        callbacks += [image_log, _PictureNames(image_log)]
    if plan.memorization_alarm and held_out is not None:
        callbacks.append(
            MemorizationAlarm(
                data.dataset,
                held_out,
                every_epochs=every,
                seed=plan.seed,
                batch_size=batch_size,
            )
        )
    callbacks.append(CSVLog(folder / LOG_FILE))
    if plan.tensorboard:
        callbacks.append(TensorBoardLog(folder / "tensorboard", image_log=image_log))
    return callbacks
