"""Noise2Noise: two shots of one scene, each the target of the other."""

from typing import Literal, get_args

import tensorflow as tf

from tf_denoise.checks import one_of
from tf_denoise.data.crops import CropSampler, check_turns, crop_batches
from tf_denoise.self_supervised.noise2void import AXES

Swap = Literal["crops", "rows", "columns", "pixels"]
SWAPS: tuple[Swap, ...] = get_args(Swap)
_COINS = {
    "crops": (True, False, False, False),
    "rows": (True, True, False, False),
    "columns": (True, False, True, False),
    "pixels": (True, True, True, False),
}
"""Axes of `(batch, height, width, channels)` with a coin for each place."""


def swap_twins(
    one: tf.Tensor, other: tf.Tensor, seed: tuple[int, int], swap: Swap = "crops"
) -> tuple[tf.Tensor, tf.Tensor]:
    """Swap parts of two shots of a scene, each with probability 1/2.

    What is swapped as a whole keeps its noise as it is. Two shots whose noise is independent stay so whatever is
    swapped; that the noise stays *like* that of one shot takes parts that do not share it: pixels where each has its
    own, rows where it is shared along rows. Then every draw is a pair of shots that the camera might have taken, and a
    network that learns from few shots for long finds no fixed noise to learn by heart.

    Args:
        one: Images, float `(batch, height, width, channels)`.
        other: The other shots, of the same shape.
        seed: Two integers; the same seed swaps the same.
        swap: What is swapped as a whole: `crops`, `rows`, `columns` or `pixels`, always with all their channels.

    Returns:
        The two shots, shapes and dtypes as they came.

    Raises:
        ValueError: If `swap` is none of these.
    """
    one, other = tf.convert_to_tensor(one), tf.convert_to_tensor(other)
    has_coins = _COINS[one_of(swap, SWAPS, "part that twins swap")]
    sides = [side if has else 1 for side, has in zip(tf.unstack(tf.shape(one)), has_coins, strict=True)]
    coins = tf.random.stateless_uniform(sides, seed, alg="philox")
    is_swapped = coins < 0.5
    return tf.where(is_swapped, other, one), tf.where(is_swapped, one, other)


def twin_crops(sampler: CropSampler, start_step: int = 0, swap: Swap = "crops") -> tf.data.Dataset:
    """An endless dataset of `(noisy, target)` for `model.fit(..., loss="mse", steps_per_epoch=...)`.

    Of each pair of crops one, drawn at random, is the input and the other the target. As the noise of the two is
    independent and zero in the mean, the network that comes nearest to the targets is the one that comes nearest to
    the clean picture. The batch of a step depends on the sampler's seed and the step alone.

    Args:
        sampler: Cuts crops of twins, `load_pairs(A, B)`.
        start_step: Number of the first batch.
        swap: What changes places as a whole, see `swap_twins`. `crops` is right for any noise, `pixels` better where
            each pixel has noise of its own, `rows` and `columns` where it is shared along these alone.

    Returns:
        Dataset of `(noisy, target)`, both float32 `(batch_size, crop_size, crop_size, channels)`.

    Raises:
        ValueError: If the sampler is not one of pairs, if lines are to be swapped and it makes columns of rows, or if
            `swap` is unknown.

    Reference:
        - [Lehtinen et al., Noise2Noise: Learning Image Restoration without Clean Data, 2018](
          https://arxiv.org/abs/1803.04189)
    """
    if not sampler.paired:
        raise ValueError("twin_crops takes a sampler of twins: pairs of noisy photographs of one scene, `load_pairs`.")
    if one_of(swap, SWAPS, "part that twins swap") in AXES:
        check_turns(sampler, swap)
    seed = tf.constant(sampler.seed, tf.int64)

    def in_turn(pair, step):
        return swap_twins(*pair, tf.stack([seed, step]), swap)

    batches = crop_batches(sampler, start_step)
    return batches.map(in_turn, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)
