import numpy as np
import pytest
import tensorflow as tf
from loss_cases import random_pair

from tf_denoise.losses import WindowedFrequencyLoss, windowed_frequency
from tf_denoise.losses.windowed_frequency import extract_windows


def loop_loss(y_true, y_pred, window, step, weight):
    """Window by window with NumPy's FFT, for one image."""
    position = np.arange(window)
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * position / window)
    offset = position - window // 2
    distance = np.hypot(offset[:, None], offset) / np.hypot(window // 2, window // 2)
    total = []
    for top in range(0, y_true.shape[0] - window + 1, step):
        for left in range(0, y_true.shape[1] - window + 1, step):
            for c in range(y_true.shape[2]):
                cut = np.s_[top : top + window, left : left + window, c]
                true, pred = (np.fft.fft2(x[cut] * np.outer(taper, taper)) for x in (y_true, y_pred))
                difference = np.fft.fftshift(np.abs(np.abs(true) - np.abs(pred)))
                total.append(((1 + weight * distance) * difference).mean())
    return np.mean(total) / 1000


@pytest.mark.parametrize(
    ("shape", "window", "step", "weight"),
    [((2, 16, 20, 3), 8, None, 2.0), ((1, 17, 19, 1), 7, 3, 0.0), ((1, 9, 9, 2), 9, 4, 1.0)],
)
def test_loss_is_that_of_a_loop_over_windows(shape, window, step, weight):
    y_true, y_pred = random_pair(shape)
    expected = [loop_loss(a, b, window, step or window // 2, weight) for a, b in zip(y_true, y_pred, strict=True)]
    np.testing.assert_allclose(windowed_frequency(y_true, y_pred, window, step, weight), expected, rtol=1e-5)


def full_spectrum_loss(y_true, y_pred, window, step, weight):
    """The definition, with `tf.image.extract_patches`, its own gradient and all columns of `tf.signal.fft2d`."""
    taper = tf.signal.hann_window(window, periodic=True, dtype=tf.float64)
    offset = np.arange(window) - window // 2
    distance = np.hypot(offset[:, None], offset) / np.hypot(window // 2, window // 2)

    def magnitudes(images):
        sides, steps = [1, window, window, 1], [1, step, step, 1]
        patches = tf.image.extract_patches(images, sides, steps, [1, 1, 1, 1], "VALID")
        windows = tf.reshape(patches, [len(images), -1, window, window, images.shape[3]])
        windows = tf.transpose(windows, [0, 1, 4, 2, 3]) * taper[:, None] * taper
        return tf.abs(tf.signal.fftshift(tf.signal.fft2d(tf.complex(windows, tf.zeros_like(windows))), axes=[3, 4]))

    difference = tf.abs(magnitudes(y_true) - magnitudes(y_pred))
    return 1e-3 * tf.reduce_mean((1 + weight * distance) * difference, axis=[1, 2, 3, 4])


@pytest.mark.parametrize(
    ("shape", "window", "step"), [((2, 16, 20, 3), 8, 4), ((1, 18, 23, 2), 6, 5), ((1, 9, 9, 1), 4, 6)]
)
def test_value_and_gradient_are_those_of_patches_and_whole_spectra(shape, window, step):
    y_true, y_pred = (tf.constant(x) for x in random_pair(shape, dtype="float64"))

    def value_and_gradient(loss):
        with tf.GradientTape() as tape:
            tape.watch(y_pred)
            value = loss(y_true, y_pred, window, step, 2.0)
        return value, tape.gradient(value, y_pred)

    pairs = zip(value_and_gradient(windowed_frequency), value_and_gradient(full_spectrum_loss), strict=True)
    for actual, expected in pairs:
        np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-12)


def test_windows_are_where_they_say():
    images, _ = random_pair((2, 13, 15, 3))
    windows = extract_windows(tf.constant(images), 6, 4)
    assert windows.shape == (2, 2, 3, 3, 6, 6)
    np.testing.assert_array_equal(windows[1, 1, 2, 0], images[1, 4:10, 8:14, 0])


def test_taper_keeps_a_wave_of_the_window_from_its_edges():
    """Half a wave more than whole waves jumps at the edge: untapered it would spread over all frequencies."""
    columns = np.arange(16)
    wave = np.sin(2 * np.pi * 2.5 * columns / 16)[None, None, :, None] * np.ones((1, 16, 1, 1))
    taper = np.outer(*[0.5 - 0.5 * np.cos(2 * np.pi * columns / 16)] * 2)
    spectrum = np.abs(np.fft.fft2(wave[0, ..., 0] * taper))
    expected = spectrum.mean() / 1000
    actual = float(windowed_frequency(wave, np.zeros_like(wave), 16, 16, 0.0)[0])
    assert actual == pytest.approx(expected, rel=1e-5)
    assert spectrum[0, 6:8].max() < 0.02 * spectrum.max()


def test_knows_where_a_texture_lies():
    """A stripe moved to another window costs; the plain spectrum does not see it."""
    left, right = np.zeros((2, 1, 16, 32, 1), "float32")
    left[:, :, 4], right[:, :, 20] = 1, 1
    assert float(windowed_frequency(left, right, 8)[0]) > 1e-5


def test_refuses_an_image_smaller_than_the_window():
    loss = WindowedFrequencyLoss(window_size=8)
    with pytest.raises(ValueError, match=r"smaller than the window: .* window_size=8 pixels, received 7 x 16"):
        loss(np.zeros((1, 7, 16, 1)), np.zeros((1, 7, 16, 1)))
    signature = [tf.TensorSpec((None, None, None, 1))]
    with pytest.raises(tf.errors.InvalidArgumentError, match="smaller than the window of 8 pixels"):
        tf.function(lambda x: loss(x, x), input_signature=signature)(tf.zeros((1, 7, 16, 1)))
    assert np.isnan(
        tf.function(lambda x: loss(x, x), input_signature=signature, jit_compile=True)(tf.zeros((1, 7, 16, 1)))
    )


def test_refuses_a_wrong_window():
    with pytest.raises(ValueError, match="`window_size` is an integer of at least 2"):
        WindowedFrequencyLoss(window_size=0)
    with pytest.raises(ValueError, match="`step_size` is an integer of at least 1"):
        WindowedFrequencyLoss(step_size=-1)
