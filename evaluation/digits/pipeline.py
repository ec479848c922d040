"""From a finished run to its scores, figures and report."""

import functools
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from evaluation.bootstrap import Bootstrap
from evaluation.digits import figures as plots
from evaluation.digits.answer import answer
from evaluation.digits.claims import check_claims
from evaluation.digits.contrasts import CONTRASTS_FILE, contrast_csv
from evaluation.digits.forms import check_forms
from evaluation.digits.names import root_title, short_label
from evaluation.digits.report import write_report
from evaluation.digits.rivals import Stored, control_of, is_form, is_second_stage, kind_of, rivals_of
from evaluation.digits.scoring import Denoiser, DigitTable, Score, Scorer, score_chains
from evaluation.distributions import tsne_embedding
from evaluation.figures import save_figure
from evaluation.metrics import round_values
from evaluation.progress import tracked
from evaluation.source import SCORED_FILE, source
from evaluation.stored import StoredOptions
from evaluation.table import INPUT
from tf_denoise.data.digits import IMAGE_SHAPE, Digits, load_digits
from tf_denoise.errors import InputError
from tf_denoise.pages import PageFigure
from tf_denoise.runs.contents import read_parents
from tf_denoise.runs.folder import CLASSIFIER_FOLDER, RECORD_FILE, network_folder, read_json
from tf_denoise.runs.loading import load_network
from tf_denoise.runs.writing import write_json, write_text
from tf_denoise.tiling.exact import exact_float32

SHOWN_SETS = ("original", "20%", "50%", "80%", "100%", "mixed")
"""The test sets of the image grids."""
TSNE_SETS = {"demo": ("50%",), "full": SHOWN_SETS}
SHOWN_DIGITS = 20


def evaluate_run(folder: Path, digits: Digits | None = None, tsne_points: int | None = None) -> Path:
    """Score the finished repeats of a run and write its table, figures and report.

    Args:
        folder: The run folder.
        digits: Its data; loaded if not given.
        tsne_points: Test images in each t-SNE embedding, if other than the run's.

    Returns:
        The path of `report.html`.

    Raises:
        InputError: If the folder is not a run with a finished repeat, or its data has changed.
    """
    options = StoredOptions(folder, "iterative")
    digits = digits or load_digits(options["dataset_used"])
    if digits.fingerprint() != options["dataset_fingerprint"]:
        raise InputError(f"The data {options['dataset_used']} is not what the run in {folder} was trained on.")
    read_parents(folder)  # which refuses a damaged tree
    tree = read_json(folder / "networks.json")
    if tsne_points is None:
        tsne_points = options["tsne_points"]
    finished = count_finished(folder, tree, options["repeats"])
    config = {**options, "repeats": finished, "repeats_planned": options["repeats"]}
    if finished < options["repeats"]:
        print(
            f"note: {finished} of {options['repeats']} repeats are trained to their end; the others are left out.",
            file=sys.stderr,
        )
    records = read_records(folder, tree, finished)
    run = _Evaluation(folder, config, digits, tree, records, tsne_points)
    return run.write()


def count_finished(folder: Path, tree: list[dict], repeats: int) -> int:
    """How many repeats are trained to their end, counted from the first.

    Raises:
        InputError: If not even one is.
    """
    places = [folder / CLASSIFIER_FOLDER, *(network_folder(folder, 1, network["name"]) for network in tree)]
    missing = [place for place in places if not os.path.exists(place / RECORD_FILE)]
    if missing:
        raise InputError(
            f"The run in {folder} is not finished: {len(missing)} of the {len(places)} networks of its first repeat "
            f"are still to be trained, the next is {missing[0].relative_to(folder)}. Repeat its command to go on."
        )
    for repeat in range(2, repeats + 1):
        if not all(os.path.exists(network_folder(folder, repeat, network["name"]) / RECORD_FILE) for network in tree):
            return repeat - 1
    return repeats


