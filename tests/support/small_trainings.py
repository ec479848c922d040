"""Small trainings of `tf_denoise.fitting.loop.train`, and ways to interrupt them."""

import keras
import pytest
import tensorflow as tf

from tf_denoise.data import draw_batch
from tf_denoise.fitting.loop import train

CLEAN = tf.random.stateless_uniform((24, 6), (0, 0), -1, 1)
STEPS = 6


class Interrupt(keras.callbacks.Callback):
    """Stops as Ctrl-C does: at the end of an epoch or in the middle of one."""

    def __init__(self, epoch, at_batch=None):
        super().__init__()
        self.last, self.at_batch, self.now = epoch, at_batch, 0

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.now, batch) == (self.last, self.at_batch):
            raise KeyboardInterrupt

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.last:
            raise KeyboardInterrupt


def batches(start_step, poisoned_from=None, poison=float("nan")):
    def batch(step):
        index, _ = draw_batch(step, 8, len(CLEAN))
        images = tf.gather(CLEAN, index)
        if poisoned_from is not None:
            images = tf.where(step >= poisoned_from, poison, images)
        return images, images

    return tf.data.Dataset.counter(start_step).map(batch)


def new_model(seed=0, per_execution=1):
    """With dropout: its seeds are a part of the state too."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    layers = [keras.Input((6,)), keras.layers.Dense(5, "tanh"), keras.layers.Dropout(0.3), keras.layers.Dense(6)]
    model = keras.Sequential(layers)
    schedule = keras.optimizers.schedules.CosineDecay(0.05, 4 * STEPS)
    model.compile(keras.optimizers.Adam(schedule), "mse", jit_compile=False, steps_per_execution=per_execution)
    return model


def run(folder, model=None, epochs=4, data=batches, validation=CLEAN, **options):
    model = model or new_model()
    record = train(
        model,
        model,
        data,
        folder,
        epochs=epochs,
        steps_per_epoch=STEPS,
        validation=tf.data.Dataset.from_tensors((validation, validation)),
        validation_steps=1,
        **options,
    )
    return record, [w.numpy() for w in model.weights]


def interrupted(folder, *where, **options):
    with pytest.raises(KeyboardInterrupt):
        run(folder, callbacks=[Interrupt(*where)], **options)


def averaging_model(momentum=0.5):
    model = new_model()
    model.compile(keras.optimizers.Adam(0.05, use_ema=True, ema_momentum=momentum), "mse", jit_compile=False)
    return model
