"""What docs/tables/ keeps of a run."""

import csv
import json
import re
import shutil

import pytest
import renew
from helpers import refusal
from kept_tables import OTHER, SOURCE, digit_run, photograph_run, training_record
from renewing.commands import command_line
from renewing.keep import keep
from renewing.places import nameless

from evaluation.measures import MEASURES
from tf_denoise.errors import InputError
from tf_denoise.runs.folder import network_folder, read_json
from tf_denoise.runs.writing import write_json
from training.iterative.options import IterativeOptions
from training.textures.options import TextureOptions


@pytest.fixture
def run(tmp_path):
    return photograph_run(tmp_path / "run")


def rows_of(path):
    return list(csv.DictReader(path.read_text().splitlines()))


def test_the_table_has_a_row_for_each_output_and_the_scores_of_the_run(run, tmp_path):
    keep(run, "roads-losses", tmp_path / "tables")
    rows = rows_of(tmp_path / "tables" / "roads-losses.csv")
    assert len(rows) == (3 + 3 * 2) * 12 * 2  # input and two classical methods once, two networks thrice
    kept = {(int(r["repeat"]), r["method"], r["picture"], float(r["level"])): r for r in rows}
    scores = read_json(run / "scores.json")["pictures"]
    assert len(scores) == 8 * len(rows)
    for row in scores:
        found = float(kept[row["repeat"], row["method"], row["picture"], row["level"]][row["measure"]])
        assert found == pytest.approx(row["value"], abs=0.5 * 10 ** -(MEASURES[row["measure"]].decimals + 2) + 1e-12)


def test_the_facts_say_commit_command_machine_hours_and_data(run, tmp_path):
    keep(run, "roads-losses", tmp_path)
    facts = read_json(tmp_path / "roads-losses.json")
    assert facts["command"] == "python -m training.textures --data roads --compare --repeats 3 --steps 200"
    assert facts["trained"] == facts["scored"] == SOURCE
    assert facts["machine"]["processor"] == "Abacus 3000"
    assert facts["hours"] == pytest.approx(6 * 600 / 3600)
    assert facts["data"] == (
        "46 photographs from roads (30 to train on, 4 to validate, 12 to test); noise: Gaussian, deviation 5 to 55 "
        "(255ths)"
    )
    assert facts["rivals"] == [[15.0, "median"], [50.0, "gaussian_blur"]]
    assert facts["networks"]["regional"]["loss_weight"] == 0.2


def test_falls_are_kept_in_the_words_of_the_record(run, tmp_path):
    fall = {"epoch": 2, "why": "the validation fell from 22.00 to 9.00 in epoch 2", "rate_factor": 0.5}
    write_json(network_folder(run, 2, "regional") / "training.json", training_record(falls=[fall]))
    write_json(network_folder(run, 3, "mse") / "training.json", training_record(stopped="the loss became nan"))
    keep(run, "roads", tmp_path)
    assert read_json(tmp_path / "roads.json")["falls"] == [
        {"repeat": 2, "network": "regional", "why": f"{fall['why']}; back to the best weights", "led_back": True},
        {"repeat": 3, "network": "mse", "why": "the loss became nan", "led_back": False},
    ]


@pytest.mark.parametrize("make", [photograph_run, digit_run])
def test_no_absolute_path_is_kept(make, tmp_path):
    run = make(tmp_path / "run")
    place = network_folder(run, 1, "mse" if make is photograph_run else "multi_level") / "training.json"
    stopped = f"{run}/networks was full, and /var/tmp/x y/z.npz could not be written"
    write_json(place, training_record(stopped=stopped))
    files = keep(run, "table", tmp_path / "kept")
    text = "\n".join(path.read_text() for path in files)
    assert "was full" in text
    for folder in (str(tmp_path), "/home", "some body", "/var"):
        assert folder not in text
    assert not re.search(r"(?<![\w.:/])/\w+/", text)


def test_pictures_keep_their_place_within_the_folder():
    assert nameless({"picture": "north/wall 3.jpg"}, []) == {"picture": "north/wall 3.jpg"}


def test_digits_keep_their_contrasts_and_findings(tmp_path):
    run = digit_run(tmp_path / "run")
    names = [path.name for path in keep(run, "mnist-forms", tmp_path / "kept")]
    assert names == ["mnist-forms.csv", "mnist-forms.contrasts.csv", "mnist-forms.json"]
    rows = rows_of(tmp_path / "kept" / "mnist-forms.csv")
    assert len(rows) == (1 + 3 * 4) * 12 * 2
    facts = read_json(tmp_path / "kept" / "mnist-forms.json")
    assert facts["command"] == (
        "python -m training.iterative --profile full --dataset mnist --depth 0 --parents multi_level --forms both "
        "--controls wide --repeats 3"
    )
    assert facts["hours"] == pytest.approx(13 * 600 / 3600, abs=1e-4)  # four networks thrice, and the classifier
    assert "beats one network of equal training" in facts["findings"]


