"""What an evaluation on photographs found, as one object and as JSON."""

import dataclasses
from collections.abc import Mapping, Sequence

from evaluation.measures import PHOTOGRAPHS
from evaluation.textures.run import TextureRun
from evaluation.textures.sweep import Sweep
from evaluation.textures.table import PictureTable
from evaluation.textures.tokens import TokenUse
from evaluation.textures.tuning import Tuned, best_rivals
from evaluation.textures.verdicts import Judgement


@dataclasses.dataclass(frozen=True)
class Results:
    """What an evaluation found.

    Attributes:
        table: The scores.
        rivals: The tuned classical methods by noise level and name.
        losses: The verdict on each loss.
        networks: Each network against the best classical method.
        costs: Milliseconds per megapixel by method.
        sweep: PSNR over noise, if it was asked for.
        tokens: What the tokens of networks with a transformer are worth.
    """

    table: PictureTable
    rivals: Mapping[float | None, Mapping[str, Tuned]]
    losses: Sequence[Judgement]
    networks: Sequence[Judgement]
    costs: dict[str, float]
    sweep: Sweep | None = None
    tokens: Sequence[TokenUse] = ()

    @property
    def best_rivals(self) -> dict[float | None, str]:
        """The classical method with the lowest validation MSE at each noise level."""
        return best_rivals(self.rivals)

    def summary(self, run: TextureRun) -> dict:
        """All figures of a report as JSON values.

        Args:
            run: What was evaluated.

        Returns:
            `pictures`, `methods`, `verdicts`, `levels`, `sweep`, `classical` and `tokens`.
        """
        return {
            "pictures": self.table.records(),
            "methods": {
                name: {
                    "milliseconds_per_megapixel": self.costs.get(name),
                    "parameters": run.parameters.get(name),
                    **{measure: dataclasses.asdict(self.table.average(name, measure)) for measure in PHOTOGRAPHS},
                }
                for name in self.table.methods
            },
            "levels": [
                {
                    "level": level,
                    "method": name,
                    **{m: dataclasses.asdict(self.table.average(name, m, [level])) for m in PHOTOGRAPHS},
                }
                for level in self.table.levels
                for name in self.table.methods
            ],
            "verdicts": [_judgement(judgement) for judgement in (*self.losses, *self.networks)],
            "sweep": self.sweep
            and {
                "sigmas": list(self.sweep.sigmas),
                "pictures": self.sweep.num_pictures,
                "psnr": {name: values.tolist() for name, values in self.sweep.curves.items()},
            },
            "classical": [
                {"level": level, "method": name, "parameters": tuned.parameters, "validation_mse": tuned.mse}
                for level, methods in self.rivals.items()
                for name, tuned in methods.items()
            ],
            "tokens": [
                {"network": use.network, "replaced": use.replaced, **dataclasses.asdict(use.difference)}
                for use in self.tokens
            ],
        }


def _judgement(judgement: Judgement) -> dict:
    by_level = [{"level": level, **dataclasses.asdict(mse)} for level, mse in judgement.by_level.items()]
    shallow = {field.name: getattr(judgement, field.name) for field in dataclasses.fields(judgement)}
    differences = {measure: dataclasses.asdict(found) for measure, found in judgement.differences.items()}
    return {**shallow, "differences": differences, "by_level": by_level}
