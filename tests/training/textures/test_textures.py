"""The command on photographs: its options, its run folder, its resume."""

import os
import shutil
import signal
import sys
import typing

import keras
import numpy as np
import pytest
from helpers import ROOT, mortal, python, refusal
from picture_files import photograph, smooth_photographs
from PIL import Image

import training.textures.choices
import training.textures.experiment
import training.textures.trainer
from evaluation.__main__ import evaluate
from tf_denoise.data.parts import Parts
from tf_denoise.errors import InputError
from tf_denoise.models import UNet
from tf_denoise.runs.folder import network_folder, read_json
from tf_denoise.runs.loading import load_for_use, load_network
from tf_denoise.runs.writing import write_json
from training.textures.__main__ import main
from training.textures.judging import JUDGED_SIDE
from training.textures.options import COMPARED, TextureOptions
from training.textures.trainer import TextureTrainer

SMALL = "lambda channels: UNet(channels, widths=(4, 8), blocks=1)"
START = f"""
import training.textures.choices, training.textures.__main__
from tf_denoise.models import UNet
training.textures.choices.UNet = {SMALL}
training.textures.__main__.main(arguments)
"""


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """A folder of twelve small pictures."""
    return smooth_photographs(tmp_path_factory.mktemp("photographs"))


def command_line(photographs, output, **changed) -> list[str]:
    options = {"data": photographs, "output": output, "steps": 6, "crop_size": 16, "batch_size": 4, "loss": "mse"}
    words = []
    for name, value in (options | {"mixed_precision": "none"} | changed).items():
        if value is not None:
            words += [f"--{name.replace('_', '-')}", *map(str, value if isinstance(value, tuple) else [value])]
    return words


@pytest.fixture(scope="module")
def run(photographs, tmp_path_factory):
    """A finished run. Tests read it and leave it as it is."""
    folder = tmp_path_factory.mktemp("run") / "textures"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training.textures.choices, "UNet", lambda channels: UNet(channels, widths=(4, 8), blocks=1))
        main(command_line(photographs, folder))
    return folder


BAD_VALUES = {
    "only clean": ({"clean": "there"}, "--clean goes with --noisy"),
    "minutes and steps": ({"minutes": 3}, "Give either --minutes or --steps."),
    "scaled down": ({"data": "embedded", "scale_down": 100}, "--scale-down goes with a folder of clean photographs"),
    "three sigmas": ({"sigma": (1, 2, 3)}, "--sigma takes 1 to 2 values; received 1.0 2.0 3.0."),
    "no sigma": ({"sigma": ()}, "--sigma takes 1 to 2 values; received none."),
    "descending sigma": ({"sigma": (50, 5)}, "the least and then the most; received 50 5."),
    "test of pairs": (
        {"clean": "c", "noisy": "n", "test": "t"},
        "--validation and --test name single photographs",
    ),
    "twins of clean ones": ({"noisy_twin": "n"}, "--noisy-twin, --test-clean and --method go with --noisy alone"),
    "no folder": ({"data": "nowhere"}, "nowhere does not exist; expected a folder of photographs."),
    "large crops": (
        {"crop_size": 64},
        "10 of the 10 photographs to train on are smaller than a crop of 64 x 64",
    ),
}


@pytest.mark.parametrize(("changes", "message"), BAD_VALUES.values(), ids=BAD_VALUES.keys())
def test_a_bad_value_is_refused_in_a_sentence(capsys, tmp_path, photographs, changes, message):
    assert message in refusal(capsys, main, command_line(photographs, tmp_path / "run", **changes))
    assert not (tmp_path / "run").exists()


def test_a_folder_of_broken_pictures_is_refused(capsys, tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "empty.png").touch()
    error = refusal(capsys, main, command_line(tmp_path / "pictures", tmp_path / "run"))
    assert "empty.png" in error
    assert "can be trained on" in error


def test_a_photograph_in_two_parts_is_refused(capsys, tmp_path, photographs):
    arguments = command_line(photographs, tmp_path / "run", test=photographs)
    assert "no photograph is in two parts" in refusal(capsys, main, arguments)


