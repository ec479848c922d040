"""Every option with a range, of every command: a value outside ends in one line that names option, range and value."""

import dataclasses
import typing
from pathlib import Path

import pytest
from helpers import refusal

import evaluation.explain.__main__
import tf_denoise.__main__
import training.intervals.__main__
import training.iterative.__main__
import training.textures.__main__
from evaluation.explain.options import ExplainOptions
from tf_denoise.commands.denoise import Denoise
from tf_denoise.commands.denoise_many import DenoiseMany
from tf_denoise.commands.export import Export
from tf_denoise.commands.options import checked
from tf_denoise.errors import InputError
from training.intervals.options import IntervalsOptions
from training.iterative.options import IterativeOptions
from training.textures.options import TextureOptions

SEEDS = (0, 2**31 - 1)
RANGES = {
    IterativeOptions: {
        "seed": SEEDS,
        "hidden_units": (1, 65_536),
        "epochs": (1, 100_000),
        "batch_size": (1, 60_000),
        "learning_rate": (1e-8, 10),
        "one_level": (0, 100),
        "depth": (0, 20),
        "continued_learning_rate": (1e-8, 10),
        "repeats": (1, 1_000),
        "tsne_points": (0, 10_000_000),
    },
    TextureOptions: {
        "scale_down": (64, 100_000),
        "seed": SEEDS,
        "widths": (1, 4_096),
        "blocks": (1, 64),
        "loss_weight": (0, 1),
        "repeats": (1, 1_000),
        "minutes": (0.01, 1_000_000),
        "steps": (1, 10**9),
        "sigma": (0, 255),
        "level": (0, 100),
        "photons": (0.001, 10**9),
        "crop_size": (16, 4_096),
        "batch_size": (1, 4_096),
        "learning_rate": (1e-8, 1),
        "memory": (16, 10**7),
    },
    ExplainOptions: {
        "region": (0, 1_000_000),
        "pixel": (0, 1_000_000),
        "size": (1, 4_096),
        "filter": (0, 1),
        "sigma": (0, 255),
        "crop": (16, 8_192),
        "grid": (1, 65_536),
        "repeat": (1, 1_000),
        "seed": SEEDS,
    },
    Denoise: {
        "strength": (0, 1),
        "adapt": (0.01, 10_000),
        "jobs": (1, 1_000),
        "tile": (16, 100_000),
        "overlap": (0, 100_000),
        "quality": (1, 100),
        "channel": (0, 100_000),
        "value_range": (-1e12, 1e12),
    },
    DenoiseMany: {"strength": (0, 1), "quality": (1, 100)},
    Export: {"size": (1, 100_000), "max_megapixels": (0.01, 1_000)},
    IntervalsOptions: {"minutes": (0.01, 1_000_000), "steps": (1, 10**9), "side": (32, 4_096), "seed": SEEDS},
}
COMMANDS = {
    IterativeOptions: (training.iterative.__main__.main, []),
    TextureOptions: (training.textures.__main__.main, []),
    ExplainOptions: (evaluation.explain.__main__.main, ["model.keras", "picture.png", "--layer", "vit"]),
    Denoise: (tf_denoise.__main__.main, ["denoise", "picture.png", "--model", "model.keras", "--output", "denoised"]),
    DenoiseMany: (tf_denoise.__main__.main, ["denoise-many", "--input", "*.png", "--output", "denoised"]),
    Export: (tf_denoise.__main__.main, ["export", "model.keras", "model.tflite", "--format", "litert"]),
    IntervalsOptions: (training.intervals.__main__.main, ["photographs", "--calibration", "folder"]),
}
REQUIRED = {
    ExplainOptions: {"model": "model.keras"},
    Denoise: {"inputs": ("picture.png",), "model": "model.keras", "output": "denoised"},
    DenoiseMany: {"input": "*.png", "output": "denoised"},
    Export: {"run": "model.keras", "path": "model.tflite"},
    IntervalsOptions: {"run": "photographs", "calibration": "folder"},
}
CASES = [(kind, name, *ends) for kind, ranges in RANGES.items() for name, ends in ranges.items()]
NAMES = [f"{kind.__name__}-{name}" for kind, name, *_ in CASES]


