"""`python -m training.textures --noisy`: learning without clean photographs, from the noise found to the report."""

import json

import keras
import numpy as np
import pytest
import scipy.ndimage
import skimage.data
import tifffile
from helpers import refusal
from picture_files import smooth_photographs
from PIL import Image
from report_pages import Page

import training.textures.choices
import training.textures.trainer
from evaluation.__main__ import main as evaluate
from tf_denoise.models import UNet
from tf_denoise.pictures.files import read_picture
from tf_denoise.runs.folder import network_folder, read_json
from tf_denoise.runs.loading import load_for_use
from tf_denoise.serving.model_card import model_card
from tf_denoise.serving.signatures import signatures
from training.textures.__main__ import main
from training.textures.budget import JUDGEMENTS

SIGMA = 30


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    return smooth_photographs(tmp_path_factory.mktemp("clean"))


@pytest.fixture(autouse=True)
def _small_network(monkeypatch):
    monkeypatch.setattr(training.textures.choices, "UNet", lambda channels: UNet(channels, widths=(4, 8), blocks=1))


def noisy_copy(clean, folder, make_noise, seed=0):
    """A folder of the same pictures with noise of a deviation of 30, kept off black and white."""
    folder.mkdir()
    random = np.random.default_rng(seed)
    for path in sorted(clean.iterdir()):
        image = 80 + 0.4 * np.asarray(Image.open(path)).astype(float)
        added = make_noise(random, image.shape)
        Image.fromarray(np.clip(np.round(image + SIGMA * added), 0, 255).astype("uint8")).save(folder / path.name)
    return folder


def white(random, shape):
    return random.standard_normal(shape) / 2


def along_rows(random, shape):
    noise = scipy.ndimage.uniform_filter1d(random.standard_normal(shape), 3, axis=1)
    return noise / noise.std() / 2


def everywhere(random, shape):
    noise = scipy.ndimage.uniform_filter(random.standard_normal(shape), (3, 3, 1))
    return noise / noise.std() / 2


def words(output, **changed):
    options = {"output": output, "steps": 6, "crop_size": 16, "batch_size": 4, "mixed_precision": "none", **changed}
    given = {name: value for name, value in options.items() if value is not None}
    return [word for name, value in given.items() for word in (f"--{name.replace('_', '-')}", str(value))]


def test_white_noise_is_learned_from_by_recorrupting(clean, tmp_path, capsys):
    noisy = noisy_copy(clean, tmp_path / "noisy", white)
    truth = noisy_copy(clean, tmp_path / "truth", lambda random, shape: 0)
    options = {"noisy": noisy, "test_clean": truth, "steps": None, "minutes": 0.01}
    main(words(tmp_path / "run", **options))
    told = capsys.readouterr().out
    assert "Noise of a deviation of 1" in told
    assert "Recorrupted-to-Recorrupted" in told
    budget = read_json(tmp_path / "run" / "budget.json")
    assert budget["steps"] == JUDGEMENTS  # in next to no time each is judged
    assert 0 < budget["seconds_per_step"]["mse"] < 60
    config = read_json(tmp_path / "run" / "config.json")
    assert (config["method"], config["loss"]) == ("recorrupted", "mse")
    assert 255 * config["noise_found"]["deviation"] == pytest.approx(SIGMA / 2, rel=0.1)
    page = Page((tmp_path / "run" / "report.html").read_text())
    assert "No clean picture was used" in page.text
    assert "True PSNR, against the clean partners" in page.text
    (score,) = json.loads((tmp_path / "run" / "scores.json").read_text())
    denoised = tmp_path / "run" / "denoised" / score["name"]
    difference = read_picture(denoised).values / 255 - read_picture(truth / score["name"]).values / 255
    assert score["denoised"]["psnr"] == pytest.approx(-10 * np.log10(np.mean(difference**2)), abs=0.05)
    loaded = load_for_use(tmp_path / "run")
    assert loaded.trained_range[0] == pytest.approx(SIGMA / 2, rel=0.1)
    card = model_card(loaded.model, loaded, signatures(loaded.model, 10_000), 10_000)
    assert "learned from them alone, without clean ones (recorrupted)" in card
    before = (tmp_path / "run" / "report.json").read_bytes()
    evaluate([str(tmp_path / "run")])
    assert (tmp_path / "run" / "report.json").read_bytes() == before
    main(words(tmp_path / "run", **options))  # finished: only looked at again


