"""How far the trainings of a run are, and how long the rest takes."""

import time
from collections.abc import Callable, Sequence

import rich.console
import rich.progress


class TrainingProgress:
    """One bar over all trainings of a run on a terminal; a log gets lines alone.

    Args:
        costs: What each training is expected to cost, in any one unit.
        noun: What a training is called.
        console: Where to write; defaults to standard output.
        clock: Gives the time in seconds.

    Example:
        >>> with TrainingProgress([1.0, 2.0]) as progress:
        ...     progress.start(0, "mse")
        ...     progress.advance(0.5)
        ...     progress.report("mse: loss 0.01")
        ...     progress.finish()
        mse: loss 0.01, about 0 s left
    """

    def __init__(
        self,
        costs: Sequence[float],
        noun: str = "network",
        console: rich.console.Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.costs, self.noun, self.clock = list(costs), noun, clock
        self.console = rich.console.Console(highlight=False, soft_wrap=True) if console is None else console
        self._measured_cost = self._measured_seconds = 0.0
        self._part, self._started, self._share, self._shares_before = 0, 0.0, 0.0, 0.0
        self._bar = rich.progress.Progress(
            rich.progress.TextColumn("{task.description}", markup=False),
            rich.progress.BarColumn(),
            rich.progress.TaskProgressColumn(),
            rich.progress.TextColumn("{task.fields[words]}", markup=False),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self._task = self._bar.add_task("", total=sum(self.costs), words="")

    def __enter__(self) -> "TrainingProgress":
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(self, *exception) -> None:
        """Leave it as it is."""
        self._bar.stop()

    def start(self, part: int, name: str) -> None:
        """Begin training number `part`, counted from 0; those before it are done."""
        self._part, self._started = part, self.clock()
        self._share = self._shares_before = 0.0
        self._show(f"{self.noun} {part + 1} of {len(self.costs)}: {name}")

    def advance(self, share: float, share_before: float = 0.0, words: str = "") -> None:
        """Say how far the training is.

        Args:
            share: Share of it that is done.
            share_before: Share that was done before this process took it up.
            words: What else is known of it.
        """
        self._share, self._shares_before = share, share_before
        self._show(words=words)

    def report(self, text: str) -> None:
        """Print a line on the training, with the time that all the rest will take. Logs get it, too."""
        self.console.print(text + self.left(), markup=False)

    def finish(self) -> None:
        """Count the time that the training took."""
        self._measured_cost, self._measured_seconds = self._measured()
        self._share = self._shares_before = 1.0
        self._started = self.clock()
        self._show()

    def left(self) -> str:
        """How long the rest takes, as it follows from what was measured so far; empty as long as nothing was."""
        cost, seconds = self._measured()
        if not cost:
            return ""
        left = seconds / cost * (sum(self.costs[self._part :]) - self.costs[self._part] * self._share)
        return f", about {left / 60:.0f} min left" if left >= 90 else f", about {left:.0f} s left"

    def _measured(self) -> tuple[float, float]:
        """Cost of what this process has done, and the seconds it took."""
        cost = self.costs[self._part] * (self._share - self._shares_before)
        seconds = self.clock() - self._started if cost else 0.0
        return self._measured_cost + cost, self._measured_seconds + seconds

    def _show(self, title: str | None = None, words: str = "") -> None:
        if self._bar.disable:
            return
        done = sum(self.costs[: self._part]) + self.costs[self._part] * self._share
        words = (words + self.left()).removeprefix(", ")
        self._bar.update(self._task, completed=done, description=title, words=words)