def parts_of(hint) -> list:
    """The types that an annotation is made of."""
    inner = [part for argument in typing.get_args(hint) for part in parts_of(argument)]
    return inner or [hint]


def values_of(kind, name, value) -> list:
    """The value as often as the option takes one."""
    hint = typing.get_type_hints(kind)[name]
    count = 2 if name == "widths" else max(1, sum(part in (int, float) for part in parts_of(hint)))
    return [value] * count


@pytest.mark.parametrize("kind", RANGES, ids=lambda kind: kind.__name__)
def test_every_number_has_a_range(kind):
    hints = typing.get_type_hints(kind)
    numbers = [field.name for field in dataclasses.fields(kind) if {int, float} & set(parts_of(hints[field.name]))]
    assert numbers == [name for name in hints if name in RANGES[kind]]
    assert len(numbers) == len(RANGES[kind])


@pytest.mark.parametrize(("kind", "name", "least", "most"), CASES, ids=NAMES)
def test_a_value_outside_is_refused_in_one_line(capsys, kind, name, least, most):
    command, words = COMMANDS[kind]
    step = 1 if float in map(type, (least, most)) or name not in ("loss_weight", "filter") else 0.5
    outside = [least - step, most + step]
    if float in parts_of(typing.get_type_hints(kind)[name]):
        outside += ["nan", "inf", "-inf"]
    for value in outside:
        received = values_of(kind, name, value)
        error = refusal(capsys, command, [*words, f"--{name.replace('_', '-')}", *map(str, received)])
        shown = [text for text in error.split() if text.startswith("--")]
        assert shown == [f"--{name.replace('_', '-')}"]
        assert f"lies in {least:g}..{most:g}" in error or f"lies in {least}..{most}" in error
        last = error.strip().removesuffix(".").split()[-1]
        assert float(last) == float(value) or str(value) == last == "nan"


@pytest.mark.parametrize(("kind", "name", "least", "most"), CASES, ids=NAMES)
def test_both_ends_are_taken(kind, name, least, most):
    hint = typing.get_type_hints(kind)[name]
    for value in (least, most):
        values = values_of(kind, name, value)
        given = tuple(values) if tuple in map(typing.get_origin, [hint, *typing.get_args(hint)]) else values[0]
        assert getattr(checked(kind(**REQUIRED.get(kind, {}), **{name: given})), name) == given


def test_what_is_of_another_type_is_refused_in_a_sentence_too():
    with pytest.raises(InputError, match=r"--profile is not what it should be: .*'demo' or 'full'; received 'huge'"):
        IterativeOptions(profile="huge").resolved()
    with pytest.raises(InputError, match=r"--epochs is not what it should be: .*; received 'many'"):
        IterativeOptions(epochs="many").resolved()
    with pytest.raises(TypeError, match="unexpected keyword argument 'epoch'"):
        IterativeOptions(epoch=1)


@pytest.mark.parametrize("kind", [IterativeOptions, TextureOptions])
def test_an_output_that_tensorflow_cannot_write_to_is_refused_at_once(kind):
    with pytest.raises(
        InputError, match=r"^--output runs/a.* is not a name in UTF-8, and TensorFlow writes to no other"
    ):
        kind(output=Path("runs/a\udcff")).resolved()


def test_the_default_output_of_data_with_such_a_name_is_one_that_can_be_written(tmp_path):
    for options in (IterativeOptions(dataset="b\udcff.npz"), TextureOptions(data=str(tmp_path / "b\udcff"))):
        assert options.resolved().output.name.encode().endswith(b"-b\\xff")
