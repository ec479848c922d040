"""What Noise2Void never looks at, given back afterwards: the noisy value of the pixel itself."""

from collections.abc import Callable, Sequence

import numpy as np

from tf_denoise.models import UNet, ViTUNet
from tf_denoise.noise.found import FoundNoise, find_noise
from tf_denoise.tiling import TiledDenoiser
from tf_denoise.uncertainty.level import refined_together, within_range
from tf_denoise.uncertainty.sure import estimate_psnr


def own_share(
    denoise: Callable[[np.ndarray], np.ndarray], pictures: Sequence[np.ndarray], noise: FoundNoise | None = None
) -> float:
    """How much of each pixel's own noisy value brings a denoiser nearest to the clean picture, told without it.

    Formula:
        ```
        g = f(y) + w * (y - f(y));   R = mean((y - f(y))**2);   v = variance of the noise
        w = (R - v + m) / (2 * R),   m = Stein's unbiased estimate of the mean squared error of f(y)
        ```
        This is where the estimated error of `g`, a parabola in `w`, is least. For a network that does not look at the
        pixel itself `m = R - v`, and `w = 1 - v / R`. Places where noise is cut off at black and white are left out.

    Args:
        denoise: A denoiser of one image.
        pictures: Noisy images `(height, width, channels)`, floating point with white at 1, that it was not trained on;
            their noise is white.
        noise: Their noise, where it is known. Otherwise it is looked for, and its level told more closely by what the
            denoiser makes of them: of a share of 0.05 an error of 1 % in the level makes 0.02.

    Returns:
        The share, from 0 to 1; 0 where no white noise is found.
    """
    found = find_noise(pictures) if noise is None else noise
    if found is None or not found.is_white or not found.deviation:
        return 0.0
    denoised = [denoise(picture) for picture in pictures]
    if noise is None:
        found = refined_together(found, pictures, denoised)
    removed = variance = error = 0.0
    for seed, (noisy, output) in enumerate(zip(pictures, denoised, strict=True)):
        where = within_range(found, output)
        if not where.any():
            continue
        between = found.channel_correlation
        estimated = estimate_psnr(
            denoise, noisy, found.sigma, found.gain, between_channels=between, denoised=output, where=where, seed=seed
        )
        removed += float(np.sum((noisy - output)[where] ** 2, dtype="float64"))
        variance += float(np.sum(found.gain * noisy[where] + found.sigma**2, dtype="float64"))
        error += estimated.mse * int(where.sum())
    return float(np.clip((removed - variance + error) / (2 * removed), 0, 1)) if removed else 0.0


def give_back_own_pixel(
    model: UNet | ViTUNet, pictures: Sequence[np.ndarray], noise: FoundNoise | None = None
) -> float:
    """Let a network that was trained on hidden pixels make use of each pixel's own value as well.

    Where it predicts a pixel with a mean squared error `e`, and the noise has the variance `v`, the error becomes
    `e * v / (e + v)`: on photographs of roads under a deviation of 50 (255ths) 0.3 dB less. What the network adds to
    the noisy image becomes `1 - own_share(...)` times what it was; it costs no time. A second call finds hardly
    anything to give.

    Args:
        model: The network, whose last layer is changed.
        pictures: As for `own_share`.
        noise: As for `own_share`.

    Returns:
        The share that was given.

    Raises:
        ValueError: If the network does not add a correction to the noisy image, as a `UNet` or `ViTUNet` of residual
            blocks does.
    """
    if not adds_correction(model):
        raise ValueError(
            "Pixels can be given back to a UNet or ViTUNet of residual blocks, which adds a correction to the noisy "
            f"image; received {type(model).__name__}{' of plain blocks' if hasattr(model, 'block') else ''}."
        )
    share = own_share(TiledDenoiser(model), pictures, noise)
    last = model.get_layer("head")
    last.set_weights([(1 - share) * weights for weights in last.get_weights()])
    return share


def adds_correction(model) -> bool:
    """Whether what the last layer gives is added to the noisy image, so that `give_back_own_pixel` takes the network.

    Example:
        >>> adds_correction(UNet(widths=(4, 8))), adds_correction(UNet(widths=(4, 8), block="plain"))
        (True, False)
    """
    return isinstance(model, UNet | ViTUNet) and model.block == "residual"
