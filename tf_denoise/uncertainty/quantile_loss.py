"""The loss whose least value is at quantiles: what an interval is learned by."""

import tensorflow as tf


def quantile_loss(residuals, widths, miscoverage: float = 0.1) -> tf.Tensor:
    """The pinball loss of both ends of intervals.

    Formula:
        ```
        q = miscoverage / 2,   e = residual + below,   f = residual - above
        mean(max(q * e, (q - 1) * e) + max((1 - q) * f, -q * f))
        ```
        It is least where a share q of the residuals lies below the interval, and a share q above it.

    Args:
        residuals: Clean minus denoised values, `(batch, height, width, channels)`.
        widths: How far each interval reaches below the denoised value and how far above,
            `(batch, height, width, 2 * channels)`, as `IntervalHead` gives them.
        miscoverage: Share of the values that is to lie outside, half of it on either side.

    Returns:
        `(batch,)`, one value per image.

    Reference:
        - [Koenker and Bassett, Regression Quantiles, 1978](https://doi.org/10.2307/1913643)

    Example:
        >>> import numpy as np
        >>> residuals, widths = np.full((1, 1, 1, 1), 0.5), np.array([[[[0.25, 0.25]]]])
        >>> round(float(quantile_loss(residuals, widths)[0]), 4)  # 0.05 * 0.75 below, 0.95 * 0.25 above
        0.275
    """
    widths = tf.convert_to_tensor(widths)
    residuals = tf.cast(residuals, widths.dtype)
    below, above = tf.split(widths, 2, axis=-1)
    share = miscoverage / 2
    low, high = residuals + below, residuals - above
    losses = tf.maximum(share * low, (share - 1) * low) + tf.maximum((1 - share) * high, -share * high)
    return tf.reduce_mean(losses, axis=tuple(range(1, len(losses.shape))))
