"""`python -m tf_denoise denoise`: what goes in comes out denoised, and what cannot is told."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import pytest
import tifffile
from helpers import ROOT, files_of, python, refusal
from network_checks import gentle_net, with_random_weights
from picture_files import BAD, noise, photograph, png
from PIL import Image, ImageCms

from tf_denoise.__main__ import main
from tf_denoise.commands import denoise_report
from tf_denoise.commands.denoise_files import denoise_files, plan_jobs
from tf_denoise.models import DenseAutoencoder, UNet
from tf_denoise.models.fingerprint import fingerprint
from tf_denoise.pictures.files import DECODABLE, read_picture, to_unit
from tf_denoise.pictures.remarks import noise_remark
from tf_denoise.runs.writing import write_json
from tf_denoise.uncertainty import IntervalHead, Intervals

HEEDS_CTRL_C = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs are started without
from tf_denoise.__main__ import main
main()
"""


@pytest.fixture(scope="module")
def model():
    """A network that changes pictures a little."""
    return gentle_net(0.05)


@pytest.fixture(scope="module")
def run(model, tmp_path_factory):
    """A run folder that holds it."""
    folder = tmp_path_factory.mktemp("run")
    config = {"command": "textures", "clean": None, "noise": "gaussian", "sigma": [20, 30], "repeats": 1}
    write_json(folder / "config.json", config)
    write_json(folder / "networks.json", [{"name": "mae"}])
    place = folder / "networks" / "repeat-1" / "mae"
    write_json(place / "training.json", {"history": {"val_psnr": [30.0]}})
    model.save(place / "model.keras")
    return folder


def command(run, *inputs, output, **options):
    words = [*map(str, inputs), "--model", str(run), "--output", str(output)]
    for name, value in options.items():
        words += [f"--{name}", str(value)]
    return ["denoise", *words]


def status(arguments) -> int:
    try:
        main(arguments)
    except SystemExit as end:
        return end.code
    return 0


def test_files_and_nested_folders_come_out_as_what_they_were(run, model, tmp_path, capsys):
    folder, output = tmp_path / "in", tmp_path / "out"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x0112] = 6
    photograph(folder / "a.png", 40, 30)
    photograph(folder / "deep" / "er" / "b.JPG", 33, 21)
    Image.open(photograph(folder / "c.jpg", 35, 24)).copy().save(folder / "c.jpg", exif=exif, icc_profile=profile)
    png(folder / "deep" / "sixteen.png", noise(20, 17, 3, "uint16"), 2, bits=16)
    png(folder / "alpha.png", noise(12, 15, 4), 6)
    photograph(folder / "grey.tif", 22, 18, channels=1)
    (folder / "notes.txt").touch()
    before = files_of(folder)
    assert status(command(run, folder, output=output, jobs=2)) == 0
    assert files_of(folder) == before
    names = {str(path.relative_to(output)) for path in output.rglob("*") if path.is_file()}
    assert names == set(before) - {"notes.txt"}
    for name in names:
        old, new = read_picture(folder / name, DECODABLE), read_picture(output / name, DECODABLE)
        assert new.header == old.header
        assert (new.profile, new.exif) == (old.profile, old.exif)
        values = to_unit(old.values)
        colour = np.repeat(values, 3, -1) if values.shape[-1] == 1 else values
        expected = model(colour[None])[0].numpy()
        expected = expected.mean(-1, keepdims=True) if values.shape[-1] == 1 else expected
        limit = 0.1 if name.lower().endswith("jpg") else 0.501 / np.iinfo(old.values.dtype).max
        assert np.abs(to_unit(new.values) - np.clip(expected, 0, 1)).max() <= limit, name
        if old.alpha is not None:
            np.testing.assert_array_equal(new.alpha, old.alpha)
    printed = capsys.readouterr()
    assert "6 of 6 pictures denoised by mae in float32, 0.00 megapixels at " in printed.out
    assert " megapixels per second" in printed.err


