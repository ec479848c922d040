"""The noise of many cameras: what one blind denoiser is trained on."""

import math

import keras
import numpy as np
import tensorflow as tf

from tf_denoise.checks import finite_number
from tf_denoise.noise.base import NoiseLayer, floating, later
from tf_denoise.noise.gaussian import exact_precision, standard_normal
from tf_denoise.noise.strengths import checked_strength, drawn, groups_of, per_image

_RADIUS = 2  # of the kernel that spreads noise over neighbours
_FAINT = 0.1  # of its noise is what an image with faint noise gets at most
_STREAMS = ("white", "sigma", "gain", "spread", "is_camera", "is_spread", "is_stored", "is_alike", "is_faint", "faint")


def spread_noise(noise, spread) -> tf.Tensor:
    """Noise that neighbours share, as demosaicking and JPEG leave it, of the variance that it had.

    Formula: each axis is filtered by `exp(-d**2 / (2 * spread**2))`, d = -2 ... 2, divided by the root of the sum of
    its squares. At the edges the picture is taken to go on at its other side, so that no place differs.

    Args:
        noise: White noise, float `(batch, height, width, channels)`.
        spread: Deviation of the filter in pixels, `(batch,)`; 0 leaves the noise as it is.

    Returns:
        Tensor of the shape and dtype of `noise`.
    """
    steps = tf.range(-_RADIUS, _RADIUS + 1, dtype=noise.dtype)
    width = tf.maximum(tf.cast(spread, noise.dtype), 1e-3)[:, None]
    weights = tf.exp(-0.5 * (steps / width) ** 2)
    weights /= tf.sqrt(tf.reduce_sum(weights**2, axis=1, keepdims=True))
    for axis in (1, 2):
        noise = tf.add_n(
            [weights[:, k, None, None, None] * tf.roll(noise, k - _RADIUS, axis) for k in range(2 * _RADIUS + 1)]
        )
    return noise


@keras.saving.register_keras_serializable("tf_denoise")
class CameraNoise(NoiseLayer):
    """Adds, while training, the noise that pictures of all kinds of cameras have, of another kind for every image.

    A share `white` of the images gets white Gaussian noise. The others get noise whose variance grows with the light,
    `gain * image + sigma**2`; half of these have it shared by neighbours. Half of these, and a quarter of the white
    ones, are clipped to [0, 1] and rounded to 8 bits, as a file stores them. In a grey image that is stored as colour,
    all channels have the same noise in two of three cases, as a grey camera gives it. A share `faint` of the images
    gets a tenth of its noise or less: from these a network learns to leave alone what has next to none.

    Args:
        sigma: Standard deviation in the units of the images, in noise that grows with the light that of its Gaussian
            part, or a pair `(low, high)` between which each image's is drawn uniformly, or a schedule.
        gain: Step of the value that one photon makes, a pair `(low, high)`, drawn uniformly by order of magnitude.
        spread: Least and largest deviation, in pixels, of the filter of noise that neighbours share.
        white: Share of the images that get white Gaussian noise.
        faint: Share of the images whose noise is made a tenth or less.
        seed: Integer seed of the layer's random state; drawn anew if `None`.

    Call arguments, input and output shape: Those of `NoiseLayer`; the images are `(batch, height, width, channels)`
    in [0, 1].

    Raises:
        ValueError: If a number is negative, a share lies outside [0, 1], or a pair is not one or not ascending.

    Reference:
        - [Foi et al., Practical Poissonian-Gaussian Noise Modeling and Fitting, 2008](
          https://doi.org/10.1109/TIP.2008.2001399)

    Example:
        >>> import keras
        >>> noise = CameraNoise(seed=1)
        >>> noise(keras.ops.ones((2, 8, 8, 3)), training=True).shape
        TensorShape([2, 8, 8, 3])
    """

    ARGUMENTS = ("sigma", "gain", "spread", "white", "faint")

    def __init__(
        self,
        sigma=(0.0, 55 / 255),
        gain=(1e-4, 2e-2),
        spread=(0.3, 0.9),
        white: float = 0.7,
        faint: float = 0.12,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(seed, **kwargs)
        self.sigma = checked_strength("sigma", sigma)
        self.gain, self.spread = _pair("gain", gain), _pair("spread", spread)
        if not self.gain[0] > 0:
            raise ValueError(f"`gain` is drawn by order of magnitude: a pair of numbers above 0; received {gain}.")
        self.white, self.faint = _share("white", white), _share("faint", faint)

    @property
    def groups(self) -> int:
        """How many groups of images there are that get a strength each."""
        return groups_of(self.sigma)

    def noisy(self, images, groups, seed) -> tf.Tensor:
        """The noisy images; each thing that is drawn takes the next pair after the seed."""
        images = floating("CameraNoise", images)
        exact = exact_precision(images)
        key = {name: later(seed, place) for place, name in enumerate(_STREAMS)}
        batch = tf.shape(images)[:1]

        def uniform(name: str, low: float = 0.0, high: float = 1.0) -> tf.Tensor:
            return tf.random.stateless_uniform(batch, key[name], low, high, alg="philox")

        def chosen(name: str, share: float) -> tf.Tensor:
            return _of_images(uniform(name) < share)

        is_camera = chosen("is_camera", 1 - self.white)
        normal = standard_normal(exact, key["white"])
        is_grey = tf.reduce_all(tf.equal(exact, exact[..., :1]), axis=(1, 2, 3), keepdims=True)
        normal = tf.where(is_grey & chosen("is_alike", 2 / 3), normal[..., :1], normal)
        spread = uniform("spread", *self.spread)
        normal = tf.where(is_camera & chosen("is_spread", 0.5), spread_noise(normal, spread), normal)
        sigma = tf.cast(per_image("sigma", drawn(self.sigma, groups, key["sigma"]), exact), exact.dtype)
        magnitude = uniform("gain", *map(math.log, self.gain))
        gain = tf.where(is_camera, _of_images(tf.cast(tf.exp(magnitude), exact.dtype)), 0)
        times = tf.where(
            chosen("is_faint", self.faint), _of_images(tf.cast(uniform("faint", 0, _FAINT), exact.dtype)), 1
        )
        noisy = exact + times * tf.sqrt(gain * tf.clip_by_value(exact, 0, 1) + sigma**2) * normal
        stored = tf.round(255 * tf.clip_by_value(noisy, 0, 1)) / 255
        is_stored = (is_camera & chosen("is_stored", 0.5)) | (~is_camera & chosen("is_stored", 0.25))
        return tf.cast(tf.where(is_stored, stored, noisy), images.dtype)


def _of_images(values) -> tf.Tensor:
    """One value for each image, `(batch,)`, so that it is the same at every place."""
    return values[:, None, None, None]


def _share(name: str, value) -> float:
    share = finite_number(value, most=1.0)
    if share is None:
        raise ValueError(f"`{name}` is a share from 0 to 1; received {value}.")
    return share


def _pair(name: str, value) -> tuple[float, float]:
    values = np.asarray(value, "float64")
    if values.shape != (2,) or not (0 <= values[0] <= values[1] < np.inf):
        raise ValueError(f"`{name}` is a pair (low, high) of finite numbers, 0 or more; received {value}.")
    return float(values[0]), float(values[1])
