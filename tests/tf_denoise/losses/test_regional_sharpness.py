import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings, strategies as st
from loss_cases import random_pair

from tf_denoise.losses import RegionalSharpnessLoss, build_sharpness_cache, regional_sharpness, sharpness_scores


def score_of_window(window):
    """The post's score, pixel by pixel."""
    height, width, channels = window.shape
    total = 0.0
    for c in range(channels):
        for i in range(height):
            for j in range(width):
                if j + 1 < width:
                    total += abs(window[i, j, c] - window[i, j + 1, c])
                if i + 1 < height:
                    total += abs(window[i, j, c] - window[i + 1, j, c])
                if i + 1 < height and j + 1 < width:
                    total += abs(window[i, j, c] - window[i + 1, j + 1, c])
                    total += abs(window[i, j + 1, c] - window[i + 1, j, c])
    return total / channels


def loop_scores(image, window_size, step_size):
    """Whole windows only, one after the other."""
    height, width, _ = image.shape
    return np.array(
        [
            [
                score_of_window(image[top : top + window_size, left : left + window_size])
                for left in range(0, width - window_size + 1, step_size)
            ]
            for top in range(0, height - window_size + 1, step_size)
        ]
    )


def patch_scores(images, window_size, step_size):
    """The definition, on windows that `tf.image.extract_patches` cuts out."""
    images = tf.convert_to_tensor(images)
    sides = [1, window_size, window_size, 1]
    patches = tf.image.extract_patches(images, sides, [1, step_size, step_size, 1], [1, 1, 1, 1], "VALID")
    rows, columns, channels = *patches.shape[1:3], images.shape[3]
    x = tf.reshape(patches, [-1, rows, columns, window_size, window_size, channels])
    differences = [
        x[..., :, :-1, :] - x[..., :, 1:, :],
        x[..., :-1, :, :] - x[..., 1:, :, :],
        x[..., :-1, :-1, :] - x[..., 1:, 1:, :],
        x[..., :-1, 1:, :] - x[..., 1:, :-1, :],
    ]
    return tf.add_n([tf.reduce_sum(tf.abs(d), [3, 4, 5]) for d in differences]) / channels


SIZES = [
    ((2, 16, 16, 3), 8, 4),
    ((1, 17, 21, 3), 8, 4),
    ((1, 19, 16, 1), 5, 2),
    ((1, 9, 12, 2), 9, 4),
    ((1, 8, 8, 2), 2, 5),
]


@pytest.mark.parametrize(("shape", "window_size", "step_size"), SIZES)
def test_scores_are_those_of_a_loop_over_windows(shape, window_size, step_size):
    images, _ = random_pair(shape)
    expected = [loop_scores(image, window_size, step_size) for image in images]
    np.testing.assert_allclose(sharpness_scores(images, window_size, step_size), expected, rtol=1e-5)


@pytest.mark.parametrize(("shape", "window_size", "step_size"), SIZES)
def test_scores_and_gradient_are_those_of_extracted_patches(shape, window_size, step_size):
    images, _ = random_pair(shape, dtype="float64")
    images = tf.constant(images)

    def scores_and_gradient(score):
        with tf.GradientTape() as tape:
            tape.watch(images)
            scores = score(images, window_size, step_size)
            total = tf.reduce_sum(tf.sin(scores))
        return scores, tape.gradient(total, images)

    for actual, expected in zip(scores_and_gradient(sharpness_scores), scores_and_gradient(patch_scores), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-10, atol=1e-10)


def test_a_picture_of_224_has_13_by_13_windows_of_32():
    assert sharpness_scores(np.zeros((1, 224, 224, 1))).shape == (1, 13, 13)


def test_loss_is_the_mean_difference_of_sorted_scores():
    y_true, y_pred = random_pair((2, 16, 20, 3))
    expected = [
        np.abs(np.sort(loop_scores(a, 8, 4).ravel()) - np.sort(loop_scores(b, 8, 4).ravel())).mean() / 1000
        for a, b in zip(y_true, y_pred, strict=True)
    ]
    np.testing.assert_allclose(regional_sharpness(y_true, y_pred, 8), expected, rtol=1e-4)


def test_cached_scores_give_the_loss_of_images_in_whatever_order():
    y_true, y_pred = random_pair((2, 16, 20, 3))
    scores = np.reshape(sharpness_scores(y_true, 8), (2, -1))
    loss = RegionalSharpnessLoss(window_size=8, reduction="none")
    expected = loss(y_true, y_pred)
    np.testing.assert_allclose(loss(-np.sort(-scores), y_pred), expected, rtol=1e-6)
    np.testing.assert_allclose(loss(scores, y_pred), expected, rtol=1e-6)


