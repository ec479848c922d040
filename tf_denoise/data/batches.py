"""Batches as a pure function of (seed, step), so that the position in the data is one integer."""

import tensorflow as tf

from tf_denoise.data.crops import CropSampler, crop_batches


def draw_batch(step, batch_size: int, num_images: int, groups: int = 1, seed: int = 0) -> tuple[tf.Tensor, tf.Tensor]:
    """Which images stand in the batch of a step.

    The set of images stands `groups` times. All `groups * num_images` places are drawn without replacement, in a
    random order that is new in each pass over them; batches follow one another without regard to where a pass ends.
    Nothing is stored: the order is computed from the place (a pseudo-random permutation of the index).

    Args:
        step: Integer scalar, the number of the batch since the start of training.
        batch_size: Images per batch.
        num_images: Images in the set.
        groups: How often the set stands.
        seed: Integer seed of the order.

    Returns:
        `(index, group)`: int64 `(batch_size,)` in [0, num_images), int32 `(batch_size,)` in [0, groups).

    Example:
        >>> index, group = draw_batch(0, batch_size=6, num_images=6)
        >>> sorted(index.numpy().tolist())
        [0, 1, 2, 3, 4, 5]
    """
    size = num_images * groups
    draw = tf.cast(step, tf.int64) * batch_size + tf.range(batch_size, dtype=tf.int64)
    one_pass, position = draw // size, draw % size

    def shuffled(number):
        key = tf.stack([tf.constant(seed, tf.int64), number])
        return tf.random.experimental.index_shuffle(position, key, tf.constant(size - 1, tf.int64))

    place = shuffled(one_pass[0])
    for ahead in range(1, 1 + -(-(batch_size - 1) // size)):  # a batch may reach into the next pass
        place = tf.where(one_pass == one_pass[0] + ahead, shuffled(one_pass[0] + ahead), place)
    return place % num_images, tf.cast(place // num_images, tf.int32)


def noisy_pairs(images, noise, batch_size: int = 256, seed: int = 0, start_step: int = 0) -> tf.data.Dataset:
    """An endless dataset of `(noisy, clean)` batches for `model.fit(..., steps_per_epoch=...)`.

    Noise is made anew for each batch. The batch of a step depends on the seed and the step alone: to go on with
    training after n steps, pass `start_step=n`.

    Args:
        images: Float array `(images, ...)`, the clean images.
        noise: A noise layer such as `tf_denoise.noise.SaltAndPepper`, or a function `(images, seed) -> images` with
            `seed` an int64 pair.
        batch_size: Images per batch; every batch is full.
        seed: Integer seed of order and noise.
        start_step: Number of the first batch.

    Returns:
        Dataset of `(noisy, clean)`, both `(batch_size, ...)` of the dtype of `images`.

    Example:
        >>> import numpy as np
        >>> from tf_denoise.noise import MixedLevel, SaltAndPepper
        >>> pairs = noisy_pairs(np.zeros((10, 784), "float32"), SaltAndPepper(MixedLevel()), batch_size=4)
        >>> noisy, clean = next(iter(pairs))
        >>> noisy.shape
        TensorShape([4, 784])
    """
    images = tf.convert_to_tensor(images)
    if not len(images):
        raise ValueError("noisy_pairs takes one or more images; received none.")
    schedule = getattr(noise, "schedule", None)
    groups = schedule.groups if schedule is not None else 1

    def pair(step):
        index, group = draw_batch(step, batch_size, len(images), groups, seed)
        clean = tf.gather(images, index)
        key = tf.stack([tf.constant(seed, tf.int64) + 1, step])
        noisy = noise.corrupt(clean, key, group) if hasattr(noise, "corrupt") else noise(clean, key)
        return noisy, clean

    steps = tf.data.Dataset.counter(start_step)
    return steps.map(pair, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)


def noisy_crops(sampler: CropSampler, noise=None, start_step: int = 0) -> tf.data.Dataset:
    """An endless dataset of `(noisy, clean)` batches of crops for `model.fit(..., steps_per_epoch=...)`.

    The batch of a step depends on the sampler's seed and the step alone: to go on with training after n steps, pass
    `start_step=n`.

    Args:
        sampler: Cuts the crops. One of pairs gives noisy crops of its own.
        noise: A noise layer such as `tf_denoise.noise.AdditiveGaussian`; needed unless the sampler is of pairs.
        start_step: Number of the first batch.

    Returns:
        Dataset of `(noisy, clean)`, both float32 `(batch_size, crop_size, crop_size, channels)`.

    Raises:
        ValueError: If there is no noise and the sampler gives clean crops alone.

    Example:
        >>> from tf_denoise.data import embedded_photographs, split
        >>> from tf_denoise.noise import AdditiveGaussian
        >>> sampler = CropSampler(split(embedded_photographs(), seed=0).train, crop_size=32, batch_size=2, seed=0)
        >>> noisy, clean = next(iter(noisy_crops(sampler, AdditiveGaussian(0.1))))
        >>> noisy.shape
        TensorShape([2, 32, 32, 3])
    """
    crops = crop_batches(sampler, start_step)
    if sampler.paired:
        return crops.map(lambda pair, step: pair)
    if noise is None:
        raise ValueError("noisy_crops needs noise: the photographs of this sampler have no noisy versions.")
    first = tf.constant(sampler.seed, tf.int64)

    def pair(clean, step):
        return noise.corrupt(clean, tf.stack([first, step])), clean

    return crops.map(pair, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)
