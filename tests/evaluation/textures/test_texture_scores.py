import csv
import io

import numpy as np
import pytest
from sharpness_references import numpy_gmsd, numpy_radial_error, numpy_ratio
from skimage import metrics as skimage_metrics
from texture_cases import SIGMA, at_levels, blur, pictures, record, small_run, with_noise

from evaluation.differences import mean_interval
from evaluation.measures import PHOTOGRAPHS
from evaluation.table import INPUT
from evaluation.textures.baselines import BASELINES
from evaluation.textures.cost import costs_of, milliseconds_per_megapixel
from evaluation.textures.scoring import PictureScore, PictureTable, measure_picture, score_methods
from evaluation.textures.sweep import sweep_noise
from evaluation.textures.tuning import tune
from tf_denoise.data.noisy_pair import NoisyPair


@pytest.mark.parametrize("channels", [1, 3])
def test_measures_are_those_of_others(channels):
    picture = pictures(1, side=20, channels=channels)[0]
    output = blur(1.0)(picture.noisy)
    found = measure_picture(picture.clean, output)
    assert list(found) == list(PHOTOGRAPHS)
    clean, output = (x.astype("float64") for x in (picture.clean, np.clip(output, 0, 1)))
    assert found["mse"] == pytest.approx(skimage_metrics.mean_squared_error(clean, output), rel=1e-4)
    assert found["psnr"] == pytest.approx(skimage_metrics.peak_signal_noise_ratio(clean, output, data_range=1), abs=1e-3)  # fmt: skip  # noqa: E501
    assert found["gmsd"] == pytest.approx(numpy_gmsd(clean, output), rel=1e-3)
    assert found["high_frequency_ratio"] == pytest.approx(numpy_ratio(clean, output, 0.25), rel=1e-3)
    assert found["radial_spectrum_error"] == pytest.approx(numpy_radial_error(clean, output), rel=1e-3)
    shift = np.abs(output.mean((0, 1)) - clean.mean((0, 1))).mean()
    assert found["discoloration"] == pytest.approx(shift, abs=1e-6)


def test_ssim_is_that_of_scikit_image_where_its_window_fits():
    picture = pictures(1, side=40)[0]
    _, full = skimage_metrics.structural_similarity(
        picture.clean, picture.clean * 0.8, channel_axis=-1, data_range=1, gaussian_weights=True, sigma=1.5,
        use_sample_covariance=False, full=True,
    )  # fmt: skip
    assert measure_picture(picture.clean, picture.clean * 0.8)["ssim"] == pytest.approx(full[5:-5, 5:-5].mean(), rel=1e-4)  # fmt: skip  # noqa: E501


@pytest.mark.parametrize("side", [4, 5, 10, 11, 31, 64])
def test_small_pictures_are_measured_too(side):
    picture = pictures(1, side=side)[0]
    assert np.isfinite(list(measure_picture(picture.clean, picture.noisy).values())).all()
    same = measure_picture(picture.clean, picture.clean)
    assert (same["mse"], same["psnr"], same["discoloration"]) == (0, 100, 0)
    assert same["ssim"] == pytest.approx(1, abs=1e-6)


def test_outputs_are_clipped_before_they_are_measured():
    ones = np.ones((16, 16, 1), "float32")
    assert measure_picture(ones, ones + 3)["mse"] == 0


def test_every_method_is_scored_on_every_picture():
    test = pictures(2)
    networks = {(1, "mse"): blur(1), (2, "mse"): blur(2)}
    rivals = {None: {"median": np.asarray}}
    seen = []
    rows = score_methods(test, networks, rivals, observe=lambda *place: seen.append((*place[:2], place[2].name)))
    places = [(0, INPUT), (0, "median"), *networks]
    assert seen == [(*place, picture.name) for picture in test for place in places]
    assert len(rows) == 2 * 4 * len(PHOTOGRAPHS)
    table = PictureTable(rows)
    assert table.methods == [INPUT, "median", "mse"]
    assert table.values("mse", "psnr").shape == (2, 1, 2)
    assert table.values("median", "psnr").shape == (1, 1, 2)
    np.testing.assert_array_equal(table.values("median", "mse"), table.values(INPUT, "mse"))
    expected = measure_picture(test[1].clean, blur(2)(test[1].noisy))["ssim"]
    assert table.values("mse", "ssim")[1, 0, 1] == pytest.approx(expected)