@pytest.mark.slow
def test_noise_along_rows_is_learned_from_by_hiding_rows(clean, tmp_path, capsys):
    noisy = noisy_copy(clean, tmp_path / "noisy", along_rows)
    main(words(tmp_path / "run", noisy=noisy))
    assert "shared by neighbours in a row" in capsys.readouterr().out
    config = read_json(tmp_path / "run" / "config.json")
    assert config["method"] == "noise2void"
    history = read_json(network_folder(tmp_path / "run", 1, "mse") / "training.json")["history"]
    assert np.isfinite(history["val_psnr"]).all()
    page = Page((tmp_path / "run" / "report.html").read_text())
    assert "of hidden pixels against the noisy ones" in page.text
    assert not (tmp_path / "run" / "scores.json").exists()


@pytest.mark.slow
def test_twins_are_each_others_targets(clean, tmp_path, capsys):
    noisy = noisy_copy(clean, tmp_path / "noisy", everywhere)
    twin = noisy_copy(clean, tmp_path / "twin", everywhere, seed=1)
    main(words(tmp_path / "run", noisy=noisy, noisy_twin=twin))
    assert "Noise2Noise" in capsys.readouterr().out
    assert read_json(tmp_path / "run" / "config.json")["method"] == "noise2noise"
    history = read_json(network_folder(tmp_path / "run", 1, "mse") / "training.json")["history"]
    assert 10 < max(history["val_psnr"]) < 50


@pytest.mark.slow
def test_the_method_can_be_named_and_gives_hidden_pixels_back(clean, tmp_path, monkeypatch):
    def give_back(network, pictures):
        head = network.get_layer("head")
        head.set_weights([np.full_like(weights, 0.5) for weights in head.get_weights()])
        assert all(picture.dtype == "float32" and picture.ndim == 3 for picture in pictures)
        return 0.05

    monkeypatch.setattr(training.textures.trainer, "give_back_own_pixel", give_back)
    noisy = noisy_copy(clean, tmp_path / "noisy", white)
    main(words(tmp_path / "run", noisy=noisy, method="noise2void", steps=2))
    assert read_json(tmp_path / "run" / "config.json")["method"] == "noise2void"
    assert read_json(network_folder(tmp_path / "run", 1, "mse") / "training.json")["own_share"] == 0.05
    for weights in load_for_use(tmp_path / "run").model.get_layer("head").get_weights():
        np.testing.assert_array_equal(weights, 0.5)
    page = Page((tmp_path / "run" / "report.html").read_text())
    assert "5.0% of each pixel's own value was given back" in page.text


def shots(clean, path, count=14, moves=0):
    """A stack of noisy shots of one scene, which moves by some pixels from one to the next."""
    path.parent.mkdir()
    random = np.random.default_rng(0)
    scene = 80 + 0.4 * np.asarray(Image.open(clean / "00.png")).astype(float)
    frames = [np.roll(scene, n * moves, axis=1) + SIGMA * everywhere(random, scene.shape) for n in range(count)]
    tifffile.imwrite(path, np.clip(np.round(frames), 0, 255).astype("uint8"), photometric="rgb")
    return path.parent


@pytest.mark.slow
def test_neighbouring_planes_of_a_stack_are_twins(clean, tmp_path, capsys):
    run = tmp_path / "run"
    main(words(run, noisy=shots(clean, tmp_path / "noisy" / "stack.tif"), noisy_twin="next-plane"))
    told = capsys.readouterr().out
    assert "Noise2Noise: each of two shots" in told
    assert "Warning: neighbouring planes are taken for two shots of one scene. What moves" in told
    config = read_json(run / "config.json")
    assert (config["method"], config["noisy_twin"]) == ("noise2noise", "next-plane")
    assert sorted(path.name for path in (run / "denoised" / "stack.tif").iterdir()) == ["0013.png"]
    evaluate([str(run)])


