"""The picture of `toy_sphere.py`: eight panels, from data to samples."""

from keras_sphere import geometry
from keras_sphere.visualization.figure import new_figure, save_figure

import keras
import matplotlib.colors
import numpy as np

ROOT_3 = np.sqrt(3.0)
CLOUD_POINTS = 400
ON_DATA = 0.08
CAPTION = (
    "Training keeps the weak noise of a point apart from that of other points, so "
    "that it can be decoded, and teaches strong noise to decode to the same.\n"
    "The sphere is divided up among the data: a random point decodes to data. Borders "
    "between patches decode to something in between; encoding that again leads into a "
    "patch.\nThe tails of the blobs are lost: diversity is what the method gives up "
    "first."
)
TILT = np.radians(35.0)


def draw(model, points, samples, generator, path):
    """Writes the picture.

    Args:
        model: `ToySphereEncoder`.
        points: Array of shape `(points, 2)`. The data.
        samples: List of arrays of shape `(samples, 2)`, one per sampling step.
        generator: `numpy.random.Generator`.
        path: String. Path of the picture.
    """
    latents = _numpy(model.encode(points))
    axes = _axes_of(latents, points)
    figure = new_figure(15.0, 8.2)
    grid = figure.add_gridspec(2, 4)
    plane = [figure.add_subplot(grid[0, 0])]
    plane += [figure.add_subplot(grid[1, column]) for column in (1, 2, 3)]
    globes = [figure.add_subplot(grid[0, column]) for column in (1, 2)]
    world = [
        figure.add_subplot(grid[place], projection="mollweide")
        for place in ((0, 3), (1, 0))
    ]
    _plane(plane[0], "1. Data", "three blobs stand for the images")
    plane[0].scatter(*points.T, s=5, c=color_of(points), linewidths=0)
    _globe(globes[0], "2. Encoder", "each point of 1, on the sphere (pale: back)", axes)
    _on_globe(globes[0], latents, color_of(points), axes)
    _globe(globes[1], "3. Noise", "strong (pale) and weak (dark) on three points", axes)
    _draw_clouds(globes[1], model, points, latents, generator, axes)
    _world(world[0], "4. All strong noise", "map: together they reach everywhere")
    _draw_all_clouds(world[0], model, points, latents, generator, axes)
    _world(world[1], "5. Decoder", "the color in 1 that each point decodes to")
    _draw_decoded_world(world[1], model, axes)
    _plane(
        plane[1],
        "6. Round the equator",
        "240 even steps, dashed in 5: it jumps",
        points,
    )
    _draw_decoded_equator(plane[1], model, axes)
    for axis, steps in ((plane[2], 1), (plane[3], len(samples))):
        share = f"{100 * share_on_data(samples[steps - 1], points):.0f} % on a blob"
        name = "7. Random points, decoded" if steps == 1 else f"8. {steps} steps"
        what = "1 step" if steps == 1 else "encode, add noise, decode, again"
        _plane(axis, name, f"{what}: {share}", points)
        axis.scatter(*samples[steps - 1].T, s=5, c="black", linewidths=0)
    figure.supxlabel(CAPTION, fontsize=10)
    save_figure(figure, path)


def share_on_data(samples, points):
    """Share of samples within 0.08 of a data point."""
    distances = np.linalg.norm(samples[:, None] - points[None, ::4], axis=-1)
    return float(np.mean(np.min(distances, axis=1) < ON_DATA))


def color_of(points):
    """Hue by direction from the center of the plane, white at the center."""
    turns = np.arctan2(points[:, 1], points[:, 0]) / (2.0 * np.pi)
    # Stretched around the three corners, so that each blob has shades of its own.
    turns = (turns - 0.25 + 0.035 * np.sin(6.0 * np.pi * (turns - 0.25))) % 1.0
    saturation = np.clip(1.5 * np.linalg.norm(points, axis=1) - 0.3, 0.0, 1.0)
    hsv = np.stack([turns, saturation, np.full_like(turns, 0.9)], axis=1)
    return matplotlib.colors.hsv_to_rgb(hsv)


def _numpy(x):
    return keras.ops.convert_to_numpy(x)


def _axes_of(latents, points):
    """Orthonormal rows: front, right and pole of the pictures of the sphere.

    The pole is where latents extend least, and the blob at the top is at the back.
    """
    pole = np.linalg.svd(latents, full_matrices=False)[2][2]
    front = -np.mean(latents[points[:, 1] > 0.25], axis=0)
    front = front - (front @ pole) * pole
    front = front / np.linalg.norm(front)
    right = np.cross(pole, front)
    if np.mean(latents[points[:, 0] > 0.25], axis=0) @ right < 0:
        right, pole = -right, -pole
    return np.stack([front, right, pole])


def _strong_noise(model, latents, generator):
    """Noise and strengths at all radii alike, for `geometry.perturb`."""
    noise = generator.normal(size=latents.shape).astype("float32")
    radii = generator.uniform(size=len(latents)).astype("float32")
    return noise, radii * model.noise_schedule.sigma


def _titles(axis, name, explanation):
    axis.set_title(f"{name}\n", fontsize=13, fontweight="bold")
    axis.text(0.5, 1.02, explanation, transform=axis.transAxes, ha="center")


