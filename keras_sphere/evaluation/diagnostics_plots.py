"""Plots of the diagnostics of the sphere."""

from keras_sphere.visualization.figure import new_figure, save_figure


def plot_histograms(diagnostics, path):
    """Draws the norms before projection, and the angles to the nearest latent.

    Args:
        diagnostics: `SphereDiagnostics`.
        path: String or path of the picture.
    """
    figure = new_figure(9.0, 3.2)
    norms, angles = figure.subplots(1, 2)
    norms.hist(diagnostics.norms, bins=40, color="C0")
    norms.set_xlabel("root mean square of a latent before projection")
    norms.set_ylabel("images")
    angles.hist(diagnostics.nearest_angles, bins=40, color="C1")
    angles.set_xlabel("angle of a uniform point to the nearest latent, degrees")
    angles.set_ylabel("points")
    save_figure(figure, path)


def plot_drift(diagnostics, path):
    """Draws what happens to images over many loops of encoding and decoding.

    Args:
        diagnostics: `SphereDiagnostics`.
        path: String or path of the picture.
    """
    figure = new_figure(9.0, 3.2)
    quality, angles = figure.subplots(1, 2)
    loops = range(1, len(diagnostics.drift["psnr"]) + 1)
    quality.plot(loops, diagnostics.drift["psnr"], "o-", markersize=3)
    quality.set_ylabel("PSNR to the original, dB")
    for key, label in (("angle", "to the first latent"), ("step_angle", "per loop")):
        angles.plot(loops, diagnostics.drift[key], "o-", markersize=3, label=label)
    angles.set_ylabel("angle, degrees")
    angles.legend(fontsize=8)
    for axis in (quality, angles):
        axis.set_xlabel("loops")
        axis.grid(True, alpha=0.25)
    save_figure(figure, path)
