"""Networks in a row: what each of them sees of the noisy images and of the prediction before it."""

from typing import Any


def beside(noisy, prediction):
    """What a `RefiningAutoencoder` takes: `(batch, size)` twice to `(batch, 2 * size)`."""
    from keras import ops

    return ops.concatenate([ops.cast(noisy, "float32"), ops.cast(prediction, "float32")], axis=-1)


def seen_by(network: Any, noisy, prediction):
    """What a network of a chain sees: the prediction before it, and the noisy images too where it has `sees_both`."""
    return beside(noisy, prediction) if getattr(network, "sees_both", False) else prediction


def refine(network: Any, noisy, prediction, training: bool | None = False):
    """What a network of a chain makes of the prediction before it.

    Args:
        network: A model; one that sees both has `sees_both`.
        noisy: The noisy images at the head of the chain, `(batch, size)`.
        prediction: What the network before gave, `(batch, size)`; the noisy images themselves for the first one.
        training: As Keras has it.

    Example:
        >>> refine(lambda images, training: 2 * images, 1.0, 3.0)
        6.0
    """
    return network(seen_by(network, noisy, prediction), training=training)
