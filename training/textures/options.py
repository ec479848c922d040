"""The options of `python -m training.textures`."""

import dataclasses
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from tf_denoise.commands.options import check_output_name, checked
from tf_denoise.errors import InputError, printable
from tf_denoise.losses.named import LOSSES, LossName, is_of_pixels, loss_of, weighted_name
from tf_denoise.paths import real_path

COMPARED: tuple[LossName, ...] = ("mse", "regional", "frequency", "weighted_frequency", "windowed", "wavelet")

RATE, NOISY_RATE, FINE_TUNING_RATE = 1e-3, 3e-3, 3e-4
"""Peak learning rates from nothing and from a trained network."""


@dataclasses.dataclass(frozen=True)
class TextureOptions:
    """Train a denoiser on photographs of textures, score it against classical ones and write its report.

    The same command on the same output folder goes on where it stopped.
    """

    data: str = "embedded"
    """embedded (textures and photographs that scikit-image brings along), or a folder of clean photographs, which may
    be nested: PNG, JPEG, BMP, TIFF; stacks of TIFF pages or in Zarr are as many photographs as they have planes."""
    clean: Path | None = None
    """With --noisy: a folder of clean photographs, each with a noisy partner of the same name (or named *_raw and
    *_noised). Takes the place of --data and of the noise."""
    noisy: Path | None = None
    """With --clean: the folder of their noisy partners. Alone: a folder of noisy photographs to learn from without
    clean ones. Their noise is looked at first."""
    noisy_twin: str | None = None
    """With --noisy: a folder with a second shot of each scene, of the same name; or next-plane: neighbouring planes of
    the stacks are taken for two shots, which holds where nothing moves between them."""
    method: Literal["auto", "noise2noise", "recorrupted", "noise2void"] = "auto"
    """How to learn from --noisy alone; auto takes noise2noise with --noisy-twin, recorrupted for noise of each pixel
    alone, noise2void for noise that neighbours in a row or column share, or salt and pepper."""
    test_clean: Path | None = None
    """With --noisy alone: a folder with the clean partners of the photographs to test on; they are measured against."""
    validation: Path | None = None
    """A folder of photographs to validate on, clean ones for --data, noisy ones for --noisy; defaults to a tenth.
    Pairs, of --clean or --noisy-twin, are split by themselves."""
    test: Path | None = None
    """A folder of photographs that no choice depends on; defaults to a tenth, of pairs always."""
    scale_down: Annotated[int | None, Field(ge=64, le=100_000)] = None
    """Scale clean photographs whose longer side has more pixels than this down while they are read, each by the least
    whole number that brings it there: sensors' noise and JPEG blocks make poor targets."""
    output: Path | None = None
    """The run folder; defaults to runs/textures-NETWORK-DATA."""
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    """Decides the split, the initial weights, the crops and the noise."""
    network: Literal["unet", "vit_unet", "two_stage"] = "unet"
    """A U-Net, a U-Net that sees the tokens of a vision transformer at its bottleneck, or two U-Nets in a row, the
    second of which sees the picture and what the first made of it."""
    start: str | None = None
    """Begin from a trained network: a preset (photographs), a run folder, or a .keras file. Its widths and blocks are
    taken over; a vit_unet or a two_stage also begins from a unet, as that U-Net."""
    widths: Annotated[tuple[Annotated[int, Field(ge=1, le=4096)], ...] | None, Field(min_length=2, max_length=8)] = None
    """Channels of each stage of the U-Net, then of its bottleneck; defaults to 64 128 256, or those of --start."""
    blocks: Annotated[int | None, Field(ge=1, le=64)] = None
    """Residual blocks of each stage; defaults to 1, or those of --start."""
    vit: str = "small"
    """small (a few layers, trained along, that see the whole picture in 128 x 128 pixels), small-256 (in 256 x 256),
    windows-64 (windows of 64 x 64 pixels of it, as they are), or a keras-hub preset, downloaded and frozen, such as
    vit_base_patch16_224_imagenet."""
    loss: LossName | None = None
    """mse or mae alone, or the mean squared error with a sharpness loss beside it. Defaults to mae; with --noisy alone
    it is mse."""
    loss_weight: Annotated[float, Field(ge=0, le=1)] = 0.2
    """Weight of the sharpness loss; the mean squared error gets the rest."""
    compare: bool = False
    """Train one network per loss from the same start, and report them against the one of the mean squared error."""
    losses: Annotated[tuple[str, ...] | None, Field(min_length=2)] = None
    """Like --compare, for these losses; one may bring a weight of its own, or several in turn:
    mse wavelet windowed-0.1 windowed-0.4."""
    repeats: Annotated[int, Field(ge=1, le=1_000)] = 1
    """How often each network is trained, with other seeds. A claim about a loss needs three or more; a finished run
    goes on where it is raised."""
    minutes: Annotated[float | None, Field(ge=0.01, le=1_000_000)] = None
    """Time for all training together, but for repeats that are added later. A few steps are timed once, and their
    number is kept. Defaults to 20."""
    steps: Annotated[int | None, Field(ge=1, le=10**9)] = None
    """Training steps of each network, instead of --minutes; above 20 rounded up to a multiple of the number of its
    judgements: 20, or one in ten minutes."""
    noise: Literal["gaussian", "salt_and_pepper", "poisson_gaussian", "camera"] = "gaussian"
    """The noise that is put on clean photographs. camera is a mix: white Gaussian, and that of many cameras, which
    grows with the light and is shared by neighbours; some crops are made grey for it."""
    sigma: Annotated[tuple[Annotated[float, Field(ge=0, le=255)], ...], Field(min_length=1, max_length=2)] = (5.0, 55.0)
    """Deviation of the Gaussian noise in 255ths of the range: one for all, or the least and the most of a draw per
    crop."""
    level: Annotated[int, Field(ge=0, le=100)] = 30
    """Salt and pepper: share of chosen pixels in percent."""
    photons: Annotated[float, Field(ge=1e-3, le=10**9)] = 100.0
    """Poisson-Gaussian: mean count of a white pixel."""
    crop_size: Annotated[int, Field(ge=16, le=4096)] = 96
    """Side of the square crops in pixels."""
    batch_size: Annotated[int, Field(ge=1, le=4096)] = 16
    """Crops per training step."""
    learning_rate: Annotated[float | None, Field(ge=1e-8, le=1)] = None
    """Adam's peak learning rate: a warm-up, then a cosine to zero. A training whose validation falls by 3 dB goes on
    from its best weights at half of it. Defaults to 0.001, with --noisy alone to 0.003, with --start to
    0.0003."""
    memory: Annotated[int, Field(ge=16, le=10**7)] = 512
    """Megabytes of decoded photographs to hold."""
    mixed_precision: Literal["auto", "none", "float16", "bfloat16"] = "auto"
    """Data type that the layers train in; none is float32. auto times some steps in either and takes bfloat16 where it
    saves a fifth. The network is saved, and judged, in float32."""

    def resolved(self) -> "TextureOptions":
        """The options with what follows from them filled in, checked.

        Raises:
            InputError: If a value lies outside its range or options contradict each other.
        """
        options = checked(self)
        if options.clean is not None and options.noisy is None:
            raise InputError("--clean goes with --noisy: a folder of clean photographs, and one of noisy ones.")
        if options.noisy_only:
            options._check_noisy_only()
        elif options.noisy_twin is not None or options.test_clean is not None or options.method != "auto":
            raise InputError(
                "--noisy-twin, --test-clean and --method go with --noisy alone: noisy photographs to learn from "
                "without clean ones."
            )
        if (options.clean or options.noisy_twin) is not None and (options.validation or options.test):
            raise InputError(
                "--validation and --test name single photographs; the pairs of --noisy with --clean or --noisy-twin "
                "are split by themselves."
            )
        if options.scale_down is not None and (options.noisy is not None or options.data == "embedded"):
            raise InputError("--scale-down goes with a folder of clean photographs, --data FOLDER.")
        if options.minutes is not None and options.steps is not None:
            raise InputError("Give either --minutes or --steps.")
        if options.losses is not None:
            options._check_losses()
        if options.compare and options.loss is not None:
            raise InputError("--compare trains a network with each loss: leave --loss out.")
        if any(not weight and not is_of_pixels(loss) for loss, weight in options.networks.values()):
            raise InputError(
                "--loss-weight 0 leaves nothing of a sharpness loss; the mean squared error alone is --loss mse."
            )
        options._check_idle()
        if options.sigma[0] > options.sigma[-1]:
            raise InputError(
                "--sigma takes one deviation, or the least and then the most; received "
                f"{options.sigma[0]:g} {options.sigma[1]:g}."
            )
        filled: dict[str, Any] = {}
        if options.loss is None and options.losses is None and not options.compare:
            filled["loss"] = "mse" if options.noisy_only else "mae"
        if options.minutes is None and options.steps is None:
            filled["minutes"] = 20.0
        if options.learning_rate is None:
            from_nothing = NOISY_RATE if options.noisy_only else RATE
            filled["learning_rate"] = from_nothing if options.start is None else FINE_TUNING_RATE
        if options.output is None:
            data = real_path(options.clean or options.noisy or options.data).name
            filled["output"] = Path("runs") / f"textures-{options.network}-{printable(data)}"
        options = dataclasses.replace(options, **filled)
        check_output_name(options.output)
        return options

    def _check_idle(self) -> None:
        """Refuse an option that would change nothing."""
        given = {field.name for field in dataclasses.fields(self) if getattr(self, field.name) != field.default}
        if self.noisy is not None:
            if "data" in given:
                raise InputError("--noisy takes the place of --data: leave --data out.")
            for name in ("noise", "sigma", "level", "photons"):
                if name in given:
                    raise InputError(f"The photographs of --noisy bring their noise: leave --{name} out.")
        if "sigma" in given and self.noise == "salt_and_pepper":
            raise InputError("--noise salt_and_pepper has no deviation: leave --sigma out; --level says how much.")
        for name, noise in (("level", "salt_and_pepper"), ("photons", "poisson_gaussian")):
            if name in given and self.noise != noise:
                raise InputError(f"--{name} goes with --noise {noise}.")
        if self.noisy is None and (self.noise, max(self.sigma)) == ("gaussian", 0):
            raise InputError("--sigma 0 is no noise to learn from.")
        if self.noisy is None and (self.noise, self.level) == ("salt_and_pepper", 0):
            raise InputError("--level 0 is no noise to learn from.")
        if "vit" in given and self.network != "vit_unet":
            raise InputError("--vit goes with --network vit_unet.")
        weights = [weight for loss, weight in self.networks.values() if not is_of_pixels(loss)]
        if "loss_weight" in given and self.loss_weight not in weights:
            raise InputError("--loss-weight is for sharpness losses without a weight of their own, and there is none.")

    @property
    def notes(self) -> list[str]:
        """What the options bring with them that one may not want, a sentence each."""
        kind, side = small_vit_of(self.vit) or ("", 0)
        if self.network != "vit_unet" or kind != "windows" or not self.crop_size % side:
            return []
        return [
            f"--vit {self.vit} looks at windows of {side} x {side} pixels, which do not tile crops of "
            f"{self.crop_size}: they are filled up with repeated edges. A --crop-size that they divide learns more."
        ]

    def _check_losses(self) -> None:
        if self.compare or self.loss is not None:
            raise InputError("--losses takes the place of --loss and --compare: leave them out.")
        if "mse" not in self.networks:
            raise InputError("--losses holds all others against mse, which must be among them.")

    def _check_noisy_only(self) -> None:
        if self.loss not in (None, "mse") or self.compare or self.losses is not None:
            raise InputError(
                "With --noisy alone the loss is mse: what comes nearest to noisy targets in the mean square comes "
                "nearest to the clean picture, and that holds for no other loss here."
            )
        if self.method == "noise2noise" and self.noisy_twin is None:
            raise InputError("--method noise2noise needs a second shot of each scene: --noisy-twin FOLDER.")

    @property
    def noisy_only(self) -> bool:
        """Whether it is learned from noisy photographs alone."""
        return self.noisy is not None and self.clean is None

    @property
    def networks(self) -> dict[str, tuple[LossName, float]]:
        """The loss that each network is trained with, and its weight, by the name of the network.

        Raises:
            InputError: If `losses` names something else, a weight that is none, or a network twice.
        """
        if self.losses is not None:
            return _networks(self.losses, self.loss_weight)
        names = COMPARED if self.compare else (self.loss or "mae",)
        return {name: (name, self.loss_weight) for name in names}


