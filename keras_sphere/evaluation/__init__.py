"""Numbers that say how good a trained model is, and what they compare with."""

from typing import TYPE_CHECKING

from keras_sphere.lazy_names import lazy_names

if TYPE_CHECKING:
    from keras_sphere.evaluation.diagnostics import SphereDiagnostics, diagnose_sphere
    from keras_sphere.evaluation.evaluating import DEFAULT_METRICS, evaluate
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
__getattr__ = lazy_names(
    __name__,
    {
        "diagnostics": ("SphereDiagnostics", "diagnose_sphere"),
        "evaluating": ("DEFAULT_METRICS", "evaluate"),
        "feature_networks": (
            "EfficientNetFeatures",
            "FeatureNetwork",
            "InceptionFeatures",
        ),
        "memorization": ("MemorizationReport", "report_memorization"),
        "report": ("write_report",),
        "results": ("Evaluation", "IncomparableError"),
    },
)
