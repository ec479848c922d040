"""The command `python -m evaluation.explain`."""

import json
import re

import keras
import matplotlib.image
import numpy as np
import pytest
from helpers import ROOT, refusal
from network_checks import with_random_weights
from network_runs import make_run
from picture_files import cut, photograph
from PIL import Image

from evaluation.explain.__main__ import main
from evaluation.explain.explainer import influence_correlation
from evaluation.explain.figures import heat_panels, influence_panels
from tf_denoise.models import DenseAutoencoder, UNet, ViTUNet, small_vit


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A run folder with two networks, a file with a transformer, files that are none, and pictures."""
    folder = tmp_path_factory.mktemp("explain")
    unet = with_random_weights(UNet(widths=(4, 8), blocks=1))
    run = folder / "run"
    for name in ("mse", "wavelet"):
        (run / "networks" / "repeat-1" / name).mkdir(parents=True)
        unet.save(run / "networks" / "repeat-1" / name / "model.keras")
    (run / "networks" / "repeat-1" / "mse" / "training.json").write_text("{}")
    (run / "config.json").write_text(json.dumps({"command": "textures"}))
    (run / "networks.json").write_text(json.dumps([{"name": "mse"}, {"name": "wavelet"}]))
    make_run(folder / "digits", {(1, "one_level"): (DenseAutoencoder(9, (4,)), {})}, {"command": "iterative"})
    vit = small_vit(image_size=16, patch_size=4, layers=1, heads=2, width=8)
    with_random_weights(ViTUNet(vit, widths=(4, 8))).save(folder / "vit.keras")
    keras.Sequential([keras.Input((16,)), keras.layers.Dense(2)]).save(folder / "dense.keras")
    features = [keras.Input((None, None, 3)), keras.layers.Conv2D(5, 3, name="conv")]
    keras.Sequential(features).save(folder / "features.keras")
    (folder / "broken.keras").write_text("nothing")
    photograph(folder / "noisy" / "road.png", 48, 40)
    photograph(folder / "noisy" / "wall.jpg", 33, 47)
    photograph(folder / "clean" / "road.png", 48, 40, seed=1)
    photograph(folder / "clean" / "wall.jpg", 20, 20, seed=1)
    photograph(folder / "other" / "road.png", 48, 40, channels=1)
    (folder / "empty").mkdir()
    return folder


def run(place, model, *words, output=None):
    arguments = [place / model, *(place / word if "/" in str(word) else word for word in words)]
    main([*map(str, arguments), "--output", str(output or place / "out")])


def test_without_a_layer_those_worth_looking_at_are_listed(place, capsys):
    run(place, "vit.keras", "noisy/road.png")
    printed = capsys.readouterr().out
    assert re.findall(r"--layer (\w+)", printed) == ["encoder1", "vit", "bottleneck", "decoder1"]
    assert "--layer vit         4 x 4 x 8 (the layer vit_grid)\n" in printed  # below the names, of which one is longer
    assert "for an image of 128 x 128 pixels" in printed
    assert not (place / "out").exists()


@pytest.mark.parametrize("method", ["eigen", "kpca", "gradcam"])
def test_every_map_of_a_network_of_a_run_becomes_a_figure(place, tmp_path, capsys, method):
    words = ("--network", "mse", "--layer", "bottleneck", "--method", method, "--filter", "0.4", "0.9")
    run(place, "run", "noisy/road.png", "noisy/wall.jpg", *words, output=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"road-bottleneck-{method}.png",
        f"wall-bottleneck-{method}.png",
    ]
    figure = matplotlib.image.imread(tmp_path / f"road-bottleneck-{method}.png")
    assert figure.shape[1] > 1000
    assert np.ptp(figure[..., :3]) == 1
    assert "dB" not in capsys.readouterr().out  # nothing is known of the clean picture


def test_the_tokens_of_a_transformer_have_a_short_name(place, tmp_path):
    run(place, "vit.keras", "noisy/road.png", "--layer", "vit", output=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["road-vit-eigen.png"]


@pytest.mark.slow
def test_with_a_clean_picture_the_map_is_judged(place, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("evaluation.explain.explainer.SHUFFLED", 1)
    numbers = []
    for _ in range(2):
        run(place, "vit.keras", "noisy/road.png", "--layer", "vit", "--sigma", "25", output=tmp_path)
        printed = capsys.readouterr().out
        assert re.search(r"PSNR \d+\.\d\d dB, denoised -?\d+\.\d\d dB; deletion [+-]\d\.\d\d dB and insertion", printed)
        assert re.search(r"rank correlation with shuffled weights -?[01]\.\d\d", printed)
        numbers.append(re.findall(r"[-+]?\d+\.\d\d", printed))
    assert numbers[0] == numbers[1]


def test_the_clean_picture_can_be_named_and_be_the_target(place, tmp_path, capsys):
    words = ("--network", "mse", "--layer", "decoder1", "--method", "gradcam", "--target", "error", "--no-trust")
    run(place, "run", "noisy/road.png", *words, "--clean", "clean/", output=tmp_path)
    printed = capsys.readouterr().out
    assert "PSNR" in printed
    assert "deletion" not in printed


def test_the_influence_of_a_network_without_bias_gives_its_output_back(place, tmp_path, capsys):
    words = ("--network", "mse", "--method", "influence", "--pixel", "7", "9", "--size", "2", "--sigma", "10")
    run(place, "run", "noisy/road.png", *words, output=tmp_path)
    printed = capsys.readouterr().out
    output, given_back = re.search(r"output (-?[\d.]+), filter times input (-?[\d.]+)", printed).groups()
    assert float(output) == pytest.approx(float(given_back), abs=2e-4)
    assert (tmp_path / "road-influence.png").exists()


def test_pictures_of_one_name_do_not_overwrite_each_other(place, tmp_path):
    words = ("--network", "mse", "--layer", "encoder1", "--crop", "16")
    run(place, "run", "noisy/road.png", "clean/road.png", *words, output=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["road-2-encoder1-eigen.png", "road-encoder1-eigen.png"]


def test_the_other_pictures_are_done_when_some_are_bad(place, tmp_path, capsys):
    folder = tmp_path / "pictures"
    cut(photograph(folder / "a.png"), 0.3)
    photograph(folder / "b.png")
    Image.new("RGB", (8, 8)).save(folder / "c.png")
    words = ("--network", "mse", "--layer", "encoder1", "--crop", "16", "--output", str(tmp_path / "out"))
    with pytest.raises(SystemExit) as end:
        main([str(place / "run"), str(folder), *words])
    assert end.value.code == 1
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2
    assert "a.png" in errors[0]
    assert errors[1].endswith("c.png has 8 x 8 pixels, and --crop 16 cuts 16 x 16 of them: choose fewer.")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b-encoder1-eigen.png"]
    with pytest.raises(SystemExit) as end:
        main([str(place / "run"), str(folder / "a.png"), *words])
    assert end.value.code == 2


LAYER = ("--layer", "bottleneck")
MSE = ("--network", "mse")
REFUSED = {
    "no model": ("nowhere", (), r"nowhere does not exist; expected a run folder, or a \.keras file"),
    "no run": ("noisy", (), r"noisy is not a run folder: it has no config\.json;"),
    "digits": ("digits", (), "digits is not the folder of a run on photographs"),
    "broken": ("broken.keras", (), r"broken\.keras is not a \.keras file, or is damaged: "),
    "dense": ("dense.keras", (), r"must take one batch of images"),
    "other network": ("run", ("--network", "mae"), "has no trained network 'mae'; it has mse"),
    "unfinished": ("run", ("--network", "wavelet"), "no trained network 'wavelet'; it has mse"),
    "repeat": ("run", (*MSE, "--repeat", "2"), "no trained network 'mse' of repeat 2; it has mse"),
    "two repeats": ("run", ("--network", "repeat-1/mse", "--repeat", "2"), "repeat-1/mse' of repeat 2; it has mse"),
    "layer": (
        "run",
        (*MSE, "noisy/road.png", "--layer", "botleneck"),
        "no layer 'botleneck'; the nearest .*bottleneck",
    ),
    "no picture": ("run", (*MSE, *LAYER), "Name one or more pictures to look at"),
    "empty folder": ("run", (*MSE, "empty/", *LAYER), "empty is a folder without pictures"),
    "missing picture": ("run", (*MSE, "noisy/none.png", *LAYER), r"none\.png"),
    "filter": (
        "run",
        (*MSE, *LAYER, "--filter", "0.9", "0.4"),
        "LOW and then HIGH, which is greater; received 0.9 0.4",
    ),
    "sigma": ("run", (*MSE, "noisy/", *LAYER, "--sigma", "300"), r"--sigma lies in 0\.\.255; received 300"),
    "noise twice": ("run", (*MSE, "noisy/", *LAYER, "--sigma", "9", "--clean", "clean/"), "Give either --sigma"),
    "influence": ("run", (*MSE, "noisy/", *LAYER, "--method", "influence"), "leave out --layer"),
    "pixel": (
        "run",
        (*MSE, "noisy/road.png", "--method", "influence", "--pixel", "48", "0"),
        r"1 x 1 pixels at \(48, 0\) lies outside an image of 48 x 40 pixels",
    ),
    "target": ("run", (*MSE, "noisy/", *LAYER, "--target", "norm"), "go with --method gradcam"),
    "error": (
        "run",
        (*MSE, "noisy/", *LAYER, "--method", "gradcam", "--target", "error"),
        "--target error needs the clean picture",
    ),
    "region": (
        "run",
        (*MSE, "noisy/road.png", *LAYER, "--method", "gradcam", "--region", "40", "0", "9", "9"),
        r"A region of 9 x 9 pixels at \(40, 0\) does not lie within an output of 48 x 40",
    ),
    "no partner": ("run", (*MSE, "noisy/road.png", *LAYER, "--clean", "empty/"), "empty has no clean picture for road"),
    "other partner": ("run", (*MSE, "noisy/wall.jpg", *LAYER, "--clean", "clean/"), "have 20 x 20 and 47 x 33 pixels"),
    "no denoiser": (
        "features.keras",
        ("noisy/road.png", "--layer", "conv", "--sigma", "9"),
        r"road\.png: The model gives an output of shape \(46, 38, 5\) for an image of shape \(48, 40, 3\)",
    ),
    "crop": (
        "run",
        (*MSE, "noisy/road.png", *LAYER, "--crop", "44"),
        "has 40 x 48 pixels, and --crop 44 cuts 44 x 44 of",
    ),
}


@pytest.mark.parametrize(("model", "words", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_wrong_is_said_in_a_sentence(place, tmp_path, capsys, model, words, message):
    def command(arguments):
        run(place, model, *arguments, output=tmp_path / "out")

    assert re.search(message, refusal(capsys, command, words))
    assert not (tmp_path / "out").exists()


def test_an_output_that_cannot_be_written_is_told(place, tmp_path, capsys):
    (tmp_path / "file").touch()

    def command(arguments):
        run(place, "run", *arguments, output=tmp_path / "file" / "out")

    assert "cannot be written: Not a directory." in refusal(
        capsys, command, (*MSE, "noisy/road.png", "--layer", "bottleneck")
    )


def test_the_code_of_the_documentation_runs():
    page = (ROOT / "docs" / "explain.md").read_text()
    code = page.split("```python\n")[1].split("```")[0]
    model = ViTUNet(small_vit(image_size=16, patch_size=8, layers=1, heads=1, width=4), widths=(4, 8))
    images = np.random.default_rng(0).random((1, 128, 208, 3), dtype="float32")
    names = {"model": with_random_weights(model), "noisy": images, "clean": images}
    exec(compile(code, "docs/explain.md", "exec"), names)
    assert names["heat"].shape == (1, 128, 208)
    assert names["picture"].shape == (128, 208, 3)
    assert names["used"].shape == (128, 208, 3)


def test_a_grey_picture_becomes_colours_for_a_network_of_colours(place, tmp_path):
    run(place, "run", "other/road.png", *MSE, "--layer", "encoder1", output=tmp_path)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("channels", [1, 3])
def test_the_figure_shows_input_heat_map_with_its_bar_and_overlay(channels):
    noisy = np.random.default_rng(0).uniform(-0.2, 1.2, (20, 30, channels))
    heat = np.linspace(0, 1, 600).reshape(20, 30)
    figure = heat_panels(noisy, heat, "$name$", "said below")
    first, second, third, bar = figure.axes
    assert [axis.get_title() for axis in (first, second, third)] == ["noisy input", "heat map", "overlay"]
    assert first.images[0].get_array().min() == 0
    np.testing.assert_allclose(second.images[0].get_array(), heat)
    assert second.images[0].get_clim() == (0, 1)
    assert bar.get_ylim() == (0, 1)
    assert third.images[0].get_array().shape == (20, 30, 3)


def test_the_figure_of_an_influence_shows_its_sign_around_the_pixel():
    influence = np.zeros((20, 30, 3))
    influence[9:12, 14:17] = -1
    influence[10, 15] = 5
    figure = influence_panels(np.zeros((20, 30, 3)), influence, (10, 15), 1, "title")
    image = figure.axes[1].images[0]
    low, high = image.get_clim()
    assert (low, high) == (-3, 3)  # but for the pixel itself
    assert image.get_array().shape == (3, 3)
    assert image.get_array()[1, 1] == 15


def test_influences_are_compared_where_one_of_them_sees():
    first, second = np.zeros((2, 9, 9, 1))
    first[4, 3:6, 0] = [1, 2, 3]
    second[4, 3:6, 0] = [-3, -2, -1]
    assert influence_correlation(first, second) == pytest.approx(-1)
    assert influence_correlation(0 * first, 0 * first) == 0
