import io

import rich.console

from training import progress
from training.progress import Overall


def overall(costs, terminal=True, **options):
    made, screen = Overall(costs, **options), io.StringIO()
    made.console = rich.console.Console(file=screen, force_terminal=terminal, no_color=True, width=200, highlight=False)
    return made, screen


def at(monkeypatch, *seconds):
    """The clock reads these values, one per look."""
    times = iter(seconds)
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(times))


def lines(screen):
    return [line.replace("\x1b[1m", "").replace("\x1b[0m", "") for line in screen.getvalue().splitlines()]


def test_the_line_says_which_part_is_on_and_how_long_the_rest_takes(monkeypatch):
    at(monkeypatch, 0.0, 100.0, 100.0, 160.0, 160.0)
    shown, screen = overall([1.0, 1.0, 2.0])
    shown.start(0, "classifier")
    shown.finish(0)
    shown.start(1, "one_level")
    shown.finish(1)
    shown.start(2, "one_level/25")
    assert lines(screen) == [
        "network 1 of 3: classifier",
        "network 2 of 3: one_level, about 5 min left",  # 100 s per unit, 3 units
        "network 3 of 3: one_level/25, about 3 min left",  # 80 s per unit, 2 units
    ]


def test_parts_that_were_done_before_do_not_shorten_the_estimate(monkeypatch):
    at(monkeypatch, 0.0, 1.0, 11.0, 11.0)
    shown, screen = overall([1.0, 1.0, 3.0], noun="part")
    shown.start(0, "finished long ago")
    shown.start(1, "trained")
    shown.finish(1)
    shown.start(2, "next")
    assert lines(screen)[1:] == ["part 2 of 3: trained", "part 3 of 3: next, about 30 s left"]


def test_a_report_counts_what_this_process_has_done_of_the_part(monkeypatch):
    at(monkeypatch, 0.0, 100.0, 100.0, 150.0)
    shown, screen = overall([1.0, 1.0, 2.0], terminal=False)
    shown.start(0, "mse")
    shown.finish(0)
    shown.start(1, "wavelet")
    shown.report("wavelet: 28.3 dB", done=0.75, done_before=0.25)
    # 150 s for 1.5 units, 2.25 are left
    assert lines(screen) == ["wavelet: 28.3 dB, about 4 min left"]


def test_it_is_quiet_where_nobody_looks():
    shown, screen = overall([1.0], terminal=False)
    shown.start(0, "classifier")
    shown.finish(0)
    assert not shown.is_terminal
    assert screen.getvalue() == ""
