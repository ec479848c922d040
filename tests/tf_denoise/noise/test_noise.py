import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as npst
from scipy import stats

from tf_denoise.errors import InputError
from tf_denoise.noise import (
    PERCENT_LEVELS,
    ConstantLevel,
    MixedLevel,
    MultiLevel,
    SaltAndPepper,
    level_schedule,
    salt_and_pepper,
)

GREY = np.zeros((40, 10_001), "float32")
SCHEDULES = [ConstantLevel(0.3), MixedLevel([0.0, 0.25, 1.0]), MultiLevel([0.1, 0.9]), MixedLevel(), MultiLevel()]


def shares(images):
    """Fractions of pepper, salt and untouched pixels."""
    return np.array([np.mean(images == value) for value in (-1, 1, 0)])


@pytest.mark.parametrize("level", [0.0, 0.1, 0.5, 0.75, 1.0])
def test_a_chosen_pixel_becomes_low_stays_or_becomes_high_a_third_each(level):
    found = shares(salt_and_pepper(GREY, level, (3, 4)).numpy())
    expected = np.array([level / 3, level / 3, 1 - 2 * level / 3])
    deviation = np.sqrt(expected * (1 - expected) / GREY.size)
    assert np.all(np.abs(found - expected) <= 4.5 * deviation + 2**-16)


@pytest.mark.parametrize("level", [0.5, np.float32(0.5), np.float64(0.5), 1])
def test_a_number_of_any_type_is_a_level(level):
    assert SaltAndPepper(level).schedule.level == float(level)


def test_each_image_gets_its_own_level():
    levels = np.linspace(0, 1, len(GREY)).astype("float32")
    changed = np.mean(salt_and_pepper(GREY, levels, (0, 1)).numpy() != 0, axis=1)
    expected = 2 * levels / 3
    np.testing.assert_array_less(
        np.abs(changed - expected), 5 * np.sqrt(expected * (1 - expected) / GREY.shape[1]) + 1e-4
    )


def test_pixels_are_independent():
    noise = salt_and_pepper(GREY, 1.0, (5, 6)).numpy()
    for one, other in [(noise[:, :-1], noise[:, 1:]), (noise[:, :-2], noise[:, 2:]), (noise[:-1], noise[1:])]:
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 5 / np.sqrt(one.size)


def test_equal_seeds_give_equal_noise_and_unequal_seeds_do_not():
    first = salt_and_pepper(GREY, 0.5, (1, 2)).numpy()
    np.testing.assert_array_equal(first, salt_and_pepper(GREY, 0.5, (1, 2)))
    for other in ((2, 1), (1, 3), (2, 2)):
        agree = np.mean(first == salt_and_pepper(GREY, 0.5, other).numpy())
        assert abs(agree - (2 * (1 / 6) ** 2 + (2 / 3) ** 2)) < 0.01  # as often as chance has it


@pytest.mark.parametrize("level", [0.37, np.linspace(0, 1, 7, dtype="float32")], ids=["scalar", "per image"])
def test_noise_is_alike_eagerly_in_a_graph_and_under_xla(level):
    images = tf.random.stateless_uniform((7, 5, 9, 1), (0, 0), -1, 1)
    eager = salt_and_pepper(images, level, (8, 9)).numpy()
    for jit in (False, True):
        compiled = tf.function(salt_and_pepper, jit_compile=jit)
        np.testing.assert_array_equal(eager, compiled(images, tf.constant(level), tf.constant([8, 9], tf.int64)))


@settings(max_examples=25)
@given(
    images=npst.arrays(
        "float32", npst.array_shapes(min_dims=1, max_dims=4, max_side=5), elements=st.floats(-1, 1, width=32)
    ),
    level=st.floats(0, 1),
    seed=st.tuples(st.integers(-(2**62), 2**62), st.integers(0, 2**62)),
)
def test_a_pixel_stays_or_becomes_low_or_high(images, level, seed):
    noisy = salt_and_pepper(images, level, seed, low=-2.0, high=3.0).numpy()
    assert noisy.shape == images.shape
    assert np.all((noisy == images) | (noisy == -2) | (noisy == 3))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_noise_keeps_the_dtype_and_knows_the_value_range(dtype):
    noisy = salt_and_pepper(tf.fill((4, 500), tf.constant(0.5, dtype)), 1.0, (1, 1), low=0.0, high=255.0)
    assert noisy.dtype == dtype
    assert set(np.unique(noisy.numpy().astype("float32"))) == {0.0, 0.5, 255.0}


@pytest.mark.parametrize("level", [-0.1, 1.01, 50, float("nan"), [0.5, 2.0]])
def test_a_level_outside_0_to_1_is_refused(level):
    with pytest.raises(ValueError, match=r"fraction in \[0, 1\]; received .*divided by 100"):
        salt_and_pepper(GREY[:2], level, (0, 0))


@pytest.mark.parametrize(("level", "shape"), [([0.1, 0.2, 0.3], r"\(3,\)"), ([[0.1], [0.2]], r"\(2, 1\)")])
def test_another_number_of_levels_than_images_is_refused(level, shape):
    with pytest.raises(ValueError, match=rf"expected shape \(\) or \(2,\), received {shape}"):
        salt_and_pepper(GREY[:2], level, (0, 0))