def test_a_stack_whose_scene_moves_is_refused(clean, tmp_path, capsys):
    noisy = shots(clean, tmp_path / "noisy" / "stack.tif", moves=9)
    told = refusal(capsys, main, words(tmp_path / "run", noisy=noisy, noisy_twin="next-plane"))
    assert "and the plane before do not show the same" in told
    assert "so something moves; --noisy-twin next-plane would blur it: leave it out." in told
    told = refusal(capsys, main, words(tmp_path / "other", noisy=clean, noisy_twin="next-plane"))
    assert "is no stack of several planes" in told
    assert not (tmp_path / "run").exists()


def test_what_cannot_be_learned_from_is_refused(clean, tmp_path, capsys):
    noisy = noisy_copy(clean, tmp_path / "noisy", white)
    rows = noisy_copy(clean, tmp_path / "rows", along_rows)
    phone = noisy_copy(clean, tmp_path / "phone", everywhere)
    flat = tmp_path / "flat"
    flat.mkdir()
    for number in range(12):
        Image.new("RGB", (48, 36), (number, 100, 90)).save(flat / f"{number}.png")
    run = tmp_path / "run"

    def told(**options):
        text = refusal(capsys, main, words(run, **options))
        assert not run.exists()
        return text

    assert "shared by neighbours in rows and columns" in told(noisy=phone)
    assert "a second shot of each scene (--noisy-twin), photographs scaled down by" in told(noisy=phone)
    assert "There is no noise to learn from" in told(noisy=flat)
    assert "--method noise2noise needs a second shot" in told(noisy=noisy, method="noise2noise")
    assert "takes normal noise of each pixel alone: take noise2void" in told(noisy=rows, method="recorrupted")
    assert "learns from single photographs; leave --noisy-twin out" in told(
        noisy=noisy, noisy_twin=noisy_copy(clean, tmp_path / "twin", white, seed=1), method="noise2void"
    )
    assert "With --noisy alone the loss is mse" in told(noisy=noisy, loss="frequency")
    (tmp_path / "few").mkdir()
    Image.open(noisy / "00.png").save(tmp_path / "few" / "elsewhere.png")
    assert "has no clean partner of the same name" in told(noisy=noisy, test_clean=tmp_path / "few")
    assert "and its twin are the same picture" in told(noisy=noisy, noisy_twin=noisy)
    moved = tmp_path / "moved"
    moved.mkdir()
    names = sorted(path.name for path in noisy.iterdir())
    for name, other in zip(names, names[1:] + names[:1], strict=True):
        keras.utils.save_img(moved / name, keras.utils.img_to_array(keras.utils.load_img(noisy / other)), scale=False)
    assert "and its twin do not show the same" in told(noisy=noisy, noisy_twin=moved)
    Image.open(noisy / "00.png").resize((40, 30)).save(moved / "00.png")
    assert "the two of a pair show the same in the same size" in told(noisy=noisy, noisy_twin=moved)
    (moved / "00.png").unlink()
    assert "no partner" in told(noisy=noisy, noisy_twin=moved)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda image: image.convert("RGBA"), "is a colour with alpha picture"),
        (
            lambda image: image.convert("CMYK").convert("RGB").resize((70, 60)),
            "is 70 x 60 pixels and its noisy partner",
        ),
        (lambda image: image.resize((20, 20)), "the two of a pair show the same in the same size"),
        (None, "is empty"),
    ],
)
def test_clean_partners_that_do_not_fit_are_refused_before_the_training(clean, tmp_path, capsys, change, message):
    noisy, partners = noisy_copy(clean, tmp_path / "noisy", white), tmp_path / "partners"
    partners.mkdir()
    for path in clean.iterdir():
        if change is None:
            (partners / path.name).write_bytes(b"")
        else:
            change(Image.open(path)).save(partners / path.name)
    assert message in refusal(capsys, main, words(tmp_path / "run", noisy=noisy, test_clean=partners))
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_report_says_what_the_network_began_from(clean, tmp_path):
    noisy = noisy_copy(clean, tmp_path / "noisy", white)
    main(words(tmp_path / "run", noisy=noisy, start="photographs", steps=2))
    facts = read_json(tmp_path / "run" / "report.json")["facts"]
    assert facts["Learned from noisy photographs alone"].startswith(
        "No clean picture was used here, but the network began from the preset photographs, which learned from some"
    )
    assert facts["Training"] == "2 steps of 4 crops, less than a minute, in float32"


