"""Whether two shots show the same."""

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings, strategies as st

from tf_denoise.errors import InputError
from tf_denoise.noise.found import find_noise
from training.textures.twins import check_clean_partners, check_twins, unevenness


def scene(seed, side=160, grain=3):
    """Texture of a deviation of 0.06 around grey."""
    drawn = np.random.default_rng(seed).standard_normal((side, side, 1))
    soft = scipy.ndimage.gaussian_filter(drawn, (grain, grain, 0))
    return 0.45 + 0.06 * soft / soft.std() + np.zeros(3)


def shot(image, sigma, seed, white=255):
    noisy = image + sigma * np.random.default_rng(seed).standard_normal(image.shape)
    return np.clip(np.round(white * noisy), 0, white).astype("uint8" if white == 255 else "uint16")


def shots(change, sigma, count=6, white=255):
    return [
        (str(n), (shot(scene(n), sigma, 2 * n, white), shot(change(scene(n), n), sigma, 2 * n + 1, white)))
        for n in range(count)
    ]


def look(pairs, next_plane=False):
    check_twins(pairs, find_noise(one for _, (one, _) in pairs), next_plane)


@given(seed=st.integers(0, 999), sigma=st.floats(0.02, 0.3))
@settings(max_examples=20)
def test_the_difference_of_white_noise_is_even(seed, sigma):
    one, other = (0.5 + sigma * np.random.default_rng([seed, n]).standard_normal((160, 160, 3)) for n in range(2))
    value, blocks = unevenness(one.clip(0.001, 0.999), other.clip(0.001, 0.999))
    assert blocks == 400
    assert value == pytest.approx(1, abs=4 * np.sqrt(2 / (3 * blocks)))