def test_a_colour_picture_goes_through_a_grey_network(tmp_path):
    model = with_random_weights(UNet(1, (2, 4), blocks=1))
    model.save(tmp_path / "grey.keras")
    source = photograph(tmp_path / "a.png", 20, 30)
    assert status(command(tmp_path / "grey.keras", source, output=tmp_path / "out")) == 0
    values = to_unit(read_picture(source).values)
    planes = np.concatenate([model(values[None, ..., c : c + 1])[0] for c in range(3)], -1)
    found = to_unit(read_picture(tmp_path / "out" / "a.png").values)
    np.testing.assert_allclose(found, np.clip(planes, 0, 1), atol=0.501 / 255)


WRONG = ["text", "truncated jpeg", "truncated png", "png bomb", "jpeg bomb", "empty", "missing", "cmyk jpeg", "bands"]


def test_bad_pictures_are_told_and_the_others_still_done(run, tmp_path, capsys):
    folder = tmp_path / "in"
    good = photograph(folder / "good.png", 20, 30)
    late = photograph(folder / "late.png", 40, 40)  # damaged in the middle: found when it is decoded
    data = bytearray(late.read_bytes())
    data[len(data) // 2] ^= 255
    late.write_bytes(data)
    (folder / "nothing").mkdir()
    bad = [BAD[name][0](folder) for name in WRONG if name not in ("truncated png", "jpeg bomb", "cmyk jpeg")]
    inputs = [good, late, *bad, folder / "nothing"]
    assert status(command(run, *inputs, output=tmp_path / "out")) == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["good.png"]
    printed = capsys.readouterr()
    lines = [line for line in printed.err.splitlines() if line.startswith("error: ")]
    assert len(lines) == len(inputs)  # one for each that failed, and the count
    for path in bad:
        assert sum(str(path) in line for line in lines) == 1, path
    assert "late.png cannot be decoded: the checksum of its IDAT chunk is wrong." in printed.err
    assert "nothing holds no picture; expected files that end in .png, .jpg" in printed.err
    assert "a decompression bomb?" in printed.err
    assert lines[-1] == f"error: {len(inputs) - 1} failed; the reasons stand above."
    assert "1 of 9 pictures denoised" in printed.out
    assert "Traceback" not in printed.err


@pytest.mark.parametrize("name", WRONG)
def test_when_nothing_can_be_done_the_status_is_2(name, run, tmp_path, capsys):
    make, sentence = BAD[name]
    path = make(tmp_path)
    before = files_of(tmp_path)
    assert status(command(run, path, output=tmp_path / "out")) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert re.search(sentence, lines[0])
    assert lines[1].startswith("error: Nothing was denoised: none of the inputs holds a picture that can be (1 failed)")
    assert files_of(tmp_path) == before


def test_originals_are_never_overwritten(run, tmp_path, capsys):
    one, two = photograph(tmp_path / "a.png"), photograph(tmp_path / "b" / "a.png", seed=1)
    before = files_of(tmp_path)
    assert status(command(run, one, output=tmp_path)) == 2
    assert "a.png would be overwritten; choose another --output" in capsys.readouterr().err
    (tmp_path / "link").symlink_to(tmp_path)
    assert status(command(run, one, output=tmp_path / "link")) == 2
    assert status(command(run, two, one, output=tmp_path)) == 2  # each would land on the other or on itself
    assert "another original" in capsys.readouterr().err
    assert status(command(run, one, two, output=tmp_path / "out")) == 1
    assert f"{two} and {one} would both be written to {tmp_path / 'out' / 'a.png'}" in capsys.readouterr().err
    assert {name: data for name, data in files_of(tmp_path).items() if not name.startswith("out")} == before


def test_what_stands_in_the_output_is_left_unless_told(run, tmp_path, capsys):
    folder, output = tmp_path / "in", tmp_path / "out"
    photograph(folder / "a.png", 40, 30)
    photograph(folder / "b.png", 40, 30, seed=1)
    photograph(output / "a.png", 40, 30, seed=2)
    before = (output / "a.png").read_bytes()
    assert status(command(run, folder, output=output)) == 0
    assert "1 of 2 pictures have their name in" in capsys.readouterr().out
    assert (output / "a.png").read_bytes() == before
    assert (output / "b.png").exists()
    assert status(command(run, folder, output=output)) == 0  # nothing is left to do
    assert status([*command(run, folder, output=output), "--overwrite"]) == 0
    assert (output / "a.png").read_bytes() != before


def test_a_folder_below_the_output_is_an_input(tmp_path):
    photograph(tmp_path / "photos" / "today" / "a.png")
    for output in (tmp_path / "photos", tmp_path):
        jobs, problems = plan_jobs([tmp_path / "photos" / "today"], output)
        assert [job.target for job in jobs] == [output / "a.png"]
        assert not problems


def test_what_lies_in_the_output_is_no_input(tmp_path):
    photograph(tmp_path / "a.png")
    photograph(tmp_path / "out" / "a.png")
    jobs, problems = plan_jobs([tmp_path], tmp_path / "out")
    assert [(job.source.name, job.target) for job in jobs] == [("a.png", tmp_path / "out" / "a.png")]
    assert not problems
    photograph(tmp_path / "b" / "a.png")
    jobs, _ = plan_jobs([tmp_path / "b", tmp_path / "a.png"], tmp_path / "other")
    assert [job.target.relative_to(tmp_path / "other").as_posix() for job in jobs] == ["b/a.png", "a.png"]


def test_a_wrong_model_is_told_and_nothing_is_written(run, tmp_path, capsys):
    source = photograph(tmp_path / "a.png")
    keras.Sequential([keras.Input((None, None, 5)), keras.layers.Activation("linear")]).save(tmp_path / "five.keras")
    DenseAutoencoder(784, (4,)).save(tmp_path / "digits.keras")
    (tmp_path / "no_run").mkdir()
    (tmp_path / "file").touch()
    for arguments, sentence in (
        (
            command(tmp_path / "no_run", source, output=tmp_path / "o"),
            "no_run is not a run folder: it has no config.json",
        ),
        (
            command(tmp_path / "gone", source, output=tmp_path / "o" / "deep"),
            "gone does not exist; expected a run folder",
        ),
        (command(tmp_path / "five.keras", source, output=tmp_path / "o"), "takes pictures of 5 channels; files have 1"),
        (command(tmp_path / "digits.keras", source, output=tmp_path / "o"), "Pictures of any size need a network with"),
        (command(run, source, output=tmp_path / "o", network="mse"), "has no trained network 'mse'; it has mae"),
        (command(run, source, output=tmp_path / "file"), "The output folder .*file cannot be written: File exists"),
        (command(run, source, output=tmp_path / "o", jobs=0), "--jobs lies in 1..1000; received 0"),
        (command(run, source, output=tmp_path / "o", quality=101), "--quality lies in 1..100; received 101"),
        (command(run, source, output=tmp_path / "o", tile=32, overlap=32), "A tile of 32 pixels leaves nothing beside"),
    ):
        assert re.search(sentence, refusal(capsys, main, arguments))
    assert not (tmp_path / "o").exists()


def test_an_output_that_cannot_be_written_is_told(run, capsys):
    folder = Path(tempfile.mkdtemp())  # permissions do not bind root, so root becomes nobody for a while
    folder.chmod(0o755)
    source = photograph(folder / "a.png")
    (folder / "closed").mkdir(mode=0o555)
    was_root = os.geteuid() == 0
    if was_root:
        os.seteuid(65534)
    try:
        message = refusal(capsys, main, command(run, source, output=folder / "closed"))
    finally:
        if was_root:
            os.seteuid(0)
        shutil.rmtree(folder)
    assert "closed cannot be written: Permission denied" in message


def test_noise_that_the_network_was_not_trained_on_is_named(run, tmp_path, capsys):
    rng = np.random.default_rng(0)
    for sigma in (5, 25, 60):
        grey = np.clip(rng.normal(128, sigma, (300, 400, 3)), 0, 255).astype("uint8")
        Image.fromarray(grey).save(tmp_path / f"{sigma}.png")
    assert status(command(run, tmp_path, output=tmp_path / "out")) == 0
    notes = sorted(line for line in capsys.readouterr().err.splitlines() if line.startswith("note: "))
    assert [Path(note.split()[1]).name for note in notes] == ["5.png", "60.png"]
    assert re.search(r"of about 4\.\d \(255ths of white\); the network was trained on 20 to 30: fine detail", notes[0])
    assert "more of it may stay" in notes[1]
    deep = rng.normal(0.5, 25 / 255, (200, 200, 1))
    for values in (deep.astype("float32"), (65535 * deep).astype("uint16")):
        assert noise_remark(Path("a"), values, (20, 30)) is None
        assert "about 24." in noise_remark(Path("a"), values, (1, 2))
    assert noise_remark(Path("a"), noise(2, 2), (1, 2)) is None


def test_a_picture_that_fails_while_it_is_denoised_or_written_stops_no_other(tmp_path):
    sources = [photograph(tmp_path / f"{index}.png", seed=index) for index in range(4)]
    jobs, _ = plan_jobs(sources, tmp_path / "out")
    (tmp_path / "out" / "2.png").mkdir(parents=True)

    def denoise(values, on_progress):
        on_progress(values.shape[0] * values.shape[1])
        if np.array_equal(values, read_picture(sources[0]).values):
            raise MemoryError("The memory does not even hold a tile of 64 x 64 pixels.")
        if np.array_equal(values, read_picture(sources[1]).values):
            raise RuntimeError("something\nelse")
        return values

    result = denoise_files(jobs, denoise, threads=2)
    assert (result.done, result.status) == (1, 1)
    assert sorted(result.problems) == [
        f"{sources[0]} cannot be denoised: The memory does not even hold a tile of 64 x 64 pixels.",
        f"{sources[1]} cannot be denoised: RuntimeError: something.",
        f"{tmp_path / 'out' / '2.png'} cannot be written: Is a directory.",
    ]


@pytest.mark.slow
@pytest.mark.process
def test_ctrl_c_leaves_whole_files_only(run, tmp_path):
    for index in range(16):
        photograph(tmp_path / "in" / f"{index:02}.png", 400, 500, seed=index)
    words = command(run, tmp_path / "in", output=tmp_path / "out", jobs=2, tile=64)
    process = subprocess.Popen(
        [sys.executable, "-c", HEEDS_CTRL_C, *words], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    until = time.monotonic() + 120
    while not list((tmp_path / "out").glob("*.png")) and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    error = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert "Stopped. Each file in the output folder is whole." in error
    assert "Traceback" not in error
    written = list((tmp_path / "out").iterdir())
    assert 0 < len(written) < 16
    for path in written:
        assert read_picture(path).values.shape == (400, 500, 3)


@pytest.mark.process
@pytest.mark.parametrize("words", [(), ("denoise",), ("export",)])
def test_help_answers_at_once_and_explains_every_option(words):
    before = os.times()
    result = python("-X", "importtime", "-m", "tf_denoise", *words, "--help", COLUMNS="200")
    after = os.times()
    seconds = after.children_user + after.children_system - before.children_user - before.children_system
    assert result.returncode == 0
    loaded = {line.split("|")[-1].strip().split(".")[0] for line in result.stderr.splitlines()}
    assert not {"tensorflow", "keras", "numpy", "cv2", "scipy", "PIL"} & loaded
    options = {
        (): ("denoise", "export"),
        ("denoise",): ("--model", "--output", "--network", "--jobs", "--tile", "--overlap", "--quality"),
        ("export",): ("--format", "--size", "--network", "--max-megapixels"),
    }[words]
    for option in options:
        assert option in result.stdout
    assert seconds < 1  # of processor time; about 0.3


def network(kernel: np.ndarray, path: Path) -> Path:
    """A network of one 1 x 1 convolution."""
    net = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(3, 1, use_bias=False)])
    net.set_weights([kernel.astype("float32")[None, None]])
    net.save(path)
    return path


