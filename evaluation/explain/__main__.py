"""What a denoiser looks at: `python -m evaluation.explain MODEL IMAGE... --layer NAME`.

Draws a heat map of a layer over each picture, or the input pixels that an output pixel came from. Without `--layer` it
lists the layers. The exit status is 1 when some pictures have no figure, 2 when none has, 130 after Ctrl-C.
"""

from typing import Annotated

import tyro

from evaluation.explain.options import ExplainOptions
from tf_denoise.commands.exits import exit_on_errors
from tf_denoise.commands.startup import start_tensorflow


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    config = tyro.cli(
        Annotated[ExplainOptions, tyro.conf.arg(name="")], args=arguments, prog="python -m evaluation.explain"
    )
    with exit_on_errors():
        config = config.resolved()
        start_tensorflow()
        from evaluation.explain.command import explain

        status = explain(config)
    if status:
        raise SystemExit(status)


if __name__ == "__main__":
    main()
