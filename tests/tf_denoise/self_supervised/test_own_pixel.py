import dataclasses

import keras
import numpy as np
import pytest
import scipy.ndimage
import skimage.data

from tf_denoise.models import TwoStageUNet, UNet, ViTUNet
from tf_denoise.models.vit_unet import small_vit
from tf_denoise.noise.found import find_noise
from tf_denoise.self_supervised import give_back_own_pixel, own_share
from tf_denoise.tiling import TiledDenoiser

CLEAN = (skimage.data.camera() / 255).astype("float32")[..., None]
AROUND = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], "float32") / 8


def noisy_picture(sigma, gain=0.0, seed=0):
    random = np.random.default_rng(seed)
    light = gain * random.poisson(CLEAN / gain) if gain else CLEAN
    return (light + sigma * random.standard_normal(CLEAN.shape)).astype("float32")


def filtered(weights):
    """A linear denoiser of one image."""
    return lambda image: scipy.ndimage.correlate(image, weights[..., None], mode="nearest")


def best_share(denoise, noisy, clean=CLEAN, where=None):
    """What comes nearest to the clean picture, by the clean picture: a line through the origin, by least squares."""
    where = np.ones(clean.shape, bool) if where is None else where
    removed, wanted = ((image - denoise(noisy))[where].astype("float64") for image in (noisy, clean))
    return np.linalg.lstsq(removed[:, None], wanted, rcond=None)[0][0]


@pytest.mark.parametrize("own", [0.0, 0.1, 0.25])
@pytest.mark.parametrize(("sigma", "gain"), [(0.1, 0.0), (0.2, 0.0), (0.05, 0.01)])
def test_the_share_is_the_one_that_brings_nearest_to_the_clean_picture(own, sigma, gain):
    weights = (1 - own) * AROUND
    weights[1, 1] = own
    noisy = noisy_picture(sigma, gain)
    noise = dataclasses.replace(find_noise([noisy]), sigma=sigma, gain=gain)
    found = own_share(filtered(weights), [noisy, noisy[::-1]], noise)
    assert found == pytest.approx(max(0, best_share(filtered(weights), noisy)), abs=0.01)


def test_places_where_noise_is_cut_off_are_left_out():
    noisy = np.clip(noisy_picture(0.1), 0, 1)
    noise = dataclasses.replace(find_noise([noisy]), sigma=0.1, gain=0.0)
    assert noise.clipped > 0.05
    denoise = filtered(AROUND)
    within = (denoise(noisy) > 0.3) & (denoise(noisy) < 0.7)
    assert own_share(denoise, [noisy], noise) == pytest.approx(best_share(denoise, noisy, where=within), abs=0.02)


def test_the_level_of_the_noise_is_told_by_the_pictures():
    clean = (skimage.data.astronaut()[:320, 96:416] / 255).astype("float32")
    noisy = clean + np.random.default_rng(0).normal(0, 0.15, clean.shape).astype("float32")
    preset = TiledDenoiser(UNet.from_preset("photographs"))

    def blurred(image):
        return scipy.ndimage.gaussian_filter(preset(image), (1.5, 1.5, 0))

    best = best_share(blurred, noisy, clean)
    assert best > 0.05
    assert own_share(blurred, [noisy]) == pytest.approx(best, abs=0.02)


def test_of_a_denoiser_that_removes_nothing_there_is_nothing_to_give_back():
    assert own_share(lambda image: image, [noisy_picture(0.1)]) == 0


@pytest.mark.parametrize("change", [{"shared": "rows"}, {"impulses": True}])
def test_it_is_told_of_white_noise_alone(change):
    noisy = noisy_picture(0.1)
    noise = find_noise([noisy])
    assert own_share(filtered(AROUND), [noisy], noise) > 0.1
    assert own_share(filtered(AROUND), [noisy], dataclasses.replace(noise, **change)) == 0


def test_too_small_pictures_tell_nothing():
    assert own_share(filtered(AROUND), [noisy_picture(0.1)[:12, :12]]) == 0


def with_vit():
    return ViTUNet(small_vit(image_size=32, patch_size=16, width=8, layers=1, heads=2), channels=1, widths=(4, 8))


@pytest.mark.parametrize("make", [lambda: UNet(1, widths=(4, 8)), with_vit])
def test_a_network_gets_it_in_its_last_layer(make):
    keras.utils.set_random_seed(3)
    model = make()
    last = model.get_layer("head")
    last.set_weights([np.random.default_rng(0).normal(0, 0.02, weights.shape) for weights in last.get_weights()])
    noisy = noisy_picture(0.1)[:256, :256]
    before = model(noisy[None], training=False)[0].numpy()
    share = give_back_own_pixel(model, [noisy])
    assert 0.05 < share < 1
    after = model(noisy[None], training=False)[0].numpy()
    np.testing.assert_allclose(after, before + share * (noisy - before), atol=1e-5)
    assert give_back_own_pixel(model, [noisy]) < 0.05


@pytest.mark.parametrize("make", [lambda: UNet(1, widths=(4, 8), block="plain"), lambda: TwoStageUNet(1, (4, 8))])
def test_other_networks_are_refused(make):
    with pytest.raises(ValueError, match="UNet or ViTUNet of residual blocks, which adds a correction"):
        give_back_own_pixel(make(), [noisy_picture(0.1)])
