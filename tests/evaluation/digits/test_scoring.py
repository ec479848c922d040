import csv
import io
import json

import numpy as np
import pytest
import tensorflow as tf
from skimage.metrics import structural_similarity

from evaluation.bootstrap import Bootstrap
from evaluation.digits import scoring
from evaluation.digits.scoring import ROUNDED, UNROUNDED, Denoiser, DigitTable, Scorer, score_chains
from evaluation.digits.test_sets import TEST_SETS, noisy_test_set, renoise_for
from evaluation.distributions import pixel_frechet_distance
from evaluation.measures import DIGITS
from evaluation.table import INPUT

SHAPE = (12, 12, 1)
CLEAN = tf.constant(np.random.default_rng(0).uniform(-1, 1, (30, 144)).astype("float32"))
LABELS = np.arange(30) % 2


def classify(images):
    """Class 1 for images that are bright on the whole: it looks at values that rounding would change."""
    bright = tf.cast(tf.reduce_sum(images, 1) > 0, tf.float32)
    return tf.stack([1 - bright, bright], 1)


def halve(images):
    return images * 0.5


def lift(images):
    return tf.minimum(images + 0.123, 1.0)


@pytest.mark.slow
def test_chunks_come_back_in_their_order(monkeypatch):
    whole, parts = [], []
    for found, size in ((whole, 30), (parts, 7)):
        monkeypatch.setattr(scoring, "_CHUNK", size)
        found += Scorer(CLEAN, LABELS, classify, SHAPE).measure(halve(CLEAN))
    for one, other in zip(whole, parts, strict=True):
        assert one[:2] == other[:2]
        assert (one[3] is None) == (other[3] is None)
        if one[3] is not None:
            np.testing.assert_allclose(other[3], one[3], rtol=1e-4, atol=1e-6)


class Recorder:
    """A denoiser that remembers what it has seen."""

    def __init__(self, function):
        self.function, self.seen = function, []

    def __call__(self, images):
        self.seen.append(images.numpy())
        return self.function(images)


def chains(*renoise):
    """A parent that halves, and below it one child that lifts per word, each below the one before."""
    networks = [Denoiser("root", None, None, Recorder(halve))]
    for word in renoise:
        networks.append(Denoiser(f"{networks[-1].name}/{word}", networks[-1].name, word, Recorder(lift)))
    return networks


def score(repeats, renoise=False, bootstrap=None, **options):
    scorer = Scorer(CLEAN, LABELS, classify, SHAPE, bootstrap=bootstrap)
    return score_chains(scorer, CLEAN, repeats, 5, renoise_at_evaluation=renoise, **options)


def by_numpy(prediction):
    """`{(measure, rounded): value}` of a prediction in [-1, 1]."""
    found = {("classifier_accuracy", False): np.mean((prediction.sum(1) > 0) == LABELS)}
    for rounded in (True, False):
        target, values = ((np.asarray(images, "float64") + 1) / 2 for images in (CLEAN, prediction))
        if rounded:
            target, values = np.round(target, 2), np.round(values, 2)
            found["pixel_accuracy", True] = np.mean(target == values)
        squared = np.mean((target - values) ** 2, 1)
        kept = np.clip(values.astype("float32"), 1e-7, 1 - 1e-7).astype("float64")  # in the precision of Keras
        options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}
        pairs = zip(target.reshape(-1, 12, 12), values.reshape(-1, 12, 12), strict=True)
        found |= {
            ("mse", rounded): squared.mean(),
            ("mae", rounded): np.mean(abs(target - values)),
            ("binary_crossentropy", rounded): -np.mean(target * np.log(kept) + (1 - target) * np.log(1 - kept)),
            ("psnr", rounded): np.mean(-10 * np.log10(np.maximum(squared, 1e-10))),
            ("ssim", rounded): np.mean([structural_similarity(*pair, **options) for pair in pairs]),
            ("pixel_frechet_distance", rounded): pixel_frechet_distance(target, values),
        }
    return found


