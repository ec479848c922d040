import keras
import numpy as np
import pytest
import tensorflow as tf
from network_checks import noisy_images, with_random_weights
from sklearn.decomposition import PCA

from tf_denoise.explain import KPCACAM, EigenCAM, GradCAM, error_against, output_norm, region_mean
from tf_denoise.explain.named_layers import layers_worth_looking_at
from tf_denoise.explain.tokens import on_grid
from tf_denoise.models import TwoStageUNet, UNet, ViTUNet, small_vit

IMAGES = np.random.default_rng(0).uniform(size=(2, 16, 24, 1)).astype("float32")


@pytest.fixture(scope="module")
def unet():
    return with_random_weights(UNet(channels=1, widths=(4, 8)))


def test_a_raw_map_is_the_first_component_of_the_layer(unet):
    features = keras.Model(unet.inputs, unet.get_layer("encoder1").output)(IMAGES).numpy()
    raw = EigenCAM(unet, "encoder1").raw(IMAGES)
    for found, activation in zip(raw, features, strict=True):
        expected = PCA(1).fit_transform(activation.reshape(-1, activation.shape[-1])).reshape(found.shape)
        np.testing.assert_allclose(found * np.sign((found * expected).sum()), expected, rtol=1e-4, atol=1e-5)


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


def test_a_large_image_goes_through_a_graph_to_the_same_map(unet, monkeypatch):
    expected = EigenCAM(unet, "bottleneck").raw(IMAGES)
    monkeypatch.setattr("tf_denoise.explain.cam.LARGE", 0)
    cam = EigenCAM(unet, "bottleneck")
    np.testing.assert_allclose(cam.raw(IMAGES), expected, atol=1e-5)
    assert cam._in_graph.experimental_get_tracing_count() == 1


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


def test_a_grid_that_is_told_is_taken():
    tokens = np.arange(2 * 31 * 3).reshape(2, 31, 3)
    np.testing.assert_array_equal(on_grid(tokens, (50, 60), (5, 6)), tokens[:, 1:].reshape(2, 5, 6, 3))
    with pytest.raises(ValueError, match="31 tokens do not fit a grid of 5 x 7"):
        on_grid(tokens, (50, 60), (5, 7))


def test_the_tokens_of_a_transformer_within_the_network_can_be_looked_at():
    vit = small_vit(image_size=16, patch_size=4, layers=1, heads=2, width=8)
    model = ViTUNet(vit, widths=(4, 8))
    image = np.random.default_rng(0).uniform(size=(1, 24, 36, 3))
    raw = EigenCAM(model, vit.name).raw(image)
    assert raw.shape == (1, 4, 4)
    inner = next(layer.name for layer in vit.layers if "encoder" in layer.name)
    np.testing.assert_allclose(EigenCAM(model, f"{vit.name}/{inner}").raw(image), raw, atol=1e-6)
    with_random_weights(model)
    expected = GradCAM(model, "vit").raw(image)
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(GradCAM(model, f"{vit.name}/{inner}").raw(image), expected, rtol=1e-4)
    assert len(model.get_layer("vit_grid")._inbound_nodes) == 1  # nothing was hung into the user's graph
    assert [layer.name for layer in layers_worth_looking_at(model)] == ["encoder1", "vit", "bottleneck", "decoder1"]


@pytest.mark.parametrize("cam", [EigenCAM, GradCAM])
def test_layers_that_look_at_windows_are_refused_and_their_tokens_side_by_side_are_not(cam):
    vit = small_vit(16, 8, 1, 2, 6)
    model = with_random_weights(ViTUNet(vit, 3, widths=(4, 6), token_widths=(5,), view="windows"))
    images = noisy_images(2, 32, 48, 3)
    assert cam(model, "vit").raw(images).shape == (2, 4, 6)
    for layer in ("small_vit", "vit_window_grid", "vit_view"):
        with pytest.raises(ValueError, match=rf"The layer '{layer}' looks at windows .* is that of 'vit'\."):
            cam(model, layer).raw(images)


def test_the_stages_of_both_u_nets_in_a_row_are_worth_looking_at():
    model = with_random_weights(TwoStageUNet(3, (4, 6)))
    found = [layer.name for layer in layers_worth_looking_at(model)]
    stages = ["encoder1", "bottleneck", "decoder1"]
    assert found == [f"{outer}/{name}" for outer in ("first", "second") for name in stages]
    assert EigenCAM(model, "second/decoder1")(noisy_images(1, 32, 48, 3)).shape == (1, 32, 48)


def test_grad_cam_within_a_model_within_is_that_of_the_same_layers_in_one_model():
    image = keras.Input((8, 8, 1))
    layers = [keras.layers.Conv2D(3, 3, padding="same", activation="tanh", name=f"conv{i}") for i in range(3)]
    within = keras.Sequential([keras.Input((8, 8, 3)), *layers[1:]], name="within")
    nested = keras.Model(image, keras.layers.Add()([layers[0](image), within(layers[0](image))]))
    entry = layers[0](image)
    middle = layers[1](entry)
    flat = keras.Model(image, keras.layers.Add()([entry, layers[2](middle)]))
    pixels = IMAGES[:, :8, :8]
    expected = GradCAM(flat, "conv1", output_norm).raw(pixels)
    np.testing.assert_allclose(GradCAM(nested, "within/conv1", output_norm).raw(pixels), expected, rtol=1e-4)