def test_it_is_what_numpy_says_of_a_pattern():
    """Blocks that differ by a known amount, and noise within."""
    random = np.random.default_rng(0)
    pattern = np.kron(random.standard_normal((40, 40)), np.ones((8, 8)))[..., None]
    noise = random.standard_normal((320, 320, 1))
    value, _ = unevenness(0.5 + 0.01 * (pattern + noise), np.full((320, 320, 1), 0.5))
    means = noise.reshape(40, 8, 40, 8).mean(axis=(1, 3)) + pattern[::8, ::8, 0]
    # the light is the difference itself here, which explains it: with the second shot flat nothing is left
    assert value < 0.1
    light = np.kron(random.standard_normal((40, 40)), np.ones((8, 8)))[..., None]
    other = 0.5 + 0.05 * light
    value, _ = unevenness(other + 0.01 * (pattern + noise), other)
    assert value == pytest.approx(64 * means.var(), rel=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("white", [255, 65535])
@pytest.mark.parametrize("sigma", [0.02, 0.06, 0.1, 0.2])
def test_shots_of_one_scene_pass_whatever_the_exposure(sigma, white):
    for change in (lambda image, n: image, lambda image, n: 1.05 * image + 0.01):
        pairs = shots(change, sigma, white=white)
        look(pairs)
        assert np.mean([unevenness(*pair)[0] for _, pair in pairs]) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("sigma", [0.02, 0.06, 0.1, 0.2])
@pytest.mark.parametrize(
    "change",
    [
        lambda image, n: scene(n + 50),
        lambda image, n: scene(50) if n == 3 else image,
        lambda image, n: np.roll(image, 8, axis=1),
    ],
    ids=["another scene", "one other scene", "moved"],
)
def test_shots_that_do_not_show_the_same_are_refused(change, sigma):
    with pytest.raises(InputError, match="and its twin do not show the same: their difference has structure"):
        look(shots(change, sigma))


def test_the_sentence_names_the_pair_and_what_moves():
    pairs = shots(lambda image, n: scene(50) if n == 3 else image, 0.06)
    with pytest.raises(InputError, match=r"^3 and its twin do not show the same.*times as much from place to place"):
        look(pairs)
    with pytest.raises(InputError, match=r"3 and the plane before do not show the same.*so something moves"):
        look(pairs, next_plane=True)


def test_a_picture_is_no_twin_of_itself():
    pairs = shots(lambda image, n: image, 0.06)
    pairs[2] = ("2", (pairs[2][1][0],) * 2)
    with pytest.raises(
        InputError, match=r"2 and its twin are the same picture, or one.*; each shot needs noise of its own"
    ):
        look(pairs)


def test_noise_that_neighbours_share_is_no_other_scene():
    def blurred(image, seed):
        noise = scipy.ndimage.uniform_filter(np.random.default_rng(seed).standard_normal(image.shape), (3, 3, 1))
        return shot(image + 0.03 * noise / noise.std(), 0.0, 0)

    look([(str(n), (blurred(scene(n), 2 * n), blurred(scene(n), 2 * n + 1))) for n in range(6)])
    wide = {n: scene(n, grain=8) for n in range(12)}
    pairs = [(str(n), (blurred(wide[n], 2 * n), blurred(wide[n + 6 * (n == 4)], 2 * n + 1))) for n in range(6)]
    with pytest.raises(InputError, match=r"^4 and its twin do not show the same.*in a row share 0\.\d\d of it"):
        look(pairs)


def test_shots_with_salt_and_pepper_are_looked_at_too():
    def strong(seed):
        return 0.45 + 2 * (scene(seed, grain=8) - 0.45)

    def peppered(image, seed):
        random = np.random.default_rng(seed)
        return np.where(random.random(image.shape) < 0.1, 255 * random.integers(0, 2, image.shape), shot(image, 0.0, 0))

    def pairs(step):
        return [
            (str(n), tuple(peppered(strong(n + step * k), 2 * n + k).astype("uint8") for k in range(2)))
            for n in range(4)
        ]

    look(pairs(0))
    with pytest.raises(InputError, match="and its twin do not show the same"):
        look(pairs(50))


def test_shots_of_two_bit_depths_are_compared_as_shares_of_white():
    for other, is_same in ((scene(1), True), (scene(9), False)):
        pairs = [("a", (shot(scene(1), 0.05, 0), shot(other, 0.05, 1, white=65535)))]
        if is_same:
            look(pairs)
        else:
            with pytest.raises(InputError, match="a and its twin do not show the same"):
                look(pairs)


def test_a_little_of_it_is_none_either():
    """Correlation of a tenth, which is not called shared."""

    def little(image, seed):
        noise = np.random.default_rng(seed).standard_normal(image.shape)
        noise += 0.1 * (np.roll(noise, 1, axis=1) + np.roll(noise, 1, axis=0))
        return shot(image + 0.06 * noise, 0.0, 0)

    pairs = [(str(n), (little(scene(n), 2 * n), little(scene(n), 2 * n + 1))) for n in range(6)]
    assert find_noise(one for _, (one, _) in pairs).is_white
    assert np.mean([unevenness(*pair)[0] for _, pair in pairs]) > 1.3  # more than white noise is allowed
    look(pairs)


def test_black_pictures_give_nothing_to_look_at():
    assert unevenness(np.zeros((64, 64, 1), "uint8"), np.ones((64, 64, 1), "uint8")) == (1.0, 0)


@pytest.mark.parametrize(
    "again",
    [
        lambda one: (one * 257).astype("uint16"),
        lambda one: np.round(0.9 * one + 5).astype("uint8"),
        lambda one: np.clip(one + np.random.default_rng(9).normal(0, 2, one.shape), 0, 255).astype("uint8"),
    ],
    ids=["16 bits", "darker", "a little noise more"],
)
def test_one_shot_stored_twice_is_no_twin_of_itself(again):
    pairs = shots(lambda image, n: image, 0.1)
    name, (one, _) = pairs[4]
    pairs[4] = (name, (one, again(one.astype("float64") if one.dtype == "uint8" else one)))
    with pytest.raises(InputError, match=r"^4 and its twin are the same picture, or one shot stored twice; each"):
        look(pairs)


@pytest.mark.parametrize("change", [lambda image, n: 1.3 * image + 0.04, lambda image, n: 0.5 * image])
def test_shots_of_another_exposure_are_refused(change):
    with pytest.raises(InputError, match=r"its twin are not equally bright \(a mean difference of \d\d 255ths\)"):
        look(shots(change, 0.06))


def test_a_shot_with_hardly_any_noise_is_refused():
    look([(str(n), (shot(scene(n), 0.1, n), shot(scene(n), 0.04, 50 + n))) for n in range(6)])  # two gains are fine
    pairs = [(str(n), (shot(scene(n), 0.1, n), shot(scene(n), 0.01, 50 + n))) for n in range(6)]
    with pytest.raises(
        InputError, match=r"^Of the two shots one has next to no noise.* of clean photographs with --clean\."
    ):
        look(pairs)


def test_a_film_that_fades_is_no_scene_that_rests():
    pairs = shots(lambda image, n: 0.6 * image, 0.06)
    with pytest.raises(InputError, match=r"the plane before are not equally bright .* rest: leave it out\.$"):
        look(pairs, next_plane=True)


@pytest.mark.parametrize("are_clean", [True, False])
@pytest.mark.parametrize("sigmas", [(0.02,), (0.1,), (0.2,), (0.02, 0.2)])
def test_clean_partners_are_clean_and_partners(sigmas, are_clean):
    noisy = [shot(scene(n), sigmas[n % len(sigmas)], n) for n in range(6)]
    clean = [shot(scene(n), 0, 0) for n in range(6)]
    pairs = lambda partners: [(str(n), (noisy[n], partners[n])) for n in range(6)]  # noqa: E731
    check_clean_partners(pairs(clean), are_clean)
    check_clean_partners([], are_clean)
    with pytest.raises(InputError, match=r"^0 and its clean partner are the same picture, and so are the others"):
        check_clean_partners(pairs(noisy), are_clean)
    with pytest.raises(InputError, match=r"^0 and its clean partner do not show the same, nor do most of the others"):
        check_clean_partners(pairs(clean[2:] + clean[:2]), are_clean)
    twins = pairs([shot(scene(n), sigmas[n % len(sigmas)], 50 + n) for n in range(6)])
    if are_clean:
        with pytest.raises(InputError, match=r"differ by more than the noise .* Are the clean ones noisy themselves"):
            check_clean_partners(twins, are_clean)
    else:
        check_clean_partners(twins, are_clean)


def test_photons_are_more_in_light_pictures():
    random = np.random.default_rng(0)
    pairs = []
    for n in range(6):
        clean = (0.15 + 0.13 * n) * scene(n) / 0.45
        pairs.append(
            (str(n), (0.02 * random.poisson(clean / 0.02) + 0.01 * random.standard_normal(clean.shape), clean))
        )
    check_clean_partners(pairs, are_clean=True)
