"""Blocks of pages on photographs."""

import numpy as np
import pytest
from kept_tables import SHARPER, docs_with, photograph_run, picture_table
from PIL import Image
from renewing.kept import read_kept
from renewing.pages import renewed
from renewing.photographs import Photographs

from evaluation.differences import photograph_difference
from evaluation.measures import MEASURES, PHOTOGRAPHS
from evaluation.textures.figures import sharpness_plane
from evaluation.textures.table import PictureScore, PictureTable
from evaluation.textures.verdicts import judge_losses
from tf_denoise.errors import InputError
from tf_denoise.runs.folder import read_json
from tf_denoise.runs.writing import write_json

DULL = {"mse": 2e-4, "psnr": -0.2, "gmsd": 0.01}


def kept(folder, **runs):
    docs_with(folder, **runs)
    return [read_kept(name.replace("_", "-"), folder / "tables") for name in runs]


def text_of(folder, marker, **runs):
    names = " ".join(name.replace("_", "-") for name in runs)
    return renewed("textures", docs_with(folder, marker, f"{names} provenance", **runs)).text


@pytest.fixture(scope="module")
def losses(tmp_path_factory):
    """The MSE, a loss that is sharper, and one that is not."""
    networks = {"mse": {}, "regional": SHARPER, "windowed": DULL}
    return photograph_run(tmp_path_factory.mktemp("runs") / "losses", networks)


def weight(folder, value, networks=None, **options):
    networks = networks or {"regional": {m: c * value / 0.2 for m, c in SHARPER.items()}}
    options = {"loss_weight": value, "repeats": 1, **options}
    return photograph_run(folder / f"weight {value}", networks, loss=next(iter(networks)), **options)


def test_verdicts_are_those_of_the_evaluation(losses, tmp_path):
    [table] = kept(tmp_path, losses=losses)
    rows = [PictureScore(**row) for row in read_json(losses / "scores.json")["pictures"]]
    expected = judge_losses(PictureTable(rows), ["mse", "regional", "windowed"])
    found = Photographs([table]).judge_losses()
    assert [judgement.verdict for judgement in expected] == ["better", "no sharper"]
    assert [j.verdict for j in found] == [j.verdict for j in expected]
    for mine, theirs in zip(found, expected, strict=True):
        for measure, difference in theirs.differences.items():
            step = 10 ** -(MEASURES[measure].decimals + 2)
            for end in ("value", "low", "high", "training_low", "training_high"):
                assert getattr(mine.differences[measure], end) == pytest.approx(getattr(difference, end), abs=2 * step)


def test_the_page_shows_the_intervals_of_the_differences(losses, tmp_path):
    text = text_of(tmp_path, "losses verdicts", losses=losses)
    table = PictureTable([PictureScore(**row) for row in read_json(losses / "scores.json")["pictures"]])
    first, second = (table.values(name, "gmsd").mean(axis=1) for name in ("regional", "mse"))
    found = photograph_difference(first, second, sign=-1)
    write = MEASURES["gmsd"]
    cell = (
        f"{write.signed(found.value)} ({write.interval(found.low, found.high, signed=True)}; trainings "
        f"{write.interval(found.training_low, found.training_high, signed=True)}): better"
    )
    assert cell in text
    assert "| U-Net, regional | better |" in text
    assert "3 repeats, each all losses trained from another seed" in text


def test_losses_are_not_judged_on_networks_of_two_kinds(losses, tmp_path):
    other = photograph_run(tmp_path / "other", {"wavelet": SHARPER}, loss="wavelet", network="vit_unet")
    with pytest.raises(InputError, match="Losses are judged on networks of one kind"):
        text_of(tmp_path / "docs", "losses other verdicts", losses=losses, other=other)
    assert "U-Net with transformer" in text_of(tmp_path / "more", "losses other scores", losses=losses, other=other)


def test_few_photographs_give_no_verdict(tmp_path):
    run = photograph_run(tmp_path / "run", photographs=9)
    text = text_of(tmp_path / "docs", "few verdicts", few=run)
    assert "9 test photographs: a verdict takes 10 or more, so all are unclear." in text
    assert "| U-Net, regional | unclear |" in text


def test_scores_show_every_method_and_level(losses, tmp_path):
    text = text_of(tmp_path, "losses scores", losses=losses)
    table = picture_table({"mse": {}, "regional": SHARPER, "windowed": DULL}, seed=len("losses"))
    mean = table.average("regional", "psnr")
    assert f"| U-Net, regional | {MEASURES['mse'].text(table.average('regional', 'mse').value)} (" in text
    assert f"{mean.value:.2f} ({mean.low:.2f} to {mean.high:.2f})" in text
    assert "| PSNR (dB) at | sigma 15 | sigma 50 |" in text
    assert "| Noisy input |" in text
    assert "| 1,234 |" in text


