"""Event files for TensorBoard, read back."""

import keras
import numpy as np
import pytest

from keras_sphere.training import ImageLog, TensorBoardLog, TrainingStatistics
from tests.training import event_files, small_fits


def test_scalars_of_epochs(tmp_path):
    callbacks = [TrainingStatistics(), TensorBoardLog(tmp_path)]
    model = small_fits.fit_line(callbacks, epochs=2)
    curves = event_files.shown(tmp_path)
    assert [step for step, _ in curves["epoch/loss"]] == [3, 6]  # 3 steps an epoch
    assert curves["epoch/number"] == [(3, 1.0), (6, 2.0)]
    for name in ("loss", "learning_rate", "images_per_second"):
        values = [value for _, value in curves[f"epoch/{name}"]]
        np.testing.assert_allclose(values, model.history.history[name], rtol=1e-6)


def test_scalars_of_steps(tmp_path):
    small_fits.fit_line([TensorBoardLog(tmp_path, every_steps=2)], epochs=2)
    curves = event_files.shown(tmp_path)
    assert [step for step, _ in curves["step/loss"]] == [2, 5]


def test_a_resumed_run_hides_what_is_run_again(tmp_path):
    model = small_fits.fit_line([TensorBoardLog(tmp_path)], epochs=3)
    model.optimizer.iterations.assign(3)  # as a checkpoint of the first epoch does
    small_fits.fit_line(
        [TensorBoardLog(tmp_path)], model=model, initial_epoch=1, epochs=2
    )
    assert len(list(tmp_path.iterdir())) == 2
    curves = event_files.shown(tmp_path)
    assert [point[0] for point in curves["epoch/loss"]] == [3, 6]
    assert curves["epoch/loss"][1][1] == pytest.approx(model.history.history["loss"][0])


def test_a_training_that_is_refused_hides_nothing(tmp_path):
    class Refusal(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            raise ValueError("refused")

    model = small_fits.fit_line([TensorBoardLog(tmp_path)])
    before = event_files.shown(tmp_path)
    with pytest.raises(ValueError, match="refused"):
        small_fits.fit_line([TensorBoardLog(tmp_path), Refusal()], model=model)
    assert event_files.shown(tmp_path) == before


def test_pictures(tmp_path):
    pictures = ImageLog(
        tmp_path / "pictures", small_fits.IMAGES, every_epochs=2, rows=1, columns=1
    )
    log = TensorBoardLog(tmp_path / "log", image_log=pictures)
    small_fits.fit(small_fits.new_model(), [pictures, log], epochs=3)
    curves = event_files.shown(tmp_path / "log")
    for name in ("samples", "reconstructions"):
        points = curves[f"pictures/{name}"]
        assert [step for step, _ in points] == [4, 6]  # 2 steps an epoch
        files = sorted((tmp_path / "pictures").glob(f"{name}-*"))
        contents = [image.encoded_image_string for _, image in points]
        assert contents == [file.read_bytes() for file in files]
        assert points[0][1].height > 50


def test_full_disk(tmp_path):
    log = TensorBoardLog(tmp_path / "log")
    with (
        small_fits.full_disk(60),
        pytest.raises(OSError, match=r"The TensorBoard log .* could not be written"),
    ):
        small_fits.fit_line([log], epochs=3)


def test_a_folder_that_is_a_file(tmp_path):
    (tmp_path / "log").write_text("")
    with pytest.raises(OSError, match=r"The TensorBoard log .* could not be written"):
        small_fits.fit_line([TensorBoardLog(tmp_path / "log")])


@pytest.mark.parametrize("every_steps", [0, 1.5, True])
def test_bad_argument(tmp_path, every_steps):
    with pytest.raises(ValueError, match=r"`every_steps` must be.*Received"):
        TensorBoardLog(tmp_path, every_steps)
