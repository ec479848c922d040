"""One line of overall progress, for terminals alone."""

import time

import rich.console


class Overall:
    """Says which part of the work is on, and how long all of it will take.

    Args:
        costs: What each part is expected to cost, in any one unit.
        noun: What a part is called.
    """

    def __init__(self, costs: list[float], noun: str = "network"):
        self.costs, self.noun = costs, noun
        self.console = rich.console.Console(highlight=False)
        self._measured_cost = self._measured_seconds = 0.0
        self._started = 0.0

    @property
    def is_terminal(self) -> bool:
        """Whether somebody is looking."""
        return self.console.is_terminal

    def start(self, part: int, name: str) -> None:
        """Announce part number `part`, counted from 0."""
        self._started = time.monotonic()
        if self.is_terminal:
            self.console.print(f"[bold]{self.noun} {part + 1} of {len(self.costs)}[/bold]: {name}{self._left(part)}")

    def finish(self, part: int) -> None:
        """Count the time that the part took."""
        self._measured_cost += self.costs[part]
        self._measured_seconds += time.monotonic() - self._started

    def _left(self, part: int) -> str:
        if not self._measured_cost:
            return ""
        seconds = self._measured_seconds / self._measured_cost * sum(self.costs[part:])
        return f", about {seconds / 60:.0f} min left" if seconds >= 90 else f", about {seconds:.0f} s left"
