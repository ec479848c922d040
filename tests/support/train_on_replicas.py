"""Prints, for every loss, the kernel that a step of training leaves on one device and on two, as JSON.

A process of its own, because the number of devices is fixed once TensorFlow runs.
"""

import json

import keras
import numpy as np
import tensorflow as tf
from loss_cases import LOSSES, random_pair


def kernel_after_step(make_loss, strategy) -> list[float]:
    """One step of plain gradient descent on four images from a fixed start."""
    clean, noisy = random_pair((4, 16, 17, 2))
    with strategy.scope():
        layer = keras.layers.Conv2D(2, 3, padding="same")
        model = keras.Sequential([keras.Input((16, 17, 2)), layer])
        start = np.random.default_rng(1).normal(size=(3, 3, 2, 2))
        layer.set_weights([start, np.zeros(2)])
        # A rate that lets the update be as large as the weights, however small the loss is.
        model.compile(optimizer=keras.optimizers.SGD(1e2), loss=make_loss())
    model.fit(tf.data.Dataset.from_tensor_slices((noisy, clean)).batch(4), epochs=1, verbose=0)
    return (layer.get_weights()[0] - start).ravel().tolist()


if __name__ == "__main__":
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    one = tf.distribute.get_strategy()
    kernels = {name: [kernel_after_step(make, one), kernel_after_step(make, two)] for name, make in LOSSES.items()}
    print(json.dumps(kernels))
