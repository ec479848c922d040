"""What a denoiser looks at: `python -m evaluation.explain MODEL IMAGE... --layer NAME`.

Draws a heat map of a layer over each picture, or the input pixels that an output pixel came from. Without `--layer` it
lists the layers. The exit status is 1 when some pictures have no figure, 2 when none has, 130 after Ctrl-C.
"""

from evaluation.explain.options import ExplainOptions
from tf_denoise.commands.exits import exit_on_errors
from tf_denoise.commands.options import parse_options
from tf_denoise.commands.startup import print_any_text, start_tensorflow
from tf_denoise.extras import check_installed


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    print_any_text()
    options = parse_options(ExplainOptions, arguments, "python -m evaluation.explain")
    with exit_on_errors():
        check_installed("matplotlib", "cv2")
        options = options.resolved()
        start_tensorflow()
        from evaluation.explain.command import explain

        status = explain(options)
    if status:
        raise SystemExit(status)


if __name__ == "__main__":
    main()
