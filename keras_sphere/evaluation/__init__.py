"""Numbers that say how good a trained model is, and what they compare with."""

from keras_sphere.evaluation.diagnostics import SphereDiagnostics, diagnose_sphere
from keras_sphere.evaluation.evaluate import DEFAULT_METRICS, evaluate
from keras_sphere.evaluation.feature_networks import (
    EfficientNetFeatures,
    FeatureNetwork,
    InceptionFeatures,
)
from keras_sphere.evaluation.memorization import (
    MemorizationReport,
    report_memorization,
)
from keras_sphere.evaluation.report import write_report
from keras_sphere.evaluation.results import Evaluation, IncomparableError

__all__ = [
    "DEFAULT_METRICS",
    "EfficientNetFeatures",
    "Evaluation",
    "FeatureNetwork",
    "InceptionFeatures",
    "IncomparableError",
    "MemorizationReport",
    "SphereDiagnostics",
    "diagnose_sphere",
    "evaluate",
    "report_memorization",
    "write_report",
]