def test_networks_are_held_against_the_rival_that_validation_chose(losses, tmp_path):
    text = text_of(tmp_path, "losses rivals", losses=losses)
    assert "the best classical method of each level (median at sigma 15, Gaussian blur at sigma 50)" in text


def test_several_weights_stand_in_one_plane(losses, tmp_path):
    runs = {"losses": losses, "low": weight(tmp_path, 0.1, repeats=3), "high": weight(tmp_path, 0.4, repeats=3)}
    joined = Photographs(kept(tmp_path / "docs", **runs))
    assert joined.names == ["mse", "regional-0.2", "windowed-0.2", "regional-0.1", "regional-0.4"]
    assert joined.title("regional-0.1") == "U-Net, regional (weight 0.1)"
    figure = sharpness_plane(joined.table, joined.losses, ["gmsd"])
    for axis, methods in zip(figure.axes, (7, 5), strict=True):  # below, the networks alone
        lines = [line.get_xydata() for line in axis.lines]
        assert len([points for points in lines if len(points) == 1]) == methods
        [curve] = [points for points in lines if len(points) == 4]
    gmsd = [joined.table.average(name, "gmsd").value for name in ("mse", *(f"regional-{w}" for w in (0.1, 0.2, 0.4)))]
    assert curve[:, 1] == pytest.approx(gmsd)
    assert not figure.axes[0].texts
    words = [text.get_text() for text in figure.axes[1].texts]
    assert sorted(words) == ["0.1", "0.2", "0.2", "0.4"]
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert {"Gaussian blur", "Median", "U-Net, MSE", "U-Net, regional", "U-Net, windowed"} == set(legend)
    assert all(axis.yaxis_inverted() for axis in figure.axes)  # higher up is sharper


def test_verdicts_on_weights_stand_in_their_order_and_name_them(losses, tmp_path):
    runs = {"losses": losses, "high": weight(tmp_path, 0.4, repeats=3), "low": weight(tmp_path, 0.1, repeats=3)}
    text = text_of(tmp_path / "docs", "losses high low verdicts", **runs)
    better = "regional (weight 0.1), regional (weight 0.2), regional (weight 0.4)"
    assert f"3 of 4 other losses are better than the mean squared error alone: {better}.**" in text
    rows = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| U-Net")]
    assert rows == [f"U-Net, regional (weight {w})" for w in (0.1, 0.2, 0.4)] + ["U-Net, windowed (weight 0.2)"]
    assert "Made of [losses](tables/losses.csv), [high](tables/high.csv) and [low](tables/low.csv), commit" in text


def test_a_run_of_several_weights_names_them(tmp_path):
    networks = {"mse": {}, "regional-0.1": SHARPER, "regional-0.4": SHARPER}
    run = photograph_run(tmp_path / "several", networks, losses=tuple(networks), compare=False)
    facts = kept(tmp_path / "docs", several=run)[0].facts["networks"]
    assert [facts[name]["loss_weight"] for name in networks] == [0.2, 0.1, 0.4]
    assert {facts[name]["loss"] for name in networks} == {"mse", "regional"}
    text = text_of(tmp_path / "page", "several verdicts", several=run)
    assert "| U-Net, regional (weight 0.4) | better |" in text
    assert "2 of 2 other losses are better than the mean squared error alone" in text


def test_weights_of_two_runs_are_held_against_each_other_one_by_one(tmp_path):
    networks = {"mse": {}, "regional-0.1": SHARPER, "regional-0.4": SHARPER}
    runs = {
        name: photograph_run(tmp_path / name, networks, losses=tuple(networks), compare=False) for name in ("a", "b")
    }
    text = text_of(tmp_path / "page", "a b against", **runs)
    for loss in ("MSE", "regional (weight 0.1)", "regional (weight 0.4)"):
        assert f"U-Net, {loss} (a) against U-Net, {loss} (b):" in text


