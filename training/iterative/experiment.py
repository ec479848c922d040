"""What `python -m training.iterative` does: train the classifier and every network of the tree, then evaluate."""

import dataclasses
import functools
import os
from collections.abc import Sequence
from pathlib import Path

import keras
import tensorflow as tf

from evaluation.digits.pipeline import evaluate_run
from tf_denoise.data import draw_batch
from tf_denoise.data.digits import NUM_CLASSES, Digits, load_digits
from tf_denoise.fitting.loop import steps_per_execution, train
from tf_denoise.fitting.optimizer import learning_rate
from tf_denoise.hosts.hosts import Hosts, alone
from tf_denoise.models import DenseAutoencoder, DigitClassifier, RefiningAutoencoder, TwoStageAutoencoder
from tf_denoise.noise import SaltAndPepper, level_schedule
from tf_denoise.paths import real_path
from tf_denoise.runs.contents import CHAIN_MSE
from tf_denoise.runs.folder import CLASSIFIER_FOLDER, CONFIG_FILE, check_run_folder, network_folder, read_json
from tf_denoise.runs.loading import load_network
from tf_denoise.seeds import derive_seed
from training.iterative.forms import begin_as, begin_with
from training.iterative.lineage import (
    ROOTS,
    ChainTrainer,
    Network,
    ancestry,
    chain_batches,
    chain_mse,
    chain_noises,
    grow_tree,
    to_signed,
    total_trainings,
    validation_batch,
    validation_noise,
)
from training.iterative.options import NEWER, IterativeOptions
from training.iterative.sizes import chain_multiply_adds, multiply_adds, units_of
from training.runner import Job, running, title, train_jobs
from training.setting import check_precision, precision

EPOCH_DRAWS = 60_000
"""Training images in an epoch, whatever the noise schedule, so that budgets compare."""
CLASSIFIER_BATCH = 32


def run_iterative(options: IterativeOptions, hosts: Hosts | None = None) -> None:
    """Train what is not trained yet, score everything and write the report.

    Args:
        options: The options, resolved.
        hosts: The hosts that train together; defaults to this one. The chief writes the run folder, and scores.

    Raises:
        InputError: If the data or the output folder is not what it should be.
    """
    hosts = alone() if hosts is None else hosts
    check_precision(options.mixed_precision, hosts)
    read: list[Digits] = []
    used = hosts.on_chief(lambda: _read_first(options, read))
    with hosts.all_or_none():
        hosts.share(options.batch_size)
        tree = grow_tree(
            options.one_level, options.children, options.depth, options.forms, options.controls or (), options.parents
        )
        digits = read[0] if read else load_digits(used)
    print(f"Data: {digits.description}")
    folder, stored = options.output, _stored(options, digits)
    networks = [_described(network, tree, digits.x_train.shape[1], options.hidden_units) for network in tree]
    changed = {
        "dataset_fingerprint": lambda: (f"on other data: the digits of {stored['dataset_used']} are other ones", "data")
    }
    with running(folder, stored, networks, ("dataset", "dataset_used"), changed, hosts):
        train_jobs(folder, Trainer(options, digits, tree, folder, hosts).jobs(), hosts=hosts)
        if not hosts.is_chief:
            print("The chief scores the networks and writes the report.")
            return
        report = evaluate_run(folder, digits)
    print(f"Data: {digits.description}")
    print(f"Report: {report}")


def _read_first(options: IterativeOptions, read: list[Digits]) -> str:
    """Put the digits into `read`; what they are called. `auto` is what the chief took: others may see no network."""
    check_run_folder(options.output)
    read.append(_load(options))
    return read[0].name if options.dataset == "auto" else options.dataset


def _load(options: IterativeOptions) -> Digits:
    """The data. A run that had to take the embedded digits goes on with them when the network is back."""
    if options.dataset == "auto" and os.path.isfile(options.output / CONFIG_FILE):  # False, where a path cannot be
        stored = read_json(options.output / CONFIG_FILE)
        if isinstance(stored, dict) and stored.get("dataset") == "auto" and "dataset_used" in stored:
            digits = load_digits(stored["dataset_used"])
            return dataclasses.replace(digits, description=stored["dataset_description"])
    return load_digits(options.dataset)


def _stored(options: IterativeOptions, digits: Digits) -> dict:
    """What the run keeps of its options, and which data it took."""
    used = digits.name if options.dataset == "auto" else options.dataset
    stored = dataclasses.asdict(options) | {
        "command": "iterative",
        "dataset_used": used if used in ("mnist", "digits") else str(real_path(used)),
        "dataset_description": digits.description,
        "dataset_fingerprint": digits.fingerprint(),
    }
    if stored["dataset_used"] not in ("mnist", "digits"):
        stored["dataset"] = stored["dataset_used"]
    del stored["output"]
    if not options.forms and set(options.parents) == set(ROOTS):
        for name in NEWER:
            del stored[name]
    return stored


