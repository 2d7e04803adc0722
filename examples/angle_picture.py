"""The picture of the glossary: angle, radius, strength and sigma of the noise.

    python examples/angle_picture.py

A second on a CPU, without a backend's work: it is drawn from the formulas, at a largest
angle of 65 degrees.
"""

import sys

from keras_sphere.visualization.figure import new_figure, save_figure

import numpy as np

MAX_ANGLE_DEGREES = 65.0
SHARES = (0.25, 0.5, 1.0)
OUTPUT = "docs/images/angle.png"
BLUE, RED, GRAY = "#1f5fa8", "#c0392b", "#888888"


def draw(path):
    """Writes the picture.

    Args:
        path: String. Where to.
    """
    figure = new_figure(12.0, 5.4)
    addition, rotation = figure.subplots(1, 2, width_ratios=[2.7, 2.1])
    for axis, end in ((addition, 2.4), (rotation, 1.8)):
        _plane(axis, end)
    addition.set_title(
        "Sphere Encoder: noise is added, then projected\n"
        r"angle = arctan(r $\sigma$),  $\sigma$ = tan(65°) = 2.14"
    )
    rotation.set_title(
        "Sphere Encoder 2: the latent is turned\nangle = strength x largest angle"
    )
    _draw_addition(addition)
    _draw_rotation(rotation)
    save_figure(figure, path)


def _plane(axis, end):
    axis.set_aspect("equal")
    axis.set_axis_off()
    axis.set_xlim(-0.25, end)
    axis.set_ylim(-0.2, 1.32)
    turns = np.radians(np.linspace(-5.0, 95.0, 200))
    axis.plot(np.sin(turns), np.cos(turns), color=GRAY, linewidth=1.5)
    axis.plot(0.0, 0.0, "o", color=GRAY, markersize=4)
    axis.annotate("center", (0.0, 0.0), (-0.02, -0.16), color=GRAY)
    _arrow(axis, (0.0, 0.0), (0.0, 1.0), BLUE)
    axis.annotate("f(z), the image's latent", (0.0, 1.0), (-0.2, 1.22), color=BLUE)


def _draw_addition(axis):
    sigma = np.tan(np.radians(MAX_ANGLE_DEGREES))
    _arrow(axis, (0.0, 1.0), (sigma, 1.0), RED)
    axis.annotate(
        r"the noise $r\,\sigma\,e$, at right angles to f(z)", (1.0, 1.22), color=RED
    )
    for radius in SHARES:
        angle = np.arctan(radius * sigma)
        reached = (radius * sigma, 1.0)
        axis.plot(*zip((0.0, 0.0), reached, strict=True), color=RED, linewidth=0.8)
        axis.plot(*reached, "o", color=RED, markersize=5)
        axis.annotate(
            f"r = {radius:g}", reached, _beside(reached, -0.15, 0.08), color=RED
        )
        _mark_on_sphere(axis, angle)
    _arc(axis, np.arctan(sigma))


def _draw_rotation(axis):
    for strength in SHARES:
        angle = np.radians(strength * MAX_ANGLE_DEGREES)
        _arrow(axis, (0.0, 0.0), (np.sin(angle), np.cos(angle)), RED)
        _mark_on_sphere(axis, angle, f"strength {strength:g}: ")
    _arc(axis, np.radians(MAX_ANGLE_DEGREES))


def _mark_on_sphere(axis, angle, before=""):
    place = (np.sin(angle), np.cos(angle))
    axis.plot(*place, "o", color=BLUE, markersize=6)
    text = f"{before}{np.degrees(angle):.0f}°"
    axis.annotate(text, place, _beside(place, 0.06, 0.0), color=BLUE, va="center")


def _beside(place, right, up):
    return (place[0] + right, place[1] + up)


def _arc(axis, angle, radius=0.4):
    turns = np.linspace(0.0, angle, 60)
    axis.plot(radius * np.sin(turns), radius * np.cos(turns), color=BLUE)
    background = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
    axis.annotate("angle", (0.06, 0.25), color=BLUE, bbox=background)


def _arrow(axis, start, end, color):
    style = {"arrowstyle": "-|>", "color": color, "linewidth": 1.5}
    axis.annotate("", end, start, arrowprops={**style, "shrinkA": 0, "shrinkB": 0})


if __name__ == "__main__":
    draw(sys.argv[1] if len(sys.argv) > 1 else OUTPUT)
