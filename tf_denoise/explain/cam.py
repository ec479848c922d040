"""Class activation maps without classes: which places of an image a layer of a denoiser responds to."""

import difflib
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from tf_denoise.explain.projections import kernel_projection, principal_projection
from tf_denoise.explain.targets import output_mean

MOST_EXTRA_TOKENS = 16
"""Class and register tokens that a transformer may put before its patches."""


class _ActivationMap:
    """What the maps share: a sub-model up to the layer, tokens on their grid, the scaling to [0, 1].

    Args:
        model: A built Functional model with one image as input.
        layer: Name of a layer, or `outer/inner` for a layer of a model within the model.

    Raises:
        ValueError: If there is no such layer, or its output has no places.
    """

    def __init__(self, model: keras.Model, layer: str):
        self.model, self.layer = model, layer
        self._network = keras.Model(model.inputs, [features_of(model, layer), model.output])

    def raw(self, images) -> np.ndarray:
        """The projection itself: float32 `(batch, rows, columns)` of the layer's grid, not scaled, not cut."""
        images = self._checked(images)
        return np.stack([self._project(*part) for part in zip(*self._parts(images), strict=True)])

    def __call__(self, images) -> np.ndarray:
        """Heat maps of images.

        Args:
            images: Float `(batch, height, width, channels)`, as the model takes them.

        Returns:
            float32 `(batch, height, width)` in [0, 1]: negatives cut, each scaled by its own least and largest value,
            resized to the image (bilinear). A map without any contrast is zero.

        Raises:
            ValueError: If an image has other channels than the model takes, the tokens fit no grid, or an activation is
                not finite.
        """
        images = self._checked(images)
        heat = np.maximum(self.raw(images), 0)
        least, largest = (f(heat, axis=(1, 2), keepdims=True) for f in (np.min, np.max))
        heat = np.divide(heat - least, largest - least, out=np.zeros_like(heat), where=largest > least)
        return tf.image.resize(heat[..., None], images.shape[1:3])[..., 0].numpy()

    def _checked(self, images) -> np.ndarray:
        images = np.asarray(images, "float32")
        if images.ndim != 4:
            raise ValueError(f"Images are a batch (batch, height, width, channels); received shape {images.shape}.")
        wanted = self.model.input_shape[-1]
        if wanted not in (None, images.shape[-1]):
            raise ValueError(
                f"The model takes images of {wanted} channel{'s' if wanted > 1 else ''}; received {images.shape[-1]}."
            )
        return images

    def _parts(self, images: np.ndarray):
        features, _ = self._network(images, training=False)
        return (on_grid(features.numpy(), _view_size(self.model, images)),)

    def _project(self, activation: np.ndarray) -> np.ndarray:
        raise NotImplementedError


class EigenCAM(_ActivationMap):
    """The first principal component of a layer's activations.

    It looks at activations alone: no target, no gradient. The sign of a component is arbitrary; here places of strong
    activation are positive, so the same model and image give the same map everywhere.

    Args:
        model: A built Functional model with one image as input.
        layer: Name of a layer, or `outer/inner` for a layer of a model within the model.

    Reference:
        - [Muhammad and Yeasin, Eigen-CAM, 2020](https://arxiv.org/abs/2008.00299)

    Example:
        >>> import numpy as np
        >>> from tf_denoise.models import UNet
        >>> model = UNet(channels=1, widths=(4, 8))
        >>> EigenCAM(model, "bottleneck")(np.ones((1, 16, 24, 1), "float32")).shape
        (1, 16, 24)
    """

    def _project(self, activation):
        return _over_places(principal_projection, activation)


class KPCACAM(_ActivationMap):
    """The first component of kernel PCA, with the sigmoid kernel, of a layer's activations.

    Args:
        model: A built Functional model with one image as input.
        layer: Name of a layer, or `outer/inner` for a layer of a model within the model.
        gamma: Factor of the kernel's inner products; 1 / channels if `None`.

    Reference:
        - [Karmani et al., KPCA-CAM, 2024](https://arxiv.org/abs/2410.00267)
    """

    def __init__(self, model: keras.Model, layer: str, gamma: float | None = None):
        super().__init__(model, layer)
        self.gamma = gamma

    def _project(self, activation):
        return _over_places(lambda values: kernel_projection(values, self.gamma), activation)


