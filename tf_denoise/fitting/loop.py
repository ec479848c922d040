"""Training that goes on where it stopped, bit for bit, and that keeps its last good state."""

from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import tensorflow as tf

from tf_denoise.fitting.keeper import StateKeeper
from tf_denoise.runs.folder import MODEL_FILE, RECORD_FILE
from tf_denoise.runs.writing import atomic_path, remove_unfinished_files, write_json


def train(
    model: keras.Model,
    network: keras.Model,
    batches: Callable[[int], tf.data.Dataset],
    folder: Path,
    *,
    epochs: int,
    steps_per_epoch: int,
    validation: tf.data.Dataset | None = None,
    validation_steps: int | None = None,
    judge: Callable[[], float] | None = None,
    judged_by: str = "val_psnr",
    shipped: keras.Model | None = None,
    measure: Callable[[], dict[str, float]] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: int = 0,
) -> dict:
    """Train to the end, or on from the last finished epoch, and save the network.

    After every epoch the weights, the optimizer and the history are written to `folder`, the state before them is
    kept. As a batch depends on its step alone, an interrupted training ends in the same bits as one that was not.
    A loss that becomes NaN or infinite ends the training; the network keeps its last good state.

    With `judge` the network is judged after every epoch, and the best one is what is saved. Where the optimizer keeps
    moving averages of the weights (`use_ema=True`), these are judged and saved.

    Args:
        model: The compiled model to fit.
        network: The part of it that is trained and saved; often `model` itself.
        batches: The dataset that starts at a given step.
        folder: Where the state, the network (`model.keras`) and the record (`training.json`) go.
        epochs: Epochs in all.
        steps_per_epoch: Batches in an epoch.
        validation: The dataset scored after each epoch.
        validation_steps: Batches in it.
        judge: Gives a number that is the higher, the better the network is.
        judged_by: What the history calls that number.
        shipped: What is saved, with the weights of `network`: a network of the same layers, such as one in float32 of
            what is trained in mixed precision. Defaults to `network`.
        measure: Called when the training has ended and `network` has the weights that are saved; what it gives goes
            into the record.
        callbacks: Further Keras callbacks.
        verbose: Of `fit`.

    Returns:
        The record: `epochs`, `steps`, `seconds`, `history`, and `stopped`, a sentence or `None`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    remove_unfinished_files(folder)
    model.optimizer.build(model.trainable_variables)
    keeper = StateKeeper(folder, network, model.optimizer, judge, judged_by, epochs)
    if not keeper.restore():
        keeper.save(0, {}, 0.0)
    first_epoch = keeper.epoch
    if first_epoch < epochs and keeper.stopped is None:
        model.fit(
            batches(first_epoch * steps_per_epoch),
            initial_epoch=first_epoch,
            epochs=epochs,
            steps_per_epoch=steps_per_epoch,
            validation_data=validation,
            validation_steps=validation_steps,
            callbacks=[keeper, *callbacks],
            verbose=verbose,
            shuffle=False,
        )
    if keeper.stopped is not None:
        keeper.go_back()  # `fit` ended by putting the averaged weights in place of those
    keeper.take_best()
    if shipped is None:
        shipped = _without_optimizer(network)
    else:
        shipped.set_weights(network.get_weights())
    with atomic_path(folder / MODEL_FILE) as temporary:
        shipped.save(temporary)
    record = {
        "epochs": keeper.epoch,
        "steps": keeper.epoch * steps_per_epoch,
        "seconds": round(keeper.seconds, 2),
        "stopped": keeper.stopped,
        "history": keeper.history,
        **(measure() if measure is not None else {}),
    }
    write_json(folder / RECORD_FILE, record)  # last: where it stands, the network is finished
    keeper.forget()
    return record


def _without_optimizer(network: keras.Model) -> keras.Model:
    """The network for inference alone: a compiled one would be saved with its optimizer, at four times the size."""
    if not network.compiled:
        return network
    bare = type(network).from_config(network.get_config())
    bare.set_weights(network.get_weights())
    return bare


def steps_per_execution(steps_per_epoch: int, most: int = 26) -> int:
    """The largest number of steps up to `most` that fills an epoch evenly.

    Example:
        >>> steps_per_execution(234)
        26
    """
    return max(count for count in range(1, most + 1) if steps_per_epoch % count == 0)


def learning_rate(peak: float, steps_per_epoch: int, epochs: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """Up to `peak` within the first epoch (the first tenth of a single one), then a cosine down to zero at the end.

    Example:
        >>> schedule = learning_rate(1.0, steps_per_epoch=100, epochs=1)
        >>> [round(float(schedule(step)), 2) for step in (0, 10, 55, 100)]
        [0.0, 1.0, 0.5, 0.0]
    """
    warmup = steps_per_epoch if epochs > 1 else steps_per_epoch // 10
    return keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps_per_epoch * epochs - warmup), warmup_target=peak, warmup_steps=max(1, warmup)
    )


def averaging_adam(peak: float, steps_per_epoch: int, epochs: int) -> keras.optimizers.Adam:
    """Adam that goes up to a learning rate of `peak` and down to zero, and averages the weights on the way.

    Its memory of squared gradients, 0.99 instead of 0.999, bounds what an outburst does: a gradient far above all
    before moves a weight by (1 - beta_1) / sqrt(1 - beta_2) learning rates, here one, as any other; with 0.999 by 3.2.
    """
    schedule = learning_rate(peak, steps_per_epoch, epochs)
    momentum = averaging_momentum(steps_per_epoch * epochs)
    return keras.optimizers.Adam(schedule, beta_2=0.99, use_ema=True, ema_momentum=momentum)


def averaging_momentum(steps: int) -> float:
    """Momentum of the moving average of the weights: its memory is a fiftieth of the training, at most 1,000 steps.

    The average begins with the weights of the start, and a short training must not end with a part of them.

    Example:
        >>> averaging_momentum(50_000), averaging_momentum(500), averaging_momentum(6)
        (0.999, 0.9, 0.0)
    """
    return 1 - 1 / min(1000, max(1, steps / 50))