def test_a_test_photograph_that_cannot_be_decoded_is_refused_before_training(capsys, tmp_path, photographs):
    (tmp_path / "test").mkdir()
    data = bytearray((photographs / "00.png").read_bytes())
    data[len(data) // 2] ^= 0xFF
    (tmp_path / "test" / "damaged.png").write_bytes(data)
    arguments = command_line(photographs, tmp_path / "run", test=tmp_path / "test")
    assert "No photograph to test on can be decoded: damaged.png" in refusal(capsys, main, arguments)
    assert not (tmp_path / "run").exists()


def test_a_transformer_that_cannot_be_downloaded_is_refused_with_the_way_out(
    capsys, tmp_path, photographs, monkeypatch
):
    import keras_hub

    def fail(*args, **kwargs):
        raise ConnectionError("no route to host")

    monkeypatch.setattr(keras_hub.models.ViTBackbone, "from_preset", fail)
    arguments = command_line(photographs, tmp_path / "run", network="vit_unet", vit="vit_base_patch16_224_imagenet")
    assert "--vit small" in refusal(capsys, main, arguments)
    assert not (tmp_path / "run").exists()


@pytest.mark.process
def test_help_does_without_tensorflow():
    code = (
        "import sys\nfrom training.textures.__main__ import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    print('tensorflow' in sys.modules)"
    )
    result = python("-c", code)
    assert result.stdout.endswith("False\n"), result.stderr
    assert "--loss-weight" in result.stdout


def test_compare_trains_every_loss_that_the_post_and_the_project_know():
    assert TextureOptions(compare=True).networks == {name: (name, 0.2) for name in COMPARED}
    assert COMPARED[0] == "mse"
    assert len(set(COMPARED)) == 6
    options = TextureOptions(compare=True).resolved()
    assert options.resolved() == options
    with pytest.raises(InputError, match="--compare trains a network with each loss: leave --loss out"):
        TextureOptions(compare=True, loss="mae").resolved()


@pytest.mark.parametrize("chosen", [{"loss": "wavelet"}, {"compare": True}])
def test_no_network_is_called_by_a_loss_that_has_no_weight(chosen):
    with pytest.raises(InputError, match=r"--loss-weight 0 leaves nothing of a sharpness loss; .* is --loss mse\."):
        TextureOptions(loss_weight=0.0, **chosen).resolved()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"noisy": "noisy", "data": "clean"}, "--noisy takes the place of --data: leave --data out."),
        ({"noisy": "noisy", "sigma": (25.0,)}, "The photographs of --noisy bring their noise: leave --sigma out."),
        ({"noisy": "noisy", "noise": "camera"}, "The photographs of --noisy bring their noise: leave --noise out."),
        ({"noisy": "n", "clean": "c", "level": 20}, "The photographs of --noisy bring their noise: leave --level out."),
        ({"noisy": "n", "clean": "c", "photons": 9.0}, "The photographs of --noisy bring .* leave --photons out."),
        (
            {"noise": "salt_and_pepper", "sigma": (25.0,)},
            "--noise salt_and_pepper has no deviation: leave --sigma out;",
        ),
        ({"level": 20}, "--level goes with --noise salt_and_pepper."),
        ({"noise": "camera", "photons": 9.0}, "--photons goes with --noise poisson_gaussian."),
        ({"sigma": (0.0,)}, "--sigma 0 is no noise to learn from."),
        ({"sigma": (0.0, 0.0)}, "--sigma 0 is no noise to learn from."),
        ({"noise": "salt_and_pepper", "level": 0}, "--level 0 is no noise to learn from."),
        ({"vit": "small-256"}, "--vit goes with --network vit_unet."),
        ({"network": "two_stage", "vit": "small-256"}, "--vit goes with --network vit_unet."),
        ({"loss": "mse", "loss_weight": 0.0}, "--loss-weight is for sharpness losses without a weight"),
        (
            {"losses": ("mse", "wavelet-0.1"), "loss_weight": 0.3},
            "--loss-weight is for sharpness losses without a weight",
        ),
        ({"losses": ("mse", "mae"), "loss_weight": 0.3}, "--loss-weight is for sharpness losses without a weight"),
    ],
)
def test_an_option_that_would_change_nothing_is_refused(given, said):
    with pytest.raises(InputError, match=f"^{said}"):
        TextureOptions(**given).resolved()


