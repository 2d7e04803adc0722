"""What a training reads, from any kind of data, and what it says of it.

Most train two steps of three images of three classes: programs are compiled once.
"""

import json
import random
import shutil
import signal

import numpy as np
import pytest

from keras_sphere import presets
from keras_sphere.data import UnreadableImageError
from keras_sphere.training import PlanChangedError
from keras_sphere.training.checkpoint_store import CheckpointStore
from tests import tiny_models
from tests.data.image_files import encoded, picture, write, write_classes
from tests.training.signaller import Signaller
from tests.training.small_runs import rows


@pytest.mark.parametrize("kind", ["list of classes", "flat archive"])
def test_images_of_ones_own(run, tmp_path, kind):
    """Images without classes train a model without: nobody has to say so.

    The names of classes are those of the data, and must stay so.
    """
    if kind == "flat archive":
        for number in range(6):
            write(tmp_path / "photos" / f"{number}.png", seed=number)
        path = shutil.make_archive(tmp_path / "photos", "zip", tmp_path / "photos")
        num_classes = 0
    else:
        write_classes(tmp_path / "photos", per_class=2)
        path, num_classes = tmp_path / "photos.jsonl", 3
        lines = [
            {"image_path": f"photos/{name}/{i}.png", "class_id": c, "class_name": name}
            for c, name in enumerate(("cat", "dog", "wild"))
            for i in range(2)
        ]
        path.write_text("\n".join(map(json.dumps, lines)))
    options = {"dataset": path, "batch_size": 3, "epochs": 1}
    result = run(tmp_path / "run", **options)
    assert result.is_complete
    assert result.plan.num_images == 6
    assert result.model.backbone.num_classes == num_classes
    assert result.plan.data.conditional is bool(num_classes)
    names = ["cat", "dog", "wild"] if num_classes else None
    saved = presets.describe(tmp_path / "run" / "preset")["architecture"]
    assert saved["class_names"] == names
    if num_classes:
        assert result.model.backbone.class_names == tuple(names)
        path.write_text(path.read_text().replace('"wild"', '"tame"'))
        with pytest.raises(PlanChangedError, match=r"names: no .*'wild'; new 'tame'$"):
            run(tmp_path / "run", **options)


def test_a_dataset_of_tfds(run, tmp_path, capsys):
    """With pictures, the alarm, and a damaged image in the held-out split."""
    from tests.data.tiny_tfds import NAME, new_builder

    new_builder(tmp_path / "tfds").download_and_prepare()
    result = run(
        tmp_path / "run",
        dataset=f"tfds:{NAME}",
        data_dir=tmp_path / "tfds",
        batch_size=3,
        epochs=1,
        log_images_every=1,
    )
    assert result.model.backbone.num_classes == 102
    (row,) = rows(tmp_path / "run")
    for name in ("nearest_train_distance_of_samples", "gradient_norm", "psnr"):
        assert np.isfinite(float(row[name]))
    assert len(list((tmp_path / "run" / "pictures").iterdir())) == 2
    first, last = capsys.readouterr().out.split("Done: ")[0].split("Plan of the")
    assert f"tfds:{NAME}, train: 7 images of 102 classes" in first
    assert "unreadable in use" not in first
    assert "unreadable in use, another in its place: 1" in last


def test_a_strict_training_ends_at_a_held_out_image_too(run, tmp_path):
    write_classes(tmp_path / "photos" / "train", per_class=1)
    write(tmp_path / "photos" / "test" / "cat" / "0.png", b"no image")
    with pytest.raises(UnreadableImageError, match="test"):
        run(
            tmp_path / "run",
            dataset=tmp_path / "photos",
            batch_size=1,
            strict=True,
            log_images_every=1,
        )


def test_a_signal_leaves_no_time_for_pictures(run, tmp_path):
    """Nor for the alarm: the step is saved, and that is all."""
    write_classes(tmp_path / "photos", per_class=4)
    stopped = run(
        tmp_path / "run",
        dataset=tmp_path / "photos",
        split="train[:8]",
        held_out_split="train[8:]",
        batch_size=3,
        epochs=1,
        log_images_every=1,
        callbacks=[Signaller(signal.SIGTERM, 1)],
    )
    assert not stopped.is_complete
    assert not (tmp_path / "run" / "pictures").exists()
    assert "nearest_train_distance_ratio" not in stopped.history
    assert places(tmp_path / "run") == [[0, 1]]


def places(folder):
    """Where the checkpoints of a run were saved: epochs, and steps of the next one."""
    store = CheckpointStore(folder / "checkpoints")
    states = [store.open(entry) / "state.json" for entry in store.entries()]
    return [json.loads(state.read_text())["position"] for state in states]


class Shuffled:
    """Two batches in an order that Python's global state draws, as users' data do."""

    def __init__(self):
        self.images, self.orders = tiny_models.new_images(8), []

    def __len__(self):
        return 2

    def __iter__(self):
        order = random.sample(range(8), 8)
        self.orders.append(order)
        yield self.images[order[:4]]
        yield self.images[order[4:]]


def test_a_stream_goes_on_at_the_end_of_an_epoch_with_another_order(run, tmp_path):
    choices = {"batch_size": 4, "epochs": 3, "checkpoint_every_steps": 1000}
    first, second = Shuffled(), Shuffled()
    run(tmp_path, dataset=first, max_steps=2, **choices)
    run(tmp_path, dataset=second, **choices)
    assert places(tmp_path) == [[1, 0], [2, 0], [3, 0]]
    assert first.orders[0] not in second.orders


def test_a_damaged_photo_is_counted_at_the_end(run, tmp_path, capsys):
    """One that looks sound until it is decoded."""
    write_classes(tmp_path / "photos", per_class=2)
    content = encoded(picture(60, 60), "PNG")
    write(tmp_path / "photos" / "cat" / "1.png", content[: len(content) // 2])
    run(tmp_path / "run", dataset=tmp_path / "photos", batch_size=3, epochs=1)
    _, last = capsys.readouterr().out.split("Plan of the")
    assert "another in its place: 1" in last
    assert "1.png" in last
