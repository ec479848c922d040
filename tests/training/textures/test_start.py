"""Training that begins from a trained network."""

import json
import shutil

import keras
import numpy as np
import pytest
from helpers import files_of, refusal
from network_checks import noisy_images, with_random_weights
from picture_files import smooth_photographs
from PIL import Image

import training.textures.experiment
import training.textures.trainer
from tf_denoise.__main__ import main as export_main
from tf_denoise.models import DenseAutoencoder, TwoStageUNet, UNet, ViTUNet, small_vit
from tf_denoise.runs.folder import network_folder
from tf_denoise.runs.loading import load_for_use, load_network
from training.textures.__main__ import main
from training.textures.choices import make_network
from training.textures.options import TextureOptions
from training.textures.start import KINDS

IMAGES = noisy_images(2, 32, 40, 3)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """A folder of twelve small pictures."""
    return smooth_photographs(tmp_path_factory.mktemp("photographs"))


def unet(**options):
    return with_random_weights(UNet(3, **{"widths": (4, 6), "blocks": 2} | options))


@pytest.mark.parametrize("block", ["residual", "plain"])
def test_a_vit_unet_begins_as_the_unet_that_it_is_built_around(block):
    options = {"skips": "concat", "stem": 1} if block == "plain" else {}
    start = unet(block=block, **options)
    network = make_network("vit_unet", "small", 3, start=start)
    assert isinstance(network, ViTUNet)
    np.testing.assert_allclose(network(IMAGES), start(IMAGES), atol=1e-5)
    assert (network.widths, network.blocks, network.block) == ((4, 6), 2, block)


def test_two_stages_begin_as_the_unet_that_is_the_first():
    start = unet()
    network = make_network("two_stage", "small", 3, start=start)
    assert isinstance(network, TwoStageUNet)
    np.testing.assert_array_equal(network(IMAGES), start(IMAGES))
    assert (network.widths, network.blocks) == ((4, 6), 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"block": "plain", "skips": "concat", "stem": 1},
            "has plain blocks; a two_stage is built around residual ones",
        ),
        ({"skips": "concat"}, "has skips='concat' and stem=2; a two_stage of residual blocks is built around a U-Net"),
    ],
    ids=["plain", "joined"],
)
def test_two_stages_around_another_unet_are_refused(capsys, photographs, tmp_path, options, message):
    unet(**options).save(tmp_path / "start.keras")
    words = options_of(photographs, tmp_path / "run", tmp_path / "start.keras", network="two_stage")
    assert message in refusal(capsys, main, words)
    assert not (tmp_path / "run").exists()


def test_a_unet_does_not_begin_from_two_stages(capsys, photographs, tmp_path):
    with_random_weights(TwoStageUNet(3, (4, 6))).save(tmp_path / "start.keras")
    words = options_of(photographs, tmp_path / "run", tmp_path / "start.keras")
    assert "start.keras is a two_stage; add --network two_stage to go on with it." in refusal(capsys, main, words)


@pytest.mark.slow
def test_the_transformer_of_a_vit_unet_that_began_as_a_unet_takes_part_in_its_training():
    keras.utils.set_random_seed(0)
    network = make_network("vit_unet", "small", 3, start=unet())
    network.compile(keras.optimizers.Adam(1e-2), "mse", run_eagerly=True)
    before = network.vit.get_weights()
    network.fit(IMAGES, 0.5 * IMAGES, epochs=3, verbose=0)
    moved = [np.abs(a - b).max() for a, b in zip(network.vit.get_weights(), before, strict=True)]
    assert np.median(moved) > 0


@pytest.mark.parametrize(
    "start",
    [
        lambda: unet(),
        lambda: ViTUNet(small_vit(32, 16, 1, 2, 8), 3, widths=(4, 6), token_widths=(5,)),
        lambda: ViTUNet(small_vit(32, 16, 1, 2, 8), 3, widths=(4, 6), token_widths=(5,), view="windows"),
        lambda: TwoStageUNet(3, (4, 6)),
    ],
    ids=["unet", "vit_unet", "vit_unet of windows", "two_stage"],
)
def test_a_network_of_the_same_kind_begins_with_its_weights(start):
    start = with_random_weights(start())
    name = next(name for name, kind in KINDS.items() if isinstance(start, kind))
    network = make_network(name, "small", 3, start=start)
    assert network is not start
    np.testing.assert_array_equal(network(IMAGES), start(IMAGES))


def options_of(photographs, output, start, **changed):
    options = {"data": photographs, "output": output, "steps": 3, "crop_size": 16, "batch_size": 4, "start": start}
    words = []
    for name, value in (options | {"mixed_precision": "none"} | changed).items():
        words += [f"--{name.replace('_', '-')}", *map(str, value if isinstance(value, tuple) else [value])]
    return words


