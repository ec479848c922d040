"""Gaussian and Poisson-Gaussian noise, as stateless functions and as Keras layers."""

import math

import keras
import tensorflow as tf

from tf_denoise.noise.base import NoiseLayer, floating, later
from tf_denoise.noise.strengths import checked_strength, drawn, groups_of, per_image


def additive_gaussian(images, sigma, seed) -> tf.Tensor:
    """Gaussian noise that is a pure function of its arguments. Nothing is cut off at the ends of the range.

    The same seed gives the same noise, eagerly and in a graph; under XLA to the rounding of a logarithm and a cosine.
    The normal values have single precision and end at 5.8 standard deviations.

    Formula:
        ```
        noisy = images + sigma * normal
        ```

    Args:
        images: Float tensor `(batch, ...)`.
        sigma: Standard deviation in the units of `images`, 0 or more, a scalar or one per image, `(batch,)`:
            50 / 255 for the usual sigma of 50 and images in [0, 1].
        seed: A pair of integers, `(2,)`.

    Returns:
        Tensor of the shape and dtype of `images`.

    Raises:
        ValueError: If `images` are not floating point, if `sigma` is negative, or if there is not one per image.

    Example:
        >>> import numpy as np
        >>> noisy = additive_gaussian(np.zeros((2, 10_000), "float32"), sigma=[0.0, 0.5], seed=(1, 2))
        >>> [round(float(np.std(image)), 1) for image in noisy]
        [0.0, 0.5]
    """
    images = floating("additive_gaussian", images)
    sigma = per_image("sigma", sigma, images)
    exact = exact_precision(images)
    return tf.cast(exact + tf.cast(sigma, exact.dtype) * standard_normal(exact, seed), images.dtype)


def poisson_gaussian(images, gain, sigma, seed) -> tf.Tensor:
    """The noise of a camera: photons are counted, and reading them out adds Gaussian noise. Nothing is cut off above.

    Its variance is `gain * images + sigma**2`. The counts are drawn from the Poisson distribution itself, for which XLA
    has no code: call this in an input pipeline or in a step that is not compiled with `jit_compile`.

    Formula:
        ```
        noisy = gain * poisson(max(images, 0) / gain) + sigma * normal
        ```

    Args:
        images: Float tensor `(batch, ...)`, proportional to light; values below 0 count as 0.
        gain: Step of the value that one photon makes, 0 or more, a scalar or one per image, `(batch,)`: 1 / 100 if 100
            photons make a 1. At 0 no photons are counted and only Gaussian noise is added.
        sigma: Standard deviation of the Gaussian part in the units of `images`, alike.
        seed: A pair of integers, `(2,)`. The Gaussian part is drawn from the pair two after it.

    Returns:
        Tensor of the shape and dtype of `images`.

    Raises:
        ValueError: If `images` are not floating point, if `gain` or `sigma` is negative, or if there is not one per
            image.

    Example:
        >>> import numpy as np
        >>> noisy = poisson_gaussian(np.full((1, 10_000), 0.5, "float32"), gain=0.02, sigma=0.0, seed=(1, 2))
        >>> round(float(np.std(noisy)), 2)
        0.1
    """
    images = floating("poisson_gaussian", images)
    gain, sigma = per_image("gain", gain, images), per_image("sigma", sigma, images)
    exact = exact_precision(images)
    gain, sigma = tf.cast(gain, exact.dtype), tf.cast(sigma, exact.dtype)
    photons = tf.math.divide_no_nan(tf.maximum(exact, 0), gain)
    counted = gain * tf.random.stateless_poisson(tf.shape(images), seed, photons, exact.dtype)
    light = tf.where(gain > 0, counted, exact)
    return tf.cast(light + sigma * standard_normal(exact, later(seed, 2)), images.dtype)


def exact_precision(images: tf.Tensor) -> tf.Tensor:
    """Images in the precision that noise is made in, float32 at least."""
    return images if images.dtype == tf.float64 else tf.cast(images, tf.float32)