def _described(network: Network, tree: list[Network], size: int, hidden_units: Sequence[int]) -> dict:
    """What `networks.json` says of a network."""
    return dataclasses.asdict(network) | {
        "hidden_units": units_of(network, tree, size, hidden_units),
        "multiply_adds": chain_multiply_adds(network, tree, size, hidden_units),
        "total_trainings": total_trainings(network, tree),
    }


class Trainer:
    """Trains the networks of all repeats.

    Args:
        options: The options, resolved.
        digits: The data.
        tree: The networks of one repeat.
        folder: The run folder.
        hosts: The hosts that train together; defaults to this one.
    """

    def __init__(
        self,
        options: IterativeOptions,
        digits: Digits,
        tree: list[Network],
        folder: Path,
        hosts: Hosts | None = None,
    ):
        self.hosts = alone() if hosts is None else hosts
        self.options, self.digits, self.tree, self.folder = options, digits, tree, folder
        self.clean = to_signed(digits.x_train)
        self.held_out = to_signed(digits.x_validation)

    def jobs(self) -> list[Job]:
        """The classifier, then each repeat's networks, parents before children."""
        epochs = _classifier_epochs(self.options)
        steps = epochs * (EPOCH_DRAWS // CLASSIFIER_BATCH)
        jobs = [Job("classifier", self.folder / CLASSIFIER_FOLDER, 1.0, self._train_classifier, steps)]
        for repeat in range(1, self.options.repeats + 1):
            jobs += [self._job(repeat, network) for network in self.tree]
        return jobs

    def _job(self, repeat: int, network: Network) -> Job:
        return Job(
            title(network.name, repeat, self.options.repeats),
            network_folder(self.folder, repeat, network.name),
            network.trainings * self.options.epochs * self._cost_of_a_step(network),
            functools.partial(self._train_network, repeat, network),
            self.options.epochs * network.trainings * _steps_per_epoch(self.options),
        )

    def _cost_of_a_step(self, network: Network) -> float:
        """Multiply-adds of a training step; what is not trained is only run forwards, a third of the work."""
        size, units = self.clean.shape[1], self.options.hidden_units
        whole = chain_multiply_adds(network, self.tree, size, units)
        parent = next((member for member in self.tree if member.name == network.parent), None)
        frozen = 0 if parent is None else chain_multiply_adds(parent, self.tree, size, units)
        return (whole - 2 / 3 * frozen) / multiply_adds(size, units)

    def _new(self, network: Network) -> DenseAutoencoder | RefiningAutoencoder | TwoStageAutoencoder:
        """A network that is not trained yet."""
        size, units = self.clean.shape[1], units_of(network, self.tree, self.clean.shape[1], self.options.hidden_units)
        if network.form is None:
            return DenseAutoencoder(size, units, name="autoencoder")
        kind = TwoStageAutoencoder if network.role == "stages" else RefiningAutoencoder
        return kind(size, units, network.form, name="autoencoder")

    def _begins_with(self, network: Network, repeat: int) -> list[keras.Model]:
        """The networks whose weights a network begins with: one, or a chain of two; none where they are random."""
        if network.begins is None:
            return []
        by_name = {member.name: member for member in self.tree}
        return [self._trained(member, repeat) for member in ancestry(by_name[network.begins], self.tree)]

    def _trained(self, network: Network, repeat: int) -> keras.Model:
        """A network that is trained already. The chief reads it, and tells its weights to the other hosts."""
        if self.hosts.is_chief:
            found = load_network(network_folder(self.folder, repeat, network.name))
            self.hosts.told_arrays(found.get_weights())
            return found
        built = self._new(network)
        built.set_weights(self.hosts.told_arrays())
        return built

    def _train_network(self, repeat: int, network: Network, callbacks: list[keras.callbacks.Callback]) -> dict:
        options = self.options
        keras.backend.clear_session()
        keras.utils.set_random_seed(derive_seed(options.seed, repeat, network.name, "weights"))
        chain = ancestry(network, self.tree)
        ancestors = [self._trained(member, repeat) for member in chain[:-1]]
        held_out_noise = validation_noise(network.noise)
        share = self.hosts.share(options.batch_size)
        whole = options.batch_size if share.of > 1 else None
        begun = self._begins_with(network, repeat)
        # Within the precision the trainer too: Keras scales the loss by the trainer's.
        with self.hosts.strategy.scope(), precision(options.mixed_precision):
            autoencoder = self._new(network)
            if begun:
                begin = begin_with if len(begun) > 1 else begin_as
                begin(autoencoder, *begun)
            trainer = ChainTrainer(
                autoencoder, ancestors, chain_noises(chain), SaltAndPepper(level_schedule(held_out_noise)), whole
            )
            steps = _steps_per_epoch(options)
            epochs = options.epochs * network.trainings
            rate = options.learning_rate if network.begins is None else options.continued_learning_rate
            jit = bool(options.jit_compile) and self.hosts.count == 1  # XLA has no exchange between hosts here
            _compile(trainer, "mse", steps, epochs, rate, jit)
        seed = derive_seed(options.seed, repeat, network.name, "batches")
        return train(
            trainer,
            autoencoder,
            lambda step: chain_batches(self.clean, network.noise, options.batch_size, seed, step, share),
            network_folder(self.folder, repeat, network.name),
            epochs=epochs,
            steps_per_epoch=steps,
            validation=validation_batch(self.held_out, held_out_noise, derive_seed(options.seed, "validation")),
            validation_steps=1,
            measure=lambda: {
                CHAIN_MSE: chain_mse(autoencoder, ancestors, self.held_out, derive_seed(options.seed, "validation"))
            },
            callbacks=callbacks,
            hosts=self.hosts,
        )

    def _train_classifier(self, callbacks: list[keras.callbacks.Callback]) -> dict:
        options = self.options
        keras.backend.clear_session()
        keras.utils.set_random_seed(derive_seed(options.seed, "classifier"))
        with self.hosts.strategy.scope(), precision(options.mixed_precision):
            classifier = DigitClassifier(self.clean.shape[1], name="classifier")
            steps = EPOCH_DRAWS // CLASSIFIER_BATCH
            epochs = _classifier_epochs(options)
            # Not compiled by XLA: with 32 images a step its small operations ran faster as TensorFlow's own (busy
            # machine). On several hosts every device sees whole batches: they are small.
            accuracy = keras.metrics.CategoricalAccuracy("accuracy")
            _compile(classifier, "categorical_crossentropy", steps, epochs, 1e-3, False, [accuracy])
        labels = keras.ops.one_hot(self.digits.y_train, NUM_CLASSES)
        devices = self.hosts.strategy.num_replicas_in_sync // self.hosts.count
        held_out = (self.held_out, keras.ops.one_hot(self.digits.y_validation, NUM_CLASSES))
        return train(
            classifier,
            classifier,
            lambda step: labelled_batches(self.clean, labels, CLASSIFIER_BATCH, options.seed, step, devices),
            self.folder / CLASSIFIER_FOLDER,
            epochs=epochs,
            steps_per_epoch=steps,
            validation=tf.data.Dataset.from_tensors(held_out),
            validation_steps=1,
            callbacks=callbacks,
            hosts=self.hosts,
        )


def _steps_per_epoch(options: IterativeOptions) -> int:
    return max(1, round(EPOCH_DRAWS / options.batch_size))


def _classifier_epochs(options: IterativeOptions) -> int:
    return max(1, min(10, options.epochs))


def _compile(model, loss: str, steps: int, epochs: int, peak: float, jit_compile: bool, metrics=()) -> None:
    model.compile(
        keras.optimizers.Adam(learning_rate(peak, steps, epochs)),
        loss,
        metrics=list(metrics),
        jit_compile=jit_compile,
        steps_per_execution=steps_per_execution(steps),
    )


def labelled_batches(
    clean, labels, batch_size: int, seed: int, start_step: int = 0, devices: int = 1
) -> tf.data.Dataset:
    """The endless batches `(image, label)` of the classifier; a batch depends on (seed, step) alone.

    Args:
        clean: Float32 array `(images, size)`.
        labels: Float32 array `(images, classes)`.
        batch_size: Images per batch.
        seed: Integer seed of the order.
        start_step: Number of the first batch.
        devices: How many devices of this host see each batch, one after the other.
    """

    def batch(step):
        index, _ = draw_batch(step, batch_size, len(clean), seed=seed)
        return tf.gather(clean, index), tf.gather(labels, index)

    batches = tf.data.Dataset.counter(start_step).map(batch, num_parallel_calls=1)
    if devices > 1:
        batches = batches.flat_map(lambda *pair: tf.data.Dataset.from_tensors(pair).repeat(devices))
    return batches.prefetch(32)
