"""Fits with all logs to a folder, and says that TensorFlow was not imported.

python -m tests.training.logs_without_tensorflow FOLDER
"""

import sys

from keras_sphere.training import TensorBoardLog, TrainingStatistics
from tests.training import small_fits

if __name__ == "__main__":
    small_fits.fit_line([TrainingStatistics(), TensorBoardLog(sys.argv[1])])
    print("TensorFlow" if "tensorflow" in sys.modules else "no TensorFlow")
