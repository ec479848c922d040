"""What all noise has in common: images in floating point, seeds, and a layer that draws while training."""

import operator
from typing import Any, ClassVar

import keras
import tensorflow as tf

from tf_denoise.backend import needs_tensorflow


def floating(name: str, images) -> tf.Tensor:
    """`images` as a tensor of floating-point values.

    Raises:
        ValueError: If they are not floating point.
    """
    images = tf.convert_to_tensor(images)
    if not images.dtype.is_floating:
        raise ValueError(
            f"{name} takes floating-point images, because noise is not a whole number; received dtype "
            f"{images.dtype.name}. Scale and cast them first."
        )
    return images


def later(seed, steps: int) -> tf.Tensor:
    """The pair of integers so many steps after a seed."""
    return tf.cast(seed, tf.int64) + tf.constant([steps, 0], tf.int64)


class NoiseLayer(keras.layers.Layer):
    """Adds noise while training: a random state, and noise as a pure function of a seed.

    A class names its constructor's arguments in `ARGUMENTS` and keeps each as an attribute of that name; `seed` is kept
    here. It says in `noisy` what the images become.

    Args:
        seed: Integer seed of the layer's random state; drawn anew if `None`.
        **kwargs: `name`, `dtype`, `trainable`, for Keras.

    Call arguments:
        images: Float tensor `(batch, ...)`.
        training: Noise is added only if true.

    Input shape:
        `(batch, ...)`

    Output shape:
        The same.
    """

    ARGUMENTS: ClassVar[tuple[str, ...]] = ()

    def __init__(self, seed: int | None = None, **kwargs):
        needs_tensorflow(type(self).__name__)
        super().__init__(**kwargs)
        self.seed = None if seed is None else operator.index(seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed)
        self.built = True

    @property
    def groups(self) -> int:
        """How many groups of images there are that get a strength each."""
        return 1

    def noisy(self, images, groups, seed) -> tf.Tensor:
        """The noisy images; `groups` is the group of each, `(batch,)`, and `seed` a pair of int64."""
        raise NotImplementedError

    def corrupt(self, images, seed, groups=None) -> tf.Tensor:
        """The noisy images as a pure function of the seed: what an input pipeline or a training step calls.

        Args:
            images: Float tensor `(batch, ...)`.
            seed: A pair of integers, `(2,)`. Strengths are drawn from pairs after it.
            groups: Integer tensor `(batch,)`, the copy of the set an image belongs to; `MultiLevel` looks at it.
                Defaults to dealing the images to the groups in turn.

        Returns:
            Tensor of the shape and dtype of `images`.
        """
        if groups is None:
            groups = tf.range(tf.shape(images)[0]) % self.groups
        return self.noisy(images, groups, tf.cast(seed, tf.int64))

    def call(self, images, training=None) -> tf.Tensor:
        """`images` with noise if `training`."""
        return self.corrupt(images, self.seed_generator.next()) if training else images

    def compute_output_shape(self, input_shape):
        """Noise keeps the shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        own = {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in self.ARGUMENTS}
        return {**super().get_config(), **own, "seed": self.seed}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "NoiseLayer":
        """The layer of a configuration."""
        own = {name: keras.saving.deserialize_keras_object(config[name]) for name in cls.ARGUMENTS if name in config}
        return cls(**{**config, **own})
