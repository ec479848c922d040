"""Seeds from words."""

import hashlib


def derive_seed(*words) -> int:
    """A 31-bit seed from any words: unlike words give unrelated seeds.

    Example:
        >>> derive_seed(0, "one_level", "noise") != derive_seed(1, "one_level", "noise")
        True
    """
    return int.from_bytes(hashlib.sha256(repr(words).encode()).digest()[:4], "big") >> 1
