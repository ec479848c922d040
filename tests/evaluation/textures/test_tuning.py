import numpy as np
import pytest
from texture_cases import at_levels, pictures

from evaluation.textures.baselines import BASELINES, Baseline
from evaluation.textures.tuning import best_rivals, spread_out, tune, tune_at_levels
from tf_denoise.data.noisy_pair import NoisyPair


def test_tuning_finds_the_lowest_error_of_all_candidates():
    validation = pictures(3)
    blur = BASELINES["gaussian_blur"]
    tuned = tune(blur, validation)
    errors = {}
    for candidate in blur.candidates():
        outputs = [np.clip(blur.function(p.noisy, **candidate), 0, 1) for p in validation]
        errors[tuple(candidate.values())] = np.mean([np.mean((o - p.clean) ** 2) for o, p in zip(outputs, validation, strict=True)])  # fmt: skip  # noqa: E501
    assert tuple(tuned.parameters.values()) == min(errors, key=errors.get)
    assert tuned.mse == pytest.approx(min(errors.values()), rel=1e-5)
    output = tuned(validation[0].noisy)
    assert 0 <= output.min() <= output.max() <= 1


def test_the_search_is_bounded_in_pictures_and_pixels():
    seen = []

    def look(image, strength):
        seen.append(image.shape)
        return image

    tune(Baseline("look", look, {"strength": (1, 2)}), pictures(1, side=200) * 30)
    assert seen == [(192, 192, 3)] * 24 * 2


def test_only_outputs_in_range_are_compared():
    """Clipped, the candidate that overshoots is the better one."""
    bright = np.ones((8, 8, 1), "float32")
    picture = NoisyPair("bright", bright, bright)
    shift = Baseline("shift", lambda image, by: image + by, {"by": (-0.1, 5.0)})
    assert tune(shift, [picture]).parameters == {"by": 5.0}


def test_tuning_needs_a_picture():
    with pytest.raises(ValueError, match="Median is tuned on validation pictures; received none"):
        tune(BASELINES["median"], [])


def test_few_items_are_all_taken():
    assert spread_out([1, 2], 5) == [1, 2]
    assert spread_out([1], 1) == [1]
    assert spread_out(list(range(100)), 4) == [0, 33, 66, 99]


def test_every_method_is_tuned_at_every_level_on_the_pictures_of_that_level(monkeypatch):
    """Ten times the noise wants a wider blur than little noise, and each gets the one that is best for it alone."""
    monkeypatch.setattr("evaluation.textures.tuning.BASELINES", {"gaussian_blur": BASELINES["gaussian_blur"]})
    validation = at_levels(pictures(3), (8, 80))
    rivals = tune_at_levels(validation)
    assert list(rivals) == [8, 80]
    for level, tuned in rivals.items():
        alone = tune(BASELINES["gaussian_blur"], [p for p in validation if p.level == level])
        assert tuned["gaussian_blur"] == alone
    sigmas = [rivals[level]["gaussian_blur"].parameters["sigma"] for level in (8, 80)]
    assert sigmas[0] < sigmas[1] - 0.5
    assert best_rivals(rivals) == {8: "gaussian_blur", 80: "gaussian_blur"}