def test_an_identity_network_gives_files_that_look_like_their_input(tmp_path, capsys):
    folder, output = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    pictures = {
        "a.tif": (noise(), {"compression": "lzw"}),
        "planes.tif": (noise(3, 24, 20, "uint16"), {"photometric": "rgb", "planarconfig": "separate"}),
        "premultiplied.tif": (noise(24, 20, 4), {"photometric": "rgb", "extrasamples": ["assocalpha"]}),
        "noisy.tif": (np.linspace(-0.34, 1.08, 480, dtype="float32").reshape(24, 20), {}),
        "stack.tif": (noise(5, 24, 20), {"imagej": True, "truncate": True}),
        "infrared.tif": (noise(24, 20, 4), {"photometric": "rgb", "extrasamples": ["unspecified"]}),
        "ycbcr.tif": (noise(), {"photometric": "ycbcr"}),
    }
    for name, (pixels, options) in pictures.items():
        tifffile.imwrite(folder / name, pixels, **options)
    png(folder / "deep.png", noise(20, 17, 4, "uint16"), 6, bits=16, before=[(b"caBX", b"signed")])
    model = network(np.eye(3), tmp_path / "identity.keras")
    assert status(command(model, folder, output=output)) == 1
    written = sorted(path.name for path in output.iterdir())
    assert written == ["a.tif", "deep.png", "noisy.tif", "planes.tif", "premultiplied.tif", "stack.tif"]
    for name in written:
        if name.endswith("tif"):
            expected, found = tifffile.imread(folder / name), tifffile.imread(output / name)
            np.testing.assert_allclose(found, expected, atol=1e-6 if found.dtype.kind == "f" else 0)
        if name != "planes.tif":
            np.testing.assert_allclose(Image.open(output / name), Image.open(folder / name), atol=1e-6)
    errors = capsys.readouterr().err
    assert f"note: {folder / 'deep.png'} is denoised without its caBX chunk, which is not kept." in errors
    for name in set(pictures) - set(written):
        assert re.search(f"error: .*{name} is an? ", errors), name


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_network_that_gives_no_numbers_writes_nothing(value, tmp_path, capsys):
    source, deep = photograph(tmp_path / "a.png"), tmp_path / "deep.tif"
    tifffile.imwrite(deep, to_unit(noise()))
    model = network(np.full((3, 3), value), tmp_path / "fallen.keras")
    assert status(command(model, source, deep, output=tmp_path / "out")) == 2
    assert not (tmp_path / "out").exists()
    errors = capsys.readouterr().err
    for path in (source, deep):
        assert f"{path} cannot be denoised: The output of the network is NaN or infinite in places" in errors


