"""The options of `python -m training.iterative`."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from tf_denoise.commands.options import check_output_name, checked
from tf_denoise.errors import InputError, printable

PROFILES = {
    "demo": {"epochs": 1, "tsne_points": 150, "jit_compile": False},
    "full": {"epochs": 32, "tsne_points": 10_000, "jit_compile": True},
}
ControlName = Literal["wide", "deep", "restarted"]
SIZES: tuple[ControlName, ...] = ("wide", "deep")
NEWER = ("parents", "forms", "controls", "continued_learning_rate")
"""Options that a run of the original study does without; its configuration leaves them out."""


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
    """The run folder; defaults to runs/iterative-PROFILE-DATASET."""
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    """Decides the initial weights, the order of the images and the noise."""
    hidden_units: Annotated[tuple[Annotated[int, Field(ge=1, le=65_536)], ...], Field(min_length=1)] = (512, 256, 512)
    """Widths of the autoencoders' hidden layers."""
    epochs: Annotated[int | None, Field(ge=1, le=100_000)] = None
    """Epochs of 60,000 images per network; a control trains twice as long. demo: 1, full: 32."""
    batch_size: Annotated[int, Field(ge=1, le=60_000)] = 256
    """Images per training step of the autoencoders."""
    learning_rate: Annotated[float, Field(ge=1e-8, le=10)] = 3e-3
    """Adam's peak learning rate: an epoch of warm-up (a tenth of a single one), then a cosine to zero."""
    one_level: Annotated[int, Field(ge=0, le=100)] = 50
    """Noise level of the one-level parent in percent."""
    children: tuple[str, ...] = ("0", "25", "mixed", "multi")
    """How the parents' predictions are renoised for each child: a level in percent, mixed, or multi (of the
    multi-level parent only)."""
    depth: Annotated[int, Field(ge=0, le=20)] = 1
    """Generations of children; 0 for none, as where only --forms are of interest."""
    parents: Annotated[tuple[Literal["one_level", "multi_level"], ...], Field(min_length=1)] = (
        "one_level",
        "multi_level",
    )
    """Which of the two parents are trained, with all that is below them."""
    forms: tuple[str, ...] = ()
    """Second networks of other forms, such as: both sos continued both-together twice. See docs/iterative.md."""
    controls: tuple[ControlName, ...] | None = None
    """Controls of --forms beside the one that trains as long: wide and deep, the default, cost as many multiply-adds as
    the chain; restarted begins as the parent, with a new rise of the learning rate, as continued does."""
    continued_learning_rate: Annotated[float, Field(ge=1e-8, le=10)] = 1e-3
    """Adam's peak learning rate for what begins with trained weights: continued, and all that is trained together."""
    repeats: Annotated[int, Field(ge=1, le=1_000)] = 1
    """How often the whole tree is trained, with other seeds. A claim about training needs three or more; a
    finished run goes on where it is raised."""
    renoise_at_evaluation: bool = True
    """Score each child a second time, with its parent's predictions renoised as in training."""
    tsne_points: Annotated[int | None, Field(ge=0, le=10_000_000)] = None
    """Test images in each t-SNE embedding; 0 for none. demo: 150, full: 10,000."""
    jit_compile: bool | None = None
    """Compile the autoencoders' training step with XLA: it pays from some ten epochs on. demo: no, full: yes."""
    mixed_precision: Literal["none", "float16", "bfloat16"] = "none"
    """Data type of the hidden layers; none keeps float32."""

    def resolved(self) -> "IterativeOptions":
        """The options with the profile's values filled in, checked.

        Raises:
            InputError: If a value lies outside its range or options contradict each other.
        """
        options = checked(self)
        if options.depth and not options.children:
            raise InputError("--children needs at least one value; use --depth 0 to train the parents alone.")
        if options.controls and not options.forms:
            raise InputError("--controls goes with --forms, which the controls are held against; leave it out.")
        if options.controls is None:
            options = dataclasses.replace(options, controls=SIZES if options.forms else ())
        filled: dict[str, Any] = {
            key: value for key, value in PROFILES[options.profile].items() if getattr(options, key) is None
        }
        dataset = options.dataset if options.dataset in ("auto", "mnist", "digits") else Path(options.dataset).stem
        if options.output is None:
            filled["output"] = Path("runs") / f"iterative-{options.profile}-{printable(dataset)}"
        options = dataclasses.replace(options, **filled)
        check_output_name(options.output)
        return options
