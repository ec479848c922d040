import numpy as np
import pytest
from network_checks import noisy_images, with_random_weights

from tf_denoise.explain import TokenAblation, mean_tokens
from tf_denoise.explain.ablation import tokens_in_place_of
from tf_denoise.models import UNet, ViTUNet, small_vit


def net(**options):
    return with_random_weights(ViTUNet(small_vit(32, 8, 1, 2, 6), 3, (4, 6), token_widths=(5,), **options))


@pytest.mark.parametrize("view", ["whole", "windows"])
def test_its_own_tokens_give_what_the_network_gives(view):
    model, noisy = net(view=view), noisy_images(2, 40, 50, 3)
    ablation = TokenAblation(model)
    tokens = ablation.tokens(noisy)
    assert tokens.shape == ((2, 4, 4, 6) if view == "whole" else (2, 8, 8, 6))
    np.testing.assert_allclose(ablation(noisy, tokens), model(noisy), atol=1e-4)
    assert np.abs(ablation(noisy, mean_tokens(tokens)) - model(noisy)).max() > 0.01


def test_a_network_that_does_not_listen_is_as_it_was_with_any_tokens():
    model, noisy = net(), noisy_images(1, 32, 32, 3)
    last = model.get_layer("vit_projection1")
    last.set_weights([0 * weight for weight in last.get_weights()])
    ablation = TokenAblation(model)
    np.testing.assert_allclose(ablation(noisy, np.full((1, 4, 4, 6), 9.0)), model(noisy), atol=1e-6)


def test_the_mean_of_tokens_is_the_same_everywhere():
    tokens = np.random.default_rng(0).random((2, 3, 4, 5))
    found = mean_tokens(tokens)
    assert found.shape == tokens.shape
    np.testing.assert_allclose(found[:, 2, 1], tokens.reshape(2, 12, 5).mean(1))
    np.testing.assert_allclose(np.ptp(found, axis=(1, 2)), 0)


def test_tokens_of_another_image_are_repeated_or_cut():
    other = np.arange(6.0).reshape(1, 2, 3, 1)
    assert tokens_in_place_of(np.zeros((1, 3, 2, 1)), other)[0, ..., 0].tolist() == [[0, 1], [3, 4], [0, 1]]


def test_another_network_is_refused():
    with pytest.raises(ValueError, match=r"Tokens can be replaced in a ViTUNet; received a UNet\."):
        TokenAblation(UNet(3, (4, 6)))
