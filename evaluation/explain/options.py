"""The options of `python -m evaluation.explain`."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import tyro
from pydantic import Field

from tf_denoise.commands.options import checked
from tf_denoise.errors import InputError

Coordinate = Annotated[int, Field(ge=0, le=1_000_000)]
Count = Annotated[int, Field(ge=1, le=65_536)]
Unit = Annotated[float, Field(ge=0, le=1)]


@dataclasses.dataclass(frozen=True)
class ExplainOptions:
    """Show what a layer of a denoiser responds to in pictures, or which input pixels an output pixel came from.

    Without --layer the layers worth looking at are listed.
    """

    model: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL")]
    """A preset (photographs), the folder of a run on photographs, or a .keras file."""
    images: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="IMAGE...")] = ()
    """Noisy pictures, or folders of them: PNG, JPEG, BMP, TIFF."""
    layer: str | None = None
    """The layer: a short name (vit, encoder1, bottleneck, decoder1, ...), any layer's name, or OUTER/INNER for a layer
    of a model within the model."""
    method: Literal["eigen", "kpca", "gradcam", "influence"] = "eigen"
    """EigenCAM, KPCA-CAM or Grad-CAM of the layer; influence is the filter that the network applies at --pixel."""
    target: Literal["mean", "norm", "error"] = "mean"
    """Grad-CAM: the scalar of the output that the layer is weighed by. error is against the clean picture."""
    region: tuple[Coordinate, Coordinate, Coordinate, Coordinate] | None = None
    """Grad-CAM: TOP LEFT HEIGHT WIDTH of the part of the output whose mean is the target."""
    pixel: tuple[Coordinate, Coordinate] | None = None
    """influence: ROW COLUMN of the output pixel, or of the upper left corner of a patch; defaults to the middle."""
    size: Annotated[int, Field(ge=1, le=4096)] = 1
    """influence: side of the patch."""
    filter: tuple[Unit, Unit] | None = None
    """Keep the values of the heat map from LOW to HIGH and stretch them, such as 0.4 0.9."""
    sigma: Annotated[float | None, Field(ge=0, le=255)] = None
    """The pictures are clean: put Gaussian noise of this deviation (255ths) on them first."""
    clean: Path | None = None
    """The clean picture of the noisy one, or a folder with clean pictures of the same names (or *_raw for *_noised)."""
    trust: bool = True
    """Where the clean picture is known: measure whether the map can be trusted."""
    crop: Annotated[int | None, Field(ge=16, le=8192)] = None
    """Look at a square of this side in the middle of each picture."""
    grid: tuple[Count, Count] | None = None
    """ROWS COLUMNS of a layer's tokens, where they cannot be found from the picture's proportions."""
    network: str | None = None
    """Of a run folder: the network, by the name of its loss, or repeat-2/NAME; defaults to the best by validation."""
    repeat: Annotated[int | None, Field(ge=1, le=1_000)] = None
    """Of a run folder: the repeat; defaults to the first that has the network."""
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    """Decides the noise, and how the weights are shuffled."""
    output: Path = Path("explained")
    """Where the figures go."""

    def resolved(self) -> "ExplainOptions":
        """The configuration, checked.

        Raises:
            InputError: If a value lies outside its range or options contradict each other.
        """
        checked(self)
        if self.filter is not None and self.filter[0] >= self.filter[1]:
            raise InputError(
                f"--filter takes LOW and then HIGH, which is greater; received {self.filter[0]:g} {self.filter[1]:g}."
            )
        if self.sigma is not None and self.clean is not None:
            raise InputError(
                "Give either --sigma, where the pictures are clean, or --clean, where they are noisy already."
            )
        if self.method == "influence" and self.layer is not None:
            raise InputError("--method influence looks through the whole network; leave out --layer.")
        if self.method == "influence" and self.filter is not None:
            raise InputError("--filter goes with heat maps; --method influence gives a signed filter.")
        if (self.target != "mean" or self.region is not None) and self.method != "gradcam":
            raise InputError("--target and --region go with --method gradcam; the other methods need no target.")
        if self.target != "mean" and self.region is not None:
            raise InputError("Give either --target or --region.")
        if self.target == "error" and self.sigma is None and self.clean is None:
            raise InputError("--target error needs the clean picture: give --clean, or --sigma with a clean picture.")
        if not self.images and (self.layer is not None or self.method == "influence"):
            raise InputError("Name one or more pictures to look at.")
        return self
