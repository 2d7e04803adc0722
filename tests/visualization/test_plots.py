"""Figures: what is in them, and that they are written without a display."""

import numpy as np
import PIL.Image
import pytest

from keras_sphere.visualization import (
    image_table,
    losses,
    plot_image_table,
    plot_losses,
    plot_sphere,
    sphere,
)

pytestmark = pytest.mark.any_backend

HISTORY = {
    "loss": [2.0, 1.0],
    "val_loss": [2.5, 1.5],
    "pixel_consistency_loss": [0.0, 0.5],
    "learning_rate": [1e-3, 1e-3],
}


@pytest.fixture
def drawn(monkeypatch):
    """Collects figures in place of writing them."""
    figures = []

    def keep(figure, path, **options):
        figures.append(figure)

    for module in (image_table, losses, sphere):
        monkeypatch.setattr(module, "save_figure", keep)
    return figures


def random_points(count, seed):
    points = np.random.default_rng(seed).normal(size=(count, 4, 3))
    return points / np.sqrt(np.mean(points**2, axis=(1, 2), keepdims=True))


def assert_is_picture(path, min_side):
    with PIL.Image.open(path) as picture:
        assert picture.format == "PNG"
        assert min(picture.size) >= min_side
        assert len(np.unique(np.asarray(picture.convert("L")))) > 10


def test_pictures_are_written_without_a_display(tmp_path, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setenv("MPLBACKEND", "tkagg")
    images = np.random.default_rng(0).uniform(-1.0, 1.0, (2, 3, 8, 8, 3))
    plot_losses(HISTORY, tmp_path / "losses.png")
    plot_image_table({"1 step": images}, ["a", "b"], tmp_path / "table.png", "title")
    points, labels = random_points(20, 0), np.arange(20) % 3
    plot_sphere(points, labels, random_points(9, 1), tmp_path / "sphere.png")
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == ["losses.png", "sphere.png", "table.png"]
    for name in written:
        assert_is_picture(tmp_path / name, min_side=100)


def test_losses_have_their_values_and_names(drawn):
    plot_losses(HISTORY, "unused.png")
    (axis,) = drawn[0].axes
    lines = {line.get_label(): line for line in axis.lines}
    assert set(lines) == {"total", "total, validation", "pixel consistency"}
    np.testing.assert_array_equal(lines["total"].get_xdata(), [1, 2])
    np.testing.assert_array_equal(lines["total, validation"].get_ydata(), [2.5, 1.5])
    np.testing.assert_array_equal(lines["pixel consistency"].get_ydata(), [np.nan, 0.5])
    assert axis.get_yscale() == "log"


def test_losses_without_a_loss():
    with pytest.raises(ValueError, match=r"ends in 'loss'.*Received: keys \['lr'\]"):
        plot_losses({"lr": [1.0]}, "unused.png")


def test_image_table_shows_every_pixel_of_large_images(tmp_path):
    path = tmp_path / "table.png"
    plot_image_table({"": np.zeros((2, 3, 128, 128, 1))}, "ab", path)
    with PIL.Image.open(path) as image:
        assert image.width > 3 * 128
        assert image.height > 2 * 128


def test_image_table_has_captions_rows_and_images(drawn):
    one, two = np.full((3, 2, 4, 4, 1), -1.0), np.full((3, 5, 4, 4, 1), 1.0)
    plot_image_table({"first": one, "second": two}, range(7, 10), "unused.png")
    left, right = drawn[0].axes
    assert [left.get_title(), right.get_title()] == ["first", "second"]
    assert [label.get_text() for label in left.get_yticklabels()] == ["7", "8", "9"]
    np.testing.assert_allclose(left.get_yticks(), [2.5, 7.5, 12.5])
    assert left.images[0].get_array().shape == (16, 11, 3)
    assert right.images[0].get_array().shape == (16, 26, 3)
    assert left.images[0].get_array()[1, 1, 0] == 0


@pytest.mark.parametrize(
    "groups", [{}, {"a": np.zeros((3, 2, 4, 4, 1))}, {"a": np.zeros((2, 4, 4, 1))}]
)
def test_image_table_errors(groups):
    with pytest.raises(ValueError, match=r"`groups` must.*Received: "):
        plot_image_table(groups, ["a", "b"], "unused.png")


def test_angles_of_pairs():
    points = np.array([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [-3.0, 0.0, 0.0]])
    same, other = sphere.pair_angles(points, [4, 5, 4])
    np.testing.assert_allclose(same, [180.0])
    np.testing.assert_allclose(other, [90.0, 90.0])
    assert len(sphere.pair_angles(points)[1]) == 3


def test_sphere_shows_both_clouds_along_the_same_axes(drawn):
    latents = random_points(400, 0) * 0.1
    latents[:, 2, 1] += 3.0
    plot_sphere(latents, None, random_points(50, 1), "unused.png")
    real, random, _ = drawn[0].axes
    # The direction in which the latents extend most is seen in both panels.
    seen = [np.array(panel.collections[-1]._offsets3d) for panel in (real, random)]
    np.testing.assert_allclose(np.abs(seen[0][0]).mean(), 3.0, atol=0.1)
    expected = random_points(50, 1)[:, 2, 1]
    np.testing.assert_allclose(np.abs(seen[1][0]), np.abs(expected), atol=0.15)
    assert real.get_xlim() == random.get_xlim()


@pytest.mark.parametrize(
    ("latents", "labels", "points", "message"),
    [
        (random_points(7, 0), None, random_points(9, 0), "at least 8 points"),
        (random_points(9, 0), None, np.ones((9, 5)), "same number of dimensions"),
        (random_points(9, 0), [0, 1], random_points(9, 0), "`labels` must have"),
        (random_points(9, 0) * np.nan, None, random_points(9, 0), "must be finite"),
    ],
)
def test_sphere_errors(latents, labels, points, message):
    with pytest.raises(ValueError, match=f"{message}.*Received: "):
        plot_sphere(latents, labels, points, "unused.png")