def _plane(axis, name, explanation, points=None):
    _titles(axis, name, explanation)
    axis.set(xlim=(-1.7, 1.7), ylim=(-1.4, 1.75), aspect="equal", xticks=[], yticks=[])
    if points is not None:
        axis.scatter(*points.T, s=5, c=0.3 * color_of(points) + 0.7, linewidths=0)


def _globe(axis, name, explanation, axes):
    _titles(axis, name, explanation)
    axis.set(xlim=(-1.1, 1.1), ylim=(-1.1, 1.1), aspect="equal")
    axis.set_axis_off()
    turn = np.linspace(0.0, 2.0 * np.pi, 200)
    axis.fill(np.cos(turn), np.sin(turn), color="0.96", zorder=0)
    axis.plot(np.cos(turn), np.sin(turn), color="0.4", linewidth=1.0, zorder=4)
    for line in _graticule():
        x, y, depth = _view(line @ axes, axes)
        axis.plot(*np.where(depth > 0, (x, y), np.nan), color="0.7", linewidth=0.6)


def _world(axis, name, explanation):
    _titles(axis, name, explanation)
    axis.set(xticks=[], yticks=[])


def _view(vectors, axes):
    """Right, up and towards the viewer, who stands `TILT` above the front."""
    front, right, pole = axes
    forward = np.cos(TILT) * front + np.sin(TILT) * pole
    up = np.cos(TILT) * pole - np.sin(TILT) * front
    return vectors @ right, vectors @ up, vectors @ forward


def _graticule():
    """Meridians and parallels, 30 degrees apart, each of shape `(points, 3)`."""
    turn = np.linspace(-np.pi, np.pi, 121)
    for latitude in np.radians([-60, -30, 0, 30, 60]):
        yield _vectors(turn, np.full_like(turn, latitude))
    for longitude in np.radians(np.arange(0, 360, 30)):
        yield _vectors(np.full_like(turn, longitude), turn / 2.0)


def _vectors(longitude, latitude):
    x, y = np.cos(longitude) * np.cos(latitude), np.sin(longitude) * np.cos(latitude)
    return np.stack([x, y, np.sin(latitude)], axis=-1)


def _on_globe(axis, latents, colors, axes, size=6):
    """Points on the front in full color, on the back pale."""
    x, y, depth = _view(latents / ROOT_3, axes)
    front = depth > 0
    for side, alpha, order in ((~front, 0.12, 1), (front, 1.0, 3)):
        axis.scatter(
            *(x[side], y[side], size, colors[side]),
            alpha=alpha,
            linewidths=0,
            zorder=order,
        )


def _draw_clouds(axis, model, points, latents, generator, axes):
    corners = np.stack([[0.0, 1.0], [-0.866, -0.5], [0.866, -0.5]])
    for corner in corners:
        chosen = np.argmin(np.linalg.norm(points - corner, axis=1))
        latent = np.repeat(latents[chosen : chosen + 1], CLOUD_POINTS, axis=0)
        color = np.repeat(color_of(points[chosen : chosen + 1]), CLOUD_POINTS, axis=0)
        noise, strong = _strong_noise(model, latent, generator)
        weak = 0.5 * strong * generator.uniform(size=CLOUD_POINTS).astype("float32")
        for sigma, shade in ((strong, 0.4 * color + 0.6), (weak, 0.75 * color)):
            cloud = _numpy(geometry.perturb(latent, noise, sigma))
            _on_globe(axis, cloud, shade, axes, size=8)
        x, y, _ = _view(latent[:1] / ROOT_3, axes)
        axis.scatter(x, y, 30, "white", "o", zorder=3, edgecolors="black")


def _draw_all_clouds(axis, model, points, latents, generator, axes):
    order = generator.integers(0, len(points), 12000)
    chosen = latents[order]
    noisy = _numpy(geometry.perturb(chosen, *_strong_noise(model, chosen, generator)))
    x, y, z = axes @ noisy.T / ROOT_3
    latitude = np.arcsin(np.clip(z, -1.0, 1.0))
    axis.scatter(np.arctan2(y, x), latitude, 2, color_of(points[order]), linewidths=0)


def _draw_decoded_world(axis, model, axes):
    longitude, latitude = np.meshgrid(
        np.linspace(-np.pi, np.pi, 181), np.linspace(-np.pi / 2, np.pi / 2, 91)
    )
    vectors = _vectors(longitude[:-1, :-1], latitude[:-1, :-1]) @ axes
    decoded = _numpy(model.decoder((ROOT_3 * vectors).reshape(-1, 3)))
    colors = color_of(decoded).reshape(*vectors.shape)
    axis.pcolormesh(longitude, latitude, colors, rasterized=True)
    axis.plot([-np.pi, np.pi], [0.0, 0.0], color="black", linewidth=1.0, dashes=(4, 3))


def _draw_decoded_equator(axis, model, axes):
    turn = np.linspace(-np.pi, np.pi, 241)
    decoded = _numpy(model.decoder(ROOT_3 * _vectors(turn, 0.0 * turn) @ axes))
    axis.plot(*decoded.T, color="black", linewidth=0.5)
    axis.scatter(*decoded.T, s=9, c=color_of(decoded), linewidths=0.4, edgecolors="0.1")
