import keras
import numpy as np
import pytest
from network_checks import noisy_images, with_random_weights

from tf_denoise.errors import InputError
from tf_denoise.models import UNet
from tf_denoise.tiling import precision
from tf_denoise.tiling.precision import choose_precision


@pytest.fixture(scope="module")
def model():
    return with_random_weights(UNet(3, widths=(4, 6)))


def timed(monkeypatch, **seconds):
    """Networks take a time that is told, by the name of their policy; what was timed."""
    asked = []

    def seconds_of(model):
        asked.append(model.dtype_policy.name)
        return seconds[model.dtype_policy.compute_dtype]

    monkeypatch.setattr(precision, "_seconds", seconds_of)
    return asked


@pytest.mark.parametrize(("mixed", "expected"), [(0.79, "bfloat16"), (0.81, "float32")])
def test_bfloat16_is_taken_where_it_saves_a_fifth(model, monkeypatch, mixed, expected):
    timed(monkeypatch, float32=1.0, bfloat16=mixed)
    chosen, name = choose_precision(model, "auto", megapixels=100)
    assert name == chosen.dtype_policy.compute_dtype == expected
    images = noisy_images(1, 24, 24, 3)
    np.testing.assert_allclose(chosen(images), model(images), atol=0.05)
    assert chosen(images).dtype == "float32"


def test_with_little_to_do_nothing_is_timed(model, monkeypatch):
    asked = timed(monkeypatch, float32=1.0, bfloat16=0.1)
    assert choose_precision(model, "auto", megapixels=1)[1] == "float32"
    assert choose_precision(model, "none", megapixels=100) == (model, "float32")
    assert choose_precision(model, "bfloat16", megapixels=1)[1] == "bfloat16"
    assert asked == []


def test_a_network_that_is_none_of_ours_stays_as_it_is():
    foreign = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(3, 1)])
    assert choose_precision(foreign, "auto", megapixels=100) == (foreign, "float32")
    with pytest.raises(InputError, match="--mixed-precision bfloat16 goes with a network of tf_denoise"):
        choose_precision(foreign, "bfloat16", megapixels=100)


def test_both_are_really_timed(model, monkeypatch):
    timed_models, seconds = [], precision._seconds
    monkeypatch.setattr(precision, "_seconds", lambda model: timed_models.append(model) or seconds(model))
    choose_precision(model, "auto", megapixels=100)
    assert {model.dtype_policy.name for model in timed_models} == {"float32", "mixed_bfloat16"}
    assert all(seconds(model) > 0 for model in timed_models)
