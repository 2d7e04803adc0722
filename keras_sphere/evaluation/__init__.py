"""Numbers that say how good a trained model is, and what they compare with."""

from keras_sphere.evaluation.evaluate import DEFAULT_METRICS, evaluate
from keras_sphere.evaluation.feature_networks import FeatureNetwork, InceptionFeatures
from keras_sphere.evaluation.results import Evaluation, IncomparableError

__all__ = [
    "DEFAULT_METRICS",
    "Evaluation",
    "FeatureNetwork",
    "InceptionFeatures",
    "IncomparableError",
    "evaluate",
]