def test_options_that_count_are_taken():
    assert TextureOptions(noise="salt_and_pepper", level=20).resolved().level == 20
    assert TextureOptions(noise="poisson_gaussian", photons=9.0, sigma=(5.0,)).resolved().photons == 9
    assert TextureOptions(network="vit_unet", vit="small-256").resolved().vit == "small-256"
    assert TextureOptions(loss="wavelet", loss_weight=0.3).resolved().loss_weight == 0.3
    assert TextureOptions(compare=True, loss_weight=0.3).resolved().loss_weight == 0.3
    assert TextureOptions(losses=("mse", "wavelet", "regional-0.1"), loss_weight=0.3).resolved().loss_weight == 0.3
    assert TextureOptions(noise="camera", sigma=(0.0, 60.0)).resolved().sigma == (0, 60)
    assert TextureOptions(noisy="noisy", noisy_twin="twin", method="noise2noise").resolved().method == "noise2noise"
    with pytest.raises(InputError, match=r"^--sigma takes one deviation, or the least and then the most"):
        TextureOptions(sigma=(25.0, 0.0)).resolved()


def test_losses_may_bring_weights_of_their_own():
    words = ("mse", "wavelet", "windowed-0.1", "windowed-4e-1", "wavelet-0.12345678")
    options = TextureOptions(losses=words, loss_weight=0.3).resolved()
    assert options.resolved() == options
    assert options.networks == {
        "mse": ("mse", 0.3),
        "wavelet": ("wavelet", 0.3),
        "windowed-0.1": ("windowed", 0.1),
        "windowed-0.4": ("windowed", 0.4),
        "wavelet-0.123457": ("wavelet", 0.123457),
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["mse", "huber"], "--losses takes mse, mae, regional"),
        (["mse", "mae-0.1"], "all but mse and mae also with a weight, such as wavelet-0.1; received mae-0.1"),
        (["mse", "wavelet-"], "received wavelet-"),
        (["mse", "wavelet-little"], "received wavelet-little"),
        (["mse", "wavelet-0_1"], "received wavelet-0_1"),
        (["mse", "wavelet-nan"], "received wavelet-nan"),
        (["mse", "wavelet--0.1"], "received wavelet--0.1"),
        (["mse", "wavelet-1.5"], "The weight of a loss lies above 0, and 1 at the most; received wavelet-1.5"),
        (["mse", "wavelet-0"], "lies above 0, and 1 at the most; received wavelet-0"),
        (["mse", "wavelet-1e400"], "lies above 0, and 1 at the most; received wavelet-1e400"),
        (["mse", "wavelet", "--loss-weight", "0"], "--loss-weight 0 leaves nothing of a sharpness loss"),
        (["mse", "mse"], "--losses names mse twice"),
        (["mse", "wavelet", "wavelet-0.2"], "--losses names wavelet-0.2 twice"),
        (["mse", "wavelet-0.1", "wavelet-1e-1"], "--losses names wavelet-1e-1 twice"),
        (["mse"], "--losses takes 2 or more values; received mse"),
        (["mae", "wavelet"], "--losses holds all others against mse, which must be among them"),
        (["mse", "mae", "--compare"], "--losses takes the place of --loss and --compare: leave them out"),
        (["mse", "mae", "--loss", "mae"], "--losses takes the place of --loss and --compare: leave them out"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_losses_that_are_none_are_refused(capsys, tmp_path, words, message):
    assert message in refusal(capsys, main, ["--output", str(tmp_path / "run"), "--losses", *words])
    assert not (tmp_path / "run").exists()


def test_a_run_leaves_networks_scores_and_a_report(run):
    assert read_json(run / "budget.json")["steps"] == 6
    record = read_json(network_folder(run, 1, "mse") / "training.json")
    assert record["steps"] == 6
    assert len(record["history"]["val_psnr"]) == 6
    assert record["stopped"] is None
    assert read_json(run / "scored.json")["code"] == read_json(run / "environment.json")["source"]["code"]
    data = read_json(run / "data.json")
    assert [len(data[part]) for part in ("train", "validation", "test")] == [10, 1, 1]
    assert "U-Net, MSE" in (run / "report.html").read_text()
    assert load_network(network_folder(run, 1, "mse")).count_params() < 10_000


@pytest.mark.slow
def test_weights_of_a_loss_are_networks_of_their_own(monkeypatch, photographs, tmp_path):
    """From one start, each with its weight: in the training, in the report and in the model card."""
    from tf_denoise.runs.loading import load_for_use
    from tf_denoise.serving.model_card import _training

    small = lambda channels: UNet(channels, widths=(4, 8), blocks=1)  # noqa: E731
    monkeypatch.setattr(training.textures.choices, "UNet", small)
    made = []
    make_loss = training.textures.trainer.make_loss
    monkeypatch.setattr(
        training.textures.trainer, "make_loss", lambda *words: made.append(words[:2]) or make_loss(*words)
    )
    words = ("mse", "wavelet", "wavelet-0.5")
    main(command_line(photographs, tmp_path / "run", loss=None, losses=words, loss_weight=0.1))
    assert set(made) == {("mse", 0.1), ("wavelet", 0.1), ("wavelet", 0.5)}
    assert read_json(tmp_path / "run" / "networks.json") == [{"name": name} for name in words]
    losses = [
        read_json(network_folder(tmp_path / "run", 1, name) / "training.json")["history"]["loss"][0] for name in words
    ]
    assert len(set(losses)) == 3
    report = (tmp_path / "run" / "report.html").read_text()
    assert "U-Net, wavelet (weight 0.5)" in report
    assert "Three measures of sharpness of every method over its PSNR" in report
    card = "\n".join(_training(load_for_use(tmp_path / "run", "wavelet-0.5")))
    assert "- Loss: wavelet (wavelet details), weight 0.5, beside the mean squared error" in card


@pytest.mark.slow
def test_a_run_of_an_older_version_without_losses_is_gone_on_with(run, photographs, tmp_path):
    folder = tmp_path / "older"
    shutil.copytree(run, folder)
    config = read_json(folder / "config.json")
    del config["losses"]
    write_json(folder / "config.json", config)
    main(command_line(photographs, folder))
    assert "losses" not in read_json(folder / "config.json") or read_json(folder / "config.json")["losses"] is None


@pytest.mark.parametrize(
    ("network", "title"),
    [
        pytest.param("vit_unet", "U-Net with transformer, MSE", marks=pytest.mark.slow),
        pytest.param("two_stage", "Two U-Nets, MSE", marks=pytest.mark.slow),
    ],
)
def test_every_kind_of_network_is_trained_and_reported_on(photographs, tmp_path, network, title):
    folder = tmp_path / "run"
    (tmp_path / "test").mkdir()
    for seed in range(2):
        photograph(tmp_path / "test" / f"test {seed}.png", seed=seed)
    words = {"network": network, "widths": (4, 8), "steps": 2, "test": tmp_path / "test"}
    main(command_line(photographs, folder, **words, **({"vit": "windows-16"} if network == "vit_unet" else {})))
    report, stored = (folder / "report.html").read_text(), read_json(folder / "scores.json")
    assert title in report
    assert f"<b>Network</b>{title.removesuffix(', MSE')}" in report
    assert ("Whether the network uses its transformer" in report) == (network == "vit_unet")
    assert [use["replaced"] for use in stored["tokens"]] == (["mean", "other"] if network == "vit_unet" else [])


def test_every_kind_of_network_is_known_everywhere():
    from evaluation.textures.run import KINDS as titles
    from training.textures.start import KINDS

    options = typing.get_args(typing.get_type_hints(TextureOptions)["network"])
    assert tuple(KINDS) == options == tuple(titles)


def test_the_network_kept_is_the_one_judged_best(run, photographs):
    """Judged by all levels of the ladder: the mean PSNR of the one validation photograph at 15, 25 and 50."""
    from evaluation.metrics import psnr
    from tf_denoise.noise import AdditiveGaussian
    from tf_denoise.noise.ladder import noise_ladder

    ladder = noise_ladder(AdditiveGaussian((5 / 255, 55 / 255)))
    judged = Parts(data=photographs, crop_size=16).pictures("validation", ladder)
    assert [picture.level for picture in judged] == [15, 25, 50]
    network = load_network(network_folder(run, 1, "mse"))
    outputs = [np.clip(network(picture.noisy[None]), 0, 1) for picture in judged]
    values = [float(psnr(p.clean[None], o, max_val=1.0)[0]) for p, o in zip(judged, outputs, strict=True)]
    best = max(read_json(network_folder(run, 1, "mse") / "training.json")["history"]["val_psnr"])
    assert np.mean(values) == pytest.approx(best, abs=1e-3)


def test_a_judgement_sees_the_centre_of_large_photographs(tmp_path, monkeypatch):
    for index in range(3):
        photograph(tmp_path / f"{index}.png", JUDGED_SIDE + 9, 30, seed=index)
    monkeypatch.setattr(training.textures.choices, "UNet", lambda channels: UNet(channels, widths=(4, 8), blocks=1))
    config = TextureOptions(data=str(tmp_path), crop_size=16)
    trainer = TextureTrainer(config, Parts(data=tmp_path, crop_size=16), tmp_path / "run")
    assert [(p.clean.shape, p.noisy.shape, p.level) for p in trainer.validation] == [
        ((JUDGED_SIDE, 30, 3), (JUDGED_SIDE, 30, 3), level) for level in (15, 25, 50)
    ]
    whole = trainer.data.parts["validation"].photograph(0)
    np.testing.assert_array_equal(trainer.validation[0].clean, whole[4 : 4 + JUDGED_SIDE])


@pytest.mark.slow
def test_a_finished_run_is_scored_again_to_the_same_table(run):
    before = (run / "scores.csv").read_bytes()
    (run / "report.html").unlink()
    evaluate(run)
    assert (run / "scores.csv").read_bytes() == before
    assert (run / "report.html").exists()


def test_a_run_whose_configuration_lacks_something_is_refused(capsys, run, tmp_path):
    stored = read_json(run / "config.json")
    del stored["crop_size"]
    write_json(tmp_path / "config.json", stored)
    assert "The config.json of the run lacks 'crop_size'" in refusal(capsys, evaluate, tmp_path)


def test_tsne_of_photographs_is_refused(capsys, run):
    assert "photographs have no t-SNE" in refusal(capsys, lambda folder: evaluate(folder, tsne_points=100), run)


@pytest.fixture(scope="module")
def mixed_run(photographs, tmp_path_factory):
    """A run in mixed precision; one of its photographs proves damaged only when it is decoded."""
    folder = tmp_path_factory.mktemp("mixed")
    shutil.copytree(photographs, folder / "photographs")
    data = bytearray((photographs / "00.png").read_bytes())
    data[len(data) // 2] ^= 0xFF
    (folder / "photographs" / "05-damaged.png").write_bytes(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training.textures.choices, "UNet", lambda channels: UNet(channels, widths=(4, 8), blocks=1))
        main(command_line(folder / "photographs", folder / "run", mixed_precision="bfloat16"))
    return folder / "run"


@pytest.mark.slow
def test_what_trains_in_mixed_precision_is_saved_in_float32(mixed_run):
    network = load_network(network_folder(mixed_run, 1, "mse"))
    assert {layer.dtype_policy.name for layer in network.layers} == {"float32"}
    assert read_json(mixed_run / "budget.json")["precision"] == "bfloat16"


@pytest.mark.slow
@pytest.mark.process
def test_a_run_in_mixed_precision_that_was_killed_ends_in_the_same_bits(mixed_run, tmp_path):
    arguments = command_line(mixed_run.parent / "photographs", tmp_path / "run", mixed_precision="bfloat16")
    result = mortal(START, "mse/state.npz", 3, *arguments)
    assert result.returncode == -signal.SIGKILL, result.stderr
    assert mortal(START, "never", 1, *arguments).returncode == 0
    found, expected = (load_network(network_folder(place, 1, "mse")) for place in (tmp_path / "run", mixed_run))
    for one, other in zip(found.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_photograph_found_damaged_while_training_is_reported(mixed_run):
    skipped = dict(read_json(mixed_run / "data.json")["skipped"])
    assert "cannot be decoded" in skipped["05-damaged.png"]
    assert "05-damaged.png" in (mixed_run / "report.html").read_text().split("skipped file<")[1]


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="file names are always UTF-8 there")
def test_names_that_are_not_utf_8_end_in_a_report(photographs, tmp_path):
    folders = {
        part: os.fsencode(tmp_path) + b"/" + part.encode() + b"-\xff" for part in ("train", "validation", "test")
    }
    for folder in folders.values():
        os.mkdir(folder)
        for index, path in enumerate(sorted(photographs.iterdir())):
            shutil.copy(os.fsencode(path), os.path.join(folder, folder[-3:] + b"%d-\xe4.png" % index))
        with open(os.path.join(folder, b"broken-\xe4.png"), "wb") as file:
            file.write(b"no picture")
    folders = {part: os.fsdecode(folder) for part, folder in folders.items()}
    arguments = command_line(
        folders["train"], tmp_path / "run", validation=folders["validation"], test=folders["test"], steps=2
    )
    result = python("-c", "import sys\narguments = sys.argv[1:]" + START, *arguments, PYTHONIOENCODING="utf-8:strict")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "broken-" in result.stdout
    assert "Report: " in result.stdout
    report = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "broken-" in report


@pytest.mark.slow
def test_a_loss_that_becomes_nan_ends_in_a_record_and_a_report(photographs, tmp_path, monkeypatch):
    monkeypatch.setattr(training.textures.choices, "UNet", lambda channels: UNet(channels, widths=(4, 8), blocks=1))
    monkeypatch.setattr(training.textures.trainer, "make_loss", lambda *options: lambda y, x: (y - x) * float("nan"))
    main(command_line(photographs, tmp_path / "run", steps=2))
    record = read_json(network_folder(tmp_path / "run", 1, "mse") / "training.json")
    assert [fall["why"] for fall in record["falls"]] == ["the loss became nan in epoch 1"]
    assert record["stopped"] == "the loss became nan in epoch 2; the state after epoch 1 was kept"
    report = (tmp_path / "run" / "report.html").read_text()
    assert record["stopped"] in report
    assert record["falls"][0]["why"] in report


@pytest.mark.slow
def test_what_was_found_damaged_is_remembered_when_the_command_is_repeated(mixed_run):
    folder = mixed_run.parent / "photographs"
    before = dict(read_json(mixed_run / "data.json")["skipped"])
    main(command_line(folder, mixed_run, mixed_precision="bfloat16"))
    assert dict(read_json(mixed_run / "data.json")["skipped"]) == before
    assert "05-damaged.png" in before


def test_another_configuration_on_the_folder_is_refused(capsys, run, photographs):
    assert "loss is 'mse' there and 'mae' here" in refusal(capsys, main, command_line(photographs, run, loss="mae"))


def test_a_run_that_was_moved_with_its_photographs_goes_on_and_a_new_one_is_named(
    capsys, run, photographs, tmp_path, monkeypatch
):
    moved = tmp_path / "deep" / "run"
    shutil.copytree(run, moved)
    shutil.copytree(photographs, tmp_path / "photographs")
    monkeypatch.setattr(training.textures.experiment, "evaluate_folder", lambda folder: folder / "report.html")
    main(command_line(tmp_path / "photographs", moved))
    assert read_json(moved / "config.json")["data"] == str(tmp_path / "photographs")
    shutil.copy(photographs / "03.png", tmp_path / "photographs" / "new.png")
    error = refusal(capsys, main, command_line(tmp_path / "photographs", moved))
    assert "holds a run on other data: the photograph new.png came in. Choose another --output" in error


@pytest.mark.slow
def test_pairs_bring_their_own_noise(tmp_path, photographs, monkeypatch):
    clean, noisy = tmp_path / "clean", tmp_path / "noisy"
    rng = np.random.default_rng(1)
    for folder in (clean, noisy):
        folder.mkdir()
    for path in sorted(photographs.iterdir()):
        image = np.asarray(Image.open(path))
        Image.fromarray(image).save(clean / f"{path.stem}_raw.png")
        disturbed = np.clip(image + rng.normal(0, 20, image.shape), 0, 255).astype("uint8")
        Image.fromarray(disturbed).save(noisy / f"{path.stem}_noised.png")
    monkeypatch.setattr(training.textures.choices, "UNet", lambda channels: UNet(channels, widths=(4, 8), blocks=1))
    folder = tmp_path / "run"
    main(command_line(None, folder, data=None, clean=clean, noisy=noisy, steps=2))
    rows = (folder / "scores.csv").read_text()
    assert "mse" in rows
    assert "_raw.png,,mse" in rows  # the noise of pairs has no level
    assert "as the noisy photographs have it" in (folder / "report.html").read_text()


@pytest.mark.slow
@pytest.mark.process
def test_a_run_killed_at_several_points_ends_in_the_same_bits(run, photographs, tmp_path):
    folder = tmp_path / "killed"
    arguments = command_line(photographs, folder)
    for place, count in [("mse/state.npz", 2), ("mse/state-previous.npz", 3), ("scores.csv", 1)]:
        result = mortal(START, place, count, *arguments)
        assert result.returncode == -signal.SIGKILL, (place, result.stdout, result.stderr)
    result = mortal(START, "never", 1, *arguments)
    assert result.returncode == 0, result.stderr
    for found, expected in zip(
        load_network(network_folder(folder, 1, "mse")).weights,
        load_network(network_folder(run, 1, "mse")).weights,
        strict=True,
    ):
        np.testing.assert_array_equal(found, expected)
    histories = [read_json(network_folder(place, 1, "mse") / "training.json")["history"] for place in (folder, run)]
    assert histories[0] == histories[1]
    assert (folder / "scores.csv").read_bytes() == (run / "scores.csv").read_bytes()


@pytest.mark.slow
@pytest.mark.process
def test_two_devices_train_the_same_network_as_one(run, photographs, tmp_path):
    folder = tmp_path / "two"
    devices = """
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import sys
import training.textures.experiment
import training.textures.trainer
arguments = sys.argv[1:]
train = training.textures.trainer.TextureTrainer._train

def counted(self, *job, **options):
    print("replicas:", self.hosts.strategy.num_replicas_in_sync)
    return train(self, *job, **options)

training.textures.trainer.TextureTrainer._train = counted
"""
    result = python("-c", devices + START, *command_line(photographs, folder))
    assert result.returncode == 0, result.stderr
    assert "replicas: 2\n" in result.stdout
    for found, expected in zip(
        load_network(network_folder(folder, 1, "mse")).weights,
        load_network(network_folder(run, 1, "mse")).weights,
        strict=True,
    ):
        np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.slow
def test_the_fifteen_lines_of_the_documentation_run(tmp_path, monkeypatch):
    page = (ROOT / "docs" / "textures.md").read_text()
    code = page.split("```python\n")[1].split("```")[0]
    assert len(code.strip().splitlines()) <= 15
    monkeypatch.chdir(tmp_path)
    epochs = keras.Model.fit
    monkeypatch.setattr(
        keras.Model, "fit", lambda self, pairs, **options: epochs(self, pairs, steps_per_epoch=1, epochs=1, verbose=0)
    )
    exec(compile(code, "docs/textures.md", "exec"), {})


@pytest.mark.slow
def test_a_finished_run_gets_further_repeats(photographs, tmp_path, monkeypatch):
    monkeypatch.setattr(training.textures.choices, "UNet", lambda channels: UNet(channels, widths=(4, 8), blocks=1))
    main(command_line(photographs, tmp_path / "grown", steps=2))
    first = (network_folder(tmp_path / "grown", 1, "mse") / "model.keras").read_bytes()
    main(command_line(photographs, tmp_path / "grown", steps=2, repeats=2))
    main(command_line(photographs, tmp_path / "whole", steps=2, repeats=2))
    assert (network_folder(tmp_path / "grown", 1, "mse") / "model.keras").read_bytes() == first
    for repeat in (1, 2):
        ours, theirs = (
            load_for_use(network_folder(tmp_path / name, repeat, "mse")).model.get_weights()
            for name in ("grown", "whole")
        )
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one, other)
    assert read_json(tmp_path / "grown" / "config.json")["repeats"] == 2
