"""What `model.fit` does, on several hosts: Keras' own does not work under `MultiWorkerMirroredStrategy`."""

import time
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from tf_denoise.hosts.hosts import Hosts


def fit_together(
    model: keras.Model,
    hosts: Hosts,
    batches: Callable[[], tf.data.Dataset],
    *,
    steps_per_epoch: int,
    epochs: int = 1,
    initial_epoch: int = 0,
    validation: tf.data.Dataset | None = None,
    validation_steps: int | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> None:
    """Train a model that was built and compiled within the strategy of several hosts. Called by all of them.

    It is `model.fit` with the same callbacks and the model's own `train_step` and `test_step`: gradients are summed
    over all devices, so weights stay alike; what the logs say is the mean over them.

    Args:
        model: The compiled model; its metrics are instances, so that they have their variables.
        hosts: The hosts.
        batches: Gives this host's share of the batches: an element for each of its devices in turn.
        steps_per_epoch: Batches in an epoch.
        epochs: Number of the last epoch.
        initial_epoch: Number of the epochs that are done.
        validation: A dataset that every device sees whole.
        validation_steps: Batches of it; defaults to all.
        callbacks: Keras callbacks. What they decide must not depend on the host.
    """
    strategy = hosts.strategy

    @tf.function(reduce_retracing=True)
    def train_step(iterator, clock):
        """A step, and the chief's clock on all hosts."""
        measured = strategy.run(model.train_step, args=(next(iterator),))
        told = strategy.run(_of_first_device, args=(clock,))
        return _means(strategy, measured), strategy.reduce("SUM", told, axis=None)

    @tf.function(reduce_retracing=True)
    def test_step(batch):
        return _means(strategy, strategy.run(model.test_step, args=(batch,)))

    iterator = iter(strategy.distribute_datasets_from_function(lambda context: batches()))
    listeners = keras.callbacks.CallbackList(list(callbacks), model=model, epochs=epochs, steps=steps_per_epoch)
    model.stop_training = False
    listeners.on_train_begin()
    logs: dict[str, float] = {}
    for epoch in range(initial_epoch, epochs):
        model.reset_metrics()
        listeners.on_epoch_begin(epoch)
        for step in range(steps_per_epoch):
            listeners.on_train_batch_begin(step)
            measured, clock = train_step(iterator, tf.constant(time.monotonic(), tf.float64))
            logs, hosts.clock = _numbers(measured), float(clock)
            listeners.on_train_batch_end(step, logs)
            if model.stop_training:
                break
        logs = dict(logs)
        if validation is not None:
            model.reset_metrics()
            found = {}
            for batch in validation.take(-1 if validation_steps is None else validation_steps):
                found = _numbers(test_step(batch))
            logs |= {f"val_{name}": value for name, value in found.items()}
        listeners.on_epoch_end(epoch, logs)
        if model.stop_training:
            break
    listeners.on_train_end(logs)


def _of_first_device(value: tf.Tensor) -> tf.Tensor:
    number = tf.distribute.get_replica_context().replica_id_in_sync_group
    return tf.where(tf.equal(number, 0), value, tf.zeros_like(value))


def _means(strategy: tf.distribute.Strategy, measured: dict) -> dict:
    """The mean over all devices of what each of them measured."""
    return {name: strategy.reduce("MEAN", value, axis=None) for name, value in measured.items()}


def _numbers(measured: dict) -> dict[str, float]:
    return {name: float(value) for name, value in measured.items()}
