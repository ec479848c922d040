"""The noise that options stand for: as a layer, in words, and as the range of deviations that a network knows."""

from collections.abc import Sequence

from tf_denoise.errors import InputError

KINDS = ("gaussian", "poisson_gaussian", "camera", "salt_and_pepper")


def make_noise(kind: str, *, sigma_255: float | Sequence[float] = (5, 55), level: float = 30, photons: float = 100):
    """The noise layer, for images in [0, 1].

    Args:
        kind: `gaussian`, `poisson_gaussian`, `camera` or `salt_and_pepper`.
        sigma_255: Deviation in 255ths, or least and largest; of salt and pepper there is none.
        level: Percent of the pixels that salt and pepper chooses.
        photons: How many photons make a white pixel, of the Poisson kind.

    Raises:
        InputError: If there is no such kind.

    Example:
        >>> make_noise("gaussian", sigma_255=51).sigma
        0.2
    """
    from tf_denoise.noise.camera import CameraNoise
    from tf_denoise.noise.gaussian import AdditiveGaussian, PoissonGaussian
    from tf_denoise.noise.salt_and_pepper import SaltAndPepper

    _check_kind(kind)
    if kind == "salt_and_pepper":
        return SaltAndPepper(level / 100, low=0.0, high=1.0)
    low, high = _ends(sigma_255)
    sigma = low / 255 if low == high else (low / 255, high / 255)
    if kind == "camera":
        return CameraNoise(sigma)
    return AdditiveGaussian(sigma) if kind == "gaussian" else PoissonGaussian(1 / photons, sigma)


def noise_in_words(
    kind: str, *, sigma_255: float | Sequence[float] = (5, 55), level: float = 30, photons: float = 100
) -> str:
    """What is put on clean pictures, as a report says it. The arguments are those of `make_noise`.

    Raises:
        InputError: If there is no such kind.

    Example:
        >>> noise_in_words("gaussian", sigma_255=(5, 55))
        'Gaussian, deviation 5 to 55 (255ths)'
    """
    _check_kind(kind)
    if kind == "salt_and_pepper":
        return f"salt and pepper, {level} % of the pixels chosen"
    low, high = _ends(sigma_255)
    deviation = f"{low:g}" if low == high else f"{low:g} to {high:g}"
    names = {
        "gaussian": "Gaussian",
        "poisson_gaussian": f"Poisson of {photons:g} photons, and Gaussian",
        "camera": "white Gaussian, and that of cameras besides",
    }
    return f"{names[kind]}, deviation {deviation} (255ths)"


def trained_range(
    kind: str, *, sigma_255: float | Sequence[float] = (5, 55), level: float = 30, photons: float = 100
) -> tuple[float, float] | None:
    """Least and largest deviation of the noise in 255ths, or `None` where it has none that says enough.

    Of the Poisson kind the largest is that of a white pixel, of the noise of cameras that of its white Gaussian part.
    The arguments are those of `make_noise`.

    Raises:
        InputError: If there is no such kind.

    Example:
        >>> trained_range("gaussian", sigma_255=25), trained_range("salt_and_pepper")
        ((25, 25), None)
    """
    _check_kind(kind)
    if kind == "salt_and_pepper":
        return None
    low, high = _ends(sigma_255)
    return low, (high**2 + 255**2 / photons) ** 0.5 if kind == "poisson_gaussian" else high


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise InputError(f"The kind of noise is one of {', '.join(KINDS)}; received {kind!r}.")


def _ends(sigma_255: float | Sequence[float]) -> tuple[float, float]:
    """Least and largest of one or two deviations."""
    if isinstance(sigma_255, Sequence):
        return sigma_255[0], sigma_255[-1]
    return sigma_255, sigma_255
