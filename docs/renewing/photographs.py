"""Kept tables of runs on photographs, one or several, as what the evaluation takes."""

from collections.abc import Sequence

import numpy as np

from evaluation.measures import PHOTOGRAPHS
from evaluation.textures.results import Results
from evaluation.textures.run import REFERENCE, loss_and_weight, method_title, network_title, trained_with
from evaluation.textures.table import PictureScore, PictureTable
from evaluation.textures.verdicts import Judgement, judge_losses, judge_networks
from renewing.kept import Kept
from tf_denoise.errors import InputError
from tf_denoise.losses.named import weighted_name


class Photographs:
    """The scores of one kept run, or of several that were scored on the same noisy photographs.

    In several, a network with a sharpness loss is called by its loss and weight, one of another kind than those of the
    first table by its kind, too; and of networks that are trained alike the first table's is taken.

    Args:
        tables: The kept runs.
        own_names: Call the networks of each table by the table, so that none is taken for another.

    Attributes:
        table: The scores.
        names: The networks.
        repeats: How often each was trained, at most.
        parameters: Number of weights by network.
        losses: Kind, loss and its weight by network; the weight is 0 where there is no loss beside the pixels'.
        rivals: The classical method that was best on the validation photographs, by noise level.
        costs: Milliseconds per megapixel by method.

    Raises:
        InputError: If the runs were not scored on the same noisy photographs.
    """

    def __init__(self, tables: Sequence[Kept], own_names: bool = False):
        self.losses: dict[str, tuple[str, str, float]] = {}
        self.parameters: dict[str, int] = {}
        self.costs: dict[str, float] = {}
        self._titles: dict[str, str] = {}
        self._losses: dict[str, str] = {}
        first = tables[0]
        rows: list[PictureScore] = []
        scored: list[PictureTable] = []
        for kept in tables:
            new: dict[str, str] = {}
            for name, facts in kept.facts["networks"].items():
                loss, weight = loss_and_weight(facts["loss"], float(facts["loss_weight"]))
                place = (facts["network"], loss, weight)
                if len(tables) > 1:
                    name_of_loss = weighted_name(loss, weight) if weight else loss
                else:
                    name_of_loss = name
                unique = _unique(name_of_loss, facts["network"], _kind(first))
                unique = f"{kept.name}: {unique}" if own_names else unique
                if unique in self.losses:
                    continue
                new[name], self.losses[unique] = unique, place
                self.parameters[unique] = facts["parameters"]
                self._losses[unique] = name_of_loss
                self._titles[unique] = network_title(name_of_loss, facts["network"])
                if own_names:
                    self._titles[unique] = f"{network_title(name, facts['network'])} ({kept.name})"
            mine = _rows(kept)
            scored.append(PictureTable(mine))
            others = (
                {} if rows else {row.method: row.method for row in mine if row.method not in kept.facts["networks"]}
            )
            for method, unique in {**others, **new}.items():
                self.costs[unique] = kept.facts["milliseconds"].get(method)
            taken = {**others, **new}
            rows += [_renamed(row, taken[row.method]) for row in mine if row.method in taken]
        _check_alike(tables, scored)
        self.costs = {name: cost for name, cost in self.costs.items() if cost is not None}
        self.table = PictureTable(rows)
        self.names = list(self.losses)
        self.repeats = max(kept.facts["repeats"] for kept in tables)
        self.rivals = {level: method for level, method in first.facts["rivals"]}

    def title(self, name: str) -> str:
        """What a method is called."""
        return self._titles.get(name) or method_title(name)

    def words(self, name: str) -> str:
        """The loss of a network as it stands within a sentence, with its weight where there are several."""
        return trained_with(self._losses[name])

    def judge_losses(self) -> list[Judgement]:
        """The verdict on each sharpness loss, held against the MSE alone.

        Raises:
            InputError: If the networks are of several kinds: what differs may then be the network.
        """
        if len({kind for kind, _, _ in self.losses.values()}) > 1:
            raise InputError("Losses are judged on networks of one kind; these tables hold several.")
        order = list(dict.fromkeys(loss for _, loss, _ in self.losses.values()))
        names = [name for name in self.names if name == REFERENCE or self.losses[name][2] > 0]
        names.sort(key=lambda name: (order.index(self.losses[name][1]), self.losses[name][2]))
        return judge_losses(self.table, names)

    def results(self) -> Results:
        """What the evaluation of a run would hand to its report, but for the verdicts on losses."""
        networks = judge_networks(self.table, self.names, self.rivals)
        return Results(self.table, {}, [], networks, self.costs)


def _kind(kept: Kept) -> str:
    return next(iter(kept.facts["networks"].values()))["network"]


def _unique(name: str, kind: str, usual: str) -> str:
    return name if kind == usual else f"{kind}:{name}"


def _rows(kept: Kept) -> list[PictureScore]:
    return [
        PictureScore(
            int(row["repeat"]),
            row["method"],
            row["picture"],
            float(row["level"]) if row["level"] else None,
            measure,
            float(row[measure]),
        )
        for row in kept.rows()
        for measure in PHOTOGRAPHS
    ]


def _renamed(row: PictureScore, method: str) -> PictureScore:
    return PictureScore(row.repeat, method, row.picture, row.level, row.measure, row.value)


def _check_alike(tables: Sequence[Kept], scored: Sequence[PictureTable]) -> None:
    """The noisy input has the same scores in all tables, photograph by photograph."""
    for kept, other in zip(tables[1:], scored[1:], strict=True):
        places = [(t.levels, t.distinct("picture"), t.values("input", "mse")) for t in (scored[0], other)]
        if places[0][:2] != places[1][:2] or not np.array_equal(places[0][2], places[1][2]):
            raise InputError(
                f"The tables {tables[0].name} and {kept.name} cannot stand in one block: they were not scored on the "
                "same noisy photographs."
            )
