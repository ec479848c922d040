"""What the commands share: checks of options."""

from tf_denoise.errors import InputError


def check_range(value: float, name: str, least: float, most: float) -> None:
    """Refuse an option outside its range.

    Raises:
        InputError: If it is.
    """
    if not least <= value <= most:
        raise InputError(f"{name} lies in {least}..{most}; received {value:g}.")
