"""Which input pixels an output pixel was made of."""

import numpy as np
import tensorflow as tf

from tf_denoise.explain.cam import checked_images


def pixel_influence(model, image, pixel, size: int = 1, channel: int | None = None) -> np.ndarray:
    """The gradient of an output pixel with respect to the input: the filter that the network applies at that place.

    For a network without bias, whose output scales with its input, the filter is exact: its product with the image,
    summed, is the output pixel. For others it is the best linear account of small changes.

    Args:
        model: A model of images `(batch, height, width, channels)` that keeps their size.
        image: Float `(height, width, channels)`.
        pixel: `(row, column)` of the output pixel, or the upper left corner of the patch.
        size: Side of a patch whose mean is taken instead of one pixel.
        channel: Channel of the output; the mean of all if `None`.

    Returns:
        float32 `(height, width, channels)`, signed.

    Raises:
        ValueError: If the image is not `(height, width, channels)`, has other channels than the model takes or is not
            finite, if the patch or the channel lies outside, or if the model changes the size.

    Reference:
        - [Mohan et al., Robust and Interpretable Blind Image Denoising via Bias-Free Convolutional Neural Networks,
          2020](https://arxiv.org/abs/1906.05478)

    Example:
        >>> import keras
        >>> double = keras.Sequential([keras.Input((None, None, 1)), keras.layers.Rescaling(2.0)])
        >>> pixel_influence(double, np.ones((2, 2, 1)), (0, 1))[..., 0].tolist()
        [[0.0, 2.0], [0.0, 0.0]]
    """
    image = np.asarray(image, "float32")
    if image.ndim != 3:
        raise ValueError(f"The image is (height, width, channels); received shape {image.shape}.")
    row, column = pixel
    checked_images(model, image[None])
    if not (0 <= row <= image.shape[0] - size and 0 <= column <= image.shape[1] - size and size >= 1):
        raise ValueError(
            f"A patch of {size} x {size} pixels at {tuple(pixel)} lies outside an image of {image.shape[0]} x "
            f"{image.shape[1]} pixels."
        )
    inputs = tf.constant(image[None])
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = model(inputs, training=False)
        if outputs.shape[1:3] != inputs.shape[1:3]:
            raise ValueError(f"The model must keep the size of the image; its output has shape {tuple(outputs.shape)}.")
        if channel is not None and not 0 <= channel < outputs.shape[3]:
            raise ValueError(f"The output has {outputs.shape[3]} channels, counted from 0; received {channel}.")
        patch = outputs[0, row : row + size, column : column + size]
        value = tf.reduce_mean(patch if channel is None else patch[..., channel])
    influence = tape.gradient(value, inputs, unconnected_gradients="zero")[0].numpy()
    if not np.isfinite(influence).all():
        raise ValueError("The influence is NaN or infinite: the network is not trained, or the image is not finite.")
    return influence


def effective_receptive_field(model, image, pixels) -> np.ndarray:
    """How much an output pixel depends on the input around it, averaged over pixels.

    Args:
        model: As `pixel_influence` takes it.
        image: Float `(height, width, channels)`.
        pixels: Pairs `(row, column)`.

    Returns:
        float32 `(2 * height - 1, 2 * width - 1)`: the mean magnitude of the influence, summed over channels, the output
        pixel in the middle. Places that lie outside the image for some pixels are averaged over the others.

    Raises:
        ValueError: If there is no pixel or one lies outside.
    """
    pixels = list(pixels)
    if not pixels:
        raise ValueError("An effective receptive field is averaged over one or more pixels; received none.")
    height, width = np.shape(image)[:2]
    total, count = np.zeros((2, 2 * height - 1, 2 * width - 1), "float32")
    for row, column in pixels:
        place = slice(height - 1 - row, 2 * height - 1 - row), slice(width - 1 - column, 2 * width - 1 - column)
        total[place] += np.abs(pixel_influence(model, image, (row, column))).sum(axis=-1)
        count[place] += 1
    return total / np.maximum(count, 1)
