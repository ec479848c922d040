"""A door to `tf_denoise.serving.export`: SavedModel, ONNX and LiteRT files."""

from tf_denoise.serving.export import export_for_serving, export_litert, export_onnx, has_warm_up

__all__ = ["export_for_serving", "export_litert", "export_onnx", "has_warm_up"]
