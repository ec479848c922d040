"""Which part of a batch each device takes, where several train together."""

import dataclasses

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Share:
    """The part of every batch that the devices of one host take, out of all devices that train together.

    A batch stays what it is, a function of seed and step: its first images are those of the first device, and so on.

    Attributes:
        first: Number of this host's first device, counted over all hosts.
        devices: How many this host has.
        of: How many all hosts have.

    Example:
        >>> Share(first=1, devices=1, of=2).rows(16)
        range(8, 16)
    """

    first: int = 0
    devices: int = 1
    of: int = 1

    def rows(self, batch_size: int) -> range:
        """The images of a batch that this host makes."""
        size = batch_size // self.of
        return range(self.first * size, (self.first + self.devices) * size)

    def dealt(self, batches: tf.data.Dataset, batch_size: int) -> tf.data.Dataset:
        """One element for each device of this host in turn, cut from batches of which its rows are made.

        Args:
            batches: Dataset of tensors `(batch_size, ...)`.
            batch_size: Images in a batch of all devices.
        """
        if self.of == 1:
            return batches
        rows = self.rows(batch_size)

        def own(values: tf.Tensor) -> tf.Tensor:
            return tf.reshape(values[rows.start : rows.stop], (self.devices, -1, *values.shape[1:]))

        return batches.map(lambda *batch: tf.nest.map_structure(own, batch)).unbatch()

    def steps_and_rows(self, start_step: int, batch_size: int) -> tf.data.Dataset:
        """The step and the first image of every element, one for each device of this host in turn."""
        size = batch_size // self.of

        def place(number):
            step, device = number // self.devices, number % self.devices
            return step, (self.first + device) * size

        return tf.data.Dataset.counter(start_step * self.devices).map(place, num_parallel_calls=1)


WHOLE = Share()
"""The share of one device that trains alone."""