def test_register_tokens_are_dropped_before_anything_is_computed():
    """Four register tokens and a class token, far larger than the patches, on an image that is not square."""
    image = keras.Input((16, 24, 1))
    patches = keras.layers.Conv2D(4, 4, strides=4, name="patches")(image)
    tokens = keras.layers.Reshape((24, 4))(patches)
    tokens = keras.layers.ZeroPadding1D((5, 0), name="tokens")(tokens)
    tokens = keras.layers.Rescaling(1.0, 0.0, name="scaled")(tokens)
    model = keras.Model(image, keras.layers.GlobalAveragePooling1D()(tokens))
    np.testing.assert_allclose(EigenCAM(model, "scaled").raw(IMAGES), EigenCAM(model, "patches").raw(IMAGES), rtol=1e-5)


def test_layers_of_mixed_precision_can_be_looked_at():
    model = with_random_weights(UNet(channels=1, widths=(4, 8), dtype="mixed_bfloat16"))
    for cam in (EigenCAM, KPCACAM, GradCAM):
        heat = cam(model, "bottleneck")(IMAGES)
        assert 0.5 < heat.max() <= 1


def test_layers_of_a_sequential_model_can_be_looked_at():
    model = keras.Sequential([keras.Input((None, None, 1)), keras.layers.Conv2D(3, 3, name="first")])
    assert EigenCAM(model, "first").raw(IMAGES).shape == (2, 14, 22)
    assert [(layer.name, layer.shape) for layer in layers_worth_looking_at(model)] == [("first", (126, 126, 3))]


def test_a_constant_map_is_zero_without_a_warning():
    image = keras.Input((4, 4, 1))
    model = keras.Model(image, keras.layers.Conv2D(2, 1, kernel_initializer="zeros", name="dead")(image))
    with np.errstate(all="raise"):
        for cam in (EigenCAM, KPCACAM, GradCAM):
            np.testing.assert_array_equal(cam(model, "dead")(np.ones((1, 4, 4, 1))), 0)


def test_an_unknown_layer_is_refused_with_the_nearest_names(unet):
    with pytest.raises(ValueError, match=r"no layer 'encoder9'; the nearest names are .*encoder1"):
        EigenCAM(unet, "encoder9")
    inner = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3, name="decoder1")], name="second")
    both = keras.Sequential([keras.Input((8, 8, 1)), inner, keras.layers.Conv2D(1, 1, name="denoised")])
    with pytest.raises(ValueError, match="no layer 'decoder1'; the nearest names are second/decoder1"):
        EigenCAM(both, "decoder1")
    EigenCAM(both, "second/decoder1")
    with pytest.raises(ValueError, match="no layer 'second/decoder9'; the nearest names are second/decoder1"):
        EigenCAM(both, "second/decoder9")
    with pytest.raises(ValueError, match="'encoder1' is not a model within the model"):
        EigenCAM(unet, "encoder1/block")


def test_a_layer_without_places_is_refused():
    image = keras.Input((4, 4, 1))
    model = keras.Model(image, keras.layers.GlobalAveragePooling2D(name="pooled")(image))
    with pytest.raises(ValueError, match="The layer 'pooled' has no places to draw"):
        EigenCAM(model, "pooled")
    dense = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
    with pytest.raises(ValueError, match="No layer of the model has places to draw"):
        layers_worth_looking_at(dense)


def test_a_model_that_takes_no_image_or_has_no_graph_is_refused():
    flat = keras.Sequential([keras.Input((16,)), keras.layers.Dense(2, name="dense")])
    with pytest.raises(ValueError, match=r"must take one batch of images .* it takes inputs of \(None, 16\)"):
        EigenCAM(flat, "dense")
    with pytest.raises(ValueError, match="a built Functional or Sequential model"):
        EigenCAM(keras.Sequential([keras.layers.Dense(2, name="dense")]), "dense")


def test_an_image_of_other_channels_is_refused(unet):
    with pytest.raises(ValueError, match="takes images of 1 channel; received 3"):
        EigenCAM(unet, "bottleneck")(np.zeros((1, 16, 16, 3)))
    with pytest.raises(ValueError, match="Images are a batch"):
        EigenCAM(unet, "bottleneck")(np.zeros((16, 16, 1)))
    fixed = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(3, 3, name="conv")])
    with pytest.raises(ValueError, match="takes images of 8 x 8 pixels; received 16 x 24"):
        EigenCAM(fixed, "conv")(IMAGES)


def test_activations_that_are_not_finite_are_refused(unet):
    with pytest.raises(ValueError, match="NaN or infinite"):
        EigenCAM(unet, "bottleneck")(np.full((1, 16, 16, 1), np.nan))
    with pytest.raises(ValueError, match="not finite"):
        GradCAM(unet, "bottleneck")(np.full((1, 16, 16, 1), np.nan))


def test_a_target_that_does_not_see_the_layer_is_refused(unet):
    with pytest.raises(ValueError, match="does not depend on the layer"):
        GradCAM(unet, "bottleneck", lambda outputs, images: tf.reduce_mean(images, [1, 2, 3]))(IMAGES)


def test_a_target_that_does_not_fit_the_output_is_refused(unet):
    with pytest.raises(ValueError, match=r"A region of 4 x 4 pixels at \(14, 0\) does not lie within an output of 16"):
        GradCAM(unet, "bottleneck", region_mean(14, 0, 4, 4))(IMAGES)
    with pytest.raises(ValueError, match=r"the shape of the output, \(2, 16, 24, 1\); received \(1, 16, 24, 1\)"):
        GradCAM(unet, "bottleneck", error_against(IMAGES[:1]))(IMAGES)