@pytest.mark.parametrize(
    ("partner", "message"),
    [
        (lambda index, clean, noisy: noisy[index], "and its clean partner are the same picture, and so are the others"),
        (lambda index, clean, noisy: clean[index - 1], "and its clean partner do not show the same"),
    ],
    ids=["the noisy ones", "other scenes"],
)
def test_clean_partners_that_are_none_are_refused(clean, tmp_path, capsys, partner, message):
    noisy, partners = noisy_copy(clean, tmp_path / "noisy", white), tmp_path / "partners"
    partners.mkdir()
    scenes, shots_of_them = sorted(clean.iterdir()), sorted(noisy.iterdir())
    for index, path in enumerate(scenes):
        keras.utils.save_img(
            partners / path.name,
            keras.utils.img_to_array(keras.utils.load_img(partner(index, scenes, shots_of_them))),
            scale=False,
        )
    assert message in refusal(capsys, main, words(tmp_path / "run", noisy=noisy, test_clean=partners))
    assert message in refusal(capsys, main, words(tmp_path / "run", noisy=noisy, clean=partners))
    assert not (tmp_path / "run").exists()


def test_what_was_stored_as_jpeg_is_refused(tmp_path, capsys):
    """Though find_noise calls it white: its blocks leave a trace."""
    (tmp_path / "jpeg").mkdir()
    large = skimage.data.coffee().astype("float64")
    for index in range(12):
        top, left = index // 4 * 130, index % 4 * 150
        cut = large[top : top + 128, left : left + 144] + np.random.default_rng(index).normal(0, 25, (128, 144, 3))
        image = Image.fromarray(np.clip(np.round(cut), 0, 255).astype("uint8"))
        image.save(tmp_path / "jpeg" / f"{index}.jpg", quality=90, subsampling=0)
    message = refusal(capsys, main, words(tmp_path / "run", noisy=tmp_path / "jpeg"))
    assert "The noisy photographs were stored as JPEG, which changes noise" in message


def test_halftones_are_refused(clean, tmp_path, capsys):
    (tmp_path / "halftone").mkdir()
    for path in clean.iterdir():
        Image.open(path).convert("1").convert("L").save(tmp_path / "halftone" / path.name)
    message = refusal(capsys, main, words(tmp_path / "run", noisy=tmp_path / "halftone"))
    assert "nothing but black and white" in message


@pytest.mark.slow
def test_a_run_goes_on_with_the_noise_that_it_found(clean, tmp_path, capsys):
    """Another version may find a little more in the same photographs; of others the photographs are told."""
    noisy, other = (noisy_copy(clean, tmp_path / name, white, seed) for seed, name in enumerate(("noisy", "other")))
    main(words(tmp_path / "run", noisy=noisy, steps=2))
    place = tmp_path / "run" / "config.json"
    config = read_json(place)
    config["noise_found"]["sigma"] += 0.001
    place.write_text(json.dumps(config))
    main(words(tmp_path / "run", noisy=noisy, steps=2, repeats=2))
    assert read_json(place)["noise_found"] == config["noise_found"]
    assert network_folder(tmp_path / "run", 2, "mse").exists()
    message = refusal(capsys, main, words(tmp_path / "run", noisy=other, steps=2, repeats=2))
    assert "holds a run on other data" in message
    assert "noise_found" not in message
