import csv
import io

import numpy as np
import pytest
from skimage import metrics as skimage_metrics
from test_sharpness import numpy_gmsd, numpy_radial_error, numpy_ratio
from texture_cases import SIGMA, blur, pictures, small_run, with_noise

from evaluation.bootstrap import Bootstrap, interval
from evaluation.digits.scoring import INPUT
from evaluation.textures.baselines import BASELINES, tune
from evaluation.textures.scoring import (
    MEASURES,
    PictureScore,
    TextureTable,
    measure_picture,
    milliseconds_per_megapixel,
    score_methods,
    sweep_noise,
)
from tf_denoise.data.noisy_pair import NoisyPair


@pytest.mark.parametrize("channels", [1, 3])
def test_measures_are_those_of_others(channels):
    picture = pictures(1, side=20, channels=channels)[0]
    output = blur(1.0)(picture.noisy)
    found = measure_picture(picture.clean, output)
    assert list(found) == list(MEASURES)
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
    methods = {(0, "median"): np.asarray, (1, "mse"): blur(1), (2, "mse"): blur(2)}
    seen = []
    rows = score_methods(test, methods, observe=lambda *place: seen.append((*place[:2], place[2].name)))
    places = [(0, INPUT), *methods]
    assert seen == [(*place, picture.name) for picture in test for place in places]
    assert len(rows) == 2 * 4 * len(MEASURES)
    table = TextureTable(rows)
    assert table.methods == [INPUT, "median", "mse"]
    assert table.values("mse", "psnr").shape == (2, 2)
    assert table.values("median", "psnr").shape == (1, 2)
    np.testing.assert_array_equal(table.values("median", "mse"), table.values(INPUT, "mse"))
    expected = measure_picture(test[1].clean, blur(2)(test[1].noisy))["ssim"]
    assert table.values("mse", "ssim")[1, 1] == pytest.approx(expected)


def test_the_table_is_written_row_by_row():
    rows = [PictureScore(1, "mse", 'a "b", c', "psnr", 20.125), PictureScore(1, "mse", 'a "b", c', "mse", 0.01)]
    read = list(csv.DictReader(io.StringIO(TextureTable(rows).csv())))
    assert list(read[0]) == ["repeat", "method", "picture", "measure", "value"]
    assert (read[0]["picture"], float(read[0]["value"])) == ('a "b", c', 20.125)


def test_averages_have_an_interval_over_pictures_and_a_spread_over_repeats():
    values = np.random.default_rng(0).random((3, 30))
    rows = [
        PictureScore(repeat + 1, "mse", str(picture), "mse", values[repeat, picture])
        for repeat in range(3)
        for picture in range(30)
    ]
    found = TextureTable(rows).average("mse", "mse")
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx(interval(Bootstrap(30).means(values.mean(0))))
    assert (found.least, found.most) == pytest.approx((values.mean(1).min(), values.mean(1).max()))


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


def test_the_sweep_is_the_mean_psnr_at_every_level():
    test, validation = pictures(3), pictures(2, seed=50)
    sweep = sweep_noise(test, validation, {(1, "mse"): blur(1), (2, "mse"): blur(2)}, with_noise, (10, SIGMA))
    assert (sweep.sigmas, sweep.num_pictures) == ((10, SIGMA), 3)
    assert {name: values.shape for name, values in sweep.curves.items()} == {
        INPUT: (1, 2), "gaussian_blur": (1, 2), "mse": (2, 2),
    }  # fmt: skip

    def psnr(method, sigma):
        outputs = [np.clip(method(with_noise(p.clean, sigma)), 0, 1) for p in test]
        return np.mean([skimage_metrics.peak_signal_noise_ratio(p.clean, o, data_range=1) for p, o in zip(test, outputs, strict=True)])  # fmt: skip  # noqa: E501

    assert sweep.curves["mse"][1, 0] == pytest.approx(psnr(blur(2), 10), abs=1e-3)
    assert sweep.curves[INPUT][0, 1] == pytest.approx(psnr(np.asarray, SIGMA), abs=1e-3)
    at_ten = [NoisyPair(p.name, p.clean, with_noise(p.clean, 10)) for p in validation]
    tuned = tune(BASELINES["gaussian_blur"], at_ten)
    assert sweep.curves["gaussian_blur"][0, 0] == pytest.approx(psnr(tuned, 10), abs=1e-3)


def test_a_sweep_looks_at_twelve_pictures_at_most():
    sweep = sweep_noise(pictures(6) * 4, pictures(1), {(1, "mse"): blur(1)}, with_noise, (20,))
    assert sweep.num_pictures == 12


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"test": []}, "needs test; received none"),
        ({"networks": {(1, "mse"): abs}}, "Every repeat, counted from 1, has every network"),
        ({"parameters": {"mse": 1}}, "'frequency' has none"),
        ({"sharper": "median"}, "cannot be called 'median'"),
        ({"make_noisy": None}, "needs `make_noisy`"),
        ({"test": pictures(1) * 2}, "'astronaut 0' stands there twice"),
    ],
)
def test_a_run_whose_parts_do_not_fit_is_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        small_run(**changed)


@pytest.mark.parametrize("shapes", [((8, 8, 3), (8, 8, 1)), ((8, 8), (8, 8)), ((3, 8, 1), (3, 8, 1))])
def test_a_picture_has_clean_and_noisy_pixels_of_one_shape(shapes):
    with pytest.raises(ValueError, match="odd has"):
        NoisyPair("odd", *map(np.zeros, shapes))