@pytest.mark.slow
@pytest.mark.process
def test_names_of_any_bytes_are_denoised_compared_and_printed(tmp_path):
    folder, output = tmp_path / "in", tmp_path / os.fsdecode(b"o\xfft")
    photograph(folder / os.fsdecode(b"caf\xe9.png"))
    (folder / os.fsdecode(b"b\xe9d.png")).write_bytes(b"no picture")
    model = network(np.eye(3), tmp_path / "identity.keras")
    result = python("-m", "tf_denoise", *command(model, folder, output=output))
    assert result.returncode == 1, result.stderr
    assert "b\\xe9d.png is not a picture" in result.stderr
    assert "1 of 2 pictures denoised" in result.stdout
    assert (output / os.fsdecode(b"caf\xe9.png")).exists()
    result = python("-m", "evaluation", "compare", folder, output)
    assert result.returncode == 1, result.stderr
    assert "caf\\xe9.png: PSNR 100.00 dB" in result.stdout
    assert "Traceback" not in result.stderr


def test_strength_and_ensemble_and_precision_are_options_of_the_command(run, model, tmp_path, capsys):
    picture = noise(30, 41, 3) // 2 + 64  # far from both ends of the range
    png(tmp_path / "a.png", picture, 2)
    outputs = {}
    for name, options in {
        "whole": {},
        "none": {"strength": 0},
        "half": {"strength": 0.5},
        "eight": {"ensemble": 8},
        "bfloat16": {"mixed-precision": "bfloat16"},
    }.items():
        assert status(command(run, tmp_path / "a.png", output=tmp_path / name, **options)) == 0
        outputs[name] = np.asarray(Image.open(tmp_path / name / "a.png"), "float64")
    assert "denoised by mae in bfloat16" in capsys.readouterr().out
    np.testing.assert_array_equal(outputs["none"], picture)
    np.testing.assert_allclose(outputs["half"], (outputs["whole"] + picture) / 2, atol=1.01)
    assert np.abs(outputs["eight"] - outputs["whole"]).max() > 0
    np.testing.assert_allclose(outputs["bfloat16"], outputs["whole"], atol=4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strength": 1.5}, "--strength lies in 0..1; received 1.5."),
        ({"strength": -0.1}, "--strength lies in 0..1; received -0.1."),
        ({"strength": "nan"}, "--strength"),
        ({"model": "fotographs"}, "fotographs does not exist; expected a run folder, or a .keras file, or one of the"),
    ],
)
def test_a_strength_outside_its_range_and_an_unknown_preset_are_refused(tmp_path, capsys, options, message):
    photograph(tmp_path / "a.png", 20, 20)
    words = [str(tmp_path / "a.png"), "--output", str(tmp_path / "out")]
    for name, value in options.items():
        words += [f"--{name}", str(value)]
    assert message in refusal(capsys, main, ["denoise", *words])
    assert not (tmp_path / "out").exists()


