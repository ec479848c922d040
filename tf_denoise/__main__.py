"""Use of a trained network: `python -m tf_denoise denoise`, `denoise-many` and `export`."""

from typing import Annotated, Any

import tyro

from tf_denoise.commands.denoise import Denoise, denoise
from tf_denoise.commands.denoise_many import DenoiseMany, denoise_many
from tf_denoise.commands.exits import exit_on_errors
from tf_denoise.commands.export import Export, export
from tf_denoise.commands.startup import print_any_text

_Command: Any = (
    Annotated[Denoise, tyro.conf.subcommand("denoise")]
    | Annotated[DenoiseMany, tyro.conf.subcommand("denoise-many")]
    | Annotated[Export, tyro.conf.subcommand("export")]
)


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    print_any_text()
    options, rest = _parsed(arguments)
    with exit_on_errors():
        if isinstance(options, DenoiseMany):
            status = denoise_many(options, rest)
        else:
            status = denoise(options) if isinstance(options, Denoise) else export(options)
    if status:
        raise SystemExit(status)


def _parsed(arguments: list[str] | None) -> tuple[Any, list[str]]:
    """The options, and the words of `denoise-many` that are Beam's."""
    about: Any = {"args": arguments, "prog": "python -m tf_denoise", "description": "Use a trained network."}
    options, rest = tyro.cli(_Command, return_unknown_args=True, **about)
    if rest and not isinstance(options, DenoiseMany):
        tyro.cli(_Command, **about)  # ends with what is wrong
    return options, rest


if __name__ == "__main__":
    main()