@pytest.mark.parametrize("test_set", ["original", "50%", "mixed"])
def test_a_child_is_scored_behind_its_parent_by_all_measures(test_set):
    table = DigitTable(score([chains("25")]))
    noisy = noisy_test_set(CLEAN, test_set, 5)[0].numpy()
    for name, prediction in ((INPUT, noisy), ("root", noisy * 0.5), ("root/25", np.minimum(noisy * 0.5 + 0.123, 1))):
        for (measure, rounded), expected in by_numpy(prediction).items():
            found = table.get(1, name, test_set, measure, rounded=rounded).value
            assert found == pytest.approx(expected, rel=2e-4, abs=2e-5), (name, measure, rounded)


def test_the_first_pass_hands_predictions_on_as_they_are():
    root, child, grandchild = networks = chains("25", "25")
    score([networks])
    for test_set, seen in zip(TEST_SETS, root.predict.seen, strict=True):
        np.testing.assert_array_equal(seen, noisy_test_set(CLEAN, test_set, 5)[0])
    np.testing.assert_array_equal(child.predict.seen, halve(np.array(root.predict.seen)))
    np.testing.assert_array_equal(grandchild.predict.seen, lift(np.array(child.predict.seen)))


def test_the_second_pass_renoises_the_whole_chain():
    root, child, grandchild = networks = chains("30", "30")
    rows = score([networks], renoise=True)
    assert len(root.predict.seen) == 12
    before, behind = halve(np.array(root.predict.seen)), np.array(child.predict.seen[1::2])
    for source, seen in ((before, behind), (lift(behind).numpy(), np.array(grandchild.predict.seen[1::2]))):
        changed = seen != source
        assert np.all(abs(seen[changed]) == 1)
        error = np.sqrt(0.2 * 0.8 / changed[0].size)  # the twelve sets are renoised alike
        assert np.mean(changed) == pytest.approx(0.2, abs=4 * error)
    table = DigitTable(rows)
    expected = by_numpy(lift(grandchild.predict.seen[-1]).numpy())["mse", False]
    assert table.get(1, "root/30/30", "mixed", "mse", renoised=True).value == pytest.approx(expected, rel=1e-4)
    assert {row.network for row in rows if row.renoised} == {"root/30", "root/30/30"}


def test_the_second_pass_leaves_out_children_that_were_not_renoised():
    networks = chains("0", "0")
    rows = score([networks], renoise=True)
    assert not any(row.renoised for row in rows)
    assert [len(network.predict.seen) for network in networks] == [12, 12, 12]


def test_multi_renoises_at_the_level_of_the_input():
    levels = tf.constant(np.arange(11) / 10, tf.float32)
    renoised = renoise_for("multi", tf.zeros((11, 20_000)), levels, (3, 0)).numpy()
    np.testing.assert_allclose(np.mean(renoised != 0, 1), np.arange(11) / 15, atol=0.02)
    assert not renoised[0].any()
    constant = renoise_for("40", tf.zeros((11, 20_000)), levels, (3, 0)).numpy()
    np.testing.assert_allclose(np.mean(constant != 0, 1), 0.8 / 3, atol=0.02)


def test_the_twelve_test_sets_have_the_noise_they_are_named_after():
    assert ("original", *(f"{p}%" for p in range(10, 101, 10)), "mixed") == TEST_SETS
    grey = tf.zeros((110, 4000))
    sets = {name: noisy_test_set(grey, name, 1) for name in TEST_SETS}
    for name in TEST_SETS[:-1]:
        level = 0 if name == "original" else int(name[:-1]) / 100
        images, levels = sets[name]
        np.testing.assert_allclose(levels, np.full(110, level), atol=1e-7)
        assert np.mean(images.numpy() != 0) == pytest.approx(2 / 3 * level, abs=0.004)
    images, levels = sets["mixed"]
    assert set(np.round(levels.numpy() * 10)) == set(range(11))
    np.testing.assert_allclose(np.mean(images.numpy() != 0, 1), 2 / 3 * levels.numpy(), atol=0.04)