def test_a_report_says_how_far_each_picture_can_be_trusted(run, tmp_path, capsys):
    folder, output = tmp_path / "in", tmp_path / "out"
    photograph(folder / "a.png", 80, 60)
    photograph(folder / "deep" / "b.jpg", 64, 64)
    png(folder / "tiny.png", noise(9, 9, 3), 2)
    png(folder / "sixteen.png", noise(70, 70, 3, "uint16"), 2, bits=16)
    assert status([*command(run, folder, output=output), "--report"]) == 0
    assert f"Report: {output / 'report.html'}" in capsys.readouterr().out
    page = (output / "report.html").read_text(encoding="utf-8")
    records = json.loads((output / "report.json").read_text())["pictures"]
    assert {record["output"] for record in records} == {"a.png", "deep/b.jpg", "tiny.png", "sixteen.png"}
    assert all(record["output"] in page for record in records)
    assert "trained on 20 to 30" in page
    tiny = next(record for record in records if record["name"] == "tiny.png")
    assert tiny["warnings"] == ["The picture is too small to say anything of its noise."]
    before = files_of(output)
    assert status([*command(run, folder, output=output), "--report"]) == 0  # all is there, the page too
    assert files_of(output) == before


def test_a_report_that_is_asked_for_later_or_anew_shows_all_that_stand(run, tmp_path, capsys):
    folder, output = tmp_path / "in", tmp_path / "out"
    photograph(folder / "a.png", 80, 60)
    photograph(folder / "b.png", 64, 64)
    assert status(command(run, folder, output=output)) == 0
    pictures = files_of(output)
    assert status([*command(run, folder, output=output), "--report"]) == 0
    assert f"Report: {output / 'report.html'}" in capsys.readouterr().out
    stored = json.loads((output / "report.json").read_text())
    assert {record["name"] for record in stored["pictures"]} == {"a.png", "b.png"}
    assert stored["facts"]["Denoised before"].startswith("2 pictures; their estimates suppose")
    assert {name: data for name, data in files_of(output).items() if name in pictures} == pictures
    photograph(folder / "c.png", 64, 64)
    photograph(output / "b.png", 40, 40)  # another picture than the one that was written
    assert status([*command(run, folder, output=output), "--report"]) == 0
    stored = json.loads((output / "report.json").read_text())
    assert {record["name"] for record in stored["pictures"]} == {"a.png", "c.png"}
    assert "b.png is not what the original became" in capsys.readouterr().err


