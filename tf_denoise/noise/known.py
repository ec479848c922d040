"""Noise that a caller tells: checked in one place for all that take it."""

from tf_denoise.checks import finite_number


def checked_noise(sigma, gain, between_channels) -> tuple[float, float, float]:
    """Deviation, step of one photon, and correlation of the channels of a pixel, as floats.

    Raises:
        ValueError: If deviation or step is negative or both are 0, or the correlation lies outside [0, 1].

    Example:
        >>> checked_noise(0.1, 0, 0)
        (0.1, 0.0, 0.0)
    """
    deviation, step = finite_number(sigma), finite_number(gain)
    if deviation is None or step is None or not deviation + step > 0:
        raise ValueError(f"`sigma` and `gain` are 0 or more, and not both 0; received {sigma} and {gain}.")
    correlation = finite_number(between_channels, most=1.0)  # no walrus: AutoGraph reads this function, and knows none
    if correlation is None:
        raise ValueError(f"`between_channels` is a correlation from 0 to 1; received {between_channels}.")
    return deviation, step, correlation