def test_test_sets_repeat_themselves_and_share_no_noise():
    one, again, other = (noisy_test_set(CLEAN, "50%", seed)[0].numpy() for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert np.mean(one == other) < 0.6
    changed = [noisy_test_set(tf.zeros((1, 40_000)), f"{p}%", 1)[0].numpy() != 0 for p in (50, 60)]
    assert np.mean(changed[0] & changed[1]) == pytest.approx(1 / 3 * 0.4, abs=0.01)


def test_the_table_is_complete_and_tidy():
    rows = score([chains("25", "25")] * 2, renoise=True, bootstrap=Bootstrap(30, replicates=50))
    places = [(r.repeat, r.network, r.renoised, r.test_set, r.measure, r.rounded) for r in rows]
    scored = {(0, INPUT, False)}
    for repeat in (1, 2):
        scored |= {(repeat, "root", False)}
        scored |= {(repeat, name, again) for name in ("root/25", "root/25/25") for again in (False, True)}
    kinds = {(m, True) for m in ROUNDED} | {(m, False) for m in UNROUNDED}
    assert {m for m, _ in kinds} == set(DIGITS)
    assert len(kinds) == 14
    assert len(places) == len(set(places))
    assert set(places) == {(*s, t, *k) for s in scored for t in TEST_SETS for k in kinds}
    for row in rows:
        if row.measure == "pixel_frechet_distance":
            assert row.low is row.high is row.replicates is None
        else:
            assert row.low <= row.value <= row.high
            np.testing.assert_allclose(np.quantile(row.replicates, [0.025, 0.975]), [row.low, row.high])


def test_both_files_hold_the_same_table():
    rows = score([chains("25")], bootstrap=Bootstrap(30, replicates=20))
    from_json = json.loads(json.dumps(DigitTable(rows).records()))
    from_csv = list(csv.DictReader(io.StringIO(DigitTable(rows).csv())))
    assert list(from_csv[0]) == [
        "repeat", "network", "renoised", "test_set", "measure", "rounded", "value", "low", "high",
    ]  # fmt: skip
    as_text = [{k: "" if v is None else str(v) for k, v in row.items()} for row in from_json]
    assert from_csv == as_text
    assert [float(row["value"]) for row in from_csv] == [row.value for row in rows]


def test_repeats_see_the_same_test_digits():
    rows = score([chains("25"), chains("25")])
    table = DigitTable(rows)
    assert table.repeats == [1, 2]
    first, second = table.over_repeats("root/25", "70%", "ssim")
    assert (first.repeat, second.repeat) == (1, 2)
    assert first.value == second.value
    assert table.get(2, INPUT, "70%", "mse") is table.get(1, INPUT, "70%", "mse")


def test_rounded_measures_may_be_had_alone():
    scorer = Scorer(CLEAN, LABELS, classify, SHAPE, unrounded=False)
    rows = scorer.score(CLEAN * 0.5, repeat=1, network="n", renoised=False, test_set="original")
    assert {(row.measure, row.rounded) for row in rows} == {
        *((m, True) for m in ROUNDED),
        ("classifier_accuracy", False),
    }
    assert all(row.low is None for row in rows)


def test_an_observer_sees_every_prediction_of_the_first_pass():
    places, wrapped = [], []

    def progress(test_sets):
        for test_set in test_sets:
            wrapped.append(test_set)
            yield test_set

    score(
        [chains("25")],
        renoise=True,
        observe=lambda repeat, name, test_set, images: places.append((repeat, name, test_set, images.shape)),
        progress=progress,
    )
    expected = [(r, n, t, CLEAN.shape) for t in TEST_SETS for r, n in ((0, INPUT), (1, "root"), (1, "root/25"))]
    assert places == expected
    assert tuple(wrapped) == TEST_SETS
