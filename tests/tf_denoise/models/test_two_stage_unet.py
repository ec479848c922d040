import network_checks
import numpy as np
import pytest
import tensorflow as tf
from network_checks import noisy_images, with_random_weights

from tf_denoise.models import TwoStageUNet, UNet, multiply_adds_per_pixel
from tf_denoise.tiling import TiledDenoiser


def net(**options):
    return TwoStageUNet(**{"channels": 3, "widths": (4, 6)} | options)


def test_the_second_stage_adds_to_what_the_first_made():
    model = with_random_weights(net())
    noisy = noisy_images(2, 9, 14, 3)
    first = model.get_layer("first")(noisy)
    added = model.get_layer("second")(tf.concat([noisy, first], -1))
    np.testing.assert_allclose(model(noisy), first + added, atol=1e-5)
    assert np.abs(added).max() > 0.01


def test_it_begins_as_its_first_stage():
    model, noisy = net(), noisy_images(2, 9, 14, 3)
    model.get_layer("first").set_weights([np.full(w.shape, 0.1) for w in model.get_layer("first").get_weights()])
    np.testing.assert_array_equal(model(noisy), model.get_layer("first")(noisy))


def test_it_scales_with_the_image():
    model, noisy = with_random_weights(net()), noisy_images(1, 12, 8, 3)
    np.testing.assert_allclose(model(3.5 * noisy), 3.5 * np.array(model(noisy)), rtol=1e-3, atol=1e-4)


def test_two_stages_cost_twice_as_much():
    one, two = (multiply_adds_per_pixel(kind()) for kind in (UNet, TwoStageUNet))
    # the second sees twice as many channels: 2 x 2 pixels of 3 more into 64, 3 x 3 places, at half the resolution
    assert two == 2 * one + 12 * 64 * 9 / 4


def test_tiles_give_what_the_whole_picture_gives():
    model, image = with_random_weights(net()), noisy_images(1, 330, 280, 3)[0]
    whole = np.array(model(image[None]))[0]
    tiled = TiledDenoiser(model, tile=256, overlap=128)(image)
    np.testing.assert_allclose(tiled, whole, atol=1e-4 * np.abs(whole).max())


def test_it_round_trips(tmp_path):
    network_checks.check_round_trips(with_random_weights(net(name="net")), noisy_images(2, 9, 7, 3), tmp_path)


@pytest.mark.slow
def test_it_is_exported_for_every_size(tmp_path):
    network_checks.check_export(with_random_weights(net()), [(1, 3, 3), (2, 13, 18)], tmp_path)


@pytest.mark.slow
def test_any_size_in_any_graph():
    network_checks.check_compiled(with_random_weights(net()), [(1, 1, 1), (3, 16, 8), (2, 9, 7)])


@pytest.mark.slow
def test_both_stages_are_trained():
    model = net()
    noisy = noisy_images(4, 16, 16, 3)
    model.compile("adam", "mse", jit_compile=False)
    before = [np.array(weight) for weight in model.get_weights()]
    model.fit(noisy, 0.5 * noisy, epochs=3, verbose=0)
    assert all(np.any(old != new) for old, new in zip(before, model.get_weights(), strict=True))


@pytest.mark.parametrize("wrong", [{"channels": 0}, {"widths": (4,)}, {"blocks": 1.5}])
def test_wrong_arguments_are_refused(wrong):
    with pytest.raises(ValueError, match="A U-Net takes positive integer channels and blocks"):
        net(**wrong)
