"""What can be said of a denoised picture without a clean one, in one go: noise found, PSNR, whiteness, warnings."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tf_denoise.noise.found import FoundNoise, find_noise
from tf_denoise.noise.jpeg_trace import TRACE, jpeg_trace
from tf_denoise.uncertainty.level import RefinedNoise, refined_noise, within_range
from tf_denoise.uncertainty.sure import EstimatedPSNR, estimate_psnr, psnr_of
from tf_denoise.uncertainty.whiteness import Whiteness, residual_whiteness

WINDOW, WINDOWS = 256, 2
"""Side in pixels, and number along each side, of the windows of a large picture that are looked at."""
CLIPPED = 0.01
"""Share of black and white values from which on it is said that noise is cut off there."""
_SLACK = 1.1
_LEAST_SIDE = 16
_LEAST_CERTAIN = 2.0  # standard errors; from fewer on the interval has no upper end
_WEAK = 3 / 255  # noise that cannot be told from fine texture
_TOO_SMALL = "The picture is too small to say anything of its noise."
_TOO_LITTLE = "Too little of the picture is smooth and neither black nor white: PSNR cannot be estimated."
_TOO_HIGH = "The level of the noise was read too high: PSNR cannot be estimated."
LEAST_JUDGED = 0.05
"""Of less than this share of a picture nothing is estimated."""


@dataclasses.dataclass(frozen=True)
class Assessment:
    """What `assess` says of a denoised picture.

    Attributes:
        noise: The noise that was found, or `None` in a picture that is too small.
        before: Estimated PSNR of the noisy picture in dB; `None` where it cannot be told.
        after: Estimated PSNR of the denoised one; `None` where it cannot be told, or only that it is `at_least`.
        judged: Share of the values that both were estimated on: where noise is cut off at black and white it is not.
        whiteness: Of what was removed; `None` in a picture that is too small.
        warnings: A sentence for each assumption that fails.
        at_least: PSNR in dB that the denoised picture has or exceeds, where so little noise is left that the picture,
            which tells its level roughly, does not show how much: the lower end of a 95 % interval without an upper.
    """

    noise: FoundNoise | None
    before: float | None
    after: EstimatedPSNR | None
    judged: float
    whiteness: Whiteness | None
    warnings: tuple[str, ...]
    at_least: float | None = None

    @property
    def record(self) -> dict[str, Any]:
        """The same as JSON values."""
        noise = None if self.noise is None else {"in_words": self.noise.in_words, **dataclasses.asdict(self.noise)}
        after = None if self.after is None else {**dataclasses.asdict(self.after), "interval": self.after.interval}
        whiteness = None
        if self.whiteness is not None:
            value, lag = self.whiteness.largest
            whiteness = {"largest": value, "lag": lag, "bound": self.whiteness.bound}
        return {
            "noise": noise,
            "estimated_psnr_before": self.before,
            "estimated_psnr_after": after,
            "estimated_psnr_at_least": self.at_least,
            "judged": self.judged,
            "whiteness": whiteness,
            "warnings": list(self.warnings),
        }


def assess(
    noisy: np.ndarray, denoised: np.ndarray, denoise: Callable, trained_range: tuple[float, float] | None = None
) -> Assessment:
    """Say what can be said of a denoised picture.

    Of a large picture four windows of 256 x 256 pixels are looked at, so that it costs the same for every size: two
    more passes of the network over each of them.

    Args:
        noisy: Picture `(height, width, channels)`, uint8, uint16, or floating point with white at 1.
        denoised: What became of it, in the same values.
        denoise: What makes the one of the other, a `TiledDenoiser`, in float32.
        trained_range: Least and largest deviation of the noise of the training, in 255ths, where it is known.

    Returns:
        What can be said, with a warning wherever an assumption fails.
    """
    if min(noisy.shape[:2]) < _LEAST_SIDE:
        return Assessment(None, None, None, 0.0, None, (_TOO_SMALL,))
    places = list(_windows(noisy.shape[:2]))
    noise = find_noise([noisy])
    looks = [residual_whiteness(noisy[place], denoised[place]) for place in places]
    whiteness = Whiteness(
        np.mean([look.autocorrelation for look in looks], axis=0),
        looks[0].bound / math.sqrt(len(looks)),
        float(np.mean([look.deviation for look in looks])),
    )
    trace = jpeg_trace(noisy)
    if noise is None or noise.is_hidden or noise.impulses or whiteness.shows_structure or trace > TRACE:
        return Assessment(noise, None, None, 0.0, whiteness, warnings_of(noise, whiteness, trained_range, trace))
    told = refined_noise(noise, noisy, denoised)
    if told is None:
        warnings = (*warnings_of(noise, whiteness, trained_range), _TOO_LITTLE)
        return Assessment(noise, None, None, 0.0, whiteness, warnings)
    if told.is_shared:
        warnings = (_shared_a_little(told), *warnings_of(noise, whiteness, trained_range))
        return Assessment(noise, None, None, 0.0, whiteness, warnings)
    noise = told.noise
    found = [_estimate(noisy[place], denoised[place], denoise, noise) for place in places]
    judged = sum(share for _, share in found) / len(found)
    warnings = warnings_of(noise, whiteness, trained_range)
    if not judged:
        return Assessment(noise, None, None, 0.0, whiteness, (*warnings, _TOO_LITTLE))
    estimates = [(one, share / judged / len(found)) for one, share in found if one is not None]
    mse = sum(one.mse * weight for one, weight in estimates)
    by_chance = sum((one.standard_error * weight) ** 2 for one, weight in estimates)
    error = math.sqrt(by_chance + (told.error * noise.deviation**2) ** 2)
    before, after = psnr_of(noise.deviation**2), EstimatedPSNR(psnr_of(mse), mse, error)
    if mse <= -error:  # and a bound from it would be next to none
        return Assessment(noise, None, None, judged, whiteness, (*warnings, _TOO_HIGH))
    if mse < _LEAST_CERTAIN * error:
        return Assessment(noise, before, None, judged, whiteness, warnings, after.interval[0])
    return Assessment(noise, before, after, judged, whiteness, warnings)


def warnings_of(
    noise: FoundNoise | None, whiteness: Whiteness, trained_range: tuple[float, float] | None, trace: float = 0.0
) -> tuple[str, ...]:
    """A sentence for each assumption that fails.

    Args:
        noise: The noise that was found.
        whiteness: That of what was removed.
        trained_range: Least and largest deviation of the noise of the training, in 255ths.
        trace: What `jpeg_trace` found.
    """
    if noise is None:
        return (_TOO_SMALL,)
    found = []
    if noise.is_hidden:
        found.append(f"{noise.in_words.removesuffix('.')}: what was removed is part of the picture.")
    if noise.impulses:
        found.append("The noise is salt and pepper or like it: PSNR cannot be estimated.")
    elif trace > TRACE and not noise.is_hidden:
        found.append(
            f"The picture was stored as JPEG, which rounded {trace:.0%} of its frequencies to nothing, noise among "
            "them: what is left of that is not white. PSNR cannot be estimated."
        )
    elif whiteness.shows_structure:
        value, lag = whiteness.largest
        if noise.shared == "no" or noise.deviation < _WEAK:
            what = "it is part of the picture, or weak noise that neighbours share"
        else:
            what = "neighbours share the noise, and much of it may be left"
        found.append(
            f"What was removed is not white (correlation {value:.2f} with {_neighbour(*lag)}): {what}. PSNR cannot be "
            "estimated."
        )
    if noise.clipped > CLIPPED:
        found.append(
            f"{noise.clipped:.0%} of the values are black or white, where noise is cut off: of these places the "
            "estimates say nothing."
        )
    if trained_range is not None and not noise.is_hidden:
        low, high = trained_range
        level = 255 * noise.deviation
        if level > high * _SLACK or level < low / _SLACK - 0.5:
            trained = f"{low:g}" if low == high else f"{low:g} to {high:.3g}"
            found.append(f"The noise has a deviation of {level:.1f} (255ths); the network was trained on {trained}.")
    return tuple(found)


def _shared_a_little(told: RefinedNoise) -> str:
    return (
        f"Neighbours share the noise a little: its middle frequencies have {told.tilt:.2f} times the power of its high "
        "ones, so it is not white. PSNR cannot be estimated."
    )


def _neighbour(rows: int, columns: int) -> str:
    if (abs(rows), abs(columns)) in ((0, 1), (1, 0)):
        return f"the next pixel in the {'column' if rows else 'row'}"
    return f"the pixel {abs(rows)} rows and {abs(columns)} columns away"


def _estimate(noisy, denoised, denoise, noise: FoundNoise) -> tuple[EstimatedPSNR | None, float]:
    """The estimate for a window, and the share of its values that it is made on."""
    is_whole = denoised.dtype.kind == "u"  # and rounded, which a finite difference would feel
    values = denoised.astype("float32") / (np.iinfo(denoised.dtype).max if is_whole else 1)
    where = within_range(noise, values)
    if where.mean() < LEAST_JUDGED:
        return None, 0.0
    estimate = estimate_psnr(
        denoise,
        noisy,
        noise.sigma,
        noise.gain,
        between_channels=noise.channel_correlation,
        denoised=None if is_whole else denoised,
        where=where,
    )
    return estimate, float(where.mean())


def _windows(size: tuple[int, int]):
    """The places of windows, evenly spread; the whole picture where it is not larger than they are together."""
    if size[0] * size[1] <= (WINDOW * WINDOWS) ** 2:
        yield slice(None), slice(None)
        return
    starts = [
        np.linspace(0, max(0, side - WINDOW), WINDOWS + 2).astype(int)[1:-1] if side > WINDOW else [0] for side in size
    ]
    for top in starts[0]:
        for left in starts[1]:
            yield slice(top, top + WINDOW), slice(left, left + WINDOW)
