"""Is a sharpness loss better than the mean squared error alone? And is a network better than a classical method?

**The rule for a loss**, held against the network trained with the mean squared error alone (the "MSE model") from the
same start, on the same noisy test photographs:

- *Sharper*: GMSD lower, high-frequency energy ratio closer to 1 and radial spectrum error lower, all three clearly.
- *No greater MSE*: the mean squared error, averaged over photographs and repeats, is not above the MSE model's.
- *No checkerboard*: not clearly above the MSE model's by more than a tenth of it.
- *No discoloration*: not clearly above the MSE model's by more than 1/255 of the range.

A difference is *clear* if its 95 % intervals over photographs and, of several repeats, over trainings lie on the same
side of zero; a photograph's differences at all noise levels are averaged first. For a fault the interval over
photographs is enough: that these very networks have it speaks against the loss. The verdicts:

- *better*: sharper, MSE no greater, neither fault;
- *sharper, but costs MSE*: sharper, MSE greater (the sentences say whether clearly);
- *sharper, but with a fault*: sharper, MSE no greater, with a checkerboard or a discoloration;
- *no sharper*: one of the three is clearly worse and none clearly better;
- *unclear*: anything else, and always with fewer than ten test photographs.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from evaluation.differences import LEAST_PHOTOGRAPHS, Difference, caveat, photograph_difference
from evaluation.measures import MEASURES
from evaluation.textures.run import REFERENCE, level_title, method_title
from evaluation.textures.table import PictureTable
from tf_denoise.losses.named import is_of_pixels, loss_of
from tf_denoise.pages.page import counted

SHARPNESS = ("gmsd", "high_frequency_ratio", "radial_spectrum_error")
COMPARED = ("mse", *SHARPNESS, "checkerboard", "discoloration")
_NEXT_TO_NONE = 0.05
"""A difference of fewer per cent would be written as 0.0."""
CHECKERBOARD_TOLERANCE = 0.1
"""Share of the MSE model's checkerboard that does not count as a fault."""
DISCOLORATION_TOLERANCE = 1 / 255
"""Shift of the mean colours that does not count as a fault: a step of 8 bits."""

Rival = str | Mapping[float | None, str]
"""A method to be held against: one for all noise levels, or one for each."""


@dataclasses.dataclass(frozen=True)
class Judgement:
    """What became of one method.

    Attributes:
        method: The method.
        against: What it is held against.
        verdict: In few words.
        summary: Sentences with the numbers behind it.
        differences: By measure. For the high-frequency ratio they are differences of its distance from 1.
        by_level: Differences of the mean squared error by noise level.
    """

    method: str
    against: str
    verdict: str
    summary: tuple[str, ...]
    differences: dict[str, Difference]
    by_level: dict[float | None, Difference] = dataclasses.field(default_factory=dict)


def judge_losses(table: PictureTable, names: Sequence[str]) -> list[Judgement]:
    """The verdict on each sharpness loss by the rule above; none if there is no MSE model among the networks.

    Args:
        table: The scores.
        names: The networks. What was trained with a loss of single pixels, such as the MAE, is no sharpness loss.
    """
    if REFERENCE not in names:
        return []
    return [_judge_loss(table, name) for name in names if not is_of_pixels(loss_of(name)[0])]


def judge_networks(table: PictureTable, names: Sequence[str], rivals: Mapping[float | None, str]) -> list[Judgement]:
    """Each network against a classical method.

    The verdict is `beats it` or `loses to it` if the MSE is clearly lower or higher, else `unclear`.

    Args:
        table: The scores.
        names: The networks.
        rivals: By noise level, the classical method that had the lowest MSE on the validation pictures of that level.
    """
    return [_judge_network(table, name, rivals) for name in names]


def rivals_in_words(rivals: Mapping[float | None, str]) -> str:
    """Which classical methods the networks are held against.

    Example:
        >>> rivals_in_words({15.0: "median", 25.0: "median"})
        'median'
        >>> rivals_in_words({15.0: "median", 25.0: "gaussian_blur"})
        'the best classical method of each level (median at sigma 15, Gaussian blur at sigma 25)'
    """
    if len(set(rivals.values())) == 1:
        return _within_a_sentence(method_title(next(iter(rivals.values()))))
    each = ", ".join(
        f"{_within_a_sentence(method_title(name))} at {level_title(level)}" for level, name in rivals.items()
    )
    return f"the best classical method of each level ({each})"


