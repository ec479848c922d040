"""What a training runs in: its precision, its machine."""

import contextlib
import platform
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from evaluation.source import source
from tf_denoise.errors import InputError
from tf_denoise.hosts.hosts import Hosts
from tf_denoise.machine import processor, usable_cores


@contextlib.contextmanager
def precision(name: str) -> Iterator[None]:
    """Layers made in the block compute in mixed precision of that name; `none` is float32."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32" if name == "none" else f"mixed_{name}")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def check_precision(name: str, hosts: Hosts) -> None:
    """Refuse float16 on several devices: each would judge alone whether its gradient is finite, and some wait for ever.

    Raises:
        InputError: If it is asked for there.
    """
    devices = hosts.strategy.num_replicas_in_sync
    if name == "float16" and devices > 1:
        raise InputError(f"--mixed-precision float16 trains on one device; there are {devices}: take bfloat16.")


def environment() -> dict:
    """Versions, machine and state of the code, for the run folder."""
    return {
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "machine": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "devices": [device.device_type for device in tf.config.list_logical_devices()],
        "cores": usable_cores(),
        "source": source(),
    }
