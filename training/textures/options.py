"""The options of `python -m training.textures`."""

import dataclasses
from pathlib import Path
from typing import Literal

from tf_denoise.errors import InputError

Loss = Literal["mse", "mae", "regional", "frequency", "weighted_frequency", "windowed", "wavelet"]
COMPARED: tuple[Loss, ...] = ("mse", "regional", "frequency", "weighted_frequency", "windowed", "wavelet")


@dataclasses.dataclass(frozen=True)
class TextureOptions:
    """Train a denoiser on photographs of textures, score it against classical ones and write its report.

    The same command on the same output folder goes on where it stopped.
    """

    data: str = "embedded"
    """embedded (textures and photographs that scikit-image brings along), or a folder of clean photographs, which may
    be nested: PNG, JPEG, BMP, TIFF."""
    clean: Path | None = None
    """With --noisy: a folder of clean photographs, each with a noisy partner of the same name (or named *_raw and
    *_noised). Takes the place of --data and of the noise."""
    noisy: Path | None = None
    """With --clean: the folder of their noisy partners."""
    validation: Path | None = None
    """A folder of clean photographs to validate on; a tenth of --data unless told."""
    test: Path | None = None
    """A folder of clean photographs that no choice depends on; a tenth of --data unless told."""
    output: Path | None = None
    """The run folder. runs/textures-NETWORK-DATA unless told."""
    seed: int = 0
    """Decides the split, the initial weights, the crops and the noise."""
    network: Literal["unet", "vit_unet"] = "unet"
    """A U-Net, or a U-Net that sees the tokens of a vision transformer at its bottleneck."""
    vit: str = "small"
    """small (a few layers, trained along), or a keras-hub preset, downloaded and frozen, such as
    vit_base_patch16_224_imagenet."""
    loss: Loss = "mae"
    """mse or mae alone, or the mean squared error with a sharpness loss beside it."""
    loss_weight: float = 0.2
    """Weight of the sharpness loss; the mean squared error gets the rest."""
    compare: bool = False
    """Train one network per loss from the same start, and report them against the one of the mean squared error."""
    repeats: int = 1
    """How often each network is trained, with other seeds. A claim about a loss needs three or more."""
    minutes: float | None = None
    """Time for all training together. A few steps are timed once, and their number is kept; 20 unless told."""
    steps: int | None = None
    """Training steps of each network, instead of --minutes; above 20 rounded up to a multiple of 20."""
    noise: Literal["gaussian", "salt_and_pepper", "poisson_gaussian"] = "gaussian"
    """The noise that is put on clean photographs."""
    sigma: tuple[float, ...] = (5.0, 55.0)
    """Deviation of the Gaussian noise in 255ths of the range: one for all, or the least and the most of a draw per
    crop."""
    level: int = 30
    """Salt and pepper: share of chosen pixels in percent."""
    photons: float = 100.0
    """Poisson-Gaussian: mean count of a white pixel."""
    crop_size: int = 96
    """Side of the square crops in pixels."""
    batch_size: int = 16
    """Crops per training step."""
    learning_rate: float = 1e-3
    """Adam's peak learning rate: a warm-up, then a cosine to zero."""
    memory: int = 512
    """Megabytes of decoded photographs to hold."""
    mixed_precision: Literal["auto", "none", "float16", "bfloat16"] = "auto"
    """Data type that the layers train in; none is float32. auto times some steps in either and takes bfloat16 where it
    saves a fifth. The network is saved, and judged, in float32."""

    def resolved(self) -> "TextureOptions":
        """The configuration with what follows from it filled in, checked.

        Raises:
            InputError: If a value lies outside its range or options contradict each other.
        """
        filled = {}
        if (self.clean is None) != (self.noisy is None):
            raise InputError("--clean and --noisy go together: a folder of clean photographs, and one of noisy ones.")
        if self.clean is not None and (self.validation or self.test):
            raise InputError(
                "--validation and --test name clean photographs and go with --data; the pairs of --clean and --noisy "
                "are split by themselves."
            )
        if self.minutes is not None and self.steps is not None:
            raise InputError("Give either --minutes or --steps.")
        if self.minutes is None and self.steps is None:
            filled["minutes"] = 20.0
        if self.output is None:
            data = Path(self.clean or self.data).resolve().name
            filled["output"] = Path("runs") / f"textures-{self.network}-{data}"
        config = dataclasses.replace(self, **filled)
        for name, least, most in (
            ("repeats", 1, 1_000),
            ("seed", 0, 2**31 - 1),
            ("loss_weight", 0, 1),
            ("minutes", 0.01, 1e6),
            ("steps", 1, 10**9),
            ("level", 0, 100),
            ("photons", 1e-3, 1e9),
            ("crop_size", 16, 4096),
            ("batch_size", 1, 4096),
            ("learning_rate", 1e-8, 1),
            ("memory", 16, 10**7),
        ):
            value = getattr(config, name)
            if value is not None and not least <= value <= most:
                raise InputError(f"--{name.replace('_', '-')} lies in {least}..{most}; received {value}.")
        if len(config.sigma) not in (1, 2) or not 0 <= config.sigma[0] <= config.sigma[-1] <= 255:
            raise InputError(
                f"--sigma takes one deviation, or the least and the most, in 0..255; received {config.sigma}."
            )
        return config

    @property
    def losses(self) -> tuple[Loss, ...]:
        """The losses that a network each is trained with."""
        return COMPARED if self.compare else (self.loss,)