def test_what_tokens_are_worth_is_shown_as_the_run_found_it(tmp_path):
    run = photograph_run(tmp_path / "vit", {"mae": {}}, loss="mae", network="vit_unet")
    stored = read_json(run / "scores.json")
    difference = {"value": -0.5, "base": 30.0, "low": -0.6, "high": -0.4, "sign": 1, "is_enough": True}
    trainings = {"training_low": -0.55, "training_high": -0.45}
    stored["tokens"] = [{"network": "mae", "replaced": "mean", **difference, **trainings}]
    write_json(run / "scores.json", stored)
    text = text_of(tmp_path / "docs", "vit tokens", vit=run)
    minus = "\N{MINUS SIGN}"
    expected = f"{minus}0.50 ({minus}0.60 to {minus}0.40; trainings {minus}0.55 to {minus}0.45)"
    assert f"| U-Net with transformer, MAE | their mean at every place | {expected} | the tokens help |" in text
    with pytest.raises(InputError, match=r"plain has no network with a transformer"):
        text_of(tmp_path / "other", "plain tokens", plain=photograph_run(tmp_path / "plain"))


def test_the_mae_is_a_point_of_the_plane(losses, tmp_path):
    mae = photograph_run(tmp_path / "mae run", {"mae": {"psnr": 0.3}}, loss="mae")
    joined = Photographs(kept(tmp_path / "docs", losses=losses, mae=mae))
    figure = sharpness_plane(joined.table, joined.losses, ["gmsd"])
    places = {tuple(np.round(line.get_xydata()[0], 6)) for line in figure.axes[0].lines if len(line.get_xydata()) == 1}
    point = tuple(np.round([joined.table.average("mae", m).value for m in ("psnr", "gmsd")], 6))
    assert point in places


def test_the_figure_of_the_plane_is_an_image_with_a_note(losses, tmp_path):
    made = renewed("textures", docs_with(tmp_path, "losses curve measure=gmsd", "losses provenance", losses=losses))
    assert "](images/textures-losses-curve-gmsd.png)" in made.text
    assert "Bars reach from the least to the most of the repeats." in made.text
    made.write()
    image = Image.open(tmp_path / "images" / "textures-losses-curve-gmsd.png")
    assert min(image.size) > 300
    assert "commit 1a2b3c4" in image.info["Source"]


@pytest.mark.slow
def test_two_figures_of_one_kind_have_two_names(losses, tmp_path):
    run = weight(tmp_path, 0.1, repeats=3)
    markers = ["losses curve", "losses low curve", "losses training", "losses low provenance"]
    made = renewed("textures", docs_with(tmp_path / "docs", *markers, losses=losses, low=run))
    names = ["textures-losses-curve.png", "textures-losses-curve-2.png", "textures-losses-training.png"]
    assert [path.name for path in made.images] == names


def test_a_transformer_is_held_against_the_plain_network_of_its_loss(tmp_path):
    plain = photograph_run(tmp_path / "plain", {"mae": {}})
    other = photograph_run(tmp_path / "other", {"mae": {"mse": -3e-4, "psnr": 0.4}}, network="vit_unet", steps=100)
    text = text_of(tmp_path / "docs", "vit plain against", vit=other, plain=plain)
    assert "U-Net with transformer, MAE (vit) against U-Net, MAE (plain):" in text
    rows = [line for line in text.splitlines() if line.startswith(("| all levels |", "| sigma 15 |", "| sigma 50 |"))]
    assert len(rows) == 3
    assert all(row.split("|")[2].endswith(": better ") for row in rows)
    mse = picture_table({"mae": {"mse": -3e-4}}, seed=5).values("mae", "mse").mean(axis=1)
    base = picture_table({"mae": {}}, seed=5).values("mae", "mse").mean(axis=1)
    difference = photograph_difference(mse, base, sign=-1)
    assert f"{MEASURES['mse'].interval(difference.low, difference.high, signed=True)}; trainings" in rows[0]


def spoiled(folder, field):
    networks = {"regional": SHARPER}
    if field == "steps":
        return weight(folder, 0.1, steps=100, repeats=3)
    if field == "photographs":
        return weight(folder, 0.1, networks, photographs=11, repeats=3)
    return weight(folder, 0.1, repeats=2)


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("steps", "of losses and other cannot be compared: they were trained for 200 and 100 steps"),
        (
            "photographs",
            "losses and other cannot stand in one block: they were not scored on the same noisy photographs",
        ),
        ("repeats", "compared repeat by repeat, so that all tables have as many; received losses 3, other 2"),
    ],
)
def test_what_cannot_be_compared_is_refused(losses, tmp_path, field, message):
    with pytest.raises(InputError, match=message):
        text_of(tmp_path / "docs", "losses other verdicts", losses=losses, other=spoiled(tmp_path, field))


def test_a_kept_table_gives_every_measure(losses, tmp_path):
    [table] = kept(tmp_path, losses=losses)
    scores = Photographs([table]).table
    assert scores.distinct("measure") == list(PHOTOGRAPHS)
    assert scores.values("mse", "psnr").shape == (3, 2, 12)
