"""From trained networks and test photographs to scores, verdicts, figures and a report."""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import rich.progress

from evaluation.digits import figures as plots
from evaluation.digits.scoring import INPUT
from evaluation.textures import figures as texture_plots
from evaluation.textures.baselines import BASELINES, Tuned, spread_out, tune
from evaluation.textures.report import Results, write_texture_report
from evaluation.textures.run import TextureRun
from evaluation.textures.scoring import (
    MEASURES,
    TextureTable,
    milliseconds_per_megapixel,
    score_methods,
    sweep_noise,
)
from evaluation.textures.verdicts import judge_losses, judge_networks
from tf_denoise.data.noisy_pair import NoisyPair
from tf_denoise.runs.folder import write_json, write_text

SHOWN_PICTURES = 3
"""Photographs whose details are shown, at equal distances among the test photographs."""


def evaluate_textures(folder: Path, run: TextureRun) -> Path:
    """Tune the classical methods, score everything and write the table, figures and report.

    Args:
        folder: The run folder; gets `scores.csv`, `scores.json`, `findings.md`, `figures/` and `report.html`.
        run: What was trained, and on what.

    Returns:
        The path of `report.html`.

    Raises:
        ValueError: If a network's output has not the shape of its input.
    """
    tuned = {name: tune(baseline, run.validation) for name, baseline in _tracked(BASELINES, "Tuning")}
    shown = {id(picture): {} for picture in spread_out(run.test, SHOWN_PICTURES)}

    def keep(repeat: int, name: str, picture: NoisyPair, output: np.ndarray) -> None:
        if repeat <= 1 and id(picture) in shown:
            shown[id(picture)][name] = output

    methods = {(0, name): method for name, method in tuned.items()} | dict(run.networks)
    table = TextureTable(score_methods(run.test, methods, observe=keep, progress=_progress_bar))
    results = Results(
        table=table,
        tuned=tuned,
        losses=judge_losses(table, run.names),
        networks=judge_networks(table, run.names, tuned),
        costs=_costs(run, tuned),
        sweep=sweep_noise(run.test, run.validation, run.networks, run.make_noisy, run.sigmas)
        if len(run.sigmas)
        else None,
    )
    write_text(folder / "scores.csv", table.csv())
    write_json(folder / "scores.json", summary(run, results))
    figures = list(_figures(folder / "figures", run, results, [(p, shown[id(p)]) for p in run.test if id(p) in shown]))
    return write_texture_report(folder, run, results, figures)


def summary(run: TextureRun, results: Results) -> dict:
    """All figures of a report as JSON values: `pictures`, `methods`, `verdicts`, `sweep` and `classical`."""
    table = results.table
    judgements = [*results.losses, *results.networks]
    return {
        "pictures": [dataclasses.asdict(row) for row in table.rows],
        "methods": {
            name: {
                "milliseconds_per_megapixel": results.costs.get(name),
                "parameters": run.parameters.get(name),
                **{measure: dataclasses.asdict(table.average(name, measure)) for measure in MEASURES},
            }
            for name in table.methods
        },
        "verdicts": [dataclasses.asdict(judgement) for judgement in judgements],
        "sweep": results.sweep
        and {
            "sigmas": list(results.sweep.sigmas),
            "pictures": results.sweep.num_pictures,
            "psnr": {name: values.tolist() for name, values in results.sweep.curves.items()},
        },
        "classical": {name: {"parameters": t.parameters, "validation_mse": t.mse} for name, t in results.tuned.items()},
    }


def _costs(run: TextureRun, tuned: dict[str, Tuned]) -> dict[str, float]:
    """Milliseconds per megapixel on the test picture of median size; a network's of its first repeat."""
    picture = sorted(run.test, key=lambda picture: picture.megapixels)[len(run.test) // 2]
    methods = {**tuned, **{name: run.networks[1, name] for name in run.names}}
    return {
        name: milliseconds_per_megapixel(method, picture.noisy) for name, method in _tracked(methods, "Timing methods")
    }


def _figures(
    folder: Path, run: TextureRun, results: Results, shown: Sequence[tuple[NoisyPair, dict[str, np.ndarray]]]
) -> Iterator[tuple[str, str, str, bytes]]:
    """`(section, file name, description, PNG)` of every figure."""

    def made(section: str, name: str, description: str, figure) -> tuple[str, str, str, bytes]:
        return section, name, description, plots.save_figure(figure, folder / name)

    psnr = {(row.method, row.picture): row.value for row in reversed(results.table.rows) if row.measure == "psnr"}
    order = [INPUT, *results.tuned, *run.names]
    for index, (picture, outputs) in enumerate(shown, 1):
        decibels = {name: psnr[name, picture.name] for name in order}
        figure = texture_plots.crop_panels(picture, {name: outputs[name] for name in order}, decibels)
        yield made("crops", f"crop-{index}.png", f"A detail of {picture.name} as each method gives it", figure)
    if results.sweep:
        figure = texture_plots.sweep_lines(results.sweep, run.names, run.trained_range)
        yield made("sweep", "psnr-over-noise.png", "PSNR of every method over the deviation of the noise", figure)
    averages = {name: results.table.average(name, "psnr").value for name in results.costs}
    figure = texture_plots.cost_scatter(results.costs, averages, run.names)
    yield made("cost", "cost.png", "PSNR of every method over its milliseconds per megapixel", figure)
    figure = texture_plots.texture_curves(run.records, run.names)
    yield made("curves", "training.png", "Training loss and validation PSNR of every network over steps", figure)


def _tracked(methods: dict, title: str) -> Iterable:
    return _track(list(methods.items()), title)


def _progress_bar(pictures: Sequence[NoisyPair]) -> Iterable[NoisyPair]:
    return _track(pictures, "Scoring")


def _track(items: Sequence, title: str) -> Iterable:
    console = rich.progress.Console()
    return rich.progress.track(items, title, console=console, disable=not console.is_terminal)
