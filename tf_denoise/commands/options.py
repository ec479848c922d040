"""Options of commands: dataclasses that tyro fills in, with ranges that pydantic checks, refused in one sentence."""

import dataclasses
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar

import pydantic
import tyro

from tf_denoise.errors import InputError

Options = TypeVar("Options")


def parse_options(kind: type[Options], arguments: list[str] | None, prog: str) -> Options:
    """The options on a command line; their ranges are left to `checked`. Help and wrong words end the process.

    Args:
        kind: A dataclass. A field `flag: bool | None = None` becomes `--flag` and `--no-flag`, and `None` without both.
        arguments: The words, without the program's name; defaults to those of the process.
        prog: The command as help shows it.
    """
    root: Any = Annotated[kind, tyro.conf.arg(name="")]
    return tyro.cli(root, args=arguments, prog=prog, config=(tyro.conf.DisallowNone,))


def checked(options: Options) -> Options:
    """Options whose values have the types and lie in the ranges that their class declares.

    It is a function, not the constructor: tyro puts a `ValueError` of a constructor into a box of many lines.

    Args:
        options: An instance of a dataclass with fields such as `epochs: Annotated[int, Field(ge=1, le=100)] = 1`.

    Raises:
        InputError: If a value does not; the sentence names the option, its range and the value.

    Example:
        >>> @dataclasses.dataclass(frozen=True)
        ... class Training:
        ...     batch_size: typing.Annotated[int, pydantic.Field(ge=1, le=60_000)] = 256
        >>> checked(Training(0))
        Traceback (most recent call last):
        tf_denoise.errors.InputError: --batch-size lies in 1..60000; received 0.
    """
    values = {field.name: getattr(options, field.name) for field in dataclasses.fields(options)}  # type: ignore[arg-type]
    try:
        return pydantic.TypeAdapter(type(options)).validate_python(values)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0])
        raise InputError(_sentence(type(options), name, values[name], first)) from None


def check_output_name(folder: Path) -> None:
    """Refuse an output folder that TensorFlow could not write to, because its name is not UTF-8.

    Raises:
        InputError: If it is not.
    """
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        raise InputError(
            f"--output {folder} is not a name in UTF-8, and TensorFlow writes to no other; choose another name."
        ) from None


def _sentence(kind: type, name: str, value: Any, problem: Any) -> str:
    option = f"--{name.replace('_', '-')}"
    received = " ".join(map(str, value)) or "none" if isinstance(value, list | tuple) else value
    if problem["type"] in ("too_short", "too_long"):
        least, most = _bounds(kind, name, "min_length"), _bounds(kind, name, "max_length")
        count = f"{least or 0} or more values" if most is None else f"{least or 0} to {most} values"
        return f"{option} takes {count}; received {received}."
    if problem["type"] in ("greater_than_equal", "less_than_equal", "finite_number"):
        return f"{option} lies in {_bounds(kind, name, 'ge')}..{_bounds(kind, name, 'le')}; received {received}."
    return f"{option} is not what it should be: {problem['msg'].lower()}; received {received!r}."


def _bounds(kind: type, name: str, bound: str) -> Any:
    """A bound that the annotation of a field states, at whatever depth."""
    hint = typing.get_type_hints(kind, include_extras=True)[name]
    for part in _metadata(hint):
        for constraint in part.metadata if isinstance(part, pydantic.fields.FieldInfo) else ():
            value = getattr(constraint, bound, None)
            if value is not None:
                return f"{value:g}" if isinstance(value, float) else value
    return None


def _metadata(hint: Any) -> Iterator[Any]:
    yield from getattr(hint, "__metadata__", ())
    for part in typing.get_args(hint):
        yield from _metadata(part)
