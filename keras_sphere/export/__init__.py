"""A trained model outside of Python: ONNX files, and reading them back."""

from typing import TYPE_CHECKING

from keras_sphere.lazy_names import lazy_names

if TYPE_CHECKING:
    from keras_sphere.export.checking import ExportError
    from keras_sphere.export.exporting import export_onnx
    from keras_sphere.export.reading import OnnxModel, load_onnx

__all__ = ["ExportError", "OnnxModel", "export_onnx", "load_onnx"]
__getattr__ = lazy_names(
    __name__,
    {
        "checking": ("ExportError",),
        "exporting": ("export_onnx",),
        "reading": ("OnnxModel", "load_onnx"),
    },
)
