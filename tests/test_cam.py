import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.decomposition import PCA

from tf_denoise.explain import KPCACAM, EigenCAM, GradCAM, error_against, output_norm, region_mean
from tf_denoise.explain.cam import on_grid
from tf_denoise.models import UNet, ViTUNet, small_vit

IMAGES = np.random.default_rng(0).uniform(size=(2, 16, 24, 1)).astype("float32")


@pytest.fixture(scope="module")
def unet():
    keras.utils.set_random_seed(0)
    model = UNet(channels=1, widths=(4, 8))
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(0, 0.2, w.shape) for w in model.get_weights()])
    return model


def test_a_raw_map_is_the_first_component_of_the_layer(unet):
    features = keras.Model(unet.inputs, unet.get_layer("encoder1").output)(IMAGES).numpy()
    raw = EigenCAM(unet, "encoder1").raw(IMAGES)
    for found, activation in zip(raw, features, strict=True):
        expected = PCA(1).fit_transform(activation.reshape(-1, activation.shape[-1])).reshape(found.shape)
        np.testing.assert_allclose(found * np.sign((found * expected).sum()), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("cam", [EigenCAM, KPCACAM, GradCAM])
@pytest.mark.parametrize("layer", ["encoder1", "bottleneck", "decoder1"])
def test_a_heat_map_has_the_size_of_the_image_and_reaches_from_0_to_1(unet, cam, layer):
    heat = cam(unet, layer)(IMAGES)
    assert heat.shape == (2, 16, 24)
    assert heat.dtype == np.float32
    assert heat.min() >= 0
    assert heat.max() <= 1
    np.testing.assert_array_equal(heat, cam(unet, layer)(IMAGES))


def test_an_image_alone_gets_the_map_that_it_gets_in_a_batch(unet):
    cam = EigenCAM(unet, "bottleneck")
    np.testing.assert_allclose(cam(IMAGES[1:])[0], cam(IMAGES)[1], atol=1e-5)


def test_grad_cam_is_what_one_computes_by_hand():
    """One convolution with kernel [2, 3] to two channels, their sum as output: the gradient of the mean is known."""
    image = keras.Input((4, 4, 1))
    features = keras.layers.Conv2D(2, 1, use_bias=False, name="features")(image)
    output = keras.layers.Conv2D(1, 1, use_bias=False, name="sum")(features)
    model = keras.Model(image, output)
    model.get_layer("features").set_weights([np.array([2.0, 3.0]).reshape(1, 1, 1, 2)])
    model.get_layer("sum").set_weights([np.array([1.0, -4.0]).reshape(1, 1, 2, 1)])
    pixels = np.arange(16, dtype="float32").reshape(1, 4, 4, 1)
    # d mean / d features = (1, -4) / 16 everywhere; the map is (2 x * 1 + 3 x * -4) / 16.
    np.testing.assert_allclose(GradCAM(model, "features").raw(pixels)[0], pixels[0, ..., 0] * -10 / 16, rtol=1e-6)
    corner = GradCAM(model, "features", region_mean(0, 0, 2, 2)).raw(pixels)
    np.testing.assert_allclose(corner[0], pixels[0, ..., 0] * -10 / 16, rtol=1e-6)


@pytest.mark.parametrize("target", [output_norm, error_against(IMAGES), lambda outputs, images: outputs[:, 0, 0, 0]])
def test_grad_cam_takes_any_scalar_of_the_output(unet, target):
    raw = GradCAM(unet, "bottleneck", target).raw(IMAGES)
    assert raw.shape[0] == 2
    assert np.isfinite(raw).all()
    assert np.abs(raw).max() > 0


def test_grad_cam_works_on_frozen_networks(unet):
    expected = GradCAM(unet, "bottleneck").raw(IMAGES)
    unet.trainable = False
    try:
        np.testing.assert_array_equal(GradCAM(unet, "bottleneck").raw(IMAGES), expected)
    finally:
        unet.trainable = True


@pytest.mark.parametrize(("extra", "rows", "columns"), [(0, 4, 4), (1, 4, 4), (5, 4, 4), (0, 3, 6), (1, 6, 3)])
def test_tokens_are_put_on_their_grid_without_class_and_register_tokens(extra, rows, columns):
    patches = np.random.default_rng(0).normal(size=(2, rows * columns, 3))
    tokens = np.concatenate([np.full((2, extra, 3), np.nan), patches], axis=1)
    found = on_grid(tokens, (rows * 16, columns * 16))
    np.testing.assert_array_equal(found, patches.reshape(2, rows, columns, 3))


def test_tokens_that_fit_no_grid_are_refused():
    with pytest.raises(ValueError, match="23 tokens fit no grid of the proportions of an image of 16 x 1024 pixels"):
        on_grid(np.zeros((1, 23, 2)), (16, 1024))


def test_the_tokens_of_a_transformer_within_the_network_can_be_looked_at():
    vit = small_vit(image_size=16, patch_size=4, layers=1, heads=2, width=8)
    model = ViTUNet(vit, widths=(4, 8))
    image = np.random.default_rng(0).uniform(size=(1, 24, 36, 3))
    raw = EigenCAM(model, vit.name).raw(image)
    assert raw.shape == (1, 4, 4)
    np.testing.assert_allclose(EigenCAM(model, "vit_grid").raw(image), raw, atol=1e-6)
    inner = next(layer.name for layer in vit.layers if "encoder" in layer.name)
    np.testing.assert_allclose(EigenCAM(model, f"{vit.name}/{inner}").raw(image), raw, atol=1e-6)


def test_a_constant_map_is_zero_without_a_warning():
    image = keras.Input((4, 4, 1))
    model = keras.Model(image, keras.layers.Conv2D(2, 1, kernel_initializer="zeros", name="dead")(image))
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(EigenCAM(model, "dead")(np.ones((1, 4, 4, 1))), 0)


def test_an_unknown_layer_is_refused_with_the_nearest_names(unet):
    with pytest.raises(ValueError, match=r"no layer 'encoder9'; the nearest names are .*encoder1"):
        EigenCAM(unet, "encoder9")
    with pytest.raises(ValueError, match="'encoder1' is no model within the model"):
        EigenCAM(unet, "encoder1/block")


def test_a_layer_without_places_is_refused():
    image = keras.Input((4, 4, 1))
    model = keras.Model(image, keras.layers.GlobalAveragePooling2D(name="pooled")(image))
    with pytest.raises(ValueError, match="The layer 'pooled' has no places to draw"):
        EigenCAM(model, "pooled")


def test_an_image_of_other_channels_is_refused(unet):
    with pytest.raises(ValueError, match="takes images of 1 channel; received 3"):
        EigenCAM(unet, "bottleneck")(np.zeros((1, 16, 16, 3)))
    with pytest.raises(ValueError, match="Images are a batch"):
        EigenCAM(unet, "bottleneck")(np.zeros((16, 16, 1)))


def test_activations_that_are_not_finite_are_refused(unet):
    with pytest.raises(ValueError, match="NaN or infinite"):
        EigenCAM(unet, "bottleneck")(np.full((1, 16, 16, 1), np.nan))
    with pytest.raises(ValueError, match="not finite"):
        GradCAM(unet, "bottleneck")(np.full((1, 16, 16, 1), np.nan))


def test_grad_cam_of_a_layer_within_a_model_within_is_refused(unet):
    with pytest.raises(ValueError, match="takes a layer of the model itself"):
        GradCAM(unet, "vit/layer")


def test_a_target_that_does_not_see_the_layer_is_refused(unet):
    with pytest.raises(ValueError, match="does not depend on the layer"):
        GradCAM(unet, "bottleneck", lambda outputs, images: tf.reduce_mean(images, [1, 2, 3]))(IMAGES)