def read_records(folder: Path, tree: list[dict], repeats: int) -> dict[tuple[int, str], dict]:
    """The training records of all networks, by (repeat, name); the classifier's is (0, "classifier")."""
    places = {(0, CLASSIFIER_FOLDER): folder / CLASSIFIER_FOLDER}
    for repeat in range(1, repeats + 1):
        places |= {(repeat, n["name"]): network_folder(folder, repeat, n["name"]) for n in tree}
    return {place: read_json(path / RECORD_FILE) for place, path in places.items()}


class _Evaluation:
    """One evaluation: what the scoring needs, and what it leaves for the figures."""

    def __init__(self, folder: Path, config: dict, digits: Digits, tree: list[dict], records: dict, tsne_points: int):
        self.folder, self.config, self.digits, self.tree, self.records = folder, config, digits, tree, records
        self.clean = tf.cast(digits.x_test, tf.float32) / 127.5 - 1
        self.tsne_points = min(tsne_points, len(self.clean))
        self.samples: dict[tuple[str, str], np.ndarray] = {}
        self.embeddings: dict[tuple[str, str], np.ndarray] = {}
        self.names = [network["name"] for network in tree]

    def write(self) -> Path:
        table = DigitTable(self._score())
        repeats = self._denoisers()
        write_text(self.folder / "scores.csv", table.csv())
        write_json(self.folder / "scores.json", table.records())
        write_json(self.folder / SCORED_FILE, source())
        children = [n["name"] for n in self.tree if n["role"] == "child" and not is_form(n)]
        findings = check_claims(
            table, repeats[0], {child: control_of(child) for child in children}, self.config["renoise_at_evaluation"]
        )
        findings = check_forms(table, self.tree) + findings
        write_text(self.folder / CONTRASTS_FILE, contrast_csv(findings))
        return write_report(
            self.folder,
            config=self.config,
            environment=read_json(self.folder / "environment.json"),
            tree=self.tree,
            records=self.records,
            table=table,
            answer=answer(table, self.tree),
            findings=findings,
            figures=list(self._figures(table)),
            tsne_points=self.tsne_points,
        )

    def _score(self) -> list[Score]:
        classifier = _exact(load_network(self.folder / CLASSIFIER_FOLDER))
        scorer = Scorer(self.clean, self.digits.y_test, classifier, IMAGE_SHAPE, bootstrap=Bootstrap(len(self.clean)))
        return score_chains(
            scorer,
            self.clean,
            self._denoisers(),
            seed=self.config["seed"],
            renoise_at_evaluation=self.config["renoise_at_evaluation"],
            observe=self._observe,
            progress=functools.partial(tracked, title="Scoring"),
        )

    @functools.cache  # noqa: B019 (the evaluation lives as long as the command)
    def _denoisers(self) -> list[list[Denoiser]]:
        return [
            [_denoiser(n, load_network(network_folder(self.folder, repeat, n["name"]))) for n in self.tree]
            for repeat in range(1, self.config["repeats"] + 1)
        ]

    def _observe(self, repeat: int, network: str, test_set: str, prediction: tf.Tensor) -> None:
        if repeat > 1 or test_set not in SHOWN_SETS:
            return
        self.samples[network, test_set] = prediction[:SHOWN_DIGITS].numpy()
        if self.tsne_points > 3 and test_set in TSNE_SETS[self.config["profile"]]:
            values = round_values((prediction[: self.tsne_points] + 1) / 2)
            self.embeddings[network, test_set] = tsne_embedding(values.numpy(), seed=self.config["seed"])

    def _figures(self, table: DigitTable) -> Iterator[PageFigure]:
        def made(section: str, name: str, description: str, figure) -> PageFigure:
            return PageFigure(section, name, description, save_figure(figure, self.folder / "figures" / name))

        roots = [network["name"] for network in self.tree if network["role"] == "parent"]
        families = {root: [n for n in self.names if n == root or n.startswith(root + "/")] for root in roots}
        pairs = self._pairs()
        if pairs:
            title = f"{root_title(pairs[0][0].split('/')[0])}: each network against one network of equal training"
            yield made("answer", "answer.png", title, plots.against_controls(table, pairs, title))
        for root, family in families.items():
            for kind, group in self._groups(family).items():
                title = f"{root_title(root)}, {'second stages of other forms' if kind else 'its children'} and controls"
                file = f"measures-{root}{kind}.png"
                yield made("panels", file, f"Eight measures over noise level: {title}",
                           plots.measure_panels(table, group, title))  # fmt: skip
        for test_set in SHOWN_SETS:
            rows = [("target", self.clean[:SHOWN_DIGITS].numpy()), ("input", self.samples[INPUT, test_set])]
            rows += [(short_label(name), self.samples[name, test_set]) for name in self.names]
            title = _set_title(test_set)
            file = f"digits-{test_set.rstrip('%')}.png"
            yield made("digits", file, title, plots.image_grid(rows, title, IMAGE_SHAPE[:2]))
        if self.embeddings:
            for test_set in TSNE_SETS[self.config["profile"]]:
                panels = [("noisy input", self.embeddings[INPUT, test_set])]
                panels += [(short_label(name), self.embeddings[name, test_set]) for name in self.names]
                labels = self.digits.y_test[: self.tsne_points]
                title = f"t-SNE of {self.tsne_points:,} digits: {_set_title(test_set)}"
                file = f"tsne-{test_set.rstrip('%')}.png"
                yield made("tsne", file, title, plots.embedding_scatters(panels, labels, title))
        for root, family in families.items():
            histories = [(n, r["history"]) for (_, n), r in self.records.items() if n in family]
            title = f"Training: {root_title(root)}, all that is below it, and its controls"
            yield made("curves", f"training-{root}.png", title, plots.training_curves(histories, family, title))

    def _pairs(self) -> list[tuple[str, str]]:
        """The networks of the answer's figure, each with what it is held against: of the multi-level branch if any."""
        stages = [network for network in self.tree if is_second_stage(network)]
        if not stages:
            return []
        root = "multi_level" if any(n["name"].startswith("multi_level/") for n in stages) else "one_level"
        stages = [network for network in stages if network["name"].startswith(f"{root}/")]
        controls = [n["name"] for n in self.tree if n["role"] == "control" and n["name"].startswith(f"{root}/")]
        pairs = [(root, controls[0])]
        pairs += [(network["name"], rivals_of(network, self.tree)[0]) for network in stages]
        return pairs + [(name, name.rpartition("_")[0]) for name in controls if kind_of(name)]

    def _groups(self, family: list[str]) -> dict[str, list[str]]:
        """The networks of each figure of measures: those of the original study, then those of other forms."""
        forms = [n["name"] for n in self.tree if is_form(n) and n["name"] in family]
        plain = [name for name in family if name not in forms and not kind_of(name)]
        children = [n["name"] for n in self.tree if n["role"] == "child" and n["name"] in plain]
        groups = {"": plain} if children or not forms else {}
        return groups | ({"-forms": [n for n in family if n not in children]} if forms else {})


def _set_title(test_set: str) -> str:
    if test_set in ("original", "mixed"):
        return {"original": "original digits, no noise", "mixed": "mixed noise levels"}[test_set]
    return f"{test_set} noise"


def _denoiser(network: Stored, model) -> Denoiser:
    sees_both = getattr(model, "sees_both", False)
    return Denoiser(network["name"], network["parent"], network["renoise"], _exact(model), sees_both)


def _exact(model) -> Callable[[tf.Tensor], tf.Tensor]:
    call = tf.function(functools.partial(model, training=False), reduce_retracing=True)

    def predict(images: tf.Tensor) -> tf.Tensor:
        with exact_float32():
            return call(images)

    return predict