def test_a_picture_is_given_to_the_rivals_of_its_own_level():
    test = at_levels(pictures(2), (10, 60))
    rivals = {10: {"median": lambda image: image * 0 + 0.1}, 60: {"median": lambda image: image * 0 + 0.6}}
    outputs = {}
    rows = score_methods(
        test, {(1, "mse"): blur(1)}, rivals, observe=lambda *p: outputs.setdefault((p[1], p[2].level), p[3])
    )
    assert {level: outputs["median", level].mean() for level in rivals} == pytest.approx({10: 0.1, 60: 0.6})
    table = PictureTable(rows)
    assert (table.levels, table.num_photographs) == ([10, 60], 2)
    found = table.values("mse", "psnr", [60])
    assert found.shape == (1, 1, 2)
    np.testing.assert_array_equal(found[:, 0], table.values("mse", "psnr")[:, 1])
    at_60 = [p for p in test if p.level == 60]
    expected = [measure_picture(p.clean, blur(1)(p.noisy))["psnr"] for p in at_60]
    assert found[0, 0] == pytest.approx(expected)
    assert table.average("mse", "psnr", [60]).value == pytest.approx(np.mean(expected))


def test_the_table_is_written_row_by_row():
    place = (1, "mse", 'a "b", c')
    rows = [PictureScore(*place, 25.0, "psnr", 20.125), PictureScore(*place, None, "mse", 0.01)]
    read = list(csv.DictReader(io.StringIO(PictureTable(rows).csv())))
    assert list(read[0]) == ["repeat", "method", "picture", "level", "measure", "value"]
    assert (read[0]["picture"], read[0]["level"], float(read[0]["value"])) == ('a "b", c', "25.0", 20.125)
    assert read[1]["level"] == ""


def test_averages_have_an_interval_over_pictures_and_a_spread_over_repeats():
    values = np.random.default_rng(0).random((3, 2, 30))
    rows = [
        PictureScore(repeat + 1, "mse", str(picture), (15.0, 50.0)[level], "mse", values[repeat, level, picture])
        for repeat in range(3)
        for picture in range(30)
        for level in range(2)
    ]
    found = PictureTable(rows).average("mse", "mse")
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx(mean_interval(values.mean((0, 1))))
    means = values.mean((1, 2))
    assert (found.least, found.most) == pytest.approx((means.min(), means.max()))


def test_a_network_that_changes_the_shape_is_named():
    with pytest.raises(ValueError, match=r"regional takes and gives images of one shape; received \(48, 48, 3\), gave"):
        score_methods(pictures(1), {(1, "regional"): lambda image: image[1:]})


def test_the_cost_is_the_median_of_calls_after_one_to_warm_up(monkeypatch):
    clock = iter([0.0, 1.0, 1.0, 1.5, 2.0, 4.0])  # calls of 1, 0.5 and 2 seconds
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    calls = []
    image = np.zeros((100, 200, 3), "float32")
    assert milliseconds_per_megapixel(calls.append, image, calls=3) == pytest.approx(1000 / 0.02)
    assert len(calls) == 4


def test_a_slow_method_is_timed_once(monkeypatch):
    clock = iter([0.0, 99.0])
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    assert milliseconds_per_megapixel(abs, np.zeros((1000, 1000, 1))) == pytest.approx(99_000)


def test_every_method_is_timed_at_the_middle_level():
    seen = {}

    def method(name):
        return lambda image: seen.setdefault(name, image)

    test = at_levels(pictures(3), (10, 30, 60))
    run = small_run(networks={(1, "mse"): method("mse")}, records={(1, "mse"): record()}, test=test, validation=test)
    rivals = {level: {"median": method(f"median at {level}")} for level in (10, 30, 60)}
    assert set(costs_of(run, rivals)) == {"median", "mse"}
    assert set(seen) == {"median at 30", "mse"}
    assert any(np.array_equal(seen["mse"], p.noisy) for p in test if p.level == 30)


