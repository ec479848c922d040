"""What `python -m training.iterative` does: train the classifier and every network of the tree, then evaluate."""

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

import keras
import tensorflow as tf

from evaluation.digits.pipeline import evaluate_run
from tf_denoise.data import draw_batch
from tf_denoise.data.digits import NUM_CLASSES, Digits, load_digits
from tf_denoise.fitting.loop import learning_rate, steps_per_execution, train
from tf_denoise.models import DenseAutoencoder, DigitClassifier
from tf_denoise.noise import SaltAndPepper, level_schedule
from tf_denoise.runs.contents import CHAIN_MSE
from tf_denoise.runs.folder import (
    CLASSIFIER_FOLDER,
    CONFIG_FILE,
    RECORD_FILE,
    network_folder,
    open_run,
    read_json,
    write_json,
)
from tf_denoise.runs.loading import load_network
from tf_denoise.seeds import derive_seed
from training.iterative.lineage import (
    ChainTrainer,
    Network,
    ancestry,
    chain_batches,
    chain_mse,
    chain_noises,
    grow_tree,
    to_signed,
    validation_batch,
    validation_noise,
)
from training.iterative.options import IterativeOptions
from training.progress import Overall
from training.setting import environment, precision

EPOCH_DRAWS = 60_000
"""Training images in an epoch, whatever the noise schedule, so that budgets compare."""
CLASSIFIER_BATCH = 32


def run_iterative(config: IterativeOptions) -> None:
    """Train what is not trained yet, score everything and write the report.

    Raises:
        InputError: If the data or the output folder is not what it should be.
    """
    tree = grow_tree(config.one_level, config.children, config.depth)
    digits = _load(config)
    print(f"Data: {digits.description}")
    stored = dataclasses.asdict(config)
    folder = Path(stored.pop("output"))
    stored |= {
        "command": "iterative",
        "dataset_used": digits.name if config.dataset == "auto" else config.dataset,
        "dataset_description": digits.description,
        "dataset_fingerprint": digits.fingerprint(),
    }
    if stored["dataset_used"] not in ("mnist", "digits"):
        stored["dataset"] = stored["dataset_used"] = str(Path(stored["dataset_used"]).resolve())
    changed = {"dataset_fingerprint": lambda: f"the digits of {stored['dataset_used']} are other ones by now"}
    with open_run(folder, stored, ("dataset", "dataset_used"), changed):
        print(f"Run folder: {folder}")
        if not (folder / "environment.json").exists():
            write_json(folder / "environment.json", environment())
        write_json(folder / "networks.json", [dataclasses.asdict(network) for network in tree])
        Trainer(config, digits, tree, folder).train_all()
        report = evaluate_run(folder, digits)
    print(f"Data: {digits.description}")
    print(f"Report: {report}")


def _load(config: IterativeOptions) -> Digits:
    """The data. A run that had to take the embedded digits goes on with them when the network is back."""
    if config.dataset == "auto" and os.path.isfile(config.output / CONFIG_FILE):  # False, where a path cannot be
        stored = read_json(config.output / CONFIG_FILE)
        if isinstance(stored, dict) and stored.get("dataset") == "auto" and "dataset_used" in stored:
            digits = load_digits(stored["dataset_used"])
            return dataclasses.replace(digits, description=stored["dataset_description"])
    return load_digits(config.dataset)


