"""The iterative renoising experiment: `python -m training.iterative`.

Two dense autoencoders remove salt-and-pepper noise from digits, the second trained on the renoised output of the
first. The command trains every parent, child and control, scores all of them and writes `report.html`.
"""

import argparse
import sys
from typing import Annotated

import tyro

from tf_denoise.commands.startup import start_tensorflow
from tf_denoise.errors import exit_on_input_error
from tf_denoise.extras import check_installed
from training.iterative.options import PROFILES, IterativeOptions


def _defaults(arguments: list[str]) -> IterativeOptions:
    """The defaults of the profile that the arguments name: a flag cannot be left open as a number can."""
    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False, allow_abbrev=False)
    parser.add_argument("--profile", choices=tuple(PROFILES))
    try:
        profile = parser.parse_known_args(arguments)[0].profile
    except argparse.ArgumentError:
        profile = None  # tyro says what is wrong with it
    return IterativeOptions(profile or "demo", jit_compile=profile == "full")


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    config = tyro.cli(
        Annotated[IterativeOptions, tyro.conf.arg(name="")],
        args=arguments,
        default=_defaults(sys.argv[1:] if arguments is None else arguments),
        prog="python -m training.iterative",
    )
    with exit_on_input_error():
        check_installed("matplotlib", "jinja2", "tensorboard", "sklearn", "openTSNE")
        config = config.resolved()
        start_tensorflow()  # once the arguments are known to be good
        from training.iterative.experiment import run_iterative

        run_iterative(config)


if __name__ == "__main__":
    main()
