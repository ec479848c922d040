"""Noise2Noise: two shots of one scene, each the target of the other."""

import tensorflow as tf

from tf_denoise.data.crops import CropSampler, crop_batches


def twin_crops(sampler: CropSampler, start_step: int = 0) -> tf.data.Dataset:
    """An endless dataset of `(noisy, target)` for `model.fit(..., loss="mse", steps_per_epoch=...)`.

    Of each pair of crops one, drawn at random, is the input and the other the target. As the noise of the two is
    independent and zero in the mean, the network that comes nearest to the targets is the one that comes nearest to
    the clean picture. The batch of a step depends on the sampler's seed and the step alone.

    Args:
        sampler: Cuts crops of twins, `load_pairs(A, B)`.
        start_step: Number of the first batch.

    Returns:
        Dataset of `(noisy, target)`, both float32 `(batch_size, crop_size, crop_size, channels)`.

    Raises:
        ValueError: If the sampler is not one of pairs.

    Reference:
        - [Lehtinen et al., Noise2Noise: Learning Image Restoration without Clean Data, 2018](
          https://arxiv.org/abs/1803.04189)
    """
    if not sampler.paired:
        raise ValueError("twin_crops takes a sampler of twins: pairs of noisy photographs of one scene, `load_pairs`.")
    seed = tf.constant(sampler.seed, tf.int64)

    def in_turn(pair, step):
        one, other = pair
        coins = tf.random.stateless_uniform((sampler.batch_size, 1, 1, 1), tf.stack([seed, step]), alg="philox")
        is_turned = coins < 0.5
        return tf.where(is_turned, other, one), tf.where(is_turned, one, other)

    batches = crop_batches(sampler, start_step)
    return batches.map(in_turn, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)