def test_what_went_on_with_other_code_says_so(run, tmp_path):
    environment = read_json(run / "environment.json")
    write_json(run / "environment.json", {**environment, "resumed": [OTHER]})
    keep(run, "roads", tmp_path)
    assert read_json(tmp_path / "roads.json")["resumed"] == [OTHER]


def without(file):
    return lambda run: (run / file).unlink()


def older(run):
    write_json(run / "environment.json", {"python": "3.11"})


def noisy_only(run):
    config = read_json(run / "config.json")
    write_json(run / "config.json", {**config, "noisy": "/somewhere", "clean": None})


@pytest.mark.parametrize(
    ("spoil", "name", "message"),
    [
        (without("scores.json"), "roads", r"has no scores\.json: python -m evaluation .* writes it"),
        (without("scored.json"), "roads", r"has no scored\.json"),
        (without("networks/repeat-2/mse/training.json"), "roads", "mse, repeat 2, is still to be trained"),
        (without("config.json"), "roads", "is not a run folder"),
        (older, "roads", "does not say which state of the code it was trained with"),
        (noisy_only, "roads", "learned from noisy photographs alone"),
        (lambda run: None, "../roads", "small letters, digits and hyphens, such as roads-losses; received '../roads'"),
    ],
)
def test_what_cannot_be_kept_is_refused(run, tmp_path, spoil, name, message):
    spoil(run)
    with pytest.raises(InputError, match=message):
        keep(run, name, tmp_path / "tables")
    assert not (tmp_path / "tables").exists()


def test_the_command_keeps_a_run_and_says_what_it_wrote(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(renew, "DOCS", tmp_path / "docs")
    monkeypatch.setattr(renew, "keep", lambda run, name: keep(run, name, tmp_path / "docs" / "tables"))
    renew.main(["keep", str(run), "--as", "roads"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["docs/tables/roads.csv", "docs/tables/roads.json"]
    shutil.rmtree(run)
    assert f"There is no folder {run}" in refusal(capsys, renew.main, ["keep", str(run), "--as", "roads"])


COMMANDS = [
    (TextureOptions(), "python -m training.textures"),
    (
        TextureOptions(data="roads", minutes=60, compare=True),
        "python -m training.textures --data roads --compare --minutes 60",
    ),
    (
        TextureOptions(sigma=(50.0,), loss="wavelet", loss_weight=0.05, steps=400, widths=(4, 8)),
        "python -m training.textures --widths 4 8 --loss wavelet --loss-weight 0.05 --steps 400 --sigma 50",
    ),
    (
        TextureOptions(data="roads", losses=("mse", "wavelet-0.1"), repeats=3, steps=1500, seed=4),
        "python -m training.textures --data roads --seed 4 --losses mse wavelet-0.1 --repeats 3 --steps 1500",
    ),
    (
        TextureOptions(start="photographs", network="vit_unet"),
        "python -m training.textures --network vit_unet --start photographs",
    ),
    (IterativeOptions(dataset="mnist"), "python -m training.iterative --dataset mnist"),
    (
        IterativeOptions(profile="full", dataset="mnist", repeats=3, forms=("both",), renoise_at_evaluation=False),
        "python -m training.iterative --profile full --dataset mnist --forms both --repeats 3 "
        "--no-renoise-at-evaluation",
    ),
]


@pytest.mark.parametrize(("options", "expected"), COMMANDS, ids=[expected[10:] for _, expected in COMMANDS])
def test_the_command_is_the_shortest_that_gives_the_run_again(options, expected):
    command = "iterative" if isinstance(options, IterativeOptions) else "textures"
    stored = json.loads(json.dumps(vars(options.resolved()), default=str))
    assert command_line({**stored, "command": command, "dataset_used": "mnist"}) == expected


def test_the_command_of_several_losses_names_no_single_one():
    """Version 0.1 filled a single loss up beside them."""
    options = TextureOptions(data="roads", losses=("mse", "wavelet"), steps=40).resolved()
    stored = {**json.loads(json.dumps(vars(options), default=str)), "command": "textures", "loss": "mae"}
    assert command_line(stored) == "python -m training.textures --data roads --losses mse wavelet --steps 40"


def test_an_automatic_data_set_is_named():
    assert command_line({"command": "iterative", "dataset": "auto", "dataset_used": "mnist"}).endswith(
        "--dataset mnist"
    )
