"""The state of a training on the disk: written as it goes, taken up again; its best network, and the way back to it."""

import json
import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tf_denoise.errors import reason
from tf_denoise.fitting.optimizer import SteadyAdam
from tf_denoise.hosts.hosts import Hosts, alone
from tf_denoise.runs.folder import UNFINISHED_FILE
from tf_denoise.runs.writing import atomic_path, write_json
from tf_denoise.tiling.exact import exact_float32

_STATE, _PREVIOUS = "state.npz", "state-previous.npz"
_SAVED_EVERY = 240.0
"""Seconds after which the state is written in the middle of an epoch."""
_MOST_FALLS = 20
"""A training that falls more often, at a millionth of its rate, is stopped."""

RECORDED = ("epoch", "step", "history", "seconds", "start_value", "best_norm", "falls", "returned", "stopped")
"""What a state records besides arrays, each kept as an attribute of that name."""
_ADDED = {"step": 0, "start_value": None, "best_norm": 0.0, "falls": [], "returned": False}
"""What states of older versions do not record."""
State = tuple[dict, list[np.ndarray], list[np.ndarray], list[np.ndarray]]
"""The record, the values of all variables, the best weights, and what an epoch that is not over measured so far."""


class StateKeeper(keras.callbacks.Callback):
    """Writes the state after each epoch and within long ones; stops at a loss that is not finite, or leads back.

    Args:
        folder: Where the states go.
        network: The network that is trained.
        optimizer: Its optimizer, built.
        judge: Gives a number that is the higher, the better the network is, or `None`.
        judged_by: What the history calls that number.
        epochs: Epochs of the whole training.
        steps_per_epoch: Batches in an epoch.
        fall: How far below the best a judgement may lie before the training is led back to the best weights, at half
            the rate; so does a loss that is not finite. `None` never leads back.
        hosts: The hosts that train together. All of them call every method alike; the chief alone judges and writes,
            and what it reads and decides is told to the others.

    Attributes:
        epoch: Epochs that are done.
        step: Steps that are done of the next one.
        history: What was measured after each of them.
        seconds: Time that they took.
        best: The trainable weights of the epoch that was judged best; empty as long as none could be judged.
        best_norm: What the norm of the gradient usually was when these were judged.
        start_value: The judgement of the weights of the start, where `fall` asks for it, or `None`.
        falls: Each time that it was led back: `epoch`, `why` and, where it goes on, the `rate_factor` from then on.
        returned: Whether it was led back and has not made a step since: a loss that is not finite then stops it.
        stopped: Why the training stopped early, or `None`.
        ship: Saves the network; called when its weights are those that were judged best.
    """

    def __init__(
        self,
        folder: Path,
        network: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        judge,
        judged_by: str,
        epochs: int,
        steps_per_epoch: int,
        fall: float | None = None,
        hosts: Hosts | None = None,
    ):
        super().__init__()
        self.hosts = alone() if hosts is None else hosts
        self._steady: Any = getattr(optimizer, "inner_optimizer", optimizer)  # of one that scales the loss
        if fall is not None and not (isinstance(self._steady, SteadyAdam) and judge is not None):
            raise ValueError("`fall` needs a `judge`, and a `SteadyAdam` as the optimizer.")
        self.steps_per_epoch, self.fall = steps_per_epoch, fall
        self.folder, self.network, self.optimizer, self.epochs = folder, network, optimizer, epochs
        self.judge, self.judged_by = judge, judged_by
        self.best: list[np.ndarray] = []
        self.epoch, self.step, self.history, self.seconds = 0, 0, {}, 0.0
        self.start_value: float | None = None
        self.best_norm = 0.0
        self.falls: list[dict] = []
        self.returned = False
        self.stopped: str | None = None
        self.ship: Callable[[], object] = lambda: None
        self._first_step, self._measured = 0, []  # of an epoch that is taken up in its middle
        self._started = self._written = 0.0

    def begin(self) -> None:
        """Take up the newest state, or write that of the start, which is judged where a fall is watched for."""
        if self.restore():
            return
        if self.fall is not None:
            self.start_value = self._judge(first=True)
        self.save(0, {}, 0.0)

    def variables(self) -> list:
        """All that a state holds the values of."""
        return [*self.network.variables, *self.optimizer.variables]

    def save(self, epoch: int, history: dict, seconds: float, step: int = 0) -> None:
        """Write the state, and keep the one before it."""
        self.epoch, self.step, self.history, self.seconds = epoch, step, history, seconds
        record = json.dumps({name: getattr(self, name) for name in RECORDED})
        arrays: dict[str, Any] = {f"v{index}": np.asarray(variable) for index, variable in enumerate(self.variables())}
        arrays |= {f"b{index}": array for index, array in enumerate(self.best)}
        if step:
            measured = self.model.metrics_variables
            arrays |= {f"m{index}": np.asarray(variable) for index, variable in enumerate(measured)}
        if self.hosts.is_chief:
            state = self.folder / _STATE
            if os.path.exists(state):
                state.replace(self.folder / _PREVIOUS)
            with atomic_path(state) as temporary:
                np.savez(temporary, record=np.array(record), **arrays)
        self._written = self.hosts.now()

    def restore(self) -> bool:
        """Take up the newest state that is whole and belongs to this training; whether there was one."""
        found = self._told(self._newest() if self.hosts.is_chief else None)
        if found is None:
            return False
        record, values, self.best, self._measured = found
        for variable, array in zip(self.variables(), values, strict=True):
            variable.assign(array)
        for name in RECORDED:
            setattr(self, name, record[name])
        return True

    def _told(self, found: State | None) -> State | None:
        """The state that the chief found, on all hosts."""
        if self.hosts.count == 1:
            return found
        record, *groups = found or (None, [], [], [])
        counts = self.hosts.told([record, *map(len, groups)])
        arrays = iter(self.hosts.told_arrays([array for group in groups for array in group]))
        values, best, measured = ([next(arrays) for _ in range(count)] for count in counts[1:])
        return None if counts[0] is None else (counts[0], values, best, measured)

    def _newest(self) -> State | None:
        for name in (_STATE, _PREVIOUS):
            path = self.folder / name
            if not os.path.exists(path):
                continue
            try:
                return self._read(path)
            except Exception as error:  # what a damaged archive raises is not to be foreseen
                print(f"note: {path} cannot be used: {reason(error)}.", file=sys.stderr)
        return None

    def _read(self, path: Path) -> State:
        """The record of a state, the values of all variables, the best weights, and what an epoch measured so far.

        Raises:
            Exception: If it is damaged, or does not fit to this training.
        """
        with np.load(path, allow_pickle=False) as archive:
            record = {**_ADDED, **json.loads(str(archive["record"]))}
            self._check_record(record)
            values = [_fitting(archive[f"v{index}"], like) for index, like in enumerate(self.variables())]
            weights = self.network.trainable_variables if "b0" in archive else []
            best = [_fitting(archive[f"b{index}"], like) for index, like in enumerate(weights)]
            count = sum(name.startswith("m") for name in archive.files) if record["step"] else 0
            measured = [archive[f"m{index}"] for index in range(count)]
            if any(array.dtype.kind not in "fiu" for array in measured):
                raise ValueError("it holds measures of an epoch that are not numbers")
            held = len(values) + len(best) + len(measured) + 1
            if len(archive.files) != held:
                raise ValueError(f"it holds {len(archive.files)} arrays, and {held} were expected")
        return record, values, best, measured

    def _check_record(self, record) -> None:
        epoch, history, seconds, stopped = (record[key] for key in ("epoch", "history", "seconds", "stopped"))
        step, falls = record["step"], record["falls"]
        if type(epoch) is not int or not 0 <= epoch <= self.epochs:
            raise ValueError(f"its epoch lies in 0..{self.epochs}, and it says {str(epoch)[:40]}")
        if type(seconds) not in (int, float) or not 0 <= seconds < math.inf:
            raise ValueError(f"its seconds are a number, and it says {str(seconds)[:40]}")
        if type(step) is not int or not 0 <= step < self.steps_per_epoch or (step and epoch == self.epochs):
            raise ValueError(f"its step lies in an epoch of {self.steps_per_epoch}, and it says {str(step)[:40]}")
        if not isinstance(falls, list) or not all(isinstance(one, dict) and "why" in one for one in falls):
            raise ValueError("it does not say in words when it fell")
        if type(record["returned"]) is not bool:
            raise ValueError("it does not say whether it was led back just now")
        if type(record["best_norm"]) not in (int, float) or type(record["start_value"]) not in (int, float, type(None)):
            raise ValueError("it does not say how good its start was")
        if not isinstance(stopped, str | None):
            raise ValueError("it does not say in words why it stopped")
        for key, measured in history.items():
            if not isinstance(measured, list) or len(measured) != epoch:
                raise ValueError(f"its history has not one {key[:40]} for each of {epoch} epochs")
            if not all(type(value) in (int, float) for value in measured):
                raise ValueError(f"its history of {key[:40]} is not one of numbers")

    def forget(self) -> None:
        """Remove the states of a training that is finished."""
        if not self.hosts.is_chief:
            return
        for name in (_STATE, _PREVIOUS, UNFINISHED_FILE):
            (self.folder / name).unlink(missing_ok=True)

    def on_epoch_begin(self, epoch, logs=None):
        """Start the clock; in the middle of an epoch, take up what it measured so far."""
        self._started, self._written = time.monotonic(), self.hosts.now()
        self._first_step, measured, self._measured = self.step, self._measured, []
        if self.step:
            for variable, array in zip(self.model.metrics_variables, measured, strict=True):
                variable.assign(np.reshape(array, variable.shape))

    def on_train_batch_end(self, batch, logs=None):
        """Stop at a loss that is not finite, or lead back; write the state once it is old."""
        loss = (logs or {}).get("loss", 0.0)
        is_last = batch + 1 == self.params["steps"]
        if not math.isfinite(loss):
            goes_on = not is_last or self.epoch + 1 < self.epochs
            self._break_off(f"the loss became {loss} in epoch {self.epoch + 1}", goes_on)
        else:
            self.returned = False
        if self.stopped is None and not is_last and self.hosts.now() - self._written > _SAVED_EVERY:
            seconds = self.seconds + time.monotonic() - self._started
            self._started = time.monotonic()
            self.save(self.epoch, self.history, seconds, self._first_step + batch + 1)

    def on_epoch_end(self, epoch, logs=None):
        """Judge the network and write the state."""
        self.step = self._first_step = 0
        if self.stopped is not None:
            return
        values = {key: float(value) for key, value in (logs or {}).items()}
        for key, value in values.items():
            counts = not self.returned or key.startswith("val_")  # what led back is not held against the training twice
            if counts and not math.isfinite(value):
                self._stop(f"the {key} became {value} in epoch {epoch + 1}")
                return
        if self.returned:  # after its last step: nothing was measured, or what led back is still in the logs
            values["loss"] = math.nan
            if logs is not None:
                logs["loss"] = math.nan
        if self.judge is not None:
            values[self.judged_by] = self._judge()
            if logs is not None:
                logs[self.judged_by] = values[self.judged_by]  # for the callbacks that come after
        history = {key: [*self.history.get(key, []), value] for key, value in values.items()}
        if self.stopped is None:
            self.save(epoch + 1, history, self.seconds + time.monotonic() - self._started)
            if self.best and self.hosts.is_chief:
                record = {"epochs": epoch + 1, "of": self.epochs, "falls": self.falls, "history": history}
                record |= {} if self.fall is None else {"start_value": self.start_value}
                write_json(self.folder / UNFINISHED_FILE, record)

    def _judge(self, first: bool = False) -> float:
        """Judge the averaged weights where there are some, and remember them if they are the best so far.

        What cannot be judged, because the result is NaN, is never the best.
        """
        weights = self.network.trainable_variables
        current = _values(weights)
        if not first:
            self.optimizer.finalize_variable_values(weights)  # the averages in their place, where it keeps them
        judged = _values(weights)
        value = math.nan
        if self.hosts.is_chief:
            with exact_float32():
                value = float(self.judge())
        value = self.hosts.told(value)
        before = [self.start_value, *self.history.get(self.judged_by, [])]
        best = max(
            (earlier for earlier in before if earlier is not None and not math.isnan(earlier)), default=-math.inf
        )
        if value > best:
            self.best = judged
            self.best_norm = float(np.asarray(getattr(self._steady, "usual_norm", 0.0)))
            if self.hosts.is_chief:
                self.ship()
        self._assign(current)
        if self.fall is not None and not first and not value >= best - self.fall:  # nor where it is NaN
            why = f"the validation fell from {best:.2f} to {value:.2f} in epoch {self.epoch + 1}"
            self._break_off(why, goes_on=self.epoch + 1 < self.epochs)
        return value

    def _assign(self, arrays: list[np.ndarray]) -> None:
        for variable, array in zip(self.network.trainable_variables, arrays, strict=True):
            variable.assign(array)

    def go_back(self) -> None:
        """Take up the last good state again, and remember why the training stopped, and when it fell."""
        stopped, falls = self.stopped, self.falls
        self.restore()
        self.stopped, self.falls = stopped, falls

    def take_best(self) -> None:
        """Give the network the weights that were judged best; where none could be, the averaged ones of its end."""
        if self.best:
            self._assign(self.best)
        elif self.stopped is None:
            self.optimizer.finalize_variable_values(self.network.trainable_variables)

    def _break_off(self, why: str, goes_on: bool = True) -> None:
        """Lead the training back to its best weights at half the rate; stop it where it is never led back."""
        if self.fall is None or not self.best or self.returned or len(self.falls) >= _MOST_FALLS:
            self._stop(why)
            return
        self._assign(self.best)
        self._steady.start_again(self.network.trainable_variables, self.best_norm)
        self.model.reset_metrics()
        factor = float(np.asarray(self._steady.rate_factor))
        self.returned = True
        fall = {"epoch": self.epoch + 1, "why": why}
        self.falls = [*self.falls, fall | ({"rate_factor": factor} if goes_on else {})]
        if self.hosts.is_chief:
            on = f", on at {factor:g} of the rate" if goes_on else ""
            print(f"{self.folder.name}: {why}; back to the best weights{on}.")

    def _stop(self, why: str) -> None:
        if self.stopped is None:
            self.go_back()
            self.stopped = f"{why}; the state after epoch {self.epoch} was kept"
            self.model.stop_training = True


def _values(variables) -> list[np.ndarray]:
    return [np.array(variable.numpy()) for variable in variables]


def _fitting(array: np.ndarray, like) -> np.ndarray:
    """An array that has the shape and type of a variable, and is finite where that is a number of floating point."""
    expected = np.asarray(like)
    if array.shape != expected.shape or array.dtype.kind != expected.dtype.kind:
        raise ValueError(f"it holds {array.shape} {array.dtype} where {expected.shape} {expected.dtype} was expected")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError("it holds values that are not finite")
    return array
