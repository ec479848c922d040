import keras
import numpy as np
import pytest
from network_checks import with_random_weights

from tf_denoise.explain import effective_receptive_field, pixel_influence
from tf_denoise.models import UNet

IMAGE = np.random.default_rng(0).uniform(0.1, 1, size=(12, 10, 1)).astype("float32")


@pytest.fixture(scope="module")
def blur():
    """A convolution with a known kernel."""
    model = keras.Sequential([keras.Input((None, None, 1)), keras.layers.Conv2D(1, 3, padding="same", use_bias=False)])
    model.layers[0].set_weights([np.arange(9.0).reshape(3, 3, 1, 1)])
    return model


def test_the_influence_on_a_convolution_is_its_kernel(blur):
    found = pixel_influence(blur, IMAGE, (5, 4))
    expected = np.zeros((12, 10, 1))
    expected[4:7, 3:6, 0] = np.arange(9).reshape(3, 3)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_the_filter_of_a_network_without_bias_gives_the_output_back():
    model = with_random_weights(UNet(channels=1, widths=(4, 8)))
    output = model(IMAGE[None])[0].numpy()
    for pixel in [(0, 0), (5, 4), (11, 9)]:
        found = np.sum(pixel_influence(model, IMAGE, pixel) * IMAGE, dtype="float64")
        assert found == pytest.approx(float(output[(*pixel, 0)]), rel=1e-4, abs=1e-5)


def test_the_influence_is_the_quotient_of_small_differences():
    model = with_random_weights(UNet(channels=1, widths=(4, 8), block="plain"))
    moved = np.stack([IMAGE, IMAGE])
    moved[:, 6, 3, 0] += [1e-3, -1e-3]
    outputs = model(moved)[:, 5, 4, 0].numpy()
    difference = (outputs[0] - outputs[1]) / 2e-3
    assert pixel_influence(model, IMAGE, (5, 4))[6, 3, 0] == pytest.approx(float(difference), abs=2e-3)


def test_a_patch_is_the_mean_of_its_pixels(blur):
    pixels = [pixel_influence(blur, IMAGE, (5 + i, 4 + j)) for i in range(2) for j in range(2)]
    np.testing.assert_allclose(pixel_influence(blur, IMAGE, (5, 4), size=2), np.mean(pixels, axis=0), atol=1e-6)


def test_the_receptive_field_of_a_convolution_is_its_kernel_around_the_middle(blur):
    field = effective_receptive_field(blur, IMAGE, [(5, 4), (2, 7), (8, 8)])
    assert field.shape == (23, 19)
    expected = np.zeros((23, 19))
    expected[10:13, 8:11] = np.arange(9).reshape(3, 3)
    np.testing.assert_allclose(field, expected, atol=1e-6)


def test_bad_places_and_images_are_refused(blur):
    with pytest.raises(ValueError, match=r"A patch of 2 x 2 pixels at \(11, 0\) lies outside an image of 12 x 10"):
        pixel_influence(blur, IMAGE, (11, 0), size=2)
    with pytest.raises(ValueError, match=r"The image is \(height, width, channels\)"):
        pixel_influence(blur, IMAGE[None], (0, 0))
    with pytest.raises(ValueError, match="one or more pixels; received none"):
        effective_receptive_field(blur, IMAGE, [])
    with pytest.raises(ValueError, match="takes images of 1 channel; received 3"):
        pixel_influence(blur, np.ones((12, 10, 3)), (0, 0))
    with pytest.raises(ValueError, match="The output has 1 channels, counted from 0; received 1"):
        pixel_influence(blur, IMAGE, (0, 0), channel=1)
    shrunk = keras.Sequential([keras.Input((None, None, 1)), keras.layers.MaxPooling2D()])
    with pytest.raises(ValueError, match=r"must keep the size of the image; its output has shape \(1, 6, 5, 1\)"):
        pixel_influence(shrunk, IMAGE, (0, 0))
    rooted = keras.Sequential([keras.Input((None, None, 1)), keras.layers.Activation(keras.ops.sqrt)])
    with pytest.raises(ValueError, match="The influence is NaN or infinite"):
        pixel_influence(rooted, np.zeros((4, 4, 1)), (0, 0))


def test_an_output_that_does_not_see_the_input_has_an_influence_of_zero():
    blind = keras.Sequential([keras.Input((None, None, 1)), keras.layers.Activation(keras.ops.zeros_like)])
    np.testing.assert_array_equal(pixel_influence(blind, IMAGE, (0, 0)), 0)