@pytest.fixture(scope="module")
def start_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("start") / "start.keras"
    unet().save(path)
    return path


@pytest.mark.slow
def test_a_run_begins_from_a_file_and_goes_on_without_it(photographs, start_file, tmp_path, monkeypatch):
    start = tmp_path / "elsewhere.keras"
    shutil.copy(start_file, start)
    arguments = options_of(photographs, tmp_path / "run", start, learning_rate=1e-8)
    main(arguments)
    network = load_for_use(tmp_path / "run").model
    assert network.blocks == 2
    np.testing.assert_allclose(network(IMAGES), load_for_use(start_file).model(IMAGES), atol=1e-4)
    stored = json.loads((tmp_path / "run" / "config.json").read_text())
    assert stored["start"] == str(start)
    report = (tmp_path / "run" / "report.html").read_text()
    assert str(start) in report
    weights = load_network(network_folder(tmp_path / "run", 1, "mae")).get_weights()
    record = json.loads((network_folder(tmp_path / "run", 1, "mae") / "training.json").read_text())
    assert record["start"] == str(start)
    start.unlink()
    (network_folder(tmp_path / "run", 1, "mae") / "training.json").unlink()
    main(arguments)  # as after a kill: from the copy in the run folder
    again = load_network(network_folder(tmp_path / "run", 1, "mae")).get_weights()
    for one, other in zip(weights, again, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_another_start_on_the_folder_is_refused_and_the_same_one_moved_is_not(
    capsys, photographs, start_file, tmp_path, monkeypatch
):
    monkeypatch.setattr(training.textures.experiment, "evaluate_folder", lambda folder: folder / "report.html")
    main(options_of(photographs, tmp_path / "run", start_file, steps=1))
    other, moved = tmp_path / "other.keras", tmp_path / "moved.keras"
    with_random_weights(UNet(3, widths=(4, 6), blocks=2), seed=5).save(other)
    shutil.copy(start_file, moved)
    error = refusal(capsys, main, options_of(photographs, tmp_path / "run", other, steps=1))
    assert f"holds a run that began from another network, {start_file}. Choose another --output" in error
    main(options_of(photographs, tmp_path / "run", moved, steps=1))
    stored = json.loads((tmp_path / "run" / "config.json").read_text())
    assert stored["start"] == str(moved)


@pytest.mark.slow
def test_a_run_begins_from_the_preset(photographs, tmp_path, monkeypatch):
    monkeypatch.setattr(training.textures.experiment, "evaluate_folder", lambda folder: folder / "report.html")
    main(options_of(photographs, tmp_path / "run", "photographs", learning_rate=1e-8, steps=1))
    network, preset = load_for_use(tmp_path / "run").model, UNet.from_preset("photographs")
    assert network.widths == preset.widths
    np.testing.assert_allclose(network(IMAGES), preset(IMAGES), atol=1e-4)


@pytest.mark.parametrize(
    ("start", "changed", "message"),
    [
        (
            "dense",
            {},
            "holds a network of the class DenseAutoencoder; expected one for photographs, a UNet, ViTUNet or",
        ),
        ("vit_unet", {}, "is a vit_unet; add --network vit_unet to go on with it."),
        ("unet", {"widths": (4, 8)}, "has widths of 4 6; received --widths 4 8: leave it out."),
        ("vit_unet", {"network": "vit_unet", "vit": "base"}, "brings its own transformer; leave out --vit base."),
        ("four", {}, "expected one for photographs, a UNet, ViTUNet or TwoStageUNet of 1 or 3 channels."),
        ("grey", {}, "is a network for grey pictures, and there are photographs in colour: begin from one of 3"),
        ("unet", {"blocks": 1}, "has blocks of 2; received --blocks 1: leave it out."),
        ("stem", {"network": "vit_unet"}, "has skips='add' and stem=1; a vit_unet of residual blocks is built around"),
        ("nowhere", {}, "does not exist; expected a run folder, or a .keras file, or one of the presets: photographs."),
        ("damaged", {}, "is not a .keras file, or is damaged"),
    ],
)
def test_a_start_that_does_not_fit_is_refused(capsys, photographs, tmp_path, start, changed, message):
    path = tmp_path / f"{start}.keras"
    if start == "damaged":
        path.write_bytes(b"PK\x03\x04 and no more")
    elif start != "nowhere":
        made = {
            "dense": lambda: DenseAutoencoder(16, (4,)),
            "vit_unet": lambda: ViTUNet(small_vit(32, 16, 1, 2, 8), 3, widths=(4, 6)),
            "unet": unet,
            "stem": lambda: unet(stem=1),
            "four": lambda: UNet(4, widths=(4, 6)),
            "grey": lambda: UNet(1, widths=(4, 6)),
        }
        made[start]().save(path)
    arguments = options_of(photographs, tmp_path / "run", path, **changed)
    assert message in refusal(capsys, main, arguments)
    assert not (tmp_path / "run").exists()


def test_nothing_is_begun_from_a_network_that_gives_no_numbers(photographs, tmp_path, capsys):
    model = unet()
    model.set_weights([weights * 1e30 for weights in model.get_weights()])
    model.save(tmp_path / "wild.keras")
    message = refusal(capsys, main, options_of(photographs, tmp_path / "run", tmp_path / "wild.keras"))
    assert "wild.keras gives NaN or infinite pixels: nothing can be begun from it." in message
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_no_run_begins_from_itself_and_one_that_learned_nothing_says_so(
    photographs, start_file, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(training.textures.trainer, "judge_of", lambda *made: lambda: 20.0)  # never better
    main(options_of(photographs, tmp_path / "run", start_file, steps=1))
    assert "no state was better than the start, which is what is saved." in capsys.readouterr().out
    assert "is as it began:" in (tmp_path / "run" / "report.html").read_text()
    export_main(["export", str(tmp_path / "run"), str(tmp_path / "served")])
    card = (tmp_path / "served" / "1" / "model_card.md").read_text()
    assert "No state of the training was better than the weights that it began with" in card
    before = files_of(tmp_path / "run")
    for start in (tmp_path / "run", network_folder(tmp_path / "run", 1, "mae")):
        error = refusal(capsys, main, options_of(photographs, tmp_path / "run", start, steps=1))
        assert "no run begins from itself; choose another --output." in error
    assert files_of(tmp_path / "run") == before
    main(options_of(photographs, tmp_path / "run", tmp_path / "run" / "start.keras", steps=1))  # which is the start


@pytest.mark.slow
def test_a_damaged_copy_of_the_start_is_passed_over_where_the_start_is_there(
    photographs, start_file, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(training.textures.experiment, "evaluate_folder", lambda folder: folder / "report.html")
    start = shutil.copy(start_file, tmp_path / "mine.keras")
    words = options_of(photographs, tmp_path / "run", start, steps=1)
    main(words)
    (tmp_path / "run" / "start.keras").write_bytes(b"PK")
    main(words)
    assert "start.keras is not a .keras file, or is damaged" in capsys.readouterr().err
    start.unlink()
    main(words)  # from the copy, which was mended
    assert capsys.readouterr().err == ""
    with_random_weights(UNet(3, widths=(4, 6), blocks=2), seed=5).save(start)
    (tmp_path / "run" / "start.keras").write_bytes(b"PK")
    with pytest.raises(SystemExit):
        main(words)
    assert f"that began from another state of {start}. Choose another --output" in capsys.readouterr().err
    start.unlink()
    assert "start.keras is not a .keras file, or is damaged" in refusal(capsys, main, words)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nothing_is_begun_from_a_network_that_fell(photographs, tmp_path, capsys, value):
    model = UNet(3, widths=(4, 6))
    weights = model.get_weights()
    weights[2].flat[1] = value
    model.set_weights(weights)
    model.save(tmp_path / "fallen.keras")
    message = refusal(capsys, main, options_of(photographs, tmp_path / "run", tmp_path / "fallen.keras"))
    assert "fallen.keras holds weights that are NaN or infinite: nothing can be begun from it." in message
    assert not (tmp_path / "run").exists()


def test_fine_tuning_has_a_rate_of_its_own():
    assert TextureOptions().resolved().learning_rate == 1e-3
    assert TextureOptions(noisy="noisy").resolved().learning_rate == 3e-3
    assert TextureOptions(start="photographs").resolved().learning_rate == 3e-4
    assert TextureOptions(start="photographs", learning_rate=0.01).resolved().learning_rate == 0.01


@pytest.mark.slow
def test_grey_photographs_are_read_in_the_colours_of_the_start(tmp_path, start_file):
    for index in range(12):
        pixels = np.random.default_rng(index).integers(0, 256, (20, 24), "uint8")
        (tmp_path / "grey").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "grey" / f"{index}.png")
    main(options_of(tmp_path / "grey", tmp_path / "run", start_file, steps=1))
    assert json.loads((tmp_path / "run" / "config.json").read_text())["channels"] == 3
    assert load_for_use(tmp_path / "run").model.channels == 3
