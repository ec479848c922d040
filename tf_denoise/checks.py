"""Numbers that a caller gives, from Python or NumPy, as the Python numbers that are stored and saved."""

import math
import operator
from collections.abc import Sequence
from typing import Any


def whole_number(value: Any, least: int = 1) -> int | None:
    """`value` as a Python integer, or `None` where it is not an integer of at least `least`.

    Integers of NumPy and arrays without axes are integers; truth values and floats such as 2.0 are not.

    Example:
        >>> import numpy as np
        >>> whole_number(np.int64(8)), whole_number(np.array(8)), whole_number(8.0), whole_number(True)
        (8, 8, None, None)
    """
    if isinstance(value, bool):
        return None
    try:
        number = operator.index(value)
    except TypeError:
        return None
    return number if number >= least else None


def whole_numbers(values: Any, least: int = 1) -> tuple[int, ...] | None:
    """A list, tuple or array as Python integers, or `None` where one of them is not an integer of at least `least`.

    Example:
        >>> import numpy as np
        >>> whole_numbers(np.array([8, 16])), whole_numbers([8, 0]), whole_numbers(8)
        ((8, 16), None, None)
    """
    try:
        numbers = [whole_number(value, least) for value in values]
    except TypeError:
        return None
    return None if None in numbers else tuple(number for number in numbers if number is not None)


def finite_number(value: Any, least: float = 0.0, most: float = math.inf) -> float | None:
    """`value` as a Python float, or `None` where it is not a finite number from `least` to `most`.

    Example:
        >>> finite_number(2), finite_number(float("nan")), finite_number("much")
        (2.0, None, None)
    """
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and least <= number <= most else None


def one_of(value: Any, allowed: Sequence[Any], what: str) -> Any:
    """`value`, an integer of NumPy as one of Python, checked to be among `allowed`.

    Raises:
        ValueError: If it is not.
    """
    choice = value if isinstance(value, str) else whole_number(value)
    if choice not in allowed:
        raise ValueError(f"The {what} is one of {', '.join(map(repr, allowed))}; received {value!r}.")
    return choice
