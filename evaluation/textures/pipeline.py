"""From trained networks and test photographs to scores, verdicts, figures and a report."""

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from evaluation.figures import save_figure
from evaluation.progress import tracked
from evaluation.source import SCORED_FILE, source
from evaluation.table import INPUT
from evaluation.textures import figures as plots
from evaluation.textures.baselines import BASELINES
from evaluation.textures.cost import costs_of
from evaluation.textures.findings import best_network
from evaluation.textures.report import write_texture_report
from evaluation.textures.results import Results
from evaluation.textures.run import TextureRun, level_title
from evaluation.textures.scoring import PictureTable, score_methods
from evaluation.textures.sweep import sweep_noise
from evaluation.textures.tokens import token_uses
from evaluation.textures.tuning import best_rivals, spread_out, tune_at_levels
from evaluation.textures.verdicts import judge_losses, judge_networks
from tf_denoise.data.noisy_pair import NoisyPair
from tf_denoise.pages import PageFigure
from tf_denoise.runs.writing import write_json, write_text

SHOWN_PICTURES = 3
"""Photographs whose details are shown, at equal distances among the test photographs."""

Outputs = Mapping[tuple[str, float | None], dict[str, np.ndarray]]
"""What each method made of a picture, by (photograph, noise level) and method."""


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
    rivals = tune_at_levels(run.validation, functools.partial(tracked, title="Tuning"))
    outputs: dict[tuple[str, float | None], dict[str, np.ndarray]] = {place: {} for place in _shown(run)}

    def keep(repeat: int, name: str, picture: NoisyPair, output: np.ndarray) -> None:
        if repeat <= 1 and (picture.name, picture.level) in outputs:
            outputs[picture.name, picture.level][name] = output

    scoring = functools.partial(tracked, title="Scoring")
    table = PictureTable(score_methods(run.test, run.networks, rivals, observe=keep, progress=scoring))
    results = Results(
        table=table,
        rivals=rivals,
        losses=judge_losses(table, run.names),
        networks=judge_networks(table, run.names, best_rivals(rivals)),
        costs=costs_of(run, rivals, functools.partial(tracked, title="Timing methods")),
        sweep=sweep_noise(run, rivals) if len(run.sigmas) else None,
        tokens=token_uses(table, run.test, run.ablations),
    )
    write_text(folder / "scores.csv", table.csv())
    write_json(folder / "scores.json", results.summary(run))
    write_json(folder / SCORED_FILE, source())
    return write_texture_report(folder, run, results, list(_figures(folder / "figures", run, results, outputs)))


def _shown(run: TextureRun) -> list[tuple[str, float | None]]:
    """Photographs at equal distances, each at another noise level as far as there are some."""
    photographs = spread_out(run.photographs, SHOWN_PICTURES)
    return [(picture.name, run.levels[place % len(run.levels)]) for place, picture in enumerate(photographs)]


def _figures(folder: Path, run: TextureRun, results: Results, outputs: Outputs) -> Iterator[PageFigure]:
    def made(section: str, name: str, description: str, figure) -> PageFigure:
        return PageFigure(section, name, description, save_figure(figure, folder / name))

    order = [INPUT, *BASELINES, *run.names]
    shown = [picture for picture in run.test if (picture.name, picture.level) in outputs]
    for index, picture in enumerate(shown, 1):
        place = {"picture": picture.name, "level": picture.level, "measure": "psnr"}
        decibels = {name: results.table.select(method=name, **place)[0].value for name in order}
        found = outputs[picture.name, picture.level]
        figure = plots.crop_panels(picture, {name: found[name] for name in order}, decibels, run.title)
        noise = "" if picture.level is None else f" at {level_title(picture.level)}"
        yield made("crops", f"crop-{index}.png", f"A detail of {picture.name}{noise} as each method gives it", figure)
    picture = shown[len(shown) // 2]
    few = [INPUT, results.best_rivals[picture.level], best_network(results).method]
    found = outputs[picture.name, picture.level]
    decibels = {name: results.table.select(method=name, picture=picture.name, level=picture.level, measure="psnr")[0].value for name in few}  # fmt: skip  # noqa: E501
    figure = plots.crop_panels(picture, {name: found[name] for name in few}, decibels, run.title)
    yield made("answer", "answer.png", f"A detail of {picture.name}: noisy, by the best classical method, by a network, clean", figure)  # fmt: skip  # noqa: E501
    if results.losses:
        figure = plots.sharpness_plane(results.table, run.losses)
        yield made("plane", "sharpness.png", "Three measures of sharpness of every method over its PSNR", figure)
    if results.sweep:
        figure = plots.sweep_lines(results.sweep, run.names, run.trained_range, run.title)
        yield made("sweep", "psnr-over-noise.png", "PSNR of every method over the deviation of the noise", figure)
    averages = {name: results.table.average(name, "psnr").value for name in results.costs}
    figure = plots.cost_scatter(results.costs, averages, run.names, run.title)
    yield made("cost", "cost.png", "PSNR of every method over its milliseconds per megapixel", figure)
    figure = plots.texture_curves(run.records, run.names, run.title)
    yield made("curves", "training.png", "Training loss and validation PSNR of every network over steps", figure)
