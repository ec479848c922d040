"""Score a finished run again, without training: `python -m evaluation RUN`."""

from pathlib import Path
from typing import Annotated

import tyro

from tf_denoise.errors import exit_on_input_error
from tf_denoise.startup import start_tensorflow


def evaluate(run: Annotated[Path, tyro.conf.Positional], tsne_points: int | None = None) -> None:
    """Redo the scores, figures and report of a finished run.

    Args:
        run: The run folder.
        tsne_points: Test images in each t-SNE embedding, 0 for none; as in the run unless told.
    """
    with exit_on_input_error():
        start_tensorflow()
        from evaluation.pipeline import evaluate_run

        print(f"Report: {evaluate_run(run, tsne_points=tsne_points)}")


if __name__ == "__main__":
    tyro.cli(evaluate, prog="python -m evaluation")
