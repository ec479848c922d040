"""Which network it is, told by its weights."""

import hashlib

import keras
import numpy as np


def fingerprint(network: keras.Model) -> str:
    """A hash of the weights, 16 characters: networks of other weights have another.

    Example:
        >>> from tf_denoise.models import UNet
        >>> one, other = UNet(1, (4, 6)), UNet(1, (4, 6))
        >>> fingerprint(one) == fingerprint(other)
        False
        >>> other.set_weights(one.get_weights())
        >>> fingerprint(one) == fingerprint(other)
        True
    """
    digest = hashlib.sha256()
    for array in network.get_weights():
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]
