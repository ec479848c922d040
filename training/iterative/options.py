"""The options of `python -m training.iterative`."""

import dataclasses
from pathlib import Path
from typing import Literal

from tf_denoise.errors import InputError

PROFILES = {
    "demo": {"epochs": 1, "tsne_points": 150},
    "full": {"epochs": 32, "tsne_points": 10_000},
}


@dataclasses.dataclass(frozen=True)
class IterativeOptions:
    """Train the iterative renoising experiment, score it and write its report.

    The same command on the same output folder goes on where it stopped.
    """

    profile: Literal["demo", "full"] = "demo"
    """demo: minutes, to see what it does. full: the study, under an hour a repeat on two cores without t-SNE."""
    dataset: str = "auto"
    """mnist, digits (1,797 digits embedded in scikit-learn), the path of an .npz file with x_train, y_train, x_test
    and y_test, or auto: mnist where it is cached or can be downloaded, else digits."""
    output: Path | None = None
    """The run folder. runs/iterative-PROFILE-DATASET unless told."""
    seed: int = 0
    """Decides the initial weights, the order of the images and the noise."""
    hidden_units: tuple[int, ...] = (512, 256, 512)
    """Widths of the autoencoders' hidden layers."""
    epochs: int | None = None
    """Epochs of 60,000 images per network; a control trains twice as long. demo: 1, full: 32."""
    batch_size: int = 256
    """Images per training step of the autoencoders."""
    learning_rate: float = 3e-3
    """Adam's peak learning rate: an epoch of warm-up (a tenth of a single one), then a cosine to zero."""
    one_level: int = 50
    """Noise level of the one-level parent in percent."""
    children: tuple[str, ...] = ("0", "25", "mixed", "multi")
    """How the parents' predictions are renoised for each child: a level in percent, mixed, or multi (of the
    multi-level parent only)."""
    depth: int = 1
    """Generations of children."""
    repeats: int = 1
    """How often the whole tree is trained, with other seeds. A claim about training needs three or more."""
    renoise_at_evaluation: bool = True
    """Score each child a second time, with its parent's predictions renoised as in training."""
    tsne_points: int | None = None
    """Test images in each t-SNE embedding; 0 for none. demo: 150, full: 10,000."""
    jit_compile: bool = True
    """Compile the autoencoders' training step with XLA: it pays from some ten epochs on. demo: no, full: yes."""
    mixed_precision: Literal["none", "float16", "bfloat16"] = "none"
    """Data type of the hidden layers; none keeps float32."""

    def resolved(self) -> "IterativeOptions":
        """The configuration with the profile's values filled in, checked.

        Raises:
            InputError: If a value lies outside its range.
        """
        filled = {key: value for key, value in PROFILES[self.profile].items() if getattr(self, key) is None}
        dataset = self.dataset if self.dataset in ("auto", "mnist", "digits") else Path(self.dataset).stem
        if self.output is None:
            filled["output"] = Path("runs") / f"iterative-{self.profile}-{dataset}"
        config = dataclasses.replace(self, **filled)
        for name, least, most in (
            ("epochs", 1, 100_000),
            ("batch_size", 1, 60_000),
            ("one_level", 0, 100),
            ("depth", 0, 20),
            ("repeats", 1, 1_000),
            ("tsne_points", 0, 10_000_000),
            ("seed", 0, 2**31 - 1),
        ):
            value = getattr(config, name)
            if not least <= value <= most:
                raise InputError(f"--{name.replace('_', '-')} lies in {least}..{most}; received {value}.")
        if not 0 < config.learning_rate < 10:
            raise InputError(f"--learning-rate is a small positive number; received {config.learning_rate}.")
        if not config.hidden_units or min(config.hidden_units) < 1:
            raise InputError(f"--hidden-units takes one or more positive widths; received {config.hidden_units}.")
        if config.depth and not config.children:
            raise InputError("--children needs at least one value; use --depth 0 to train the parents alone.")
        return config
