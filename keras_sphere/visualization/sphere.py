"""Latents on the sphere beside random points."""

import numpy as np

from keras_sphere.typing import ArrayLike, PathLike
from keras_sphere.visualization.figure import new_figure, save_figure

MAX_ANGLE_POINTS = 1500
SHARE_IN_WIRE = 0.95
CAPTION = (
    "Both clouds along the three directions in which the latents extend most. "
    "A sphere of many dimensions seen in three is a ball; the wire holds 95 % of the "
    "random points.\nIf the latents fill the sphere evenly, all panels agree: "
    "same ball, every class everywhere in it, same angles."
)


def plot_sphere(
    latents: ArrayLike,
    labels: ArrayLike | None,
    random_points: ArrayLike,
    path: PathLike,
) -> None:
    """Shows whether the latents of real images fill the sphere evenly.

    The first two panels show latents, colored by class, and random points of the
    sphere, seen along the same three orthonormal axes. The axes are those along
    which the latents vary most (principal axes through the center of the sphere,
    found on every second latent; the others are drawn), where any unevenness shows
    best: along random axes nearly every high-dimensional cloud looks like a
    Gaussian ball. The points are not pushed onto a unit sphere, which would make any
    cloud look spherical: a sphere of many dimensions, seen in three, is a ball, dense
    in the middle. A wire sphere around 95 % of the random points gives the scale.

    The third panel takes no projection: it shows the angles between pairs of
    points. Random points are nearly at right angles; latents that crowd together
    are at smaller angles.

    Args:
        latents: Array of shape `(batch, ...)`, at least 8 latents on the sphere.
        labels: Integer array of shape `(batch,)`, or `None`.
        random_points: Array of shape `(other_batch, ...)`: random points of the same
            sphere.
        path: String or path of the picture.

    Raises:
        ImportError: If Matplotlib is not installed.
        ValueError: If the sizes do not fit, or a value is not finite.
    """
    points, random_points = _as_rows(latents), _as_rows(random_points)
    _check_points(points, labels, random_points)
    axes = _principal_axes(points[::2])
    shown = {"latents of images": points[1::2], "random points": random_points}
    shown = {title: rows @ axes for title, rows in shown.items()}
    colors = [None if labels is None else np.asarray(labels).reshape(-1)[1::2], None]
    reach = 1.05 * max(np.max(np.abs(rows)) for rows in shown.values())
    radii = np.linalg.norm(shown["random points"], axis=1)
    figure = new_figure(13.0, 5.0)
    for number, (title, rows) in enumerate(shown.items()):
        panel = figure.add_subplot(1, 3, number + 1, projection="3d")
        _draw_cloud(panel, rows, colors[number], np.quantile(radii, SHARE_IN_WIRE))
        panel.set(xlim=(-reach, reach), ylim=(-reach, reach), zlim=(-reach, reach))
        panel.set_title(f"{title}\n{len(rows)} points, 3 of {len(axes)} dimensions")
    figure.supxlabel(CAPTION, fontsize=9)
    angles = figure.add_subplot(1, 3, 3)
    _draw_angles(angles, points, labels, random_points)
    save_figure(figure, path)


def pair_angles(points, labels=None):
    """Angles between all pairs of points, in degrees, in full dimension.

    Args:
        points: Array of shape `(batch, dimensions)`.
        labels: Integer array of shape `(batch,)`, or `None`.

    Returns:
        Pair of arrays: the angles of pairs with the same label, and of the others.
        Without labels all pairs are of the second kind.
    """
    directions = points / np.linalg.norm(points, axis=1, keepdims=True)
    first, second = np.triu_indices(len(points), k=1)
    cosines = np.clip(directions @ directions.T, -1.0, 1.0)[first, second]
    angles = np.degrees(np.arccos(cosines))
    if labels is None:
        return angles[:0], angles
    labels = np.asarray(labels).reshape(-1)
    same = labels[first] == labels[second]
    return angles[same], angles[~same]


def _as_rows(points):
    points = np.asarray(points, dtype="float64")
    return points.reshape(len(points), -1)


def _check_points(points, labels, random_points):
    if len(points) < 8 or len(random_points) < 8:
        raise ValueError(
            "`latents` and `random_points` must each have at least 8 points. "
            f"Received: {len(points)} latents, {len(random_points)} random points"
        )
    if points.shape[1] != random_points.shape[1] or points.shape[1] < 3:
        raise ValueError(
            "`latents` and `random_points` must have the same number of dimensions, "
            f"at least 3. Received: {points.shape[1]} and {random_points.shape[1]}"
        )
    if labels is not None and np.size(labels) != len(points):
        raise ValueError(
            f"`labels` must have one entry per latent, {len(points)}. "
            f"Received: {np.size(labels)} labels"
        )
    if not (np.all(np.isfinite(points)) and np.all(np.isfinite(random_points))):
        raise ValueError(
            "`latents` and `random_points` must be finite. "
            "Received: points with NaN or infinite values"
        )


def _principal_axes(points):
    """Orthonormal columns `(dimensions, 3)` along which the points extend most."""
    return np.linalg.svd(points, full_matrices=False)[2][:3].T


def _draw_cloud(panel, points, colors, radius):
    u, v = np.mgrid[0 : 2 * np.pi : 25j, 0 : np.pi : 13j]
    wire = radius * np.stack([np.cos(u) * np.sin(v), np.sin(u) * np.sin(v), np.cos(v)])
    panel.plot_wireframe(*wire, color="0.75", linewidth=0.4)
    style = {"s": 12, "alpha": 0.8, "linewidths": 0, "depthshade": True}
    if colors is None:
        panel.scatter(*points.T, color="0.35", **style)
    else:
        for number, label in enumerate(np.unique(colors)):
            chosen = points[colors == label]
            panel.scatter(*chosen.T, color=f"C{number % 10}", label=label, **style)
        if len(np.unique(colors)) <= 12:
            panel.legend(fontsize=7, markerscale=2.0, loc="center left", title="class")
    panel.set_box_aspect((1, 1, 1), zoom=1.1)
    panel.tick_params(labelsize=7)
    panel.grid(False)


def _draw_angles(panel, points, labels, random_points):
    if labels is not None:
        labels = np.asarray(labels).reshape(-1)[:MAX_ANGLE_POINTS]
    same, other = pair_angles(points[:MAX_ANGLE_POINTS], labels)
    random = pair_angles(random_points[:MAX_ANGLE_POINTS])[1]
    curves = {
        "random points": (random, "0.35"),
        "latents, same class": (same, "C3"),
        "latents" if labels is None else "latents, other class": (other, "C0"),
    }
    low = min(np.min(angles) for angles, _ in curves.values() if len(angles))
    high = max(np.max(angles) for angles, _ in curves.values() if len(angles))
    bins = np.linspace(low, high, 80)
    for name, (angles, color) in curves.items():
        if len(angles):
            panel.hist(
                angles,
                bins,
                density=True,
                histtype="step",
                color=color,
                label=f"{name}: {np.mean(angles):.0f}\u00b0",
            )
    panel.set_xlabel("angle between two points, in degrees (all dimensions)")
    panel.set_yticks([])
    panel.set_title("angles between pairs\nmean in the legend")
    panel.set_ylim(0.0, 1.3 * panel.get_ylim()[1])
    panel.legend(fontsize=8, loc="upper center")
