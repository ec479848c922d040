import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from helpers import command_line, files_of, python, refusal, tiny_arrays

from tf_denoise.commands.options import parse_options
from tf_denoise.errors import InputError
from training.iterative.__main__ import main
from training.iterative.options import PROFILES, IterativeOptions

BAD_VALUES = {
    "level of a child": (
        {"children": ("25", "120")},
        "--children takes levels in percent from 0 to 100, mixed and multi",
    ),
    "unknown child": ({"children": "blurred"}, "mixed and multi; received 'blurred'."),
    "fraction of a percent": ({"children": "2.5"}, "mixed and multi; received '2.5'."),
    "no children": ({"children": ()}, "--children needs at least one value; use --depth 0"),
    "one of several widths": ({"hidden_units": ("16", "0")}, "--hidden-units lies in 1..65536; received 16 0."),
    "no widths": ({"hidden_units": ()}, "--hidden-units takes 1 or more values; received none."),
}


@pytest.mark.parametrize(("changes", "message"), BAD_VALUES.values(), ids=BAD_VALUES.keys())
def test_a_bad_value_is_refused_before_anything_is_written(capsys, tmp_path, tiny_npz, changes, message):
    error = refusal(capsys, main, command_line(tiny_npz, tmp_path / "run", **changes))
    assert message in error
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("words", [["--epochs", "many"], ["--profile", "huge"], ["--nonsense"], ["--jit-compile", "3"]])
def test_words_that_are_no_options_end_with_status_2(capsys, words):
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def bad_files(folder: Path) -> dict[str, tuple[Path, str]]:
    arrays = tiny_arrays()
    np.savez(folder / "whole.npz", **arrays)
    (folder / "truncated.npz").write_bytes((folder / "whole.npz").read_bytes()[:5000])
    np.savez(folder / "keys.npz", images=arrays["x_train"])
    np.savez(folder / "shape.npz", **arrays | {"x_test": arrays["x_test"][:, :14]})
    np.savez(folder / "type.npz", **arrays | {"x_train": arrays["x_train"].astype("U3")})
    np.savez(folder / "range.npz", **arrays | {"x_train": arrays["x_train"].astype("float32")})
    np.savez(folder / "nan.npz", **arrays | {"x_train": np.full((120, 784), np.nan)})
    return {
        "missing": "does not exist; expected mnist, digits, auto, or the path of an .npz file",
        "truncated": "cannot be read as an .npz file (is it truncated?)",
        "keys": "lacks x_train, y_train, x_test, y_test; expected the keys",
        "shape": "x_test has shape (24, 14, 28); expected (images, 28, 28) or (images, 784)",
        "type": "x_train has type <U3; expected integers in 0..255 or floats in 0..1",
        "range": "x_train of type float32 has values from 0 to 255; expected 0 to 1",
        "nan": "x_train holds values that are not finite",
    }


def test_a_bad_file_is_refused_before_anything_is_written(capsys, tmp_path):
    for name, message in bad_files(tmp_path).items():
        error = refusal(capsys, main, command_line(tmp_path / f"{name}.npz", tmp_path / "run"))
        assert f"{tmp_path / name}.npz" in error
        assert message in error
        assert not (tmp_path / "run").exists()


def test_a_dead_network_is_refused_with_the_way_out(capsys, tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(urllib.request, "urlopen", fail)
    error = refusal(capsys, main, ["--dataset", "mnist", "--output", str(tmp_path / "run")])
    assert "MNIST is not cached and cannot be downloaded: no route to host." in error
    assert "use --dataset digits, which needs none" in error
    assert not (tmp_path / "run").exists()


def test_a_foreign_folder_is_refused_and_left_as_it_is(capsys, tmp_path, tiny_npz):
    (tmp_path / "notes.txt").write_text("mine")
    assert "holds something that is not a run (notes.txt)" in refusal(capsys, main, command_line(tiny_npz, tmp_path))
    assert files_of(tmp_path) == {"notes.txt": b"mine"}


def test_a_file_is_refused_as_output(capsys, tmp_path, tiny_npz):
    (tmp_path / "file").write_text("mine")
    assert "is a file; expected a folder" in refusal(capsys, main, command_line(tiny_npz, tmp_path / "file"))
    error = refusal(capsys, main, command_line(tiny_npz, tmp_path / "file" / "run"))
    assert "cannot be written: Not a directory" in error
    assert files_of(tmp_path) == {"file": b"mine"}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"seed": "7"}, "seed is 0 there and 7 here"),
        ({"hidden_units": "17"}, "hidden_units is 16 there and 17 here"),
        ({"children": "25"}, "children is 25 multi there and 25 here"),
    ],
)
def test_the_folder_of_another_configuration_is_refused_and_kept(capsys, tiny_npz, tiny_run, changes, named):
    before = files_of(tiny_run)
    error = refusal(capsys, main, command_line(tiny_npz, tiny_run, **changes))
    assert "holds a run of another configuration" in error
    assert named in error
    assert files_of(tiny_run) == before


def test_other_data_under_the_same_name_is_refused(capsys, tmp_path, tiny_npz, tiny_run):
    arrays = tiny_arrays()
    whole = tiny_npz.read_bytes()
    try:
        np.savez_compressed(tiny_npz, **arrays | {"y_test": (arrays["y_test"] + 1) % 10})
        assert "are other ones. Choose another --output" in refusal(capsys, main, command_line(tiny_npz, tiny_run))
    finally:
        tiny_npz.write_bytes(whole)


@pytest.mark.slow
@pytest.mark.process
def test_a_refusal_is_one_line_in_a_real_process_too(tmp_path, tiny_npz):
    (tmp_path / "notes.txt").write_text("mine")
    result = python("-m", "training.iterative", *command_line(tiny_npz, tmp_path))
    assert result.returncode == 2
    assert result.stderr.startswith("error: The output folder")
    assert result.stderr.count("\n") == 1
    result = python("-m", "training.iterative", "--dataset", tmp_path / "none.npz", "--output", tmp_path / "run")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        f"error: The dataset {tmp_path}/none.npz does not exist; expected mnist, digits, auto, or the path of an .npz "
        "file with x_train, y_train, x_test, y_test.\n"
    )
    assert files_of(tmp_path) == {"notes.txt": b"mine"}


def test_a_profile_fills_in_what_is_not_given():
    for profile, values in PROFILES.items():
        options = IterativeOptions(profile=profile).resolved()
        assert {key: getattr(options, key) for key in values} == values
        assert options.output == Path(f"runs/iterative-{profile}-auto")
    options = IterativeOptions(profile="full", epochs=5, dataset="data/roads.npz", tsne_points=0).resolved()
    assert (options.epochs, options.tsne_points) == (5, 0)
    assert options.output == Path("runs/iterative-full-roads")
    assert options.resolved() == options


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], False),
        (["--profile", "full"], True),
        (["--jit-compile"], True),
        (["--no-jit-compile", "--profile", "full"], False),
        (["--profile", "full", "--no-jit-compile"], False),
        (["--profile", "demo", "--jit-compile"], True),
    ],
)
def test_the_profile_decides_on_xla_where_no_flag_does(words, expected):
    assert parse_options(IterativeOptions, words, "x").resolved().jit_compile is expected


def test_a_configuration_cannot_be_changed_behind_the_runs_back():
    with pytest.raises(AttributeError, match="cannot assign to field 'seed'"):
        IterativeOptions().seed = 3
    with pytest.raises(InputError, match="--epochs"):
        IterativeOptions(epochs=-1).resolved()
