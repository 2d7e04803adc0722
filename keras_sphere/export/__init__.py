"""A trained model outside of Python: ONNX files, and reading them back."""

from keras_sphere.lazy_names import lazy_names

__all__ = ["ExportError", "OnnxModel", "export_onnx", "load_onnx"]
__getattr__ = lazy_names(
    __name__,
    {
        "checking": ("ExportError",),
        "exporting": ("export_onnx",),
        "reading": ("OnnxModel", "load_onnx"),
    },
)
