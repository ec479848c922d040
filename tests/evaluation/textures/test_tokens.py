import numpy as np
import pytest
from texture_cases import pictures

from evaluation.textures.findings import token_lines
from evaluation.textures.scoring import PictureTable, score_methods
from evaluation.textures.tokens import token_uses
from tf_denoise.data.noisy_pair import NoisyPair

TRUTH = {}


class Listening:
    """A stand-in whose tokens are the clean picture, of which it gives back a share."""

    def __init__(self, share=1.0):
        self.share = share

    def tokens(self, images):
        return TRUTH[images.tobytes()][None]

    def __call__(self, images, tokens):
        return images + self.share * (tokens - images)


@pytest.fixture(scope="module")
def held_out():
    found = [
        NoisyPair(f"{index}", picture.clean, picture.noisy, level)
        for index, picture in enumerate(pictures(10))
        for level in (25.0, 50.0)
    ]
    TRUTH.update({picture.noisy[None].tobytes(): picture.clean for picture in found})
    return found


def use_of(held_out, *shares):
    """A repeat for each share."""
    ablations = {(repeat, "mae"): Listening(share) for repeat, share in enumerate(shares, 1)}

    def as_it_is(listening):
        return lambda x: listening(x[None], listening.tokens(x[None]))[0]

    run = {place: as_it_is(listening) for place, listening in ablations.items()}
    table = PictureTable(score_methods(held_out, run))
    return token_uses(table, held_out, ablations), table


def test_replacing_tokens_that_tell_the_picture_costs_what_can_be_computed_by_hand(held_out):
    (mean, other), table = use_of(held_out, 0.5)
    assert [use.replaced for use in (mean, other)] == ["mean", "other"]
    assert (mean.difference.verdict, other.difference.verdict) == ("worse", "worse")
    values = []
    for index in range(10):
        mine, next_one = (next(p for p in held_out if p.name == str(number % 10)) for number in (index, index + 1))
        output = np.clip((mine.noisy + next_one.clean) / 2, 0, 1)
        values.append(-10 * np.log10(np.mean((output - mine.clean) ** 2)))
    own = table.values("mae", "psnr").mean(axis=1)[0]
    assert other.difference.value == pytest.approx(np.mean(values - own), abs=1e-3)


@pytest.mark.slow
def test_repeats_are_paired_with_themselves(held_out):
    """One that listens much and one that does not listen at all: the second differs from itself by nothing."""
    (mean, _), _ = use_of(held_out, 0.5, 0.0)
    (alone, _), _ = use_of(held_out, 0.5)
    assert mean.difference.value == pytest.approx(alone.difference.value / 2)


def test_tokens_that_are_not_listened_to_make_no_difference(held_out):
    uses, _ = use_of(held_out, 0.0)
    assert [use.difference.value for use in uses] == [pytest.approx(0, abs=1e-6)] * 2
    assert {use.difference.verdict for use in uses} <= {"unclear"}


def test_a_single_photograph_has_no_other(held_out):
    alone = held_out[:1]
    table = PictureTable(score_methods(alone, {(1, "mae"): lambda x: x}))
    assert token_uses(table, alone, {(1, "mae"): Listening()}) == []


class Named:
    def __init__(self, repeats):
        self.repeats, self.names = repeats, ["mae"]

    def title(self, name):
        return "U-Net with transformer, MAE"


def test_what_is_said_of_them_is_a_table(held_out):
    uses, _ = use_of(held_out, 0.5)
    assert "repeats" not in token_lines(uses, Named(1))[2]
    lines = token_lines(uses, Named(2))
    assert lines[0].startswith("| network | instead of its tokens | PSNR, dB | verdict |")
    assert lines[2].startswith("| U-Net with transformer, MAE | their mean at every place | \N{MINUS SIGN}")
    assert lines[3].endswith("the tokens help |")
