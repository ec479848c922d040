"""Is a sharpness loss better than the mean squared error alone? And is a network better than a classical method?

**The rule for a loss**, held against the network trained with the mean squared error alone (the "MSE model") from the
same start, on the same noisy test photographs:

- *Sharper*: GMSD lower, high-frequency energy ratio closer to 1 and radial spectrum error lower, all three clearly.
- *No greater MSE*: the mean squared error, averaged over photographs and repeats, is not above the MSE model's.
- *No checkerboard*: not clearly above the MSE model's by more than a tenth of it.
- *No discoloration*: not clearly above the MSE model's by more than 1/255 of the range.

A difference is *clear* if the 95 % interval of the paired bootstrap over photographs and the difference of every
single repeat lie on the same side of zero. The verdicts:

- *better*: sharper, MSE no greater, neither fault;
- *sharper, but costs MSE*: sharper, MSE greater (the sentences say whether clearly);
- *sharper, but with a fault*: sharper, MSE no greater, with a checkerboard or a discoloration;
- *no sharper*: one of the three is clearly worse and none clearly better;
- *unclear*: anything else, and always with fewer than three test photographs.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from evaluation.bootstrap import interval
from evaluation.digits.claims import Difference, caveat
from evaluation.textures.baselines import Tuned
from evaluation.textures.run import REFERENCE, method_title
from evaluation.textures.scoring import MEASURES, TextureTable

SHARPNESS = ("gmsd", "high_frequency_ratio", "radial_spectrum_error")
COMPARED = ("mse", *SHARPNESS, "checkerboard", "discoloration")
CHECKERBOARD_TOLERANCE = 0.1
"""Share of the MSE model's checkerboard that is no fault."""
DISCOLORATION_TOLERANCE = 1 / 255
"""Shift of the mean colours that is no fault: a step of 8 bits."""
LEAST_PICTURES, FEW_PICTURES = 3, 10
"""Below the first nothing is claimed, below the second a warning is given."""
SETBACK = 3.0
"""Decibels of validation PSNR below the best so far that are no fluctuation: twice the squared error."""


@dataclasses.dataclass(frozen=True)
class Judgement:
    """What became of one method.

    Attributes:
        method: The method.
        against: What it is held against.
        verdict: In few words.
        summary: Sentences with the numbers behind it.
        differences: By measure. For the high-frequency ratio they are differences of its distance from 1.
    """

    method: str
    against: str
    verdict: str
    summary: tuple[str, ...]
    differences: dict[str, Difference]


def judge_losses(table: TextureTable, names: Sequence[str]) -> list[Judgement]:
    """The verdict on each loss by the rule above; none if there is no MSE model among the networks `names`."""
    if REFERENCE not in names:
        return []
    return [_judge_loss(table, name) for name in names if name != REFERENCE]


def judge_networks(table: TextureTable, names: Sequence[str], tuned: dict[str, Tuned]) -> list[Judgement]:
    """Each network against the classical method that had the lowest MSE on validation pictures.

    The verdict is `beats it` or `loses to it` if the MSE is clearly lower or higher, else `unclear`.
    """
    rival = best_baseline(tuned)
    return [_judge_network(table, name, rival) for name in names]


def best_baseline(tuned: dict[str, Tuned]) -> str:
    """The classical method with the lowest mean squared error on the validation pictures."""
    return min(tuned, key=lambda name: tuned[name].mse)


def compare(table: TextureTable, method: str, against: str, measure: str) -> Difference:
    """One measure of a method minus that of another, paired by photograph and repeat.

    A ratio that is better the closer it is to 1 goes into the difference as its distance from 1.
    """
    better = MEASURES[measure][1]
    first, second = (table.values(name, measure) for name in (method, against))
    if better == "closer to 1":
        first, second = np.abs(first - 1), np.abs(second - 1)
    differences = first - second
    by_repeat = differences.mean(axis=1)
    low, high = interval(table.bootstrap.means(differences.mean(axis=0)))
    ends = (low, high, float(by_repeat.min()), float(by_repeat.max()))
    return Difference(measure, float(by_repeat.mean()), float(second.mean()), *ends, 1 if better == "higher" else -1)


