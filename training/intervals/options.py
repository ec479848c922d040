"""The options of `python -m training.intervals`."""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro
from pydantic import Field

from tf_denoise.commands.options import check_output_name, checked
from tf_denoise.errors import InputError


@dataclasses.dataclass(frozen=True)
class IntervalsOptions:
    """Make intervals for a trained denoiser: ranges in which on average 90 % of a picture's values lie.

    It takes minutes and starts anew each time: nothing of a training that was broken off is kept.
    """

    run: Annotated[str, tyro.conf.Positional]
    """A preset (photographs), a run folder of training.textures, or the folder of one of its networks."""
    calibration: Path
    """A folder of clean photographs that neither the network nor anything else has seen, ten or more: by name every
    second one calibrates, the others measure."""
    data: tuple[str, ...] | None = None
    """Folders of clean photographs to train the head on, or embedded; defaults to those that the run was trained on.
    A preset does not know where they lie."""
    network: str | None = None
    """Which network of the run; defaults to the best by validation."""
    output: Path | None = None
    """The file to write; defaults to NAME-intervals.keras beside the network, where denoise --report finds it."""
    minutes: Annotated[float | None, Field(ge=0.01, le=1_000_000)] = None
    """Time to train the head; calibration and measurement come after it. Defaults to 10."""
    steps: Annotated[int | None, Field(ge=1, le=10**9)] = None
    """Training steps, instead of --minutes."""
    side: Annotated[int, Field(ge=32, le=4096)] = 320
    """Pixels of the middle of each calibration photograph that are looked at."""
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    """Decides the initial weights, the crops and the noise."""

    def resolved(self) -> "IntervalsOptions":
        """The options with what follows from them filled in, checked.

        Raises:
            InputError: If a value lies outside its range or options contradict each other.
        """
        options = checked(self)
        if options.minutes is not None and options.steps is not None:
            raise InputError("Give either --minutes or --steps.")
        if options.output is not None:
            check_output_name(options.output)
            if options.output.suffix != ".keras":
                raise InputError(f"--output names a file that ends in .keras; received {options.output}.")
        if options.minutes is None and options.steps is None:
            return dataclasses.replace(options, minutes=10.0)
        return options
