"""The verdicts and tables of a run on photographs as Markdown, for a page of documentation."""

from collections.abc import Callable, Mapping, Sequence

from evaluation.differences import LEAST_PHOTOGRAPHS
from evaluation.measures import MEASURES, PHOTOGRAPHS
from evaluation.table import markdown_table
from evaluation.textures.results import Results
from evaluation.textures.rows import (
    Methods,
    judgement_table,
    level_rows,
    score_rows,
    sweep_rows,
    token_rows,
    tuned_rows,
)
from evaluation.textures.run import TextureRun, level_title, trained_with
from evaluation.textures.tokens import TokenUse
from evaluation.textures.trainings import setbacks
from evaluation.textures.verdicts import Judgement, caveats, rivals_in_words

_MOST_NAMED = 3
"""Losses that the first sentence names: of more, those with the least error."""


def headline(losses: Sequence[Judgement], words: Callable[[str], str] = trained_with) -> str:
    """The answer to the question which loss is best, in a sentence.

    Args:
        losses: The verdicts.
        words: What the loss of a network is called within a sentence.

    Example:
        >>> headline([Judgement("wavelet", "mse", "better", (), {}), Judgement("regional", "mse", "unclear", (), {})])
        'By the rule, 1 of 2 other losses is better than the mean squared error alone: wavelet.'
    """
    if not losses:
        return (
            "No verdict on losses: it takes a network trained with the MSE alone and one with another loss beside it."
        )
    differences = [found for judgement in losses for found in judgement.differences.values()]
    if not all(found.is_enough for found in differences):
        return f"No verdict on losses: it takes {LEAST_PHOTOGRAPHS} test photographs or more."
    if differences and not any(found.value for found in differences):
        return "No verdict on losses: the networks do not differ in any measure."
    passed = [judgement for judgement in losses if judgement.verdict == "better"]
    if len(passed) > _MOST_NAMED:  # as in a sweep over weights
        passed.sort(key=lambda judgement: judgement.differences["mse"].value)
    better = [words(judgement.method) for judgement in passed]
    count = "the one other loss" if len(losses) == 1 else f"{len(better) or 'none'} of {len(losses)} other losses"
    verb = "are" if len(better) > 1 else "is"
    if not better and len(losses) == 1:
        verb = "is not"
    which = f": {', '.join(better)}" if better else ""
    if len(better) > _MOST_NAMED:
        *first, last = better[:_MOST_NAMED]
        which = f", with the least error {', '.join(first)} and {last}"
    return f"By the rule, {count} {verb} better than the mean squared error alone{which}."


def answer(run: TextureRun, results: Results) -> tuple[str, str]:
    """The two sentences that a report begins with: on the losses, and on networks and classical methods."""
    judgement = best_network(results)
    mse, psnr = judgement.differences["mse"], judgement.differences["psnr"]
    rival = rivals_in_words(results.best_rivals)
    title = run.title(judgement.method)
    best = f"{title}, the best of {len(run.names)} networks," if len(run.names) > 1 else title
    here = f"{psnr.base + psnr.value:.2f} dB on average over the test photographs"
    if not mse.is_enough:
        second = f"{best} has {here}, {rival} {psnr.base:.2f} dB; so few photographs support no verdict."
        return headline(results.losses), second
    verdict = {"beats it": "beats", "loses to it": "loses to"}.get(judgement.verdict, "is not clearly better than")
    if judgement.verdict == "unclear" and mse.value > 0:
        verdict = "is not clearly worse than"
    second = f"{best} {verdict} {rival}: {here}, where that has {psnr.base:.2f} dB."
    return headline(results.losses), second


def best_network(results: Results) -> Judgement:
    """The judgement on the network with the lowest mean squared error."""
    return min(results.networks, key=lambda judgement: judgement.differences["mse"].value)


def cautions(run: TextureRun, results: Results) -> list[str]:
    """What limits the findings: few repeats, few photographs, trainings that fell."""
    return [*caveats(run.repeats, results.table.num_photographs), *setbacks(run.records, run.title)]