def caveats(repeats: int, num_pictures: int) -> list[str]:
    """What the numbers of repeats and of test photographs allow to be said."""
    each = "all losses trained from another start and other crops, scored on the same noisy test photographs"
    found = [caveat(repeats, each=each)]
    if num_pictures < LEAST_PICTURES:
        found.append(f"{num_pictures} test photograph(s): too few for any verdict, so all are unclear.")
    elif num_pictures < FEW_PICTURES:
        found.append(f"{num_pictures} test photographs: the intervals over photographs rest on very few.")
    return found


def setbacks(records: Mapping[tuple[int, str], dict]) -> list[str]:
    """A sentence for each training whose validation PSNR fell far below its best: its network is of an early step.

    Args:
        records: By (repeat, network): `steps`, and `history` with `val_psnr` in dB at equal distances in steps.

    Example:
        >>> setbacks({(1, "regional"): {"steps": 40, "history": {"val_psnr": [28.0, 30.0, 7.0, 12.0]}}})[0]
        'Regional loss: training fell from 30.0 to 7.0 dB of validation PSNR, and ended at 12.0; the network is that \
of step 20 of 40. A smaller --learning-rate may avoid this.'
    """
    found = []
    for (repeat, name), record in records.items():
        psnr = np.array(record["history"].get("val_psnr") or [0.0])
        fall = np.maximum.accumulate(psnr) - psnr
        lowest = int(fall.argmax())
        if fall[lowest] > SETBACK:
            title = method_title(name) + (f", repeat {repeat}" if max(key[0] for key in records) > 1 else "")
            kept = round(record["steps"] * (int(psnr.argmax()) + 1) / len(psnr))
            found.append(
                f"{title}: training fell from {psnr[:lowest].max():.1f} to {psnr[lowest]:.1f} dB of validation PSNR, "
                f"and ended at {psnr[-1]:.1f}; the network is that of step {kept:,} of {record['steps']:,}. A smaller "
                "--learning-rate may avoid this."
            )
    return found


def _judge_loss(table: TextureTable, name: str) -> Judgement:
    found = {measure: compare(table, name, REFERENCE, measure) for measure in COMPARED}
    faults = _faults(found)
    sharp = [found[measure].verdict for measure in SHARPNESS]
    mse = found["mse"]
    if table.num_pictures < LEAST_PICTURES:
        verdict = "unclear"
    elif set(sharp) == {"better"}:
        if mse.value > 0:
            verdict = "sharper, but costs MSE"
        else:
            verdict = "sharper, but with a fault" if faults else "better"
    else:
        verdict = "no sharper" if "worse" in sharp and "better" not in sharp else "unclear"
    summary = (
        f"Sharpness against the MSE model: {', '.join(f'{_short(m)} {found[m].verdict}' for m in SHARPNESS)}.",
        f"MSE {_percent(mse)}{', clearly' if mse.verdict != 'unclear' else ', which may be chance'}.",
        f"It brings {' and '.join(faults)}."
        if faults
        else "No checkerboard or discoloration beyond what the rule allows.",
    )
    return Judgement(name, REFERENCE, verdict, summary, found)


def _faults(found: dict[str, Difference]) -> list[str]:
    checkerboard, colour = found["checkerboard"], found["discoloration"]
    faults = []
    if checkerboard.verdict == "worse" and checkerboard.value > CHECKERBOARD_TOLERANCE * checkerboard.base:
        faults.append("a checkerboard")
    if colour.verdict == "worse" and colour.value > DISCOLORATION_TOLERANCE:
        faults.append("a discoloration")
    return faults


def _judge_network(table: TextureTable, name: str, rival: str) -> Judgement:
    found = {measure: compare(table, name, rival, measure) for measure in ("mse", "psnr", "ssim", *SHARPNESS)}
    verdict = {"better": "beats it", "worse": "loses to it"}.get(found["mse"].verdict, "unclear")
    if table.num_pictures < LEAST_PICTURES:
        verdict = "unclear"
    summary = (f"MSE {_percent(found['mse'])} than that of {method_title(rival)}.",)
    return Judgement(name, rival, verdict, summary, found)


def _percent(difference: Difference) -> str:
    return f"{abs(difference.percent):.1f} % {'higher' if difference.value > 0 else 'lower'}"


def _short(measure: str) -> str:
    return {"gmsd": "GMSD", "high_frequency_ratio": "high frequencies"}.get(measure, "radial spectrum")
