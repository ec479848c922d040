"""Class activation maps without classes: which places of an image a layer of a denoiser responds to."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from tf_denoise.explain.named_layers import features_of, find_layer, graph_of, node_of, output_of
from tf_denoise.explain.projections import kernel_projection, principal_projection
from tf_denoise.explain.targets import output_mean
from tf_denoise.explain.tokens import on_grid, view_size

LARGE = 512 * 512
"""Pixels above which the way to a layer is made a graph, to save memory."""


class _ActivationMap:
    """What the maps share: the way to the layer, tokens on their grid, the scaling to [0, 1].

    Args:
        model: A built model with one image as input.
        layer: A layer that keeps the places of the image.
        grid: Rows and columns of a transformer's patches.

    Raises:
        ValueError: If there is no such layer, or its output has no places.
    """

    def __init__(self, model: keras.Model, layer: str, grid: tuple[int, int] | None = None):
        self.model, self.layer, self.grid = graph_of(model), layer, grid
        self._features = features_of(self.model, layer)

    def raw(self, images) -> np.ndarray:
        """The projection itself: float32 `(batch, rows, columns)` of the layer's grid, not scaled, not cut."""
        images = checked_images(self.model, images)
        return np.stack([self._project(*parts) for parts in self._parts(images)])

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
        images = checked_images(self.model, images)
        heat = np.maximum(self.raw(images), 0)
        least, largest = (f(heat, axis=(1, 2), keepdims=True) for f in (np.min, np.max))
        heat = np.divide(heat - least, largest - least, out=np.zeros_like(heat), where=largest > least)
        return tf.image.resize(heat[..., None], images.shape[1:3])[..., 0].numpy()

    def _parts(self, images: np.ndarray):
        """What `_project` takes, image by image."""
        raise NotImplementedError

    def _project(self, *parts: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def _on_grid(self, features, images) -> np.ndarray:
        values = tf.cast(features, tf.float32).numpy()
        if len(values) != len(images):
            raise ValueError(
                f"The layer {self.layer!r} looks at windows of the image one by one; the map of the whole image is "
                "that of 'vit'."
            )
        return on_grid(values, view_size(self.model, self.layer, images.shape[1:3]), self.grid)


class _ProjectionMap(_ActivationMap):
    """A map of activations alone. Images go one by one, so memory does not grow with their number."""

    def __init__(self, model: keras.Model, layer: str, grid: tuple[int, int] | None = None):
        super().__init__(model, layer, grid)
        self._network = keras.Model(self.model.inputs[0], self._features)
        self._in_graph = tf.function(lambda image: self._network(image, training=False), reduce_retracing=True)

    def _activations(self, image):
        # Called eagerly, a Keras model keeps the output of every layer; in a graph, which takes a second to make, what
        # no later layer needs is freed.
        large = image.shape[1] * image.shape[2] > LARGE
        return self._in_graph(image) if large else self._network(image, training=False)

    def _parts(self, images):
        for image in images:
            activation = self._on_grid(self._activations(tf.constant(image[None])), image[None])[0]
            yield (activation.reshape(-1, activation.shape[-1]), activation.shape[:2])

    def _project(self, activations, places):
        return self._component(activations).reshape(places).astype("float32")

    def _component(self, activations: np.ndarray) -> np.ndarray:
        raise NotImplementedError


class EigenCAM(_ProjectionMap):
    """The first principal component of a layer's activations.

    It looks at activations alone: no target, no gradient. The sign of a component is arbitrary; here places of strong
    activation are positive, so the same model and image give the same map everywhere.

    Args:
        model: A built Functional or Sequential model with one image as input.
        layer: Name of a layer, `outer/inner` for a layer of a model within the model, or `vit` for the tokens of a
            `ViTUNet` on their grid.
        grid: Rows and columns of a transformer's patches; defaults to what their number says.

    Reference:
        - [Muhammad and Yeasin, Eigen-CAM, 2020](https://arxiv.org/abs/2008.00299)

    Example:
        >>> import numpy as np
        >>> from tf_denoise.models import UNet
        >>> model = UNet(channels=1, widths=(4, 8))
        >>> EigenCAM(model, "bottleneck")(np.ones((1, 16, 24, 1), "float32")).shape
        (1, 16, 24)
    """

    def _component(self, activations):
        return principal_projection(activations)


class KPCACAM(_ProjectionMap):
    """The first component of kernel PCA, with the sigmoid kernel, of a layer's activations.

    Args:
        model: As `EigenCAM` takes it.
        layer: As `EigenCAM` takes it.
        grid: As `EigenCAM` takes it.
        gamma: Factor of the kernel's inner products; 1 / channels if `None`.

    Reference:
        - [Karmani et al., KPCA-CAM, 2024](https://arxiv.org/abs/2410.00267)
    """

    def __init__(self, model: keras.Model, layer: str, grid: tuple[int, int] | None = None, gamma: float | None = None):
        super().__init__(model, layer, grid)
        self.gamma = gamma

    def _component(self, activations):
        return kernel_projection(activations, self.gamma)


class GradCAM(_ActivationMap):
    """Activations weighted by how the mean gradient of a target runs through their channels.

    Formula:
        ```
        map = sum over channels of mean over places(d target / d activation) * activation
        ```

    Args:
        model: As `EigenCAM` takes it.
        layer: As `EigenCAM` takes it.
        target: `(outputs, images) -> (batch,)`, a scalar of each output; its mean if `None`. See
            `tf_denoise.explain.targets`.
        grid: As `EigenCAM` takes it.

    Reference:
        - [Selvaraju et al., Grad-CAM, 2017](https://arxiv.org/abs/1610.02391)
    """

    def __init__(
        self, model: keras.Model, layer: str, target: Callable | None = None, grid: tuple[int, int] | None = None
    ):
        super().__init__(model, layer, grid)
        self.target = output_mean if target is None else target

    def _parts(self, images):
        features, gradient = _with_gradient(self.model, self.layer, tf.constant(images), self.target)
        if gradient is None:
            raise ValueError(f"The target does not depend on the layer {self.layer!r}: Grad-CAM has nothing to weigh.")
        return zip(self._on_grid(features, images), self._on_grid(gradient, images), strict=True)

    def _project(self, activation, gradient):
        if not (np.isfinite(activation).all() and np.isfinite(gradient).all()):
            raise ValueError(f"The activations or gradients of the layer {self.layer!r} are not finite.")
        return np.einsum("hwc,c->hw", activation, gradient.mean(axis=(0, 1))).astype("float32")


def _with_gradient(model: keras.Model, layer: str, inputs, target: Callable):
    """Output of a layer, and the gradient of the target with respect to it, or `None` if it does not depend on it.

    Within a model within the model the gradient goes on from that model's output, by the chain rule.
    """
    member, inner = find_layer(model, layer)
    node = node_of(model, member)
    if inner:
        on_the_way = keras.Model(model.inputs[0], [node.input_tensors[0], node.outputs[0], output_of(model)])
    else:
        on_the_way = keras.Model(model.inputs[0], [features_of(model, layer), output_of(model)])
    with tf.GradientTape() as tape:
        tape.watch(inputs)  # so that the layers are recorded though all weights be frozen
        *found, features, outputs = on_the_way(inputs, training=False)
        score = tf.reduce_sum(target(outputs, inputs))
    gradient = tape.gradient(score, features)
    if not inner or gradient is None:
        return features, gradient
    return _with_gradient(member, inner, found[0], lambda outputs, _: tf.cast(outputs * gradient, tf.float32))


def checked_images(model: keras.Model, images) -> np.ndarray:
    """Images as float32.

    Raises:
        ValueError: If they are not a batch, or have other channels than the model takes.
    """
    images = np.asarray(images, "float32")
    if images.ndim != 4 or not images.size:
        raise ValueError(f"Images are a batch (batch, height, width, channels); received shape {images.shape}.")
    wanted = model.input_shape
    if wanted[-1] not in (None, images.shape[-1]):
        raise ValueError(
            f"The model takes images of {wanted[-1]} channel{'s' if wanted[-1] > 1 else ''}; received "
            f"{images.shape[-1]}."
        )
    if any(size not in (None, given) for size, given in zip(wanted[1:3], images.shape[1:3], strict=True)):
        raise ValueError(
            f"The model takes images of {wanted[1]} x {wanted[2]} pixels; received {images.shape[1]} x "
            f"{images.shape[2]}. Resize or crop them."
        )
    return images
