"""Tokens of a vision transformer back on the grid of their patches."""

import keras
import numpy as np

from tf_denoise.explain.named_layers import find_layer

MOST_EXTRA_TOKENS = 16
"""Class and register tokens that a transformer may put before its patches."""


def on_grid(features: np.ndarray, image_size, grid: tuple[int, int] | None = None) -> np.ndarray:
    """Features `(batch, rows, columns, channels)`; tokens `(batch, tokens, channels)` are put on the patches' grid.

    Class and register tokens stand before the patches and are dropped: the fewest that leave a grid of the image's
    proportions.

    Args:
        features: Activations of a layer.
        image_size: Height and width of the image that the transformer was shown.
        grid: Rows and columns, where they are known: for patches that are not square or do not tile the image.

    Raises:
        ValueError: If no grid fits.

    Example:
        >>> on_grid(np.zeros((1, 1 + 4 * 6, 8)), (64, 96)).shape
        (1, 4, 6, 8)
    """
    if features.ndim == 4:
        return features
    tokens, (height, width) = features.shape[1], image_size
    most = min(MOST_EXTRA_TOKENS, tokens - 1)
    for extra in range(most + 1):
        patches = tokens - extra
        rows, columns = grid or (max(1, round(np.sqrt(patches * height / width))), 0)
        columns = columns or patches // rows
        if rows * columns == patches and (grid or rows * width == columns * height):
            return features[:, extra:].reshape(len(features), rows, columns, -1)
    if grid:
        raise ValueError(
            f"{tokens} tokens do not fit a grid of {grid[0]} x {grid[1]}, with up to {MOST_EXTRA_TOKENS} class and "
            "register tokens before them."
        )
    raise ValueError(
        f"{tokens} tokens fit no grid of the proportions of an image of {height} x {width} pixels, with up to "
        f"{MOST_EXTRA_TOKENS} class and register tokens before them. Tell the grid: grid=(rows, columns), or --grid "
        "ROWS COLUMNS."
    )


def view_size(model: keras.Model, layer: str, image_size) -> tuple[int, int]:
    """Height and width of what a transformer is shown.

    A model within the model that takes images of one size only is shown those: the one that the layer lies in, or the
    first there is. Otherwise it is the image itself.
    """
    outer = find_layer(model, layer)[0]
    for member in [outer, *model.layers]:
        shape = member.input_shape if isinstance(member, keras.Model) else ()
        if isinstance(shape, tuple) and len(shape) == 4 and None not in shape[1:3]:
            return tuple(shape[1:3])
    return tuple(image_size)
