"""What the training commands share: the run folder is taken, and every network in it trained once."""

import contextlib
import dataclasses
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

import keras
import numpy as np

from evaluation.source import code_hash, source
from tf_denoise.hosts.hosts import Hosts, alone
from tf_denoise.runs.contents import is_its_start
from tf_denoise.runs.folder import ENVIRONMENT_FILE, RECORD_FILE, Changed, open_run, read_json
from tf_denoise.runs.writing import write_json
from training.progress import TrainingProgress
from training.setting import environment


@dataclasses.dataclass(frozen=True)
class Job:
    """A network to train.

    Attributes:
        title: What it is called while it is trained.
        folder: Where the run keeps it.
        cost: What its training is expected to cost, in a unit that all jobs share.
        train: Trains it with the given callbacks; returns the record of `tf_denoise.fitting.loop.train`.
        steps: Steps of its training.
    """

    title: str
    folder: Path
    cost: float
    train: Callable[[list[keras.callbacks.Callback]], dict]
    steps: int

    @property
    def is_finished(self) -> bool:
        """Whether the network stands in the run, trained to its end."""
        return os.path.exists(self.folder / RECORD_FILE)


def title(name: str, repeat: int, repeats: int) -> str:
    """What a network is called while it is trained.

    Example:
        >>> title("mse", repeat=1, repeats=1), title("mse", repeat=2, repeats=3)
        ('mse', 'mse (repeat 2)')
    """
    return name if repeats == 1 else f"{name} (repeat {repeat})"


@contextlib.contextmanager
def running(
    folder: Path,
    config: dict,
    networks: list[dict],
    places: Collection[str] = (),
    changed: Mapping[str, Changed] | None = None,
    hosts: Hosts | None = None,
) -> Iterator[None]:
    """Take a run folder and write down what the run is; of several hosts the chief does.

    Args:
        folder: The run folder.
        config: Everything that decides the result, as JSON values.
        networks: What `networks.json` says of the networks of one repeat, each with its `name`.
        places: As in `open_run`.
        changed: As in `open_run`.
        hosts: The hosts that train together; defaults to this one.

    Raises:
        InputError: If the folder cannot be taken for this run, or a host was started with another configuration.
    """
    hosts = alone() if hosts is None else hosts
    if hosts.count > 1:
        told = {key: value for key, value in config.items() if key not in places and not key.endswith("_description")}
        hosts.agree({**told, "state of the code": code_hash()})
    with contextlib.ExitStack() as taken:
        with hosts.all_or_none():
            if hosts.is_chief:
                taken.enter_context(open_run(folder, config, places, changed))
                print(f"Run folder: {folder}")
                if not os.path.exists(folder / ENVIRONMENT_FILE):
                    write_json(folder / ENVIRONMENT_FILE, environment())
                write_json(folder / "networks.json", networks)
        yield


def log_folder(run: Path, network: Path) -> Path:
    """Where a run keeps what TensorBoard shows of a network."""
    return run / "tensorboard" / network.relative_to(run)


def train_jobs(
    run: Path,
    jobs: Sequence[Job],
    line: Callable[[dict], str | None] | None = None,
    hosts: Hosts | None = None,
) -> None:
    """Train what is not trained yet, in order.

    Args:
        run: The run folder.
        jobs: The networks.
        line: Gives, from the logs of an epoch, what is printed of it besides how far the training is; `None` for
            nothing.
        hosts: The hosts that train together, of which the chief alone says how far they are; defaults to this one.
    """
    hosts = alone() if hosts is None else hosts
    finished = hosts.told([job.is_finished for job in jobs])
    if not hosts.is_chief:
        for job, is_finished in zip(jobs, finished, strict=True):
            if not is_finished:
                job.train([])
        return
    if not all(finished):
        _note_source(run / ENVIRONMENT_FILE)
    with TrainingProgress([job.cost for job in jobs]) as progress:
        for part, job in enumerate(jobs):
            if finished[part]:
                continue
            progress.start(part, job.title)
            board = keras.callbacks.TensorBoard(log_dir=str(log_folder(run, job.folder)), write_graph=False)
            record = job.train([board, _Shown(progress, job, line)])
            progress.finish()
            if is_its_start(record):
                print(f"{job.folder.relative_to(run)}: no state was better than the start, which is what is saved.")
            if record["stopped"]:
                print(f"{job.folder.relative_to(run)}: {record['stopped']}.")


def _note_source(path: Path) -> None:
    """Write down that a run goes on with another state of the code than it was trained with so far."""
    environment = read_json(path) if os.path.exists(path) else {}
    if "source" not in environment:  # a run of an older version does not say what it began with
        return
    states, now = [environment["source"], *environment.get("resumed", [])], source()
    if now["code"] not in [state["code"] for state in states]:
        write_json(path, {**environment, "resumed": [*states[1:], now]})


class _Shown(keras.callbacks.Callback):
    """Moves the bar after every batch; prints a line after every epoch where there is something to say."""

    def __init__(self, progress: TrainingProgress, job: Job, line: Callable[[dict], str | None] | None):
        super().__init__()
        self.progress, self.job, self.line = progress, job, line
        self.first: float | None = None
        self.words = ""

    def on_epoch_begin(self, epoch, logs=None):
        self.first = self._share() if self.first is None else self.first

    def on_train_batch_end(self, batch, logs=None):
        self.progress.advance(self._share(), self.first, self.words)

    def on_epoch_end(self, epoch, logs=None):
        self.words = f"loss {logs['loss']:.4g}"
        share = self._share()
        self.progress.advance(share, self.first, self.words)
        text = None if self.line is None else self.line(logs)
        if text is not None:
            self.progress.report(f"{self.job.title}: {share:4.0%}, {text}")

    def _share(self) -> float:
        """How much of the training is done, by the optimizer's own count of steps."""
        return min(1.0, int(np.asarray(self.model.optimizer.iterations)) / self.job.steps)
