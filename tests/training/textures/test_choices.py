import typing

import keras
import numpy as np
import pytest

from tf_denoise.errors import InputError
from tf_denoise.losses import (
    FrequencySharpnessLoss,
    RegionalSharpnessLoss,
    WaveletSharpnessLoss,
    WindowedFrequencyLoss,
)
from tf_denoise.losses.named import LOSSES, LossName
from training.textures.choices import make_loss, make_network
from training.textures.options import COMPARED, TextureOptions


def test_windows_that_do_not_tile_the_crops_are_noted():
    options = {"network": "vit_unet", "vit": "windows-48"}
    assert TextureOptions(**options, crop_size=96).resolved().notes == []
    assert TextureOptions(network="vit_unet", crop_size=100).resolved().notes == []
    (note,) = TextureOptions(**options, crop_size=100).resolved().notes
    assert "windows of 48 x 48 pixels, which do not tile crops of 100" in note


def test_every_name_of_a_loss_stands_in_the_table():
    assert tuple(LOSSES) == typing.get_args(LossName)
    assert set(COMPARED) < set(LOSSES)
    for member in LOSSES.values():
        assert member.title.endswith(" loss")
        assert member.words


EXPECTED = {
    "regional": RegionalSharpnessLoss(8),
    "frequency": FrequencySharpnessLoss(high_freq_weight=0.0),
    "weighted_frequency": FrequencySharpnessLoss(high_freq_weight=2.0),
    "windowed": WindowedFrequencyLoss(8),
    "wavelet": WaveletSharpnessLoss("db2", levels=2),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_name_stands_for_the_loss_it_says(name):
    rng = np.random.default_rng(0)
    target, output = rng.random((2, 2, 16, 16, 3), "float32")
    found = float(make_loss(name, 0.25, 16)(target, output))
    if name in ("mse", "mae"):
        expected = np.mean(np.abs(target - output) ** (2 if name == "mse" else 1))
    else:
        expected = 0.75 * np.mean((target - output) ** 2) + 0.25 * float(EXPECTED[name](target, output))
    assert found == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize(
    ("words", "view", "side", "places"),
    [
        ("small", "whole", 128, (8, 8)),
        ("small-256", "whole", 256, (16, 16)),
        ("windows", "windows", 64, (16, 24)),
        ("windows-32", "windows", 32, (12, 24)),
    ],
)
def test_a_transformer_trained_along_sees_what_its_name_says(words, view, side, places):
    network = make_network("vit_unet", words, 3, (4, 6))
    assert (network.view, network.vit.image_shape) == (view, (side, side, 3))
    grid = keras.Model(network.input, network.get_layer("vit_grid").output)(np.zeros((1, 96, 192, 3), "float32"))
    assert grid.shape[1:3] == places


@pytest.mark.parametrize(("words", "patch"), [("small-100", 16), ("windows-20", 8)])
def test_a_view_that_patches_do_not_tile_is_refused(words, patch):
    with pytest.raises(InputError, match=rf"takes a multiple of {patch} pixels, its patches; received {words}\."):
        make_network("vit_unet", words, 3, (4, 6))
