"""`python -m training.intervals` on tiny networks and pictures, and what it refuses."""

import shutil

import keras
import numpy as np
import pytest
from helpers import files_of, refusal
from network_checks import with_random_weights
from network_runs import CONFIG, make_run, small
from picture_files import photograph

import training.intervals.experiment
from evaluation.coverage import measure_coverage
from tf_denoise.data import CropSampler, load_folder
from tf_denoise.errors import InputError
from tf_denoise.models import UNet
from tf_denoise.models.fingerprint import fingerprint
from tf_denoise.noise import AdditiveGaussian, CameraNoise, SaltAndPepper
from tf_denoise.runs.loading import LoadedNetwork, load_for_use
from tf_denoise.tiling import TiledDenoiser
from tf_denoise.uncertainty import IntervalHead, find_intervals
from training.intervals.__main__ import main
from training.intervals.learning import train_head
from training.intervals.pictures import calibration_ladder, measured_ladder, noise_of_training, noisy_pairs


@pytest.fixture(autouse=True, scope="module")
def _small_crops():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training.intervals.experiment, "CROP", 32)
        patch.setattr(training.intervals.experiment, "BATCH", 4)
        patch.setattr(training.intervals.experiment, "WIDTH", 8)
        yield


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Photographs to train on and to calibrate on."""
    folder = tmp_path_factory.mktemp("photographs")
    for part, count, seed in (("train", 12, 0), ("calibration", 12, 50)):
        for index in range(count):
            photograph(folder / part / f"{index:02}.png", 48, 40, seed=seed + index)
    return folder


def gentle(channels):
    """A small network that changes pictures a little."""
    network = small(1, channels)
    last = network.get_layer("head")
    last.set_weights([0.02 * weights for weights in last.get_weights()])
    return network


def run_of(folder, folders, channels=3, **changed):
    settings = {"data": str(folders / "train"), "validation": None, "test": None, "seed": 0, "crop_size": 32}
    return make_run(folder / "run", {(1, "mse"): (gentle(channels), {})}, {**CONFIG, **settings, **changed})


def words(run, folders, *more):
    return [str(run), "--calibration", str(folders / "calibration"), "--steps", "6", "--side", "32", *more]


@pytest.fixture(scope="module")
def finished(folders, tmp_path_factory):
    """A run with its intervals, and the files that it had before."""
    run = run_of(tmp_path_factory.mktemp("finished"), folders)
    before = files_of(run)
    main(words(run, folders))
    return run, before


def check_intervals(run, folders, channels):
    loaded = load_for_use(run)
    intervals = find_intervals(loaded)
    record = intervals.record
    assert record["training"]["steps"] == 6
    assert record["calibration"]["photographs"] == 6
    assert record["calibration"]["levels"][0] == 5
    assert record["calibration"]["levels"][-1] == 55
    rows = {(row["by"], row["group"]): row for row in record["coverage"]}
    assert rows["level", "25"]["pictures"] == rows["all", "all"]["pictures"] == 6
    pairs = noisy_pairs(
        load_folder(folders / "calibration", channels), measured_ladder(noise_of_training(loaded)), 32, seed=3
    )
    again = measure_coverage(intervals, TiledDenoiser(loaded.model), pairs)[0]
    assert again.coverage == pytest.approx(record["coverage"][0]["coverage"], abs=0.1)
    assert again.coverage >= 0.85  # six pictures promise 0.9 in the mean over draws of them


def test_a_run_gets_intervals_that_are_found_calibrated_and_measured(finished, folders):
    run, before = finished
    after = files_of(run)
    assert set(after) - set(before) == {"networks/repeat-1/mse/model-intervals.keras"}
    assert {name: after[name] for name in before} == before
    check_intervals(run, folders, 3)


@pytest.mark.slow
def test_a_grey_run_gets_intervals_too_and_says_what_was_measured(folders, tmp_path, capsys):
    run = run_of(tmp_path, folders, channels=1)
    main(words(run, folders))
    told = capsys.readouterr().out
    assert "6 to calibrate, 6 to measure" in told
    assert "| level 25 | 6 |" in told
    assert "Intervals: " in told
    check_intervals(run, folders, 1)


@pytest.mark.slow
def test_the_same_command_gives_the_same_head_and_another_seed_another(finished, folders, tmp_path):
    run, _ = finished
    first = find_intervals(load_for_use(run)).head.get_weights()
    heads = []
    for name, seed in (("same", "0"), ("other", "1")):
        main(words(run, folders, "--output", str(tmp_path / f"{name}.keras"), "--seed", seed))
        heads.append(keras.models.load_model(tmp_path / f"{name}.keras").get_weights())
    for one, same in zip(first, heads[0], strict=True):
        np.testing.assert_allclose(one, same, atol=1e-3)  # sums in another order
    assert any(np.abs(one - other).max() > 1e-2 for one, other in zip(first, heads[1], strict=True))


@pytest.mark.slow
def test_a_preset_takes_its_photographs_from_the_option(folders, tmp_path, capsys, monkeypatch):
    network = with_random_weights(UNet(3, (2, 4)))
    facts = {"config": {**CONFIG, "noise": "camera", "sigma": [0, 60], "level": 30}, "record": {}}
    preset = LoadedNetwork(network, "photographs", facts["config"], {}, file=tmp_path / "photographs.keras")
    monkeypatch.setattr(training.intervals.experiment, "load_for_use", lambda path, network: preset)
    error = refusal(capsys, main, words("photographs", folders))
    assert "photographs does not know where its photographs lie; name them or others like them: --data FOLDER" in error
    main(words("photographs", folders, "--data", str(folders / "train"), "embedded"))
    told = capsys.readouterr().out
    assert "12 photographs from train; 12 photographs and textures" in told
    assert "| level as trained | 6 |" in told
    assert find_intervals(preset).head.denoiser == fingerprint(network)


@pytest.mark.slow
def test_the_loss_of_a_head_falls_and_its_widths_near_the_quantiles(folders):
    """The stand-in for a denoiser takes nothing away: what is left is the noise, whose quantiles are known."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None, None, 3))
    network = keras.Model(inputs, keras.layers.Rescaling(0.5, 0.25)(inputs))
    head = IntervalHead(3, 8)
    flat = load_folder(folders / "train", 3)
    sampler = CropSampler(flat, 32, 8, seed=0)
    seen = []
    record = train_head(
        head, network, sampler, AdditiveGaussian(0.1), steps=150, on_step=lambda *told: seen.append(told[:2])
    )
    assert record["last_loss"] < 0.8 * record["first_loss"]
    assert seen[0] == (1, 150)
    assert seen[-1] == (150, 150)
    clean = flat.photograph(0)[None]
    noisy = clean + np.random.default_rng(0).normal(0, 0.1, clean.shape).astype("float32")
    denoised = network(noisy).numpy()
    below, above = np.split(head(np.concatenate([noisy, denoised], -1)).numpy(), 2, axis=-1)
    residual = clean - denoised
    inside = np.mean((residual >= -below) & (residual <= above))
    assert 0.7 < inside < 0.99


