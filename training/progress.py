"""Lines of overall progress."""

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
        self._started, self._part = 0.0, 0

    @property
    def is_terminal(self) -> bool:
        """Whether somebody is looking."""
        return self.console.is_terminal

    def start(self, part: int, name: str) -> None:
        """Announce part number `part`, counted from 0, to whoever is looking."""
        self._started, self._part = time.monotonic(), part
        if self.is_terminal:
            left = _left(self._measured_seconds, self._measured_cost, sum(self.costs[part:]))
            self.console.print(f"[bold]{self.noun} {part + 1} of {len(self.costs)}[/bold]: {name}{left}")

    def report(self, text: str, done: float, done_before: float = 0.0) -> None:
        """Print a line on the part that is on, with the time that all the rest will take. Logs get it, too.

        Args:
            text: What is known of it.
            done: Share of the part that is done.
            done_before: Share that was done before this process took it up.
        """
        cost = self.costs[self._part]
        seconds = self._measured_seconds + time.monotonic() - self._started
        rest = cost * (1 - done) + sum(self.costs[self._part + 1 :])
        self.console.print(text + _left(seconds, self._measured_cost + cost * (done - done_before), rest))

    def finish(self, part: int) -> None:
        """Count the time that the part took."""
        self._measured_cost += self.costs[part]
        self._measured_seconds += time.monotonic() - self._started


def _left(measured_seconds: float, measured_cost: float, cost_left: float) -> str:
    if not measured_cost:
        return ""
    seconds = measured_seconds / measured_cost * cost_left
    return f", about {seconds / 60:.0f} min left" if seconds >= 90 else f", about {seconds:.0f} s left"
