"""Use of a trained network: `python -m tf_denoise denoise` and `python -m tf_denoise export`."""

from typing import Annotated

import tyro

from tf_denoise.commands.denoise import Denoise, denoise
from tf_denoise.commands.exits import exit_on_errors
from tf_denoise.commands.export import Export, export
from tf_denoise.commands.startup import print_any_text


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    print_any_text()
    options = tyro.cli(
        Annotated[Denoise, tyro.conf.subcommand("denoise")] | Annotated[Export, tyro.conf.subcommand("export")],
        args=arguments,
        prog="python -m tf_denoise",
        description="Use a trained network.",
    )
    with exit_on_errors():
        status = denoise(options) if isinstance(options, Denoise) else export(options)
    if status:
        raise SystemExit(status)


if __name__ == "__main__":
    main()