def test_the_network_stays_as_it_is_and_time_is_kept(folders):
    network = with_random_weights(UNet(3, (2, 4)))
    before = network.get_weights()
    sampler = CropSampler(load_folder(folders / "train", 3), 32, 4, seed=0)
    record = train_head(IntervalHead(3, 4), network, sampler, AdditiveGaussian(0.1), minutes=0.01)
    assert record["steps"] >= 6
    for one, other in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_levels_to_calibrate_on_span_the_training_and_others_are_measured():
    wide = AdditiveGaussian((5 / 255, 55 / 255))
    assert list(calibration_ladder(wide)) == [5, 9.11, 16.58, 30.2, 55]
    assert list(measured_ladder(wide)) == [5, 15, 25, 35, 50]
    camera = CameraNoise((0, 60 / 255))
    assert list(calibration_ladder(camera)) == [2, 4.68, 10.95, 25.64, 60, None]
    assert list(measured_ladder(camera)) == [5, 15, 25, 35, 50, None]
    assert calibration_ladder(camera)[None] is camera
    assert list(measured_ladder(AdditiveGaussian((60 / 255, 80 / 255)))) == [65, 70, 75]
    for fixed in (AdditiveGaussian(25 / 255), SaltAndPepper(0.3, low=0.0)):
        assert len(calibration_ladder(fixed)) == len(measured_ladder(fixed)) == 1


