"""Whether a picture was stored as JPEG after noise came into it."""

import numpy as np
import scipy.fft

BLOCK = 8
"""Side in pixels of the blocks of a JPEG file."""
TRACE = 0.03
"""Share of coefficients rounded to zero from which on a picture counts as stored so. In 41 photographs with noise of a
deviation of 0 to 25 it was at most 0.018 without JPEG, and at least 0.05 with JPEG of quality 80 to 95."""
_NEXT_TO_ZERO = 0.6  # in 255ths: what rounding to 8 bits leaves of a coefficient that JPEG rounded to zero
_LUMA = (0.299, 0.587, 0.114)
_SIDE = 256
_LEAST_BLOCKS = 16


def jpeg_trace(picture: np.ndarray) -> float:
    """The share of a picture's cosine coefficients that JPEG rounded to zero, whatever the file is called now.

    JPEG brings blocks of 8 x 8 pixels to their cosine frequencies and rounds these, the high ones to nothing at all
    where the noise is weaker than half a step. Decoded again, the coefficients of the same blocks are next to zero, and
    those of blocks that lie otherwise are not. So this is the share next to zero at the best of the 64 places where the
    grid of blocks can begin, less the median of all. Noise that came after JPEG fills the zeros up, and is
    as white as it was. Scaling fills them up, too: then nothing is found, though the noise was changed.

    Args:
        picture: `(height, width, channels)`, uint8, uint16, or floating point with white at 1. The middle 256 x 256
            pixels are looked at.

    Returns:
        The share, from 0 to 1; 0 for a picture with fewer than 16 blocks.

    Example:
        >>> noise = np.random.default_rng(0).normal(0.5, 0.1, (64, 64, 1))
        >>> jpeg_trace(noise) < TRACE
        True
    """
    height, width = (min(size, _SIDE + BLOCK) for size in picture.shape[:2])
    rows, columns = ((size - BLOCK + 1) // BLOCK for size in (height, width))
    if rows * columns < _LEAST_BLOCKS:
        return 0.0
    top, left = ((size - kept) // 2 for size, kept in zip(picture.shape[:2], (height, width), strict=True))
    white = np.iinfo(picture.dtype).max if picture.dtype.kind == "u" else 1
    shown = picture[top : top + height, left : left + width].astype("float32") * np.float32(255 / white)
    luma = shown @ np.array(_LUMA, "float32") if shown.shape[-1] == 3 else shown.mean(axis=-1)
    shares = []
    for down in range(BLOCK):
        for right in range(BLOCK):
            cut = luma[down : down + rows * BLOCK, right : right + columns * BLOCK]
            blocks = cut.reshape(rows, BLOCK, columns, BLOCK).swapaxes(1, 2)
            coefficients = scipy.fft.dctn(blocks, axes=(2, 3), norm="ortho").reshape(-1, BLOCK * BLOCK)[:, 1:]
            shares.append(float((np.abs(coefficients) < _NEXT_TO_ZERO).mean()))
    return max(shares) - float(np.median(shares))
