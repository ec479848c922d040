"""Measure: `python -m evaluation RUN` scores a finished run again, `compare` compares pictures, `summary` runs."""

import json
import sys
from pathlib import Path
from typing import Annotated

import tyro

from evaluation.stored import StoredOptions
from tf_denoise.commands.exits import exit_on_errors, status_of
from tf_denoise.commands.startup import print_any_text, start_tensorflow
from tf_denoise.errors import InputError
from tf_denoise.extras import check_installed
from tf_denoise.runs.folder import locked


def evaluate(run: Annotated[Path, tyro.conf.Positional], tsne_points: int | None = None) -> None:
    """Redo the scores, figures and report of a finished run, without training.

    `python -m evaluation compare CLEAN DENOISED` measures how close pictures are to others, `python -m evaluation
    summary RUN...` shows several runs side by side.

    Args:
        run: The run folder.
        tsne_points: Test images in each t-SNE embedding, 0 for none; defaults to those of the run.
    """
    with exit_on_errors():
        check_installed("matplotlib", "jinja2", "sklearn", "skimage", "cv2", "openTSNE")
        StoredOptions(run)  # a folder that is not a run is left as it is
        start_tensorflow()
        with locked(run):
            print(f"Report: {_evaluate(run, tsne_points)}")


def _evaluate(run: Path, tsne_points: int | None) -> Path:
    if StoredOptions(run).command == "textures":
        from evaluation.textures.folder import evaluate_folder

        if tsne_points is not None:
            raise InputError("--tsne-points goes with a run on digits: photographs have no t-SNE. Leave it out.")
        return evaluate_folder(run)
    if tsne_points is not None and tsne_points < 0:
        raise InputError(f"--tsne-points takes 0, for none, or more; received {tsne_points}.")
    from evaluation.digits.pipeline import evaluate_run

    return evaluate_run(run, tsne_points=tsne_points)


def compare(clean: Annotated[Path, tyro.conf.Positional], denoised: Annotated[Path, tyro.conf.Positional]) -> None:
    """PSNR and SSIM of pictures against clean ones, of all channels, 1 being white.

    The exit status is 1 when some pictures could not be compared, 2 when none could, 130 after Ctrl-C.

    Args:
        clean: A picture, or a folder of them, nested too.
        denoised: A picture, or a folder with pictures of the same names; the suffix does not matter.
    """
    with exit_on_errors():
        start_tensorflow()
        status = _compare(clean, denoised)
    if status:
        raise SystemExit(status)


def _compare(clean: Path, denoised: Path) -> int:
    from evaluation.compare import compare as comparisons

    compared, failed = [], 0
    for comparison in comparisons(clean, denoised):
        is_good = comparison.problem is None
        print(comparison, file=sys.stdout if is_good else sys.stderr, flush=True)
        failed += not is_good
        compared += [comparison] if is_good else []
    if not compared:
        raise InputError(f"No picture could be compared ({failed} failed).")
    similarities = [comparison.ssim for comparison in compared if comparison.ssim is not None]
    mean = f"mean of {len(compared)}: PSNR {sum(c.psnr for c in compared) / len(compared):.2f} dB"
    print(mean + (f", SSIM {sum(similarities) / len(similarities):.4f}" if similarities else ""))
    return status_of(len(compared), failed)


def summary(
    runs: Annotated[tuple[Path, ...], tyro.conf.Positional],
    test_set: str = "mixed",
    as_json: Annotated[bool, tyro.conf.arg(name="json")] = False,
    csv: bool = False,
) -> None:
    """Show finished runs side by side: a row per network, the main measures with their intervals.

    Args:
        runs: The run folders, on digits or on photographs.
        test_set: Of runs on digits: original, 10% to 100%, or mixed.
        as_json: Print one JSON list, a record per value.
        csv: Print CSV, a line per value.
    """
    with exit_on_errors():
        if as_json and csv:
            raise InputError("--json and --csv are two forms of the same table; choose one.")
        from evaluation.summary import as_text, summarise

        table = summarise(runs, test_set)
        if as_json:
            print(json.dumps(table.records(), indent=1))
        else:
            print(table.csv() if csv else as_text(table), end="" if csv else "\n")


def main(arguments: list[str] | None = None) -> None:
    """The commands."""
    print_any_text()
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["compare"]:
        tyro.cli(compare, args=arguments[1:], prog="python -m evaluation compare")
    elif arguments[:1] == ["summary"]:
        tyro.cli(
            summary, args=arguments[1:], prog="python -m evaluation summary", config=(tyro.conf.FlagCreatePairsOff,)
        )
    else:
        tyro.cli(evaluate, args=arguments, prog="python -m evaluation")


if __name__ == "__main__":
    main()