def sweep(**changed):
    """The sweep of a run on three photographs at the level 25, and the tuned blur of that level."""
    test, validation = at_levels(pictures(3), (25.0,)), at_levels(pictures(2, seed=50), (25.0,))
    run = small_run(2, **{"test": test, "validation": validation, "sigmas": (10, 25, SIGMA)} | changed)
    rivals = {25.0: {"gaussian_blur": tune(BASELINES["gaussian_blur"], validation)}}
    return sweep_noise(run, rivals), run, rivals[25.0]["gaussian_blur"]


def test_the_sweep_is_the_mean_psnr_at_every_level():
    found, run, _ = sweep()
    assert (found.sigmas, found.num_pictures) == ((10, 25, SIGMA), 3)
    assert {name: values.shape for name, values in found.curves.items()} == {
        INPUT: (1, 3), "gaussian_blur": (1, 3), "mse": (2, 3), "frequency": (2, 3),
    }  # fmt: skip

    def psnr(method, sigma):
        outputs = [np.clip(method(with_noise(p.clean, sigma)), 0, 1) for p in run.test]
        return np.mean([skimage_metrics.peak_signal_noise_ratio(p.clean, o, data_range=1) for p, o in zip(run.test, outputs, strict=True)])  # fmt: skip  # noqa: E501

    assert found.curves["mse"][1, 0] == pytest.approx(psnr(run.networks[2, "mse"], 10), abs=1e-3)
    assert found.curves[INPUT][0, 2] == pytest.approx(psnr(np.asarray, SIGMA), abs=1e-3)
    at_ten = [NoisyPair(p.name, p.clean, with_noise(p.clean, 10)) for p in run.validation]
    tuned = tune(BASELINES["gaussian_blur"], at_ten)
    assert found.curves["gaussian_blur"][0, 0] == pytest.approx(psnr(tuned, 10), abs=1e-3)


def test_the_sweep_takes_the_blur_of_the_judgement_where_the_levels_are_the_same(monkeypatch):
    tuned_at = []
    real = tune
    monkeypatch.setattr(
        "evaluation.textures.sweep.tune", lambda method, seen: tuned_at.append(seen[0].level) or real(method, seen)
    )
    found, run, blurred = sweep()
    assert tuned_at == [10, SIGMA]
    noisy = [with_noise(p.clean, 25) for p in run.test]
    expected = [measure_picture(p.clean, blurred(n))["psnr"] for p, n in zip(run.test, noisy, strict=True)]
    assert found.curves["gaussian_blur"][0, 1] == pytest.approx(np.mean(expected), abs=1e-3)


def test_a_sweep_looks_at_twelve_photographs_at_most():
    test = [NoisyPair(str(i), p.clean, p.noisy, level) for i, p in enumerate(pictures(1) * 15) for level in (15, 50)]
    found, _, _ = sweep(test=test, validation=test[:2], sigmas=(20,))
    assert found.num_pictures == 12


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"test": []}, "needs test; received none"),
        ({"networks": {(1, "mse"): abs}}, "Every repeat, counted from 1, has every network"),
        ({"parameters": {"mse": 1}}, "'frequency' has none"),
        ({"sharper": "median"}, "cannot be called 'median'"),
        ({"make_noisy": None}, "needs `make_noisy`"),
        ({"test": pictures(1) * 2}, "'astronaut 0' stands there twice"),
        ({"test": at_levels(pictures(2), (15, 50))[:3]}, r"at every noise level, \[15, 50\]; received 3 pictures of 2"),
        ({"test": at_levels(pictures(2), (15, 50))}, r"at every noise level, \[15, 50\]"),
    ],
)
def test_a_run_whose_parts_do_not_fit_is_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        small_run(**changed)


@pytest.mark.parametrize("shapes", [((8, 8, 3), (8, 8, 1)), ((8, 8), (8, 8)), ((3, 8, 1), (3, 8, 1))])
def test_a_picture_has_clean_and_noisy_pixels_of_one_shape(shapes):
    with pytest.raises(ValueError, match="odd has"):
        NoisyPair("odd", *map(np.zeros, shapes))


def test_noise_is_made_when_it_is_asked_for():
    made = []
    clean = np.zeros((8, 8, 3), "float32")
    pair = NoisyPair("lazy", clean, lambda: made.append(1) or clean + 0.5, 25.0)
    assert (made, pair.level, pair.megapixels) == ([], 25.0, 6.4e-05)
    np.testing.assert_array_equal(pair.noisy, pair.noisy)
    assert len(made) == 2
