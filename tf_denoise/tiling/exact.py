"""Arithmetic that is float32 where it says float32."""

import contextlib
import threading
from collections.abc import Iterator

import tensorflow as tf

_lock = threading.Lock()
_blocks = 0
_before = True


@contextlib.contextmanager
def exact_float32() -> Iterator[None]:
    """While the block runs, no GPU rounds the factors of its products to ten bits (TensorFloat-32).

    What is judged, compared or written to a file is computed so. Training keeps the faster products. The switch is one
    of the process: blocks of several threads may overlap, and the last one sets it back.
    """
    global _blocks, _before
    with _lock:
        if _blocks == 0:
            _before = tf.config.experimental.tensor_float_32_execution_enabled()
            tf.config.experimental.enable_tensor_float_32_execution(False)
        _blocks += 1
    try:
        yield
    finally:
        with _lock:
            _blocks -= 1
            if _blocks == 0:
                tf.config.experimental.enable_tensor_float_32_execution(_before)
