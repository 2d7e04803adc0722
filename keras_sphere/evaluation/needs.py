"""What an evaluation is made of and needs, checked before any work, without Keras."""

from keras_sphere.evaluation.inception_file import find_inception_weights
from keras_sphere.metrics import neighbors, sphere_uniformity
from keras_sphere.metrics.ssim import PACKAGE as SSIM_PACKAGE
from keras_sphere.optional_imports import check_installed
from keras_sphere.perceptual.efficientnet_weights import find_efficientnet_weights
from keras_sphere.perceptual.weight_files import LPIPS_FILE, find_weight_files
from keras_sphere.visualization import figure

SET_METRICS = (
    "frechet",
    "kernel",
    "inception_score",
    "precision",
    "recall",
    "density",
    "coverage",
    "nearest",
    "class_agreement",
)
PAIR_METRICS = ("rfid", "psnr", "ssim", "lpips")
DEFAULT_METRICS = (*SET_METRICS, "rfid", "psnr", "ssim")
NEIGHBOR_METRICS = {"precision", "recall", "density", "coverage", "nearest"}
# By the names of feature networks: what finds their weights.
_WEIGHTS = {
    "inception": find_inception_weights,
    "efficientnet_lite2": find_efficientnet_weights,
    "efficientnet_lite2_260": find_efficientnet_weights,
    "digits": lambda: None,
    "fashion_mnist": lambda: None,
}


def check_metrics(metrics, has_images=True, has_model=True):
    """The metrics asked for, in the order of tables.

    Args:
        metrics: Sequence of strings.
        has_images: Boolean. Whether the reference has images, not only statistics.
        has_model: Boolean. Whether a model is measured, which reconstructs images.

    Raises:
        ValueError: If one is not known.
        ImportError: If one needs a package that is not installed.
        FileNotFoundError: If the weights that one needs are nowhere to be found.
    """
    known = (*SET_METRICS, *PAIR_METRICS)
    unknown = [name for name in metrics if name not in known]
    if unknown or not metrics:
        raise ValueError(
            f"`metrics` must be some of {list(known)}. Received: {list(metrics)}"
        )
    wanted = set(metrics)
    if has_images and "frechet" in wanted:
        wanted.add("recall")
    if not has_images:
        wanted -= {"kernel", *NEIGHBOR_METRICS}
    if wanted & NEIGHBOR_METRICS:
        check_installed(*neighbors.PACKAGE)
    if has_model and "ssim" in wanted:
        check_installed(*SSIM_PACKAGE)
    if has_model and "lpips" in wanted:
        find_weight_files([LPIPS_FILE], "LPIPS")
    return tuple(name for name in known if name in wanted)


def check_network(network):
    """Checks the name of a feature network, and that its weights are there.

    Args:
        network: String.

    Raises:
        ValueError: If there is no such network.
        FileNotFoundError: If its weights are nowhere to be found.
    """
    if network not in _WEIGHTS:
        raise ValueError(
            f"`network` must be {', '.join(map(repr, _WEIGHTS))} or a "
            f"`FeatureNetwork`. Received: network={network!r}"
        )
    _WEIGHTS[network]()


def check_plots():
    """Raises an `ImportError` if what draws curves is not installed."""
    check_installed(*figure.PACKAGE)


def check_report():
    """Raises an `ImportError` if a package that a report needs is not installed."""
    check_metrics(DEFAULT_METRICS)
    check_plots()
    check_installed(*sphere_uniformity.PACKAGE)
