"""Write a preset of the package from a run: python scripts/make_preset.py RUN NAME --version 1 --source SENTENCE ..."""

import argparse
from pathlib import Path

from tf_denoise.presets.catalogue import FOLDER
from tf_denoise.runs.loading import load_for_use
from tf_denoise.serving.preset import write_preset


def main() -> None:
    """Write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", help="a run folder")
    parser.add_argument("name")
    parser.add_argument("--version", required=True)
    parser.add_argument("--description", required=True)
    parser.add_argument("--source", action="append", default=[], help="a source of its photographs, with the licence")
    parser.add_argument("--stage", action="append", default=[], help="a training before that of the run")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    options = parser.parse_args()
    path = write_preset(
        load_for_use(options.run),
        options.folder,
        options.name,
        version=options.version,
        description=options.description,
        sources=options.source,
        stages=options.stage,
    )
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