def test_a_picture_that_the_report_cannot_show_is_written_all_the_same(run, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(denoise_report, "assess", mock.Mock(side_effect=ValueError("no such thing.")))
    path, output = photograph(tmp_path / "a.png", 80, 60), tmp_path / "out"
    assert status([*command(run, path, output=output), "--report"]) == 0
    assert "a.png is written, but the report cannot show it: no such thing" in capsys.readouterr().err
    assert (output / "a.png").exists()


def test_a_report_that_cannot_be_written_is_a_sentence(run, tmp_path, capsys):
    path, output = photograph(tmp_path / "a.png", 80, 60), tmp_path / "out"
    (output / "report.json").mkdir(parents=True)
    assert status([*command(run, path, output=output), "--report"]) == 1
    assert f"The report in {output} cannot be written:" in capsys.readouterr().err
    assert (output / "a.png").exists()


@pytest.fixture
def with_intervals(run, model, tmp_path):
    """A copy of the run folder with a head beside its network."""
    copy = shutil.copytree(run, tmp_path / "run")
    head = with_random_weights(IntervalHead(3, 6, denoiser=fingerprint(model), scale=1.5))
    intervals = Intervals(head, model)
    intervals.save(copy / "networks" / "repeat-1" / "mae" / "model-intervals.keras")
    return copy


def test_a_report_shows_the_intervals_where_the_network_has_a_head(with_intervals, tmp_path, model):
    path, output = photograph(tmp_path / "in" / "a.png", 80, 60), tmp_path / "out"
    assert status([*command(with_intervals, path, output=output), "--report"]) == 0
    page = (output / "report.html").read_text(encoding="utf-8")
    (record,) = json.loads((output / "report.json").read_text())["pictures"]
    place = with_intervals / "networks" / "repeat-1" / "mae" / "model-intervals.keras"
    noisy, denoised = (read_picture(one, DECODABLE).values for one in (path, output / "a.png"))
    expected = Intervals.load(place, model).half_width(noisy, denoised).mean()
    assert record["mean_half_width"] == pytest.approx(expected, rel=1e-4)
    assert 'alt="Map of intervals"' in page
    assert f"{255 * expected:.1f} (255ths) in the mean" in page
    assert "Where the intervals are widest" in page
    assert "90% of a picture&#39;s values, on average over pictures like those of the calibration" in page


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"strength": 0.5}, "without --strength, --ensemble and --adapt"),
        ({"ensemble": 8}, "made for what the network gives by itself"),
    ],
)
def test_intervals_are_left_out_of_what_the_network_does_not_give_by_itself(with_intervals, tmp_path, options, words):
    path, output = photograph(tmp_path / "in" / "a.png", 40, 40), tmp_path / "out"
    assert status([*command(with_intervals, path, output=output, **options), "--report"]) == 0
    page = (output / "report.html").read_text(encoding="utf-8")
    assert words in " ".join(page.split())
    assert "Map of intervals" not in page


