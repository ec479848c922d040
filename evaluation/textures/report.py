"""The report on a run on photographs: one HTML file that needs no network, and its tables as Markdown."""

from collections.abc import Sequence
from pathlib import Path

from evaluation.differences import LEAST_PHOTOGRAPHS
from evaluation.measures import MEASURES, PHOTOGRAPHS
from evaluation.textures.figures import HOW_TO_READ_THE_PLANE
from evaluation.textures.findings import answer, cautions, markdown
from evaluation.textures.results import Results
from evaluation.textures.rows import (
    judgement_table,
    level_rows,
    loss_level_rows,
    score_rows,
    sweep_rows,
    token_rows,
    tuned_rows,
)
from evaluation.textures.run import TextureRun, level_title
from evaluation.textures.scoring import CHECKERBOARD_PERIOD
from evaluation.textures.trainings import training_rows
from evaluation.textures.tuning import TUNING_PICTURES, TUNING_SIDE
from evaluation.textures.verdicts import rivals_in_words
from tf_denoise.pages import PageFigure, render_page
from tf_denoise.runs.contents import is_its_start
from tf_denoise.runs.writing import write_text

TEMPLATE = Path(__file__).parent.parent / "templates" / "textures.html"


def write_texture_report(folder: Path, run: TextureRun, results: Results, figures: Sequence[PageFigure]) -> Path:
    """Write `report.html` and `findings.md` into the run folder.

    Args:
        folder: The run folder.
        run: What was run.
        results: What was found.
        figures: Of the sections `answer`, `plane`, `crops`, `sweep`, `cost` and `curves`.

    Returns:
        The path of the report.
    """
    rival = rivals_in_words(results.best_rivals)
    html = render_page(
        TEMPLATE,
        figures,
        filters={"psnr": MEASURES["psnr"].text},
        run=run,
        results=results,
        caveats=cautions(run, results),
        answer=answer(run, results),
        rival=rival[:1].upper() + rival[1:],
        tables=[judgement_table(judgements, run.title) for judgements in (results.losses, results.networks)],
        scores=score_rows(run, results),
        levels=[level_title(level) for level in run.levels],
        by_level=level_rows(results, run.title),
        losses_by_level=loss_level_rows(results.losses, run.title),
        measures=[MEASURES[measure].heading for measure in PHOTOGRAPHS],
        plane=HOW_TO_READ_THE_PLANE,
        tokens=token_rows(results.tokens, run.title),
        sweep=sweep_rows(results.sweep, run.title) if results.sweep else None,
        tuned=tuned_rows(results),
        training=training_rows(run),
        falls=[
            (run.title(name), repeat, fall)
            for (repeat, name), record in run.records.items()
            for fall in record.get("falls", [])
        ],
        unchanged=[(run.title(name), repeat) for (repeat, name), r in run.records.items() if is_its_start(r)],
        stopped=[(run.title(name), repeat, r["stopped"]) for (repeat, name), r in run.records.items() if r["stopped"]],
        seconds=sum(record["seconds"] for record in run.records.values()),
        photographs=results.table.num_photographs,
        tuning_photographs=min(TUNING_PICTURES, len({picture.name for picture in run.validation})),
        megapixels=sum(picture.megapixels for picture in run.photographs),
        limits={"side": TUNING_SIDE, "period": CHECKERBOARD_PERIOD, "least": LEAST_PHOTOGRAPHS},
    )
    path = folder / "report.html"
    write_text(path, html)
    write_text(folder / "findings.md", markdown(run, results))
    return path