def test_pictures_get_the_noise_of_their_level_the_same_every_time(folders):
    photographs = load_folder(folders / "calibration", 3)
    pairs = list(noisy_pairs(photographs, measured_ladder(AdditiveGaussian((5 / 255, 55 / 255))), 32, seed=0))
    assert len(pairs) == 12 * 5
    assert pairs[0].clean.shape == (32, 32, 3)
    for pair in pairs[:5]:
        assert 255 * np.std(pair.noisy - pair.clean) == pytest.approx(pair.level, rel=0.05)
        np.testing.assert_array_equal(pair.noisy, pair.noisy)
    assert not np.array_equal(pairs[0].noisy - pairs[0].clean, pairs[5].noisy - pairs[5].clean)


def test_too_few_pictures_and_pictures_that_were_trained_on_are_refused(folders, tmp_path, capsys):
    run = run_of(tmp_path, folders)
    few = tmp_path / "few"
    few.mkdir()
    for index in range(3):
        shutil.copy(folders / "calibration" / f"{index:02}.png", few)
    arguments = [str(run), "--calibration", str(few), "--steps", "6"]
    error = refusal(capsys, main, arguments)
    assert "few holds 3 photographs; it takes 10 or more, better 40: every second one calibrates" in error
    arguments[2] = str(folders / "train")
    error = refusal(capsys, main, arguments)
    assert "stands among the photographs of the training too; calibration takes photographs that nothing else" in error
    arguments[2] = str(tmp_path / "nowhere")
    assert "nowhere" in refusal(capsys, main, arguments)
    assert not list(run.rglob("*-intervals.keras"))


def test_photographs_that_are_smaller_than_the_crops_are_refused(folders, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(training.intervals.experiment, "CROP", 4096)
    error = refusal(capsys, main, [str(run_of(tmp_path, folders)), "--calibration", str(folders / "calibration")])
    assert (
        "The head learns from crops of 4096 x 4096 pixels, and none of 12 photographs from train is as large" in error
    )
    assert error.rstrip().endswith("name larger photographs with --data FOLDER.")


def test_networks_that_have_no_intervals_are_refused(folders, tmp_path, capsys):
    gentle(3).save(tmp_path / "net.keras")
    error = refusal(capsys, main, words(tmp_path / "net.keras", folders))
    assert "net tells nothing of the noise of its training; expected a preset, or a run of training.textures" in error
    for changed in ({"clean": "a", "noisy": "b"}, {"noisy": "b", "method": "recorrupted"}):
        run = run_of(tmp_path / str(len(changed) + len(str(changed))), folders, **changed)
        error = refusal(capsys, main, words(run, folders))
        assert "mse was trained on pictures that bring their own noise" in error
    with pytest.raises(InputError, match="digits tells nothing of the noise of its training"):
        noise_of_training(LoadedNetwork(None, "digits", {"command": "iterative"}))


def test_an_unknown_preset_is_refused(folders, capsys):
    error = refusal(capsys, main, words("roads", folders))
    assert "roads does not exist; expected a run folder, or a .keras file, or one of the presets: photographs" in error


def test_options_that_contradict_each_other_are_refused(folders, capsys):
    assert "Give either --minutes or --steps" in refusal(capsys, main, words("photographs", folders, "--minutes", "1"))
    error = refusal(capsys, main, words("photographs", folders, "--output", "head.h5"))
    assert "--output names a file that ends in .keras; received head.h5" in error


def test_a_damaged_calibration_picture_is_refused_before_the_training(folders, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(training.intervals.experiment, "train_head", None)
    run, folder = run_of(tmp_path, folders), tmp_path / "calibration"
    shutil.copytree(folders / "calibration", folder)
    data = bytearray((folder / "04.png").read_bytes())
    data[len(data) // 2] ^= 255
    (folder / "04.png").write_bytes(data)
    error = refusal(capsys, main, [str(run), "--calibration", str(folder), "--steps", "6"])
    assert "Calibration takes pictures that can be decoded; move it away" in error


@pytest.mark.slow
def test_a_head_that_cannot_be_calibrated_says_so(folders, tmp_path, capsys, monkeypatch):
    run = run_of(tmp_path, folders)
    monkeypatch.setattr(training.intervals.experiment, "SCALES", np.array([1e-6]))
    monkeypatch.setattr(
        training.intervals.experiment,
        "miscoverage_curve",
        lambda needed: np.array([np.mean(np.asarray(needed) > 1e-6)]),
    )
    assert "The head cannot be calibrated. No scale up to 1e-06 is large enough" in refusal(
        capsys, main, words(run, folders)
    )
