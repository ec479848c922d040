"""What a network costs."""

import math

import keras
import tensorflow as tf


def multiply_adds_per_pixel(model: keras.Model, height: int = 256, width: int = 256) -> float:
    """Multiply-adds of a forward pass for one image, divided by the number of its pixels.

    Convolutions, transposed convolutions and matrix products are counted, where the graph of the model has them;
    biases, activations, sums and pooling are not.

    Args:
        model: A model that takes images `(batch, height, width, channels)`.
        height: Height of the image. Sizes that the strides of the model divide need no padding, which costs too.
        width: Width of the image.

    Returns:
        The number of multiply-adds a pixel.

    Example:
        >>> from tf_denoise.models import UNet
        >>> multiply_adds_per_pixel(UNet.original())
        561024.0
    """
    image = tf.TensorSpec((1, height, width, model.input_shape[-1]), tf.float32)
    graph = tf.function(lambda x: model(x, training=False)).get_concrete_function(image).graph
    return sum(map(_multiply_adds, graph.get_operations())) / (height * width)


def _multiply_adds(operation) -> int:
    shapes = [tuple(tensor.shape) for tensor in operation.inputs]
    if operation.type == "Conv2D":
        return math.prod(operation.outputs[0].shape) * math.prod(shapes[1][:3])
    if operation.type == "Conv2DBackpropInput":  # the transposed convolution: its kernel is applied at every input
        return math.prod(shapes[2]) * math.prod(shapes[1][:3])
    if operation.type in ("MatMul", "BatchMatMulV2"):
        transposed = operation.get_attr("transpose_a" if operation.type == "MatMul" else "adj_x")
        return math.prod(operation.outputs[0].shape) * shapes[0][-2 if transposed else -1]
    if operation.type == "Einsum":
        subscripts = operation.get_attr("equation").decode().split("->")[0].split(",")
        sizes: dict[str, int] = {}
        for letters, shape in zip(subscripts, shapes, strict=True):
            sizes.update(zip(letters, shape, strict=True))
        return math.prod(sizes.values())
    return 0
