"""The work that a page's request takes, and its answer."""

import base64
import contextlib
import pathlib
import tempfile

import numpy as np

from keras_sphere.command_line.errors import UsageError
from keras_sphere.command_line.job import Job, resolved
from keras_sphere.command_line.picture_layout import check_size, lay_out
from keras_sphere.command_line.picture_task import settings_of
from keras_sphere.command_line.served.asked import read_asked
from keras_sphere.visualization import save_image
from keras_sphere.visualization.image_grid import to_uint8

MOST_IMAGES, MOST_STEPS, MOST_BYTES = 256, 16, 2**25


def encoded(content):
    """Bytes as text, in base64."""
    return base64.b64encode(content).decode()


def png_of(save):
    """The bytes of a PNG file.

    Args:
        save: Callable of a path that writes it.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "picture.png"
        save(path)
        return path.read_bytes()


@contextlib.contextmanager
def told_progress(tell, total=None):
    """Says so for every chunk of images that the model computes in the block.

    Args:
        tell: As work gets it; see `serve.worker.Order`.
        total: Integer or `None`. How many chunks there will be.
    """
    from keras_sphere.models.chunks import watched_chunks

    done = 0

    def watch():
        nonlocal done
        tell({"done": done, "total": total})
        done += 1

    with watched_chunks(watch):
        yield


class Drawing:
    """Draws what a page asks for.

    Args:
        source: `ModelSource`.
        common: Dict of flags that all requests have: `preset`, as the page may know
            it, and `batch_size`; `use_ema`, unless a request says otherwise.

    Attributes:
        model: `SphereEncoderModel`, once it is loaded.
    """

    def __init__(self, source, common):
        self.source = source
        self.common = common
        self.model = None

    def read(self, content):
        """Checks a request, without the model; returns the work.

        Args:
            content: Bytes; see `read_asked`.

        Raises:
            ValueError: If anything is not as it must be.
        """
        description = self.source.description
        asked = read_asked(content, description, self.common)
        settings, task = asked.request.settings, asked.request.task
        settings = resolved(settings, description, settings["seed"])
        job = Job(settings, description, asked.images)
        try:
            count = task.module.plan(job) * sum(map(len, job.panels))
        except UsageError as error:
            raise ValueError(str(error)) from None
        self._check_size(job, count)
        _check_form(asked, job)
        if asked.as_picture:
            check_size(count, settings, description)
        return lambda tell: self._draw(asked, job, count, tell)

    def _check_size(self, job, count):
        description = self.source.description
        size = description.image_size**2 * description.num_channels
        most = min(MOST_IMAGES, MOST_BYTES // size)
        if count > most:
            raise ValueError(
                f"An answer holds {most} images of this model at most; ask for fewer. "
                f"Received: {count:,} images"
            )
        steps = max(job.settings.get("steps", [1]))
        if steps > MOST_STEPS:
            raise ValueError(
                f"The page takes {MOST_STEPS} steps at most; the command line takes "
                f"more. Received: steps={steps}"
            )

    def _draw(self, asked, job, count, tell):
        job.model, draw = self.model, asked.request.task.module.draw
        total = _num_chunks(asked.request.task.name, job, count)
        with told_progress(tell, total):
            drawn = [[draw(job, sampling) for sampling in row] for row in job.panels]
        if asked.as_picture:
            answer = {"picture": encoded(self._picture(asked, job, drawn))}
        else:
            answer = _images(drawn[0][0], job, count)
        return {"command": asked.command, **answer}

    def _picture(self, asked, job, drawn):
        picture = lay_out(drawn, job.settings, self.source.description)
        text = settings_of(asked.request, job, self.source, {}).as_text()
        return png_of(lambda path: save_image(path, picture, text))


def _check_form(asked, job):
    """Raises a `ValueError` if the answer would not hold all that is asked for."""
    task, panels = asked.request.task.name, sum(map(len, job.panels))
    if asked.as_picture and task != "generate":
        raise ValueError(
            f"`as_picture` is for generate alone. Received: {task} as a picture"
        )
    if panels > 1 and not asked.as_picture:
        raise ValueError(
            "Several steps or strengths of guidance at once come `as_picture` only. "
            f"Received: {panels} of them"
        )


def _num_chunks(task, job, count):
    """How many chunks of images the model computes for long tasks; else `None`."""
    from keras_sphere.editing.restoration import INPAINT_STRENGTHS

    settings = job.settings
    if task == "generate" and not settings["numbers"]:
        panels = sum(map(len, job.panels))
        return panels * -(-settings["num_images"] // settings["batch_size"])
    if task == "inpaint":
        tried = job.description.num_classes if settings["label"] == "best" else 0
        return len(INPAINT_STRENGTHS) * (1 + tried)
    return None


def _images(panel, job, count):
    """Pixels of the images of a panel by rows, and names of rows and columns."""
    images = to_uint8(panel.images)
    if "num_images" in job.settings and not job.settings.get("show_steps", True):
        flat = images.reshape(1, -1, *images.shape[2:])
        images = flat[:, :count]  # the last row of the picture is filled up
    rows = [[encoded(np.ascontiguousarray(i)) for i in row] for row in images]
    return {
        "rows": rows,
        "row_names": list(panel.row_names),
        "column_names": list(panel.column_names),
    }
