"""The trained networks of the package: found by name everywhere, and refused in a sentence where they are damaged."""

import shutil
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from helpers import ROOT, python, refusal
from network_checks import noisy_images, with_random_weights
from picture_files import photograph
from PIL import Image
from skimage.restoration import denoise_tv_chambolle

from evaluation.explain.__main__ import main as explain
from tf_denoise.__main__ import main
from tf_denoise.data import embedded_photographs
from tf_denoise.errors import InputError
from tf_denoise.models import UNet, ViTUNet
from tf_denoise.models.fingerprint import fingerprint
from tf_denoise.presets import catalogue
from tf_denoise.runs.loading import load_for_use
from tf_denoise.serving.preset import halve_weights
from tf_denoise.uncertainty import IntervalHead, Intervals, find_intervals

NAME = "photographs"


@pytest.fixture(scope="module")
def network():
    return UNet.from_preset(NAME)


def psnr(one, other):
    return -10 * np.log10(np.mean(np.square(np.clip(one, 0, 1) - np.clip(other, 0, 1))))


@pytest.mark.parametrize("sigma", [15, 25, 50])
def test_it_beats_the_best_total_variation_on_a_photograph_that_it_never_saw(network, sigma):
    photographs = embedded_photographs()
    clean = photographs.photograph(photographs.names.index("coffee.png"))[100:292, 200:392]
    noisy = clean + np.random.default_rng(0).normal(0, sigma / 255, clean.shape).astype("float32")
    weights = sigma / 255 * np.array([0.6, 0.8, 1.0, 1.2, 1.5, 1.8])
    rival = max(psnr(denoise_tv_chambolle(noisy, weight, channel_axis=-1), clean) for weight in weights)
    assert psnr(network(noisy[None], training=False)[0], clean) > rival + 1
    grey, clean = (image.mean(axis=-1, keepdims=True) for image in (noisy, clean))
    rival = max(psnr(denoise_tv_chambolle(grey, weight), clean) for weight in weights)
    assert psnr(network(grey.repeat(3, axis=-1)[None], training=False)[0], clean) > rival


def test_it_is_small_and_its_files_belong_together(network):
    path = catalogue.preset_file(NAME)
    assert path.stat().st_size <= 10_000_000
    facts = UNet.presets[NAME]
    assert (facts["class_name"], facts["parameters"]) == ("UNet", network.count_params())
    card = path.with_suffix(".md").read_text(encoding="utf-8")
    assert f"Version {facts['version']}" in card
    for word in ("CC BY-SA 4.0", "Unsplash", "CC0", "CC BY 4.0", "MIT"):
        assert word in card
    assert ViTUNet.presets == {}


def test_its_weights_are_halves_in_the_file_and_float32_in_use(network):
    import h5py

    types = set()
    with (
        zipfile.ZipFile(catalogue.preset_file(NAME)) as archive,
        archive.open("model.weights.h5") as file,
        h5py.File(file) as weights,
    ):
        weights.visititems(lambda _, item: types.add(str(item.dtype)) if hasattr(item, "dtype") else None)
    assert types == {"float16"}
    assert {weight.dtype for weight in network.weights} == {"float32"}


def test_half_precision_costs_less_than_a_hundredth_of_a_decibel(tmp_path):
    model = with_random_weights(UNet(3, widths=(8, 12), blocks=2))
    model.save(tmp_path / "whole.keras")
    shutil.copy(tmp_path / "whole.keras", tmp_path / "half.keras")
    halve_weights(tmp_path / "half.keras")
    assert (tmp_path / "half.keras").stat().st_size < (tmp_path / "whole.keras").stat().st_size
    half = load_for_use(tmp_path / "half.keras").model
    for one, other in zip(half.weights, model.weights, strict=True):
        np.testing.assert_array_equal(one, np.asarray(other).astype("float16").astype("float32"))
    images = noisy_images(2, 32, 40, 3)
    assert psnr(half(images), model(images)) > 60