def _networks(words: tuple[str, ...], usual_weight: float) -> dict[str, tuple[LossName, float]]:
    found: dict[str, tuple[LossName, float]] = {}
    for word in words:
        loss, weight = loss_of(word)
        if loss not in LOSSES or (LOSSES[loss].make is None and weight is not None):
            raise InputError(
                f"--losses takes {', '.join(LOSSES)}, all but mse and mae also with a weight, such as wavelet-0.1; "
                f"received {printable(word)}."
            )
        if weight is not None and not 0 < weight <= 1:
            raise InputError(f"The weight of a loss lies above 0, and 1 at the most; received {printable(word)}.")
        name = loss if weight is None else weighted_name(loss, weight)
        _, weight = loss_of(name)  # what is written is what is trained with
        place = (loss, usual_weight if weight is None else weight)
        if name in found or place in found.values():
            raise InputError(f"--losses names {printable(word)} twice.")
        found[name] = place
    return found


def small_vit_of(vit: str) -> tuple[Literal["small", "windows"], int] | None:
    """What a small transformer sees, the whole picture or windows of it, and the side of that in pixels.

    Args:
        vit: Such as `small-256`.

    Returns:
        `None` of a preset.

    Example:
        >>> small_vit_of("small"), small_vit_of("windows-32"), small_vit_of("vit_base_patch16_224_imagenet")
        (('small', 128), ('windows', 32), None)
    """
    found = re.fullmatch(r"(small|windows)(?:-([1-9]\d{0,3}))?", vit)
    if found is None:
        return None
    kind: Literal["small", "windows"] = "windows" if found[1] == "windows" else "small"
    return kind, int(found[2] or {"small": 128, "windows": 64}[kind])