def _within_a_sentence(title: str) -> str:
    return title if title.startswith(("Gaussian", "OpenCV")) else title[:1].lower() + title[1:]


def compare(
    table: PictureTable, method: str, against: Rival, measure: str, levels: Sequence[float | None] | None = None
) -> Difference:
    """One measure of a method minus that of another, paired by photograph and repeat, averaged over levels.

    A ratio that is better the closer it is to 1 goes into the difference as its distance from 1.

    Args:
        table: The scores.
        method: The first method.
        against: The second method.
        measure: Name of the measure.
        levels: The noise levels to average over; defaults to all.
    """
    levels = table.levels if levels is None else levels
    rivals = dict.fromkeys(levels, against) if isinstance(against, str) else against
    second = np.concatenate([table.values(rivals[level], measure, [level]) for level in levels], axis=1)
    first, second = (MEASURES[measure].comparable(x) for x in (table.values(method, measure, levels), second))
    return photograph_difference(first.mean(axis=1), second.mean(axis=1), MEASURES[measure].sign)


def caveats(repeats: int, num_photographs: int) -> list[str]:
    """What the numbers of repeats and of test photographs allow to be said."""
    each = "all losses trained from another seed, scored on the same noisy test photographs"
    found = [caveat(repeats, each=each)]
    if num_photographs < LEAST_PHOTOGRAPHS:
        found.append(
            f"{counted(num_photographs, 'test photograph')}: a verdict takes "
            f"{LEAST_PHOTOGRAPHS} or more, so all are unclear."
        )
    return found


def _by_level(table: PictureTable, name: str, against: Rival) -> dict[float | None, Difference]:
    return {level: compare(table, name, against, "mse", [level]) for level in table.levels}


def _judge_loss(table: PictureTable, name: str) -> Judgement:
    found = {measure: compare(table, name, REFERENCE, measure) for measure in COMPARED}
    faults = _faults(found)
    sharp = [found[measure].verdict for measure in SHARPNESS]
    mse = found["mse"]
    if set(sharp) == {"better"}:
        if mse.value > 0:
            verdict = "sharper, but costs MSE"
        else:
            verdict = "sharper, but with a fault" if faults else "better"
    else:
        verdict = "no sharper" if "worse" in sharp and "better" not in sharp else "unclear"
    summary = (
        f"Sharpness against the MSE model: {', '.join(f'{_short(m)} {found[m].verdict}' for m in SHARPNESS)}.",
        f"MSE {_percent(mse)}{_certainty(mse)}.",
        f"It brings {' and '.join(faults)}."
        if faults
        else "No checkerboard or discoloration beyond what the rule allows.",
    )
    return Judgement(name, REFERENCE, verdict, summary, found, _by_level(table, name, REFERENCE))


def _faults(found: dict[str, Difference]) -> list[str]:
    checkerboard, colour = found["checkerboard"], found["discoloration"]
    faults = []
    if checkerboard.verdict_on_these == "worse" and checkerboard.value > CHECKERBOARD_TOLERANCE * checkerboard.base:
        faults.append("a checkerboard")
    if colour.verdict_on_these == "worse" and colour.value > DISCOLORATION_TOLERANCE:
        faults.append("a discoloration")
    return faults


def _judge_network(table: PictureTable, name: str, rivals: Mapping[float | None, str]) -> Judgement:
    found = {measure: compare(table, name, rivals, measure) for measure in ("mse", "psnr", "ssim", *SHARPNESS)}
    verdict = {"better": "beats it", "worse": "loses to it"}.get(found["mse"].verdict, "unclear")
    than = "than that of" if found["mse"].value else "as that of"
    summary = (f"MSE {_percent(found['mse'])} {than} {rivals_in_words(rivals)}.",)
    return Judgement(name, rivals_in_words(rivals), verdict, summary, found, _by_level(table, name, rivals))


def _certainty(mse: Difference) -> str:
    if not mse.value:
        return ""
    return ", which may be chance" if mse.verdict == "unclear" else ", clearly"


def _percent(difference: Difference) -> str:
    if not difference.value:
        return "the same"
    size = abs(difference.percent)
    rounded = f"{size:.1f} %" if size >= _NEXT_TO_NONE else f"less than {_NEXT_TO_NONE} %"
    return f"{rounded} {'higher' if difference.value > 0 else 'lower'}"


def _short(measure: str) -> str:
    return {"gmsd": "GMSD", "high_frequency_ratio": "high frequencies"}.get(measure, "radial spectrum")
