"""Score a finished run again, without training: `python -m evaluation RUN`."""

from pathlib import Path
from typing import Annotated

import tyro

from tf_denoise.errors import InputError, exit_on_input_error
from tf_denoise.runs import CONFIG_FILE, read_json
from tf_denoise.startup import start_tensorflow


def evaluate(run: Annotated[Path, tyro.conf.Positional], tsne_points: int | None = None) -> None:
    """Redo the scores, figures and report of a finished run.

    Args:
        run: The run folder.
        tsne_points: Test images in each t-SNE embedding, 0 for none; as in the run unless told.
    """
    with exit_on_input_error():
        start_tensorflow()
        print(f"Report: {_evaluate(run, tsne_points)}")


def _evaluate(run: Path, tsne_points: int | None) -> Path:
    stored = read_json(run / CONFIG_FILE)
    if isinstance(stored, dict) and stored.get("command") == "textures":
        from evaluation.texture_folder import evaluate_folder

        if tsne_points is not None:
            raise InputError("--tsne-points goes with a run on digits: photographs have no t-SNE. Leave it out.")
        return evaluate_folder(run)
    from evaluation.pipeline import evaluate_run

    return evaluate_run(run, tsne_points=tsne_points)


if __name__ == "__main__":
    tyro.cli(evaluate, prog="python -m evaluation")
