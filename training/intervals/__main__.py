"""Intervals for a trained denoiser: `python -m training.intervals`.

Trains a small head beside the frozen network, calibrates it on pictures that nothing else has seen, and measures on
others of them which share of the clean values lies in the intervals.
"""

from tf_denoise.commands.exits import exit_on_errors
from tf_denoise.commands.options import parse_options
from tf_denoise.commands.startup import print_any_text, start_tensorflow
from training.intervals.options import IntervalsOptions


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    print_any_text()
    options = parse_options(IntervalsOptions, arguments, "python -m training.intervals")
    with exit_on_errors():
        options = options.resolved()
        start_tensorflow()  # once the arguments are known to be good
        from training.intervals.experiment import run_intervals

        run_intervals(options)


if __name__ == "__main__":
    main()