def markdown(run: TextureRun, results: Results) -> str:
    """The text of `findings.md`."""
    lines = [run.data["description"], "", *cautions(run, results), ""]
    lines += [f"**{headline(results.losses)}**", ""]
    rival = f"{rivals_in_words(results.best_rivals)}, the best on the validation photographs"
    for judgements, whom in ((results.losses, "the MSE model"), (results.networks, rival)):
        lines += verdict_lines(judgements, whom, run)
    lines += reason_lines(results.losses, run)
    lines += score_lines(run, results)
    if len(results.table.levels) > 1:
        lines += level_lines(run, results)
    lines += token_lines(results.tokens, run)
    if results.sweep:
        head = ["PSNR (dB) at sigma", *(f"{sigma:g}" for sigma in results.sweep.sigmas)]
        lines += markdown_table(head, [[title, *values] for title, values in sweep_rows(results.sweep, run.title)])
    tuned = [[title, level, setting or "none"] for level, title, setting, _, _ in tuned_rows(results)]
    return "\n".join(lines + markdown_table(["classical method", "noise", "tuned on validation photographs to"], tuned))


def verdict_lines(judgements: Sequence[Judgement], whom: str, run: Methods) -> list[str]:
    """A table of judgements in Markdown; nothing where there is none.

    Args:
        judgements: The judgements.
        whom: What they are held against, in words.
        run: What names the methods and knows the repeats.
    """
    table = judgement_table(judgements, run.title)
    cells = [[r["title"], r["verdict"], *(_cell(c) for c in r["cells"])] for r in table["rows"]]
    return markdown_table([f"against {whom}", "verdict", *table["measures"]], cells) if cells else []


def reason_lines(judgements: Sequence[Judgement], run: Methods) -> list[str]:
    """What stands behind each verdict, a line each in Markdown."""
    rows = judgement_table(judgements, run.title)["rows"]
    lines = [f"- {row['title']}: {row['verdict']}. {' '.join(row['summary'])}" for row in rows]
    return [*lines, ""] if lines else []


def score_lines(run: Methods, results: Results) -> list[str]:
    """The measures of every method as a table in Markdown."""
    cells = [
        [r["title"], *(f"{v} ({i})" if i else v for v, i, _, _ in r["cells"]), r["cost"], r["parameters"]]
        for r in score_rows(run, results)
    ]
    headings = [MEASURES[measure].heading for measure in PHOTOGRAPHS]
    return markdown_table(["method", *headings, "ms per megapixel", "weights"], cells)


def level_lines(run: Methods, results: Results) -> list[str]:
    """The PSNR of every method at every noise level as a table in Markdown."""
    rows = [
        [row["title"], *(f"{c['value']} ({c['interval']})" if c["interval"] else c["value"] for c in row["cells"])]
        for row in level_rows(results, run.title)
    ]
    return markdown_table(["PSNR (dB) at", *map(level_title, results.table.levels)], rows)


def token_lines(uses: Sequence[TokenUse], run: Methods) -> list[str]:
    """What the tokens of networks with a transformer are worth as a table in Markdown; nothing where there is none."""
    rows = [[row["title"], row["replaced"], difference_words(row), row["words"]] for row in token_rows(uses, run.title)]
    return markdown_table(["network", "instead of its tokens", "PSNR, dB", "verdict"], rows) if rows else []


def difference_words(cell: Mapping[str, str]) -> str:
    """A difference with its intervals over photographs and over trainings, as a cell of a table in Markdown."""
    trainings = f"; trainings {cell['trainings']}" if cell["trainings"] else ""
    interval = f" ({cell['interval']}{trainings})" if cell["interval"] else ""
    return f"{cell['value']}{interval}"


def _cell(cell: Mapping[str, str]) -> str:
    return f"{difference_words(cell)}: {cell['verdict']}"