class GradCAM(_ActivationMap):
    """Activations weighted by how the mean gradient of a target runs through their channels.

    Formula:
        ```
        map = sum over channels of mean over places(d target / d activation) * activation
        ```

    Args:
        model: A built Functional model with one image as input.
        layer: Name of a layer of the model itself.
        target: `(outputs, images) -> (batch,)`, a scalar of each output; its mean if `None`. See
            `tf_denoise.explain.targets`.

    Reference:
        - [Selvaraju et al., Grad-CAM, 2017](https://arxiv.org/abs/1610.02391)
    """

    def __init__(self, model: keras.Model, layer: str, target: Callable | None = None):
        if "/" in layer:
            raise ValueError(
                f"Grad-CAM takes a layer of the model itself, not one within another model; received {layer!r}. Take "
                f"{layer.partition('/')[0]!r}."
            )
        super().__init__(model, layer)
        self.target = output_mean if target is None else target

    def _parts(self, images):
        images = tf.constant(images)
        with tf.GradientTape() as tape:
            tape.watch(images)  # so that the layers are recorded though all weights be frozen
            features, outputs = self._network(images, training=False)
            score = tf.reduce_sum(self.target(outputs, images))
        gradient = tape.gradient(score, features)
        if gradient is None:
            raise ValueError(f"The target does not depend on the layer {self.layer!r}: Grad-CAM has nothing to weigh.")
        size = _view_size(self.model, images)
        return on_grid(features.numpy(), size), on_grid(gradient.numpy(), size)

    def _project(self, activation, gradient):
        if not (np.isfinite(activation).all() and np.isfinite(gradient).all()):
            raise ValueError(f"The activations or gradients of the layer {self.layer!r} are not finite.")
        return np.einsum("hwc,c->hw", activation, gradient.mean(axis=(0, 1))).astype("float32")


def features_of(model: keras.Model, layer: str):
    """The symbolic output of a layer in the graph of a model.

    Raises:
        ValueError: If there is no such layer (the nearest names are offered), or its output has no places.
    """
    name, _, inner = layer.partition("/")
    names = [member.name for member in model.layers]
    if name not in names:
        offered = difflib.get_close_matches(name, names, n=3, cutoff=0.3) or names[:3]
        raise ValueError(f"The model has no layer {name!r}; the nearest names are {', '.join(offered)}.")
    member = model.get_layer(name)
    if inner:
        if not isinstance(member, keras.Model):
            raise ValueError(f"{name!r} is no model within the model, so it has no layer {inner!r}.")
        features = keras.Model(member.inputs, features_of(member, inner))(_node(model, member).input_tensors)
    else:
        outputs = _node(model, member).outputs
        features = outputs[0] if len(outputs) == 1 else None
    if not hasattr(features, "shape") or len(features.shape) not in (3, 4):
        raise ValueError(
            f"The layer {layer!r} has no places to draw: expected (batch, rows, columns, channels) or (batch, "
            f"tokens, channels), received {getattr(features, 'shape', 'several outputs')}."
        )
    return features


def _view_size(model: keras.Model, images) -> tuple[int, int]:
    """Height and width of what a transformer is shown: the image, or the view that a `ViTUNet` resizes it to."""
    vit = getattr(model, "vit", None)
    return tuple(images.shape[1:3]) if vit is None else tuple(vit.image_shape[:2])


def _node(model: keras.Model, layer: keras.layers.Layer):
    """Where the layer stands in the graph of this model: it may stand in others too."""
    return next(node for nodes in model._nodes_by_depth.values() for node in nodes if node.operation is layer)


def on_grid(features: np.ndarray, image_size) -> np.ndarray:
    """Features `(batch, rows, columns, channels)`; tokens `(batch, tokens, channels)` are put on the patches' grid.

    Class and register tokens stand before the patches and are dropped: the fewest that leave a grid of the image's
    proportions.

    Raises:
        ValueError: If no grid fits.
    """
    if features.ndim == 4:
        return features
    tokens, (height, width) = features.shape[1], image_size
    for extra in range(min(MOST_EXTRA_TOKENS, tokens - 1) + 1):
        patches = tokens - extra
        rows = round(np.sqrt(patches * height / width))
        if rows and patches % rows == 0 and rows * width == patches // rows * height:
            return features[:, extra:].reshape(len(features), rows, patches // rows, -1)
    raise ValueError(
        f"{tokens} tokens fit no grid of the proportions of an image of {height} x {width} pixels, with up to "
        f"{MOST_EXTRA_TOKENS} class and register tokens before them."
    )


def _over_places(project: Callable, activation: np.ndarray) -> np.ndarray:
    rows, columns, channels = activation.shape
    return project(activation.reshape(-1, channels)).reshape(rows, columns).astype("float32")
