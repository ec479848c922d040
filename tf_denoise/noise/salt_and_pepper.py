"""Salt-and-pepper noise, as a stateless function and as a Keras layer.

The noise knows nothing of its schedule: a schedule says which level an image gets, the noise applies it.
"""

import numbers

import keras
import numpy as np
import tensorflow as tf

from tf_denoise.noise.strengths import ConstantLevel

# Sixteen random bits decide a pixel: half the random numbers of a float per pixel, and a third is met to 1e-5.
_DRAWS = 2**16


def salt_and_pepper(images, level, seed, low: float = -1.0, high: float = 1.0) -> tf.Tensor:
    """Salt-and-pepper noise that is a pure function of its arguments.

    Each pixel is chosen with probability `level`; a chosen pixel becomes `low`, stays, or becomes `high` with
    probability one third each. So `2 / 3 * level` of the pixels are replaced, and `level=1` leaves a third of the
    image. The probabilities are met to 2**-16, and a level below 2.3e-5 changes nothing.

    The same seed gives the same noise: eagerly, in a graph and under XLA.

    Args:
        images: Float tensor `(batch, ...)`.
        level: Fraction in [0, 1], a scalar or one per image, `(batch,)`.
        seed: A pair of integers, `(2,)`.
        low: Value of pepper. -1.0 for images in [-1, 1].
        high: Value of salt.

    Returns:
        Tensor of the shape and dtype of `images`.

    Raises:
        ValueError: If `images` are not floating point, if `level` lies outside [0, 1], or if there is not one level
            per image.

    Example:
        >>> import numpy as np
        >>> clean = np.zeros((2, 784), "float32")
        >>> noisy = salt_and_pepper(clean, level=[0.0, 0.6], seed=(1, 2))
        >>> [round(float(np.mean(image != 0)), 1) for image in noisy]
        [0.0, 0.4]
    """
    images = tf.convert_to_tensor(images)
    if not images.dtype.is_floating:
        raise ValueError(
            f"salt_and_pepper takes floating-point images, because they take the values low={low} and high={high}; "
            f"received dtype {images.dtype.name}. Scale and cast them first."
        )
    level = _as_level(level, images.shape)
    draws = _sixteen_bit_draws(tf.shape(images), seed)
    third = tf.cast(tf.round(level * (_DRAWS / 3)), tf.int32)
    if level.shape.rank == 1:
        third = tf.reshape(third, tf.concat([[-1], tf.ones(tf.rank(images) - 1, tf.int32)], 0))
    low, high = tf.cast(low, images.dtype), tf.cast(high, images.dtype)
    return tf.where(draws < third, low, tf.where(draws >= _DRAWS - third, high, images))


def _as_level(level, image_shape: tf.TensorShape) -> tf.Tensor:
    """The level as a float32 tensor, checked as far as its value and shape are known."""
    if not tf.is_tensor(level) or isinstance(level, tf.__internal__.EagerTensor):
        values = np.asarray(level, "float64")
        if not np.all((values >= 0) & (values <= 1)):
            raise ValueError(
                f"A noise level is a fraction in [0, 1]; received {level}. Levels in percent are divided by 100 first."
            )
    level = tf.cast(tf.convert_to_tensor(level), tf.float32)
    if level.shape.rank not in (0, 1) or (
        level.shape.rank == 1 and not level.shape.is_compatible_with(image_shape[:1])
    ):
        raise ValueError(
            f"`level` is a scalar or one value per image: expected shape () or ({image_shape[0]},), "
            f"received {tuple(level.shape)}."
        )
    return level


def _sixteen_bit_draws(shape, seed) -> tf.Tensor:
    """Uniform int32 draws from [0, 65536). Philox by name: the one generator that is alike in and out of XLA."""
    size = tf.reduce_prod(shape)
    words = tf.random.stateless_uniform([(size + 1) // 2], seed, None, None, tf.uint32, alg="philox")
    halves = tf.reshape(tf.bitcast(words, tf.uint16), [-1])[:size]
    return tf.reshape(tf.cast(halves, tf.int32), shape)


@keras.saving.register_keras_serializable("tf_denoise")
class SaltAndPepper(keras.layers.Layer):
    """Adds salt-and-pepper noise while training, as `keras.layers.GaussianNoise` adds Gaussian noise.

    Args:
        level: Fraction in [0, 1], or a schedule: `ConstantLevel`, `MixedLevel`, `MultiLevel`.
        low: Value of pepper. -1.0 for images in [-1, 1].
        high: Value of salt.
        seed: Integer seed of the layer's random state; drawn anew if `None`.

    Call arguments:
        images: Float tensor `(batch, ...)`.
        training: Noise is added only if true.

    Input shape:
        `(batch, ...)`

    Output shape:
        The same.

    Raises:
        ValueError: If a level lies outside [0, 1].

    Example:
        >>> import keras
        >>> from tf_denoise.noise import MixedLevel
        >>> denoiser = keras.Sequential([SaltAndPepper(MixedLevel()), keras.layers.Dense(784, activation="tanh")])
    """

    def __init__(self, level=0.5, low: float = -1.0, high: float = 1.0, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.schedule = ConstantLevel(level) if isinstance(level, numbers.Real) else level
        self.low, self.high, self.seed = low, high, seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.built = True

    def call(self, images, training=None):
        """`images` with noise if `training`."""
        if not training:
            return images
        return self.corrupt(images, tf.cast(self.seed_generator.next(), tf.int64))

    def corrupt(self, images, seed, groups=None) -> tf.Tensor:
        """The noisy images as a pure function of the seed: what an input pipeline or a training step calls.

        Args:
            images: Float tensor `(batch, ...)`.
            seed: A pair of integers, `(2,)`. The levels are drawn from the pair after it.
            groups: Integer tensor `(batch,)`, the copy of the set an image belongs to; `MultiLevel` looks at it.
                Unless given, images are dealt to the groups in turn.

        Returns:
            Tensor of the shape and dtype of `images`.
        """
        seed = tf.cast(seed, tf.int64)
        if groups is None:
            groups = tf.range(tf.shape(images)[0]) % self.schedule.groups
        levels = self.schedule(groups, seed + tf.constant([1, 0], tf.int64))
        return salt_and_pepper(images, levels, seed, self.low, self.high)

    def compute_output_shape(self, input_shape):
        """Noise keeps the shape."""
        return input_shape

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "level": keras.saving.serialize_keras_object(self.schedule),
            "low": self.low,
            "high": self.high,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config):
        """The layer of a configuration."""
        return cls(**{**config, "level": keras.saving.deserialize_keras_object(config["level"])})
