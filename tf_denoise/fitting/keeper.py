"""The state of a training on the disk: written after each epoch, taken up again, with the best network so far."""

import json
import math
import sys
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tf_denoise.errors import reason
from tf_denoise.runs.writing import atomic_path
from tf_denoise.tiling.exact import exact_float32

_STATE, _PREVIOUS = "state.npz", "state-previous.npz"


class StateKeeper(keras.callbacks.Callback):
    """Writes the state after each epoch; stops at a loss that is not finite and goes back to the last good state.

    Args:
        folder: Where the states go.
        network: The network that is trained.
        optimizer: Its optimizer, built.
        judge: Gives a number that is the higher, the better the network is, or `None`.
        judged_by: What the history calls that number.
        epochs: Epochs of the whole training.

    Attributes:
        epoch: Epochs that are done.
        history: What was measured after each of them.
        seconds: Time that they took.
        best: The trainable weights of the epoch that was judged best; empty as long as none could be judged.
        stopped: Why the training stopped early, or `None`.
    """

    def __init__(
        self,
        folder: Path,
        network: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        judge,
        judged_by: str,
        epochs: int,
    ):
        super().__init__()
        self.folder, self.network, self.optimizer, self.epochs = folder, network, optimizer, epochs
        self.judge, self.judged_by = judge, judged_by
        self.best: list[np.ndarray] = []
        self.epoch, self.history, self.seconds = 0, {}, 0.0
        self.stopped: str | None = None
        self._started = 0.0

    def variables(self) -> list:
        """All that a state holds the values of."""
        return [*self.network.variables, *self.optimizer.variables]

    def save(self, epoch: int, history: dict, seconds: float) -> None:
        """Write the state, and keep the one before it."""
        self.epoch, self.history, self.seconds = epoch, history, seconds
        record = json.dumps({"epoch": epoch, "history": history, "seconds": seconds, "stopped": self.stopped})
        arrays: dict[str, Any] = {f"v{index}": np.asarray(variable) for index, variable in enumerate(self.variables())}
        arrays |= {f"b{index}": array for index, array in enumerate(self.best)}
        state = self.folder / _STATE
        if state.exists():
            state.replace(self.folder / _PREVIOUS)
        with atomic_path(state) as temporary:
            np.savez(temporary, record=np.array(record), **arrays)

    def restore(self) -> bool:
        """Take up the newest state that is whole and belongs to this training; whether there was one."""
        for name in (_STATE, _PREVIOUS):
            path = self.folder / name
            if not path.exists():
                continue
            try:
                record, values, best = self._read(path)
            except Exception as error:  # what a damaged archive raises is not to be foreseen
                print(f"note: {path} cannot be used: {reason(error)}.", file=sys.stderr)
                continue
            for variable, array in zip(self.variables(), values, strict=True):
                variable.assign(array)
            self.epoch, self.history, self.seconds = record["epoch"], record["history"], record["seconds"]
            self.stopped, self.best = record["stopped"], best
            return True
        return False

    def _read(self, path: Path) -> tuple[dict, list[np.ndarray], list[np.ndarray]]:
        """The record of a state, the values of all variables and the best weights.

        Raises:
            Exception: If it is damaged, or does not fit to this training.
        """
        with np.load(path, allow_pickle=False) as archive:
            record = json.loads(str(archive["record"]))
            self._check_record(record)
            values = [_fitting(archive[f"v{index}"], like) for index, like in enumerate(self.variables())]
            weights = self.network.trainable_variables if "b0" in archive else []
            best = [_fitting(archive[f"b{index}"], like) for index, like in enumerate(weights)]
            held = len(values) + len(best) + 1
            if len(archive.files) != held:
                raise ValueError(f"it holds {len(archive.files)} arrays, and {held} were expected")
        return record, values, best

    def _check_record(self, record) -> None:
        epoch, history, seconds, stopped = (record[key] for key in ("epoch", "history", "seconds", "stopped"))
        if type(epoch) is not int or not 0 <= epoch <= self.epochs:
            raise ValueError(f"its epoch lies in 0..{self.epochs}, and it says {str(epoch)[:40]}")
        if type(seconds) not in (int, float) or not 0 <= seconds < math.inf:
            raise ValueError(f"its seconds are a number, and it says {str(seconds)[:40]}")
        if not isinstance(stopped, str | None):
            raise ValueError("it does not say in words why it stopped")
        for key, measured in history.items():
            if not isinstance(measured, list) or len(measured) != epoch:
                raise ValueError(f"its history has not one {key[:40]} for each of {epoch} epochs")
            if not all(type(value) in (int, float) for value in measured):
                raise ValueError(f"its history of {key[:40]} is not one of numbers")

    def forget(self) -> None:
        """Remove the states of a training that is finished."""
        for name in (_STATE, _PREVIOUS):
            (self.folder / name).unlink(missing_ok=True)

    def on_epoch_begin(self, epoch, logs=None):
        """Start the clock."""
        self._started = time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        """Stop at a loss that is not finite."""
        if not math.isfinite((logs or {}).get("loss", 0.0)):
            self._stop(f"the loss became {logs['loss']} in epoch {self.epoch + 1}")

    def on_epoch_end(self, epoch, logs=None):
        """Judge the network and write the state."""
        if self.stopped is not None:
            return
        values = {key: float(value) for key, value in (logs or {}).items()}
        for key, value in values.items():
            if not math.isfinite(value):
                self._stop(f"the {key} became {value} in epoch {epoch + 1}")
                return
        if self.judge is not None:
            values[self.judged_by] = self._judge()
            if logs is not None:
                logs[self.judged_by] = values[self.judged_by]  # for the callbacks that come after
        history = {key: [*self.history.get(key, []), value] for key, value in values.items()}
        self.save(epoch + 1, history, self.seconds + time.monotonic() - self._started)

    def _judge(self) -> float:
        """Judge the averaged weights where there are some, and remember them if they are the best so far.

        What cannot be judged, because the result is NaN, is never the best.
        """
        weights = self.network.trainable_variables
        current = _values(weights)
        self.optimizer.finalize_variable_values(weights)  # the averages in their place, where it keeps them
        judged = _values(weights)
        with exact_float32():
            value = float(self.judge())
        self._assign(current)
        before = [earlier for earlier in self.history.get(self.judged_by, []) if not math.isnan(earlier)]
        if value > max(before, default=-math.inf):
            self.best = judged
        return value

    def _assign(self, arrays: list[np.ndarray]) -> None:
        for variable, array in zip(self.network.trainable_variables, arrays, strict=True):
            variable.assign(array)

    def go_back(self) -> None:
        """Take up the last good state again, and remember why the training stopped."""
        stopped = self.stopped
        self.restore()
        self.stopped = stopped

    def take_best(self) -> None:
        """Give the network the weights that were judged best."""
        if self.best:
            self._assign(self.best)

    def _stop(self, why: str) -> None:
        if self.stopped is None:
            self.restore()
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