class Trainer:
    """Trains the networks of all repeats in order.

    Args:
        config: The resolved configuration.
        digits: The data.
        tree: The networks of one repeat.
        folder: The run folder.
    """

    def __init__(self, config: IterativeOptions, digits: Digits, tree: list[Network], folder: Path):
        self.config, self.tree, self.folder = config, tree, folder
        self.digits = digits
        self.clean = to_signed(digits.x_train)
        self.held_out = to_signed(digits.x_validation)

    def train_all(self) -> None:
        """Train the classifier, then each repeat's networks, parents before children; finished ones are skipped."""
        jobs = [("classifier", self._train_classifier, 1.0)]
        for repeat in range(1, self.config.repeats + 1):
            for network in self.tree:
                generation = len(ancestry(network, self.tree)) - 1
                jobs.append(
                    (
                        self._title(repeat, network),
                        self._trainer_of(repeat, network),
                        network.trainings * self.config.epochs * (1 + generation / 3),
                    )
                )
        overall = Overall([cost for _, _, cost in jobs])
        for part, (name, job, _) in enumerate(jobs):
            overall.start(part, name)
            if job(verbose=1 if overall.is_terminal else 0):
                overall.finish(part)

    def _title(self, repeat: int, network: Network) -> str:
        return network.name if self.config.repeats == 1 else f"{network.name} (repeat {repeat})"

    def _trainer_of(self, repeat: int, network: Network):
        return lambda verbose: self._train_network(repeat, network, verbose)

    def _train_network(self, repeat: int, network: Network, verbose: int) -> bool:
        folder = network_folder(self.folder, repeat, network.name)
        if (folder / RECORD_FILE).exists():
            return False
        config = self.config
        keras.backend.clear_session()
        keras.utils.set_random_seed(derive_seed(config.seed, repeat, network.name, "weights"))
        chain = ancestry(network, self.tree)
        ancestors = [load_network(network_folder(self.folder, repeat, member.name)) for member in chain[:-1]]
        held_out_noise = validation_noise(network.noise)
        with precision(config.mixed_precision):  # the trainer too: Keras scales the loss by the trainer's policy
            autoencoder = DenseAutoencoder(self.clean.shape[1], config.hidden_units, name="autoencoder")
            trainer = ChainTrainer(
                autoencoder, ancestors, chain_noises(chain), SaltAndPepper(level_schedule(held_out_noise))
            )
        steps = max(1, round(EPOCH_DRAWS / config.batch_size))
        epochs = config.epochs * network.trainings
        self._compile(trainer, "mse", steps, epochs, config.learning_rate, config.jit_compile)
        seed = derive_seed(config.seed, repeat, network.name, "batches")
        self._train(
            trainer,
            autoencoder,
            lambda step: chain_batches(self.clean, network.noise, config.batch_size, seed, step),
            folder,
            epochs=epochs,
            steps_per_epoch=steps,
            validation=validation_batch(self.held_out, held_out_noise, derive_seed(config.seed, "validation")),
            measure=lambda: {
                CHAIN_MSE: chain_mse(autoencoder, ancestors, self.held_out, derive_seed(config.seed, "validation"))
            },
            verbose=verbose,
        )
        return True

    def _train_classifier(self, verbose: int) -> bool:
        folder = self.folder / CLASSIFIER_FOLDER
        if (folder / RECORD_FILE).exists():
            return False
        keras.backend.clear_session()
        keras.utils.set_random_seed(derive_seed(self.config.seed, "classifier"))
        with precision(self.config.mixed_precision):
            classifier = DigitClassifier(self.clean.shape[1], name="classifier")
        labels = keras.ops.one_hot(self.digits.y_train, NUM_CLASSES)
        clean = self.clean

        def batches(start_step):
            def batch(step):
                index, _ = draw_batch(step, CLASSIFIER_BATCH, len(clean), seed=self.config.seed)
                return tf.gather(clean, index), tf.gather(labels, index)

            return tf.data.Dataset.counter(start_step).map(batch, num_parallel_calls=1).prefetch(32)

        steps = EPOCH_DRAWS // CLASSIFIER_BATCH
        epochs = max(1, min(10, self.config.epochs))
        # Not compiled by XLA: with 32 images a step its small operations ran faster as TensorFlow's own (busy machine).
        self._compile(classifier, "categorical_crossentropy", steps, epochs, 1e-3, False, ["accuracy"])
        held_out = (self.held_out, keras.ops.one_hot(self.digits.y_validation, NUM_CLASSES))
        self._train(
            classifier,
            classifier,
            batches,
            folder,
            epochs=epochs,
            steps_per_epoch=steps,
            validation=tf.data.Dataset.from_tensors(held_out),
            verbose=verbose,
        )
        return True

    def _compile(self, model, loss: str, steps: int, epochs: int, peak: float, jit_compile: bool, metrics=()) -> None:
        schedule = learning_rate(peak, steps, epochs)
        model.compile(
            keras.optimizers.Adam(schedule),
            loss,
            metrics=list(metrics),
            jit_compile=jit_compile,
            steps_per_execution=steps_per_execution(steps),
        )

    def _train(self, model, network, batches: Callable[[int], tf.data.Dataset], folder: Path, **options) -> None:
        logs = self.folder / "tensorboard" / folder.relative_to(self.folder)
        board = keras.callbacks.TensorBoard(log_dir=str(logs), write_graph=False)
        record = train(model, network, batches, folder, validation_steps=1, callbacks=[board], **options)
        if record["stopped"]:
            print(f"{folder.relative_to(self.folder)}: {record['stopped']}.")