images = st.integers(0, 2**32 - 1).map(lambda seed: random_pair((1, 12, 12, 2), seed)[0])


@settings(deadline=None, max_examples=20)
@given(images, st.floats(0.01, 100), st.floats(-10, 10))
def test_scores_scale_with_the_image_and_ignore_its_offset(image, factor, offset):
    scores = sharpness_scores(image, 4)
    np.testing.assert_allclose(sharpness_scores(factor * image, 4), factor * scores, rtol=1e-4)
    np.testing.assert_allclose(sharpness_scores(image + offset, 4), scores, rtol=1e-3)


@settings(deadline=None, max_examples=20)
@given(images)
def test_scores_turn_with_the_image(image):
    scores = sharpness_scores(image, 4).numpy()
    turned = sharpness_scores(np.rot90(image, axes=(1, 2)), 4).numpy()
    np.testing.assert_allclose(turned, np.rot90(scores, axes=(1, 2)), rtol=1e-5)


def test_scores_belong_to_an_input_pipeline():
    images, _ = random_pair((4, 16, 16, 1))
    dataset = tf.data.Dataset.from_tensor_slices(images).batch(2).map(lambda x: sharpness_scores(x, 8))
    np.testing.assert_allclose(np.concatenate(list(dataset)), sharpness_scores(images, 8), rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("jit_compile", [False, True])
def test_trains_on_cached_scores_beside_the_image(jit_compile):
    clean, noisy = random_pair((4, 16, 16, 1))
    names = list("abcd")
    cache = build_sharpness_cache(zip(names, clean, strict=True), window_size=8)
    inputs = keras.Input((None, None, 1))
    image = keras.layers.Conv2D(1, 3, padding="same")(inputs)
    model = keras.Model(inputs, {"image": image, "sharpness": image})
    loss = RegionalSharpnessLoss(window_size=8)
    model.compile(
        optimizer=keras.optimizers.SGD(0.0),
        loss={"image": "mse", "sharpness": loss},
        loss_weights={"image": 0.8, "sharpness": 0.2},
        jit_compile=jit_compile,
    )
    output = model.predict(noisy, verbose=0)["image"]
    history = model.fit(noisy, {"image": clean, "sharpness": cache.sorted_scores(names)}, verbose=0).history
    assert history["sharpness_loss"][0] == pytest.approx(float(loss(clean, output)), rel=1e-4)
    expected = 0.8 * np.mean((clean - output) ** 2) + 0.2 * float(loss(clean, output))
    assert history["loss"][0] == pytest.approx(expected, rel=1e-4)


def in_graph_of_unknown_size(function):
    return tf.function(function, input_signature=[tf.TensorSpec((None, None, None, 1))])


def test_refuses_an_image_smaller_than_the_window():
    with pytest.raises(ValueError, match=r"smaller than the window: .* window_size=8 pixels, received 16 x 7"):
        sharpness_scores(np.zeros((1, 16, 7, 1)), 8)
    with pytest.raises(tf.errors.InvalidArgumentError, match="smaller than the window of 8 pixels"):
        in_graph_of_unknown_size(lambda x: sharpness_scores(x, 8))(tf.zeros((1, 16, 7, 1)))


def test_an_unknown_size_below_the_window_is_nan_under_xla():
    loss = RegionalSharpnessLoss(window_size=8)
    run = tf.function(lambda x: loss(x, x), input_signature=[tf.TensorSpec((None, None, None, 1))], jit_compile=True)
    assert np.isnan(run(tf.zeros((1, 2, 2, 1))))


def test_refuses_scores_of_another_number_of_windows():
    loss = RegionalSharpnessLoss(window_size=8)
    with pytest.raises(ValueError, match=r"9 windows per image, `y_true` holds 4 cached scores .* built with another"):
        loss(np.zeros((2, 4)), np.zeros((2, 16, 16, 1)))
    run = in_graph_of_unknown_size(lambda x: loss(tf.zeros((2, 4)), x))
    with pytest.raises(tf.errors.InvalidArgumentError, match="built with another window"):
        run(tf.zeros((2, 16, 16, 1)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"window_size": 1}, "`window_size` is an integer of at least 2"),
        ({"window_size": 8.5}, "`window_size` is an integer of at least 2"),
        ({"window_size": 8, "step_size": 0}, "`step_size` is an integer of at least 1"),
        ({"window_size": 8, "step_size": True}, "`step_size` is an integer of at least 1"),
    ],
)
def test_refuses_a_wrong_window(arguments, message):
    with pytest.raises(ValueError, match=message):
        RegionalSharpnessLoss(**arguments)
    with pytest.raises(ValueError, match=message):
        sharpness_scores(np.zeros((1, 16, 16, 1)), **arguments)