def test_a_report_without_intervals_says_how_to_get_them_and_one_with_another_networks_why_not(
    run, with_intervals, tmp_path
):
    path = photograph(tmp_path / "in" / "a.png", 40, 40)
    assert status([*command(run, path, output=tmp_path / "out"), "--report"]) == 0
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "There are no intervals for mae: python -m training.intervals NETWORK --calibration FOLDER makes" in page
    (record,) = json.loads((tmp_path / "out" / "report.json").read_text())["pictures"]
    assert record["mean_half_width"] is None
    gentle_net(0.06).save(with_intervals / "networks" / "repeat-1" / "mae" / "model.keras")
    assert status([*command(with_intervals, path, output=tmp_path / "again"), "--report"]) == 0
    page = (tmp_path / "again" / "report.html").read_text(encoding="utf-8")
    assert "There are no intervals. The intervals were made for a network of fingerprint" in page
    assert "Map of intervals" not in page


def test_names_of_any_bytes_stand_in_the_report(run, tmp_path):
    folder, output = tmp_path / "in", tmp_path / "out"
    path = photograph(folder / "a.png", 64, 64)
    os.rename(os.fsencode(path), os.fsencode(folder) + b"/\xff #1.png")
    photograph(folder / "b.png", 64, 64)
    assert status([*command(run, folder, output=output), "--report"]) == 0
    page = (output / "report.html").read_text(encoding="utf-8")
    assert "#1.png" in page


