from .export import (
    export_for_serving as export_for_serving,
    export_litert as export_litert,
    export_onnx as export_onnx,
)
from .model_card import (
    model_card as model_card,
)