def standard_normal(images: tf.Tensor, seed) -> tf.Tensor:
    """Standard normal values in the shape of `images`, by Box and Muller's formula.

    `tf.random.stateless_normal` gives other values under XLA than outside; the uniform bits of philox are the same.
    """
    shape = tf.shape(images)
    size = tf.reduce_prod(shape)
    words = tf.random.stateless_uniform([2, (size + 1) // 2], seed, None, None, tf.uint32, alg="philox")
    uniform = (tf.cast(tf.bitwise.right_shift(words, 9), tf.float32) + 0.5) * 2.0**-23  # exact, and never 0 or 1
    radius, angle = tf.sqrt(-2.0 * tf.math.log(uniform[0])), (2 * math.pi) * uniform[1]
    values = tf.concat([radius * tf.cos(angle), radius * tf.sin(angle)], 0)[:size]
    return tf.cast(tf.reshape(values, shape), images.dtype)


@keras.saving.register_keras_serializable("tf_denoise")
class AdditiveGaussian(NoiseLayer):
    """Adds Gaussian noise while training, of one strength or of one drawn per image.

    Args:
        sigma: Standard deviation in the units of the images, or a pair `(low, high)` between which each image's is
            drawn uniformly, or a schedule such as `MixedLevel`.
        seed: Integer seed of the layer's random state; drawn anew if `None`.

    Call arguments, input and output shape: Those of `NoiseLayer`.

    Raises:
        ValueError: If `sigma` is negative, or neither a number, nor an ascending pair, nor a schedule.

    Example:
        >>> import keras
        >>> noise = AdditiveGaussian((5 / 255, 55 / 255), seed=1)
        >>> noise(keras.ops.zeros((2, 8, 8, 3)), training=True).shape
        TensorShape([2, 8, 8, 3])
    """

    ARGUMENTS = ("sigma",)

    def __init__(self, sigma=50 / 255, seed: int | None = None, **kwargs):
        super().__init__(seed, **kwargs)
        self.sigma = checked_strength("sigma", sigma)

    @property
    def groups(self) -> int:
        """How many groups of images there are that get a strength each."""
        return groups_of(self.sigma)

    def noisy(self, images, groups, seed) -> tf.Tensor:
        """The noisy images; the sigmas are drawn from the first pair after the seed."""
        return additive_gaussian(images, drawn(self.sigma, groups, later(seed, 1)), seed)


@keras.saving.register_keras_serializable("tf_denoise")
class PoissonGaussian(NoiseLayer):
    """Adds the noise of a camera while training: photons counted, and Gaussian noise of reading them out.

    XLA has no code for it: `compile(jit_compile="auto")` leaves a model with this layer uncompiled, `True` fails.

    Args:
        gain: Step of the value that one photon makes, 0 or more, or a pair `(low, high)` between which each image's is
            drawn uniformly.
        sigma: Standard deviation of the Gaussian part in the units of the images, alike.
        seed: Integer seed of the layer's random state; drawn anew if `None`.

    Call arguments, input and output shape: Those of `NoiseLayer`; the images are proportional to light.

    Raises:
        ValueError: If `gain` or `sigma` is negative, or neither a number, nor an ascending pair, nor a schedule.

    Example:
        >>> import keras
        >>> noise = PoissonGaussian(gain=(0.001, 0.02), sigma=0.01, seed=1)
        >>> noise(keras.ops.ones((2, 8, 8, 3)), training=True).shape
        TensorShape([2, 8, 8, 3])
    """

    ARGUMENTS = ("gain", "sigma")

    def __init__(self, gain=0.01, sigma=0.02, seed: int | None = None, **kwargs):
        super().__init__(seed, **kwargs)
        self.gain, self.sigma = checked_strength("gain", gain), checked_strength("sigma", sigma)
        self.supports_jit = False

    @property
    def groups(self) -> int:
        """How many groups of images there are that get a strength each."""
        return max(groups_of(self.gain), groups_of(self.sigma))

    def noisy(self, images, groups, seed) -> tf.Tensor:
        """The noisy images; Gaussian part, sigmas and gains are drawn from the second, first and third pair after."""
        sigma = drawn(self.sigma, groups, later(seed, 1))
        gain = drawn(self.gain, groups, later(seed, 3))
        return poisson_gaussian(images, gain, sigma, seed)
