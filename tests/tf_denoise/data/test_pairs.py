import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings, strategies as st

from tf_denoise.data import draw_batch, noisy_pairs
from tf_denoise.models import DenseAutoencoder
from tf_denoise.noise import ConstantLevel, MixedLevel, MultiLevel, SaltAndPepper

CLEAN = np.random.default_rng(0).uniform(-0.9, 0.9, (10, 64)).astype("float32")


def places(steps, batch_size, num_images, groups=1, seed=0):
    """The places, `group * num_images + index`, of all draws of some steps."""
    drawn = [draw_batch(step, batch_size, num_images, groups, seed) for step in steps]
    return np.concatenate([index.numpy() + num_images * group.numpy() for index, group in drawn])


@settings(max_examples=40)
@given(
    num_images=st.integers(1, 40),
    groups=st.integers(1, 4),
    share=st.floats(0.15, 3.5),
    seed=st.integers(0, 2**31 - 1),
)
@example(num_images=1, groups=1, share=3.0, seed=0)
@example(num_images=7, groups=1, share=3.1, seed=1)
def test_each_pass_is_a_permutation(num_images, groups, share, seed):
    size = num_images * groups
    batch_size = max(1, round(share * size))  # smaller than the set, straddling its end, and larger
    drawn = places(range(-(-3 * size // batch_size)), batch_size, num_images, groups, seed)
    for one_pass in range(3):
        assert sorted(drawn[one_pass * size : (one_pass + 1) * size]) == list(range(size))


@settings(max_examples=15)
@given(batch_size=st.integers(1, 30), other=st.integers(1, 30), seed=st.integers(0, 99))
def test_the_order_does_not_depend_on_how_it_is_cut_into_batches(batch_size, other, seed):
    one, two = (places(range(-(-45 // size)), size, 7, 2, seed)[:45] for size in (batch_size, other))
    np.testing.assert_array_equal(one, two)


def test_passes_and_seeds_have_orders_of_their_own():
    passes = places([0], 200, 50, seed=3).reshape(4, 50).tolist()
    passes += places([0], 200, 50, seed=4).reshape(4, 50).tolist()
    assert len({tuple(order) for order in passes}) == 8


def test_the_orders_of_many_passes_look_random():
    draw = tf.function(lambda step: draw_batch(step, 64, 64, seed=11)[0])
    orders = np.stack([draw(tf.constant(step, tf.int64)) for step in range(500)])
    counts = np.stack([np.bincount(place, minlength=8) for place in orders.T // 8])
    # The permutation of the index is quick and not perfect: an eighth of the images is met at a place 62 times
    # when all are alike, and always within a factor of two of that.
    assert counts.min() > 500 / 8 / 2
    assert counts.max() < 500 / 8 * 2
    assert np.abs(np.diff(orders)).mean() == pytest.approx(65 / 3, rel=0.02)  # neighbours are no nearer than by chance
    assert np.mean(orders[1:] == orders[:-1]) == pytest.approx(1 / 64, rel=0.2)  # passes know nothing of one another
    ranks = [np.corrcoef(one, other)[0, 1] for one, other in zip(orders[1:], orders[:-1], strict=True)]
    assert abs(np.mean(ranks)) < 0.03


def test_types_shapes_and_the_graph():
    index, group = draw_batch(5, 6, 4, 3, 9)
    assert (index.dtype, group.dtype) == ("int64", "int32")
    assert index.shape == group.shape == (6,)
    graph = tf.function(lambda step: draw_batch(step, 6, 4, 3, 9))(tf.constant(5, tf.int64))
    np.testing.assert_array_equal(graph[0], index)
    np.testing.assert_array_equal(graph[1], group)


def take(count, **options):
    pairs = noisy_pairs(CLEAN, SaltAndPepper(MixedLevel()), batch_size=4, seed=2, **options)
    return [(noisy.numpy(), clean.numpy()) for noisy, clean in pairs.take(count)]


def test_a_dataset_goes_on_where_another_one_stopped():
    for (noisy, clean), (noisy_again, clean_again) in zip(take(7)[3:], take(4, start_step=3), strict=True):
        np.testing.assert_array_equal(noisy, noisy_again)
        np.testing.assert_array_equal(clean, clean_again)


def test_a_pair_is_an_image_and_its_noisy_version():
    pairs = noisy_pairs(CLEAN, SaltAndPepper(1.0), batch_size=10, seed=1)
    (noisy, clean), (again, clean_again) = ((n.numpy(), c.numpy()) for n, c in pairs.take(2))
    order, order_again = (np.lexsort(images.T) for images in (clean, clean_again))
    np.testing.assert_array_equal(clean[order], CLEAN[np.lexsort(CLEAN.T)])
    assert np.all((noisy == clean) | (np.abs(noisy) == 1))
    assert abs(np.mean(noisy != clean) - 2 / 3) < 0.1
    assert np.mean(noisy[order] == again[order_again]) < 0.5  # noise is new in each pass


def test_every_group_gets_its_level_in_each_pass():
    pairs = noisy_pairs(CLEAN, SaltAndPepper(MultiLevel([0.0, 0.5, 1.0])), batch_size=30)
    noisy, clean = next(iter(pairs))
    changed = np.sort(np.mean(noisy.numpy() != clean.numpy(), axis=1))
    assert np.all(changed[:10] == 0)
    assert abs(changed[10:20].mean() - 1 / 3) < 0.06
    assert abs(changed[20:].mean() - 2 / 3) < 0.06


def test_noise_may_be_any_function_of_images_and_seed():
    seeds = []

    def noise(images, seed):
        seeds.append((seed.dtype, seed.shape))
        return images + 1

    noisy, clean = next(iter(noisy_pairs(CLEAN, noise, batch_size=3)))
    np.testing.assert_array_equal(noisy, clean + 1)
    assert seeds == [(tf.int64, (2,))]


def test_no_images_are_refused():
    with pytest.raises(ValueError, match="takes one or more images; received none"):
        noisy_pairs(CLEAN[:0], SaltAndPepper(0.5))


def test_fit_learns_from_noisy_pairs():
    model = DenseAutoencoder(64, (32,))
    model.compile(keras.optimizers.Adam(0.01), "mse")
    pairs = noisy_pairs(CLEAN, SaltAndPepper(ConstantLevel(0.3)), batch_size=16)
    losses = model.fit(pairs, steps_per_epoch=40, epochs=3, shuffle=False, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]