def test_integer_images_are_refused():
    with pytest.raises(ValueError, match=r"takes floating-point images.*received dtype uint8"):
        salt_and_pepper(np.zeros((2, 4), "uint8"), 0.5, (0, 0))


def test_schedules_give_the_levels_they_name():
    groups = tf.range(22) % 11
    np.testing.assert_array_equal(ConstantLevel(0.3)(groups, (0, 0)), np.full(22, np.float32(0.3)))
    np.testing.assert_allclose(MultiLevel()(groups, (0, 0)), np.tile(np.arange(11) / 10, 2), atol=1e-7)
    assert PERCENT_LEVELS == (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
    assert (ConstantLevel(0.3).groups, MixedLevel().groups, MultiLevel().groups) == (1, 1, 11)


def test_mixed_levels_are_uniform_over_the_eleven():
    drawn = np.round(MixedLevel()(tf.zeros(22_000, tf.int32), (7, 7)).numpy() * 10).astype(int)
    assert stats.chisquare(np.bincount(drawn, minlength=11)).pvalue > 1e-3
    again = np.round(MixedLevel()(tf.zeros(22_000, tf.int32), (7, 8)).numpy() * 10).astype(int)
    assert abs(np.mean(drawn == again) - 1 / 11) < 0.01


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: type(s).__name__)
def test_schedules_round_trip_through_their_config(schedule):
    config = keras.saving.serialize_keras_object(schedule)
    copy = keras.saving.deserialize_keras_object(config)
    assert type(copy) is type(schedule)
    assert copy.get_config() == schedule.get_config()
    groups = tf.range(6) % schedule.groups
    np.testing.assert_array_equal(copy(groups, (1, 2)), schedule(groups, (1, 2)))


@pytest.mark.parametrize("make", [lambda: ConstantLevel(1.2), lambda: MixedLevel([]), lambda: MultiLevel([0.5, -1])])
def test_schedules_refuse_levels_outside_0_to_1(make):
    with pytest.raises(ValueError, match=r"fractions? in \[0, 1\]; received"):
        make()


def test_level_schedule_reads_what_a_command_line_says():
    assert isinstance(level_schedule("mixed"), MixedLevel)
    assert isinstance(level_schedule("multi"), MultiLevel)
    assert [level_schedule(token).level for token in ("0", "7", "100")] == [0.0, 0.07, 1.0]


@pytest.mark.parametrize("token", ["-1", "101", "2.5", "", "many", "Mixed"])
def test_level_schedule_refuses_anything_else(token):
    with pytest.raises(InputError, match=f"^'{token}' is not a noise level; expected .* 0 to 100, mixed or multi"):
        level_schedule(token)


def test_the_layer_is_quiet_outside_training_and_new_each_call_in_it():
    layer = SaltAndPepper(0.5, seed=1)
    np.testing.assert_array_equal(layer(GREY), GREY)
    np.testing.assert_array_equal(layer(GREY, training=False), GREY)
    first, second = (layer(GREY, training=True).numpy() for _ in range(2))
    assert abs(np.mean(first != 0) - 1 / 3) < 0.01
    assert np.any(first != second)
    np.testing.assert_array_equal(first, SaltAndPepper(0.5, seed=1)(GREY, training=True))


def test_the_layer_deals_images_to_groups_unless_told():
    layer = SaltAndPepper(MultiLevel([0.0, 1.0]))
    dealt = layer.corrupt(GREY[:4], (1, 2)).numpy()
    told = layer.corrupt(GREY[:4], (1, 2), groups=[1, 1, 0, 0]).numpy()
    assert [bool(np.any(image)) for image in dealt] == [False, True, False, True]
    assert [bool(np.any(image)) for image in told] == [True, True, False, False]


@pytest.mark.parametrize("level", [0.25, *SCHEDULES], ids=lambda s: type(s).__name__)
def test_the_layer_round_trips_through_config_and_file(level, tmp_path):
    layer = SaltAndPepper(level, low=0.0, high=2.0, seed=5, name="noise")
    model = keras.Sequential([keras.Input((30,)), layer])
    model.save(tmp_path / "noise.keras")
    loaded = keras.models.load_model(tmp_path / "noise.keras").get_layer("noise")
    images = tf.ones((6, 30))
    expected = layer(images, training=True)
    for copy in (SaltAndPepper.from_config(layer.get_config()), loaded):
        assert copy.get_config() == layer.get_config()
        np.testing.assert_array_equal(copy(images, training=True), expected)


def test_the_layer_computes_in_its_dtype_policy():
    noisy = SaltAndPepper(1.0, seed=0, dtype="mixed_float16")(tf.zeros((2, 300)), training=True)
    assert noisy.dtype == "float16"
    assert set(np.unique(noisy.numpy())) == {-1.0, 0.0, 1.0}


def test_the_layer_tells_its_output_shape():
    assert SaltAndPepper(0.5)(keras.Input((28, 28, 3))).shape == (None, 28, 28, 3)


@pytest.mark.slow
def test_the_layer_trains_in_fit_under_xla():
    clean = np.sign(np.random.default_rng(0).normal(size=(1, 32)).repeat(256, 0)).astype("float32")
    model = keras.Sequential([keras.Input((32,)), SaltAndPepper(MixedLevel(), seed=2), keras.layers.Dense(32)])
    model.compile(keras.optimizers.Adam(0.01), "mse", jit_compile=True)
    losses = model.fit(clean, clean, epochs=10, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]
