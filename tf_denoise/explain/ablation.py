"""What a network makes of an image when its transformer says something else."""

import keras
import numpy as np

from tf_denoise.models.vit_unet import ViTUNet


class TokenAblation:
    """A `ViTUNet` whose tokens can be replaced: whether it uses them shows in what it makes of others.

    Args:
        model: The network. It is not changed.

    Raises:
        ValueError: If it is another one.

    Example:
        >>> from tf_denoise.models import small_vit
        >>> ablation = TokenAblation(ViTUNet(small_vit(32, layers=1), widths=(4, 8)))
        >>> noisy = np.zeros((1, 40, 56, 3), "float32")
        >>> tokens = ablation.tokens(noisy)
        >>> tokens.shape, ablation(noisy, mean_tokens(tokens)).shape
        ((1, 2, 2, 128), (1, 40, 56, 3))
    """

    def __init__(self, model: keras.Model):
        if not isinstance(model, ViTUNet):
            raise ValueError(f"Tokens can be replaced in a ViTUNet; received a {type(model).__name__}.")
        grid = model.get_layer("vit_grid").output
        self._tokens = keras.Model(model.input, grid)
        self._rest = keras.Model([model.input, grid], model.output)

    def tokens(self, images) -> np.ndarray:
        """The tokens of images `(batch, height, width, channels)` on their grid.

        Returns:
            float32 `(batch, rows, columns, features)`.
        """
        return keras.ops.convert_to_numpy(self._tokens(np.asarray(images, "float32"), training=False))

    def __call__(self, images, tokens) -> np.ndarray:
        """What the network makes of images when these are its tokens.

        Args:
            images: float32 `(batch, height, width, channels)`.
            tokens: `(batch, rows, columns, features)`, as `tokens(images)` gives them.

        Returns:
            float32 of the images' shape, not clipped.
        """
        found = self._rest([np.asarray(images, "float32"), np.asarray(tokens, "float32")], training=False)
        return keras.ops.convert_to_numpy(found)


def mean_tokens(tokens: np.ndarray) -> np.ndarray:
    """The mean of the tokens of each image at every place: they say what the image is like, and nothing of where."""
    return np.broadcast_to(tokens.mean(axis=(1, 2), keepdims=True), tokens.shape)


def tokens_in_place_of(tokens: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The tokens of another image on the grid of the first, repeated where that is larger.

    Example:
        >>> tokens, other = np.zeros((1, 1, 3, 1)), np.array([[[[1.0], [2.0]]]])
        >>> tokens_in_place_of(tokens, other).ravel().tolist()
        [1.0, 2.0, 1.0]
    """
    rows, columns = (np.arange(tokens.shape[axis]) % other.shape[axis] for axis in (1, 2))
    return other[:, rows[:, None], columns]
