"""Forms of the second stage beside that of the original study: what it sees, what it begins with, how it is trained.

| form | second stage | begins with | learns |
|---|---|---|---|
| `both` | g(y, x): sees the noisy digit y and its parent's prediction x | random weights | behind its frozen parent |
| `continued` | as `both` | the parent's weights, zero for the prediction | behind its frozen parent |
| `sos` | 2 g((y + x) / 2) - x | random weights | behind its frozen parent |
| `correction` | x + g(y, x) | random weights, the last layer zero | behind its frozen parent |
| `FORM-together` | that of the form | the trained parent and the trained second stage | both stages at once |
| `twice` | f(f(y)): the network itself, applied twice | random weights | as one network |
| `twice-both` | g(y, x) with x = g(y, y): the network itself, applied twice | random weights | as one network |

The first four may be followed by the renoising of the prediction: `both-25`, `sos-mixed`, `continued-multi`.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from tf_denoise.errors import InputError
from tf_denoise.models import DenseAutoencoder, RefiningAutoencoder, TwoStageAutoencoder
from tf_denoise.models.two_stage import TWICE, TWICE_BOTH
from tf_denoise.noise import level_schedule

STAGES = {"both": "both", "continued": "both", "sos": "sos", "correction": "correction"}
"""By form, what its second stage computes."""
SHARED = (TWICE, TWICE_BOTH)
TOGETHER = "together"


@dataclasses.dataclass(frozen=True)
class Form:
    """A form of the second stage.

    Attributes:
        alone: Its name without what follows.
        renoise: How the parent's predictions are renoised; `0` for not at all.
        together: Whether parent and second stage are trained on together.
    """

    alone: str
    renoise: str = "0"
    together: bool = False

    @property
    def name(self) -> str:
        """What it is called in the tree."""
        if self.together:
            return f"{self.alone}-{TOGETHER}"
        return self.alone if self.renoise == "0" else f"{self.alone}-{self.renoise}"

    @property
    def stage(self) -> str:
        """What it computes: a form of `RefiningAutoencoder` or of `TwoStageAutoencoder`."""
        return STAGES.get(self.alone, self.alone)

    @property
    def is_shared(self) -> bool:
        """Whether it is one network that is applied twice."""
        return self.alone in SHARED

    @property
    def begins_as_parent(self) -> bool:
        """Whether it begins with its parent's weights."""
        return self.alone == "continued"


def read_form(word: str) -> Form:
    """The form that a word of the command line names.

    Raises:
        InputError: If it names none.

    Example:
        >>> read_form("both-25"), read_form("sos-together").name
        (Form(alone='both', renoise='25', together=False), 'sos-together')
    """
    if word in SHARED:
        return Form(word)
    alone, _, rest = word.partition("-")
    if alone in STAGES:
        if not rest and not word.endswith("-"):
            return Form(alone)
        if rest == TOGETHER:
            return Form(alone, together=True)
        try:
            level_schedule(rest)
            return Form(alone, rest if rest in ("mixed", "multi") else str(int(rest)))
        except InputError:
            pass
    raise InputError(
        f"--forms takes {', '.join([*STAGES, *SHARED])}; the first {len(STAGES)} also with the renoising of the "
        f"prediction (both-25, both-mixed, both-multi), or as both-together, trained on together; received {word!r}."
    )


def read_forms(words: Sequence[str]) -> list[Form]:
    """The forms of a command line, each once; what is trained on together is trained alone before.

    Raises:
        InputError: If a word names no form.
    """
    forms: dict[Form, None] = {}
    for form in map(read_form, words):
        if form.together:
            forms.setdefault(Form(form.alone))
        forms.setdefault(form)
    return list(forms)


def begin_as(network: RefiningAutoencoder | DenseAutoencoder, parent: DenseAutoencoder) -> None:
    """Give a network the weights of its parent, and zero for what the parent does not see.

    Its output is then that of its parent, whatever the prediction is.

    Args:
        network: A second stage of the form `both`, or a restarted control.
        parent: With hidden layers of the same widths.
    """
    kernel, *others = parent.get_weights()
    if isinstance(network, RefiningAutoencoder):
        kernel = np.concatenate([kernel, np.zeros_like(kernel)])
    network.set_weights([kernel, *others])


def begin_with(network: TwoStageAutoencoder, first: DenseAutoencoder, second: RefiningAutoencoder) -> None:
    """Give two stages the weights of two networks that are trained already."""
    network.first.set_weights(first.get_weights())
    network.second.set_weights(second.get_weights())
