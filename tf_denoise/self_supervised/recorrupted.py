"""Recorrupted-to-Recorrupted: one noisy picture becomes two whose noise is independent, where its noise is known."""

import tensorflow as tf

from tf_denoise.checks import finite_number
from tf_denoise.data.crops import CropSampler, check_alone, crop_batches
from tf_denoise.noise.base import floating
from tf_denoise.noise.gaussian import exact_precision, standard_normal
from tf_denoise.noise.known import checked_noise

STRENGTH = 0.5
"""Of the noise that is added, as a share of that which is there: it is the less seen in the input, and the more in the
target, the smaller it is."""


def recorrupt(
    noisy,
    seed,
    sigma: float,
    gain: float = 0.0,
    *,
    strength: float = STRENGTH,
    between_channels: float = 0.0,
    mirrored: bool = False,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Input and target of a training step, made of noisy images alone.

    Formula:
        ```
        w = gain * y + sigma**2;   z = sqrt(w) * normal
        input = y + strength * z;  target = y - z / strength
        ```
        The noise of the two is uncorrelated: `cov = var(y) - E[w] = 0`. For Gaussian noise it is independent, and the
        network that comes nearest to the targets, in the mean square, is the one that comes nearest to the clean
        images; for photons to second order.

    Args:
        noisy: Float tensor `(batch, height, width, channels)`, white at 1.
        seed: A pair of integers; the same pair gives the same.
        sigma: Standard deviation of the Gaussian noise that the images have.
        gain: Step of the value that one photon makes.
        strength: Deviation of the noise that is added, as a share of that which is there; above 0.
        between_channels: Correlation of the noise of the channels of a pixel, from 0 to 1.
        mirrored: Every second image is a copy of the one before it, and takes the noise of that one with the other
            sign. What the added noise alone does to a training step then cancels for the most part.

    Returns:
        `(input, target)`, both of the shape and dtype of `noisy`.

    Raises:
        ValueError: If a number is not what it should be, or the images are integers.

    Reference:
        - [Pang et al., Recorrupted-to-Recorrupted: Unsupervised Deep Learning for Image Denoising, 2021](
          https://doi.org/10.1109/CVPR46437.2021.00208)
        - [Monroy et al., Generalized Recorrupted-to-Recorrupted, 2025](https://arxiv.org/abs/2412.04648)

    Example:
        >>> noisy = tf.fill((1, 8, 8, 1), 0.5)
        >>> one, other = recorrupt(noisy, (1, 2), sigma=0.1)
        >>> bool(tf.reduce_max(abs(0.2 * other + 0.8 * one - noisy)) < 1e-6)  # the noise cancels
        True
    """
    deviation, step, correlation = checked_noise(sigma, gain, between_channels)
    share = finite_number(strength)
    if not share:
        raise ValueError(f"`strength` is a number above 0; received {strength}.")
    noisy = floating("recorrupt", noisy)
    y, seed = exact_precision(noisy), tf.cast(seed, tf.int64)
    normal = standard_normal(y, seed)
    if correlation:
        common = standard_normal(y[..., :1], seed + tf.constant([1, 0], tf.int64))
        normal = correlation**0.5 * common + (1 - correlation) ** 0.5 * normal
    if mirrored:
        place = tf.range(tf.shape(y)[0])
        sign = tf.cast(1 - 2 * (place % 2), y.dtype)[:, None, None, None]
        normal = sign * tf.gather(normal, place // 2 * 2)
    z = tf.sqrt(tf.maximum(step * y + deviation**2, 0)) * normal
    return tf.cast(y + share * z, noisy.dtype), tf.cast(y - z / share, noisy.dtype)


def recorrupted_crops(
    sampler: CropSampler,
    sigma: float,
    gain: float = 0.0,
    *,
    strength: float = STRENGTH,
    between_channels: float = 0.0,
    start_step: int = 0,
) -> tf.data.Dataset:
    """An endless dataset of `(input, target)` for `model.fit(..., loss="mse", steps_per_epoch=...)`.

    Noise is added anew in every step. The batch of a step depends on the sampler's seed and the step alone. With
    `CropSampler(..., copies=2)` the two copies of a crop get the same noise with opposite signs: a network sees half as
    many crops, and learns more from them (on photographs of roads at a deviation of 50, in 800 steps: 0.2 dB).

    Args:
        sampler: Cuts crops of noisy photographs.
        sigma: As for `recorrupt`.
        gain: As for `recorrupt`.
        strength: As for `recorrupt`.
        between_channels: As for `recorrupt`.
        start_step: Number of the first batch.

    Returns:
        Dataset of `(input, target)`, both float32 `(batch_size, crop_size, crop_size, channels)`.

    Raises:
        ValueError: If the sampler is one of pairs.
    """
    check_alone(sampler, "recorrupted_crops")
    seed = tf.constant(sampler.seed, tf.int64)

    def pair(noisy, step):
        key = tf.stack([seed, step])
        return recorrupt(
            noisy, key, sigma, gain,
            strength=strength, between_channels=between_channels, mirrored=sampler.copies == 2,
        )  # fmt: skip

    batches = crop_batches(sampler, start_step)
    return batches.map(pair, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)
