"""Training that goes on where it stopped, bit for bit, and that keeps its last good state."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import tensorflow as tf

from tf_denoise.fitting.keeper import StateKeeper
from tf_denoise.hosts.fit import fit_together
from tf_denoise.hosts.hosts import Hosts, alone
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
    fall: float | None = None,
    shipped: keras.Model | None = None,
    finish: Callable[[keras.Model], dict] | None = None,
    measure: Callable[[], dict] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: int = 0,
    hosts: Hosts | None = None,
) -> dict:
    """Train to the end, or on from the last finished epoch, and save the network.

    After every epoch, and within a long one every four minutes, the weights, the optimizer and the history are written
    to `folder`, the state before them is kept. As a batch depends on its step alone, an interrupted training ends in
    the same bits as one that was not. A loss that becomes NaN or infinite ends the training; the network keeps its last
    good state.

    With `judge` the network is judged after every epoch, and the best one is what is saved: at once, so that it can be
    used while the training goes on. Where the optimizer keeps moving averages of the weights (`use_ema=True`), these
    are judged and saved.

    With `fall` a training cannot fall for good: a judgement that much below the best, or a loss that is not finite,
    leads back to the best weights, and it goes on from there at half the rate. The weights of the start are judged
    too, and are the first to go back to.

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
        fall: How far below the best a judgement may lie; `None` never leads back. Needs `judge`, and a `SteadyAdam` as
            the optimizer of `model`.
        shipped: What is saved, with the weights of `network`: a network of the same layers, such as one in float32 of
            what is trained in mixed precision. Defaults to `network`.
        finish: Called with what is saved when the training has ended, which it may change; what it gives goes into the
            record. Needs `shipped`, so that it changes nothing that a training goes on from.
        measure: Called when the training has ended and `network` has the weights that are saved; what it gives goes
            into the record.
        callbacks: Further Keras callbacks.
        verbose: Of `fit`.
        hosts: The hosts that train together, all of which call this; `batches` then gives the share of each, and the
            chief alone writes, judges and measures. Defaults to this one.

    Returns:
        The record: `epochs`, `steps`, `seconds`, `history`, `falls`, and `stopped`, a sentence or `None`; with `fall`
        also `start_value`, the judgement of the start.

    Raises:
        ValueError: If `fall` or `finish` is given without what it needs.
    """
    if finish is not None and shipped is None:
        raise ValueError("`finish` changes what is saved alone: it needs a network of its own, `shipped`.")
    hosts = alone() if hosts is None else hosts
    if hosts.is_chief:
        folder.mkdir(parents=True, exist_ok=True)
        remove_unfinished_files(folder)
    with hosts.strategy.scope():
        model.optimizer.build(model.trainable_variables)
    keeper = StateKeeper(folder, network, model.optimizer, judge, judged_by, epochs, steps_per_epoch, fall, hosts)
    keeper.ship = functools.partial(_ship, network, shipped, folder)
    keeper.begin()
    while keeper.epoch < epochs and keeper.stopped is None:
        fit(
            model,
            hosts,
            functools.partial(batches, keeper.epoch * steps_per_epoch + keeper.step),
            initial_epoch=keeper.epoch,
            epochs=keeper.epoch + 1 if keeper.step else epochs,
            steps_per_epoch=steps_per_epoch - keeper.step,
            validation=validation,
            validation_steps=validation_steps,
            callbacks=[keeper, *callbacks],
            verbose=verbose,
        )
        keeper.go_back()  # `fit` ended by putting the averaged weights in place of those
        if model.stop_training:
            break
    keeper.take_best()
    finished = _ship(network, shipped, folder, finish) if hosts.is_chief else {}
    record = {
        "epochs": keeper.epoch,
        "steps": keeper.epoch * steps_per_epoch,
        "seconds": round(keeper.seconds, 2),
        "stopped": keeper.stopped,
        "falls": keeper.falls,
        **({} if fall is None else {"start_value": keeper.start_value}),
        "history": keeper.history,
        **finished,
        **(measure() if measure is not None and hosts.is_chief else {}),
    }
    if hosts.is_chief:
        write_json(folder / RECORD_FILE, record)  # last: where it stands, the network is finished
    keeper.forget()
    return record


def fit(
    model: keras.Model,
    hosts: Hosts,
    batches: Callable[[], tf.data.Dataset],
    *,
    validation: tf.data.Dataset | None = None,
    validation_steps: int | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: int = 0,
    **epochs: int,
) -> None:
    """`model.fit`, or what stands in for it on several hosts.

    Args:
        model: The compiled model.
        hosts: The hosts that train together.
        batches: Gives the dataset; on several hosts the share of this one.
        validation: The dataset scored after each epoch.
        validation_steps: Batches in it.
        callbacks: Keras callbacks.
        verbose: Of `fit` on one host.
        **epochs: `steps_per_epoch`, and `epochs` and `initial_epoch` where there are several.
    """
    if hosts.count > 1:
        validated = {"validation": validation, "validation_steps": validation_steps}
        fit_together(model, hosts, batches, callbacks=callbacks, **validated, **epochs)
        return
    model.fit(
        batches(),
        validation_data=validation,
        validation_steps=validation_steps,
        callbacks=list(callbacks),
        verbose=verbose,
        shuffle=False,
        **epochs,
    )


def _ship(
    network: keras.Model,
    shipped: keras.Model | None,
    folder: Path,
    finish: Callable[[keras.Model], dict] | None = None,
) -> dict:
    """Save the network as it is now, finished; what finishing it gave."""
    if shipped is None:
        shipped, finished = _without_optimizer(network), {}
    else:
        shipped.set_weights(network.get_weights())
        finished = {} if finish is None else finish(shipped)
    with atomic_path(folder / MODEL_FILE) as temporary:
        shipped.save(temporary)
    return finished


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
