import io

import pytest
import rich.console

from training.progress import TrainingProgress


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self):
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


def shown(costs, clock, terminal, **options):
    console = rich.console.Console(file=io.StringIO(), force_terminal=terminal, no_color=True, width=200)
    return TrainingProgress(costs, console=console, clock=clock, **options), console.file


def trained(progress, clock, part: int, until: float) -> None:
    """A part is trained from its beginning to its end."""
    progress.start(part, f"part {part}")
    clock.now = until
    progress.advance(1.0)
    progress.finish()


def test_the_time_left_follows_from_what_was_measured(clock):
    progress, _ = shown([1.0, 1.0, 2.0], clock, terminal=False)
    progress.start(0, "classifier")
    assert progress.left() == ""
    clock.now = 100
    progress.advance(1.0)
    progress.finish()
    progress.start(1, "one_level")
    assert progress.left() == ", about 5 min left"  # 100 s per unit, 3 units
    trained(progress, clock, 1, until=160)
    progress.start(2, "one_level/25")
    assert progress.left() == ", about 3 min left"  # 80 s per unit, 2 units


def test_what_was_finished_before_does_not_shorten_the_estimate(clock):
    progress, _ = shown([1.0, 1.0, 3.0], clock, terminal=False)
    trained(progress, clock, 1, until=10)  # the second, as the first was finished long ago
    clock.now = 500  # between trainings
    progress.start(2, "next")
    assert progress.left() == ", about 30 s left"


def test_a_training_that_was_at_its_end_already_is_not_counted(clock):
    progress, _ = shown([1.0, 1.0], clock, terminal=False)
    progress.start(0, "saved, but not recorded")
    clock.now = 3
    progress.finish()
    progress.start(1, "next")
    assert progress.left() == ""


def test_a_line_counts_what_this_process_has_done_of_the_training(clock):
    progress, screen = shown([1.0, 1.0, 2.0], clock, terminal=False)
    trained(progress, clock, 0, until=100)
    progress.start(1, "wavelet")
    clock.now = 150
    progress.advance(0.75, share_before=0.25)
    progress.report("wavelet: 28.3 dB [dB]")
    # 150 s for 1.5 units, 2.25 are left
    assert screen.getvalue() == "wavelet: 28.3 dB [dB], about 4 min left\n"


def test_a_log_gets_lines_alone(clock):
    progress, screen = shown([1.0], clock, terminal=False)
    with progress:
        progress.start(0, "classifier")
        progress.advance(0.5, words="loss 0.1")
        progress.finish()
    assert screen.getvalue() == ""


def test_a_terminal_sees_a_bar_with_the_name_and_the_share_of_all(clock):
    progress, screen = shown([1.0, 3.0], clock, terminal=True, noun="part")
    with progress:
        progress.start(1, "one_level[25]")
        clock.now = 60
        progress.advance(0.5, words="loss 0.1")
        progress._bar.refresh()
    assert "part 2 of 2: one_level[25]" in screen.getvalue()
    assert "62%" in screen.getvalue()  # (1 + 3 / 2) of 4
    assert "loss 0.1, about 60 s left" in screen.getvalue()