def test_the_page_needs_its_library(run, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("tf_denoise.extras.importlib.util.find_spec", lambda name: None)
    photograph(tmp_path / "a.png", 64, 64)
    words = [*command(run, tmp_path / "a.png", output=tmp_path / "out"), "--report"]
    assert "jinja2" in refusal(capsys, main, words)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_network_adapts_to_each_picture_and_other_noise_is_told(run, tmp_path, capsys):
    values = np.random.default_rng(0).normal(128, 25, (128, 128, 3)).clip(0, 255).astype("uint8")
    Image.fromarray(values).save(tmp_path / "noisy.png")
    photograph(tmp_path / "small.png", 64, 64)
    inputs = tmp_path / "noisy.png", tmp_path / "small.png"
    assert status([*command(run, *inputs, output=tmp_path / "out", adapt=0.02), "--report"]) == 0
    told = capsys.readouterr().err
    assert "noisy.png: Adapted in " in told
    assert "small.png: Denoised as the network is. To adapt to a picture it takes 96 x 96 pixels or more" in told
    stored = json.loads((tmp_path / "out" / "report.json").read_text())
    assert "for each picture; a note with it says what came of that" in stored["facts"]["Adapted"]
    notes = {record["name"]: record["note"].split(".")[0] for record in stored["pictures"]}
    assert notes["small.png"] == "Denoised as the network is"
    assert notes["noisy.png"].startswith("Adapted in ")
    assert notes["noisy.png"] in (tmp_path / "out" / "report.html").read_text()
    assert status(command(run, inputs[1], output=tmp_path / "plain")) == 0
    plain, adapted = (read_picture(tmp_path / folder / "small.png").values for folder in ("plain", "out"))
    np.testing.assert_array_equal(plain, adapted)


def test_adapting_takes_one_picture_at_a_time(run, tmp_path, capsys):
    photograph(tmp_path / "a.png", 64, 64)
    words = command(run, tmp_path / "a.png", output=tmp_path / "out", adapt=1, jobs=2)
    assert "--adapt trains for one picture at a time; leave --jobs out." in refusal(capsys, main, words)
    words = command(run, tmp_path / "a.png", output=tmp_path / "out", adapt=0)
    assert "--adapt" in refusal(capsys, main, words)
    words = command(run, tmp_path / "a.png", output=tmp_path / "out", adapt=1, mixed_precision="bfloat16")
    assert "--adapt trains and denoises in float32; leave --mixed-precision out." in refusal(capsys, main, words)


def test_a_picture_that_is_named_twice_is_denoised_once(run, tmp_path, capsys):
    source = photograph(tmp_path / "in" / "a.png", 40, 30)
    assert status(command(run, source, source, tmp_path / "in", output=tmp_path / "out")) == 0
    assert "1 of 1 pictures denoised" in capsys.readouterr().out
