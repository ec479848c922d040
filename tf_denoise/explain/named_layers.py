"""Layers of a model by name: finding one, and naming those that are worth looking at."""

import dataclasses
import difflib
import itertools
import re

import keras
import numpy as np

_STAGE = re.compile(r"encoder\d+|bottleneck|decoder\d+")
_SHORT = {"vit": "vit_grid"}
_PROBE_SIDE, _MOST_OFFERED = 128, 4


@dataclasses.dataclass(frozen=True)
class NamedLayer:
    """A layer that one may look at.

    Attributes:
        name: What it is called: a short name, or that of the layer.
        layer: The layer's own name.
        shape: Of its output for one image: (rows, columns, channels), or (tokens, channels).
        image_size: Height and width of that image.
    """

    name: str
    layer: str
    shape: tuple[int, ...]
    image_size: tuple[int, int]


def graph_of(model: keras.Model) -> keras.Model:
    """The Functional graph of a model.

    Raises:
        ValueError: If the model has none, or does not take one batch of images.
    """
    inputs = getattr(model, "inputs", None)
    if not isinstance(model, keras.Model) or not inputs:
        raise ValueError(
            "Layers can be looked at in a built Functional or Sequential model, which knows how its layers hang "
            f"together; received {type(model).__name__}."
        )
    if len(inputs) != 1 or len(inputs[0].shape) != 4:
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in inputs)
        raise ValueError(
            f"The model must take one batch of images (batch, height, width, channels); it takes inputs of {shapes}."
        )
    return keras.Model(inputs[0], output_of(model))


def output_of(model: keras.Model):
    """The symbolic output of a model in its own graph, also of one that stands in another's."""
    return model.outputs[0] if len(model.outputs) == 1 else model.output


def features_of(model: keras.Model, layer: str):
    """The symbolic output of a layer in the graph of a model.

    Args:
        model: A built Functional or Sequential model.
        layer: Name of a layer, a short name (`vit`), or `outer/inner` for a layer of a model within the model.

    Raises:
        ValueError: If there is no such layer (the nearest names are offered), or its output has no places.
    """
    return _features(model, layer, "")


def _features(model: keras.Model, layer: str, within: str):
    """`features_of`, of a model that stands within another one under such a prefix."""
    member, inner = find_layer(model, layer, within)
    node = node_of(model, member)
    if inner:
        features = keras.Model(member.inputs, _features(member, inner, f"{within}{member.name}/"))(node.input_tensors)
    else:
        features = node.outputs[0] if len(node.outputs) == 1 else None
    if not _has_places(features):
        raise ValueError(
            f"The layer {within + layer!r} has no places to draw: expected (batch, rows, columns, channels) or (batch, "
            f"tokens, channels), received {getattr(features, 'shape', 'several outputs')}."
        )
    return features


def find_layer(model: keras.Model, layer: str, within: str = "") -> tuple[keras.layers.Layer, str]:
    """The layer of the model itself that a name means, and the name within it, or "".

    Args:
        model: The model.
        layer: As for `features_of`.
        within: Where the model stands in another one, such as `second/`: so the names that are told begin.

    Raises:
        ValueError: If there is no such layer, or it is asked for an inner one and is not a model.
    """
    outer, _, inner = layer.partition("/")
    members = {member.name: member for member in model.layers}
    name = outer if outer in members else _SHORT.get(outer, outer)
    if name not in members:
        nearest = ", ".join(within + near for near in _nearest(model, outer))
        raise ValueError(f"The model has no layer {within + outer!r}; the nearest names are {nearest}.")
    member = members[name]
    if inner and not isinstance(member, keras.Model):
        raise ValueError(f"{within + outer!r} is not a model within the model, so it has no layer {inner!r}.")
    return member, inner


def _nearest(model: keras.Model, name: str) -> list[str]:
    """Names that may have been meant: of the model's layers, or of layers within, as `outer/inner`."""
    members = {member.name: member for member in model.layers}
    short = [short for short, long in _SHORT.items() if long in members]
    known = {own: [own] for own in (*members, *short)}
    for outer, member in members.items():
        for inner in member.layers if isinstance(member, keras.Model) else ():
            known.setdefault(inner.name, []).append(f"{outer}/{inner.name}")
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.3) or list(known)[:3]
    return [full for own in near for full in known[own]][:_MOST_OFFERED]


def node_of(model: keras.Model, layer: keras.layers.Layer):
    """Where the layer stands in the graph of this model: it may stand in others too."""
    # A Sequential model keeps its graph out of sight.
    graph = keras.Model(model.inputs, model.outputs) if isinstance(model, keras.Sequential) else model
    return next(node for level in graph._nodes_by_depth.values() for node in level if node.operation is layer)


def layers_worth_looking_at(model: keras.Model) -> list[NamedLayer]:
    """The layers whose maps say something, in the order of the network.

    Of a `UNet` or `ViTUNet` these are its stages and `vit`, the tokens of the transformer on their grid; of a
    `TwoStageUNet` the stages of both, such as `second/decoder1`. Of any other model they are the last of each row of
    layers with outputs of one shape.

    Raises:
        ValueError: If the model has no graph, or no layer of it has places.

    Example:
        >>> from tf_denoise.models import UNet
        >>> for found in layers_worth_looking_at(UNet(widths=(4, 8))):
        ...     print(found.name, found.shape)
        encoder1 (64, 64, 4)
        bottleneck (32, 32, 8)
        decoder1 (64, 64, 4)
    """
    graph = graph_of(model)
    members = [layer for layer in graph.layers if not isinstance(layer, keras.layers.InputLayer)]
    nodes = {layer.name: node_of(graph, layer) for layer in members}
    outputs = {name: node.outputs[0] for name, node in nodes.items() if len(node.outputs) == 1}
    for outer in (layer for layer in members if isinstance(layer, keras.Model)):
        stages = [layer.name for layer in outer.layers if _STAGE.fullmatch(layer.name)]
        outputs |= {f"{outer.name}/{name}": features_of(graph, f"{outer.name}/{name}") for name in stages}
    outputs = {name: output for name, output in outputs.items() if _has_places(output)}
    if not outputs:
        raise ValueError("No layer of the model has places to draw: it keeps no map of the image.")
    _, height, width, channels = graph.inputs[0].shape
    probe = np.zeros((1, height or _PROBE_SIDE, width or _PROBE_SIDE, channels or 3), "float32")
    features = keras.Model(graph.inputs[0], outputs)(probe, training=False)
    shapes = {name: tuple(features[name].shape[1:]) for name in outputs}
    long = {layer: short for short, layer in _SHORT.items()}
    chosen = [name for name in shapes if _STAGE.fullmatch(name.rpartition("/")[2]) or name in long]
    if len(chosen) < 3:
        chosen = [list(row)[-1] for _, row in itertools.groupby(shapes, shapes.get)]
    return [NamedLayer(long.get(name, name), name, shapes[name], probe.shape[1:3]) for name in chosen]


def _has_places(features) -> bool:
    return hasattr(features, "shape") and len(features.shape) in (3, 4)