@pytest.mark.slow
def test_it_goes_on_training_in_the_fit_of_a_user():
    keras.utils.set_random_seed(0)
    model = UNet.from_preset(NAME)
    assert model.trainable_variables
    model.compile(keras.optimizers.Adam(1e-5), "mae", jit_compile=False)
    clean = np.full((2, 32, 32, 3), 0.5, "float32")
    noisy = clean + np.random.default_rng(0).normal(0, 0.1, clean.shape).astype("float32")
    losses = model.fit(noisy, clean, epochs=4, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_it_comes_in_another_data_type(network):
    half = UNet.from_preset(NAME, dtype="mixed_bfloat16")
    assert half.dtype_policy.name == "mixed_bfloat16"
    image = noisy_images(1, 32, 32, 3)
    assert half(image).dtype == "float32"
    assert psnr(half(image), network(image)) > 40


def test_one_of_another_class_or_an_unknown_one_is_refused():
    with pytest.raises(InputError, match=r"The preset 'photographs' is a UNet, not a ViTUNet: call UNet.from_preset\."):
        ViTUNet.from_preset(NAME)
    with pytest.raises(InputError, match=r"There is no preset 'roads'; the presets are: photographs\."):
        UNet.from_preset("roads")


def test_its_name_wins_over_a_folder_and_a_path_does_not(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / NAME).mkdir()
    loaded = load_for_use(NAME)
    assert (loaded.name, loaded.run, loaded.trained_range) == (NAME, None, (0, 60))
    for path in (f"./{NAME}", Path(NAME)):
        with pytest.raises(InputError, match="is not a run folder"):
            load_for_use(path)
    with pytest.raises(InputError, match="--network names a network of a run folder; photographs is one network"):
        load_for_use(NAME, "mae")


def test_the_head_of_its_intervals_is_no_preset_and_fits_it_where_there_is_one(network, tmp_path, monkeypatch):
    place = catalogue.intervals_file(catalogue.preset_file(NAME))
    assert place.name == "photographs-intervals.keras"
    if place.exists():
        assert place.stat().st_size <= 2_000_000
        intervals = find_intervals(load_for_use(NAME))
        assert {row["by"] for row in intervals.record["coverage"]} == {"all", "level", "brightness", "contrast"}
        assert 0.87 <= intervals.record["coverage"][0]["coverage"] <= 0.93
    folder = copied(tmp_path, monkeypatch)
    head = IntervalHead(3, 8, denoiser=fingerprint(network), scale=1.5)
    Intervals(head, network).save(folder / place.name)
    assert catalogue.preset_names() == [NAME]
    assert list(UNet.presets) == [NAME]
    assert find_intervals(load_for_use(NAME)).scale == 1.5


def copied(tmp_path, monkeypatch):
    """The presets in a folder of their own."""
    for path in catalogue.FOLDER.glob(f"{NAME}.*"):
        shutil.copy(path, tmp_path)
    monkeypatch.setattr(catalogue, "FOLDER", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("suffix", "damage", "message"),
    [
        (".keras", lambda data: data[:5000], "is not a .keras file, or is damaged"),
        (".keras", lambda data: data[:5000], "Install tf_denoise again."),
        (".keras", None, "The preset photographs is damaged"),
        (".json", None, "The preset photographs is damaged"),
        (".json", lambda data: data.replace(b'"sigma"', b'"level"'), "is damaged: sigma is one or two numbers"),
        (".json", lambda data: data.replace(b'"command"', b'"other"'), "The preset photographs is damaged"),
        (".keras", lambda data: data[:60_000] + bytes(1000) + data[61_000:], "is damaged"),
        (".json", lambda data: data[:50], "The preset photographs is damaged"),
        (".json", lambda data: b"[]", "The preset photographs is damaged"),
    ],
)
def test_a_damaged_preset_is_refused_in_a_sentence(tmp_path, monkeypatch, capsys, suffix, damage, message):
    (tmp_path / "presets").mkdir()
    folder = copied(tmp_path / "presets", monkeypatch)
    path = folder / f"{NAME}{suffix}"
    if damage is None:
        path.unlink()
        (tmp_path / NAME).mkdir()  # what lies there does not take its place
        monkeypatch.chdir(tmp_path)
    else:
        path.write_bytes(damage(path.read_bytes()))
    photograph(tmp_path / "a.png", 20, 20)
    arguments = ["denoise", str(tmp_path / "a.png"), "--output", str(tmp_path / "out")]
    error = refusal(capsys, main, arguments)
    assert message in error
    assert error.count("Install tf_denoise again.") == 1
    assert not (tmp_path / "out").exists()
    with pytest.raises(
        InputError, match=r"^The preset photographs is damaged: .*Install tf_denoise again\.$"
    ) as raised:
        UNet.from_preset(NAME)
    assert str(raised.value).count("is damaged: ") <= 2  # the preset, and one of its files


def test_denoise_takes_it_where_none_is_named(tmp_path, capsys):
    clean = np.full((60, 80, 3), 128.0)
    noisy = np.clip(clean + np.random.default_rng(0).normal(0, 25, clean.shape), 0, 255).astype("uint8")
    Image.fromarray(noisy).save(tmp_path / "a.png")
    Image.fromarray(noisy[..., 0]).save(tmp_path / "grey.png")
    arguments = [str(tmp_path / "a.png"), str(tmp_path / "grey.png"), "--output", str(tmp_path / "out")]
    main(["denoise", *arguments])
    assert "2 of 2 pictures denoised by photographs in float32" in capsys.readouterr().out
    for name in ("a.png", "grey.png"):
        result = np.asarray(Image.open(tmp_path / "out" / name), "float64")
        assert np.sqrt(np.mean((result - 128) ** 2)) < 4


@pytest.mark.slow
def test_export_and_explain_take_its_name(tmp_path, capsys):
    main(["export", NAME, str(tmp_path / "served")])
    card = (tmp_path / "served" / "1" / "model_card.md").read_text(encoding="utf-8")
    assert card.startswith("# photographs\n")
    for words in (
        "CC BY-SA 4.0",
        "mean absolute error",
        "white Gaussian, and that of cameras besides",
        "deviation 0 to 60 (255ths)",
    ):
        assert words in card
    explain([NAME])
    assert "--layer bottleneck" in capsys.readouterr().out


@pytest.mark.process
@pytest.mark.slow
def test_a_built_wheel_holds_it(tmp_path):
    """As a user installs it: built from a copy, unpacked elsewhere, loaded without the repository."""
    source = tmp_path / "source"
    for name in ("tf_denoise", "training", "evaluation"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    build = (
        "import os, sys; os.chdir(sys.argv[1])\n"
        "from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[2]))"
    )
    result = python("-c", build, source, tmp_path)
    assert result.returncode == 0, result.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    code = (
        "import os, sys; os.chdir(sys.argv[1]); sys.path.insert(0, sys.argv[1])\n"
        "from tf_denoise.models import UNet; import tf_denoise\n"
        "print(tf_denoise.__file__, UNet.from_preset('photographs').count_params(), list(UNet.presets))"
    )
    result = python("-c", code, tmp_path / "installed")
    assert result.returncode == 0, result.stderr
    assert str(tmp_path / "installed") in result.stdout
    assert "['photographs']" in result.stdout
