"""What an evaluation is made of and needs, checked before any work, without Keras."""

from keras_sphere.evaluation.inception_file import find_inception_weights
from keras_sphere.metrics import neighbors, sphere_uniformity
from keras_sphere.metrics.ssim import PACKAGE as SSIM_PACKAGE
from keras_sphere.metrics.ssim import check_size
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
# By the names of feature networks: what finds their weights, and their features.
NETWORKS = {
    "inception": (find_inception_weights, 2048),
    "efficientnet_lite2": (find_efficientnet_weights, 1280),
    "efficientnet_lite2_260": (find_efficientnet_weights, 1280),
    "digits": (None, 64),
    "fashion_mnist": (None, 64),
}


def check_metrics(metrics, has_images=True, model_size=None):
    """The metrics asked for, in the order of tables.

    Args:
        metrics: Sequence of strings.
        has_images: Boolean. Whether the reference has images, not only statistics.
        model_size: Integer. Height and width of the images of the model that is
            measured; `None` if there is none, and so nothing reconstructs images.

    Raises:
        ValueError: If one is not known, or needs larger images.
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
    if model_size and "ssim" in wanted:
        check_size(model_size, model_size)
        check_installed(*SSIM_PACKAGE)
    if model_size and "lpips" in wanted:
        find_weight_files([LPIPS_FILE], "LPIPS")
    return tuple(name for name in known if name in wanted)


def check_patience(stop_when_worse, metrics):
    """Raises a `ValueError` if a sweep is to end by what is not measured.

    Args:
        stop_when_worse: Integer or `None`.
        metrics: Sequence of strings.
    """
    if stop_when_worse is not None and "frechet" not in metrics:
        raise ValueError(
            "`stop_when_worse` compares Frechet distances: `metrics` must have "
            f"'frechet'. Received: metrics={list(metrics)}"
        )


def check_network(network):
    """Checks the name of a feature network, and that its weights are there.

    Args:
        network: String.

    Raises:
        ValueError: If there is no such network.
        FileNotFoundError: If its weights are nowhere to be found.
    """
    if network not in NETWORKS:
        raise ValueError(
            f"`network` must be {', '.join(map(repr, NETWORKS))} or a "
            f"`FeatureNetwork`. Received: network={network!r}"
        )
    find_weights, _ = NETWORKS[network]
    if find_weights is not None:
        find_weights()


def check_statistics(gaussian, network):
    """Raises a `ValueError` if statistics are of another network's features.

    Args:
        gaussian: `metrics.Gaussian`.
        network: String, a key of `NETWORKS`.
    """
    _, num_features = NETWORKS[network]
    if len(gaussian.mean) != num_features:
        raise ValueError(
            f"The statistics must be of the {num_features} features of the network "
            f"{network!r}. Received: statistics of {len(gaussian.mean)} features"
        )


def check_plots():
    """Raises an `ImportError` if what draws curves is not installed."""
    check_installed(*figure.PACKAGE)


def check_report(model_size):
    """Raises an error if a report of a model cannot be made; see `check_metrics`."""
    check_metrics(DEFAULT_METRICS, model_size=model_size)
    check_sphere()


def check_sphere():
    """Raises an `ImportError` if what the diagnostics of the sphere, drawn, need is
    not installed."""
    check_plots()
    check_installed(*sphere_uniformity.PACKAGE)
