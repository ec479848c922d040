"""Scores every chain of a run on the twelve test sets, one row per value."""

import dataclasses
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tensorflow as tf

from evaluation import metrics
from evaluation.bootstrap import Bootstrap, interval
from evaluation.digits.table import DigitTable, Score
from evaluation.digits.test_sets import TEST_SETS, noisy_test_set, renoise_for
from evaluation.distributions import PixelStatistics
from evaluation.table import INPUT
from tf_denoise.chain import seen_by

__all__ = ["ROUNDED", "UNROUNDED", "Denoiser", "DigitTable", "Score", "Scorer", "score_chains"]

ROUNDED = ("mse", "pixel_accuracy", "mae", "binary_crossentropy", "ssim", "psnr", "pixel_frechet_distance")
UNROUNDED = ("mse", "mae", "binary_crossentropy", "classifier_accuracy", "ssim", "psnr", "pixel_frechet_distance")
"""The classifier sees the raw output; pixel accuracy means something on rounded values alone."""

_CHUNK = 1000


@dataclasses.dataclass(frozen=True)
class Denoiser:
    """A trained network of a run and its place in the chain.

    Attributes:
        name: Path in the tree.
        parent: Name of the network whose predictions it takes, or `None`.
        renoise: How its training renoised those predictions, as `level_schedule` reads it.
        predict: Images `(images, size)` in [-1, 1] to images of the same shape; takes `(images, 2 * size)`, the noisy
            digits and the predictions, where it `sees_both`.
        sees_both: Whether it sees the noisy digits beside the predictions.
    """

    name: str
    parent: str | None
    renoise: str | None
    predict: Callable[[tf.Tensor], tf.Tensor]
    sees_both: bool = False

    def refine(self, noisy: tf.Tensor, prediction: tf.Tensor) -> tf.Tensor:
        """What it makes of its parent's predictions, or of the noisy digits if it has no parent."""
        return self.predict(seen_by(self, noisy, prediction))


class Scorer:
    """Holds what all scores share: the target, its statistics, the classifier and the bootstrap's draws.

    Args:
        clean: float32 `(images, size)` in [-1, 1].
        labels: Integers `(images,)`.
        classify: Images `(images, size)` in [-1, 1] to class probabilities `(images, classes)`.
        image_shape: `(height, width, channels)` of an image.
        rounded: Score the values as the notebook rounds them.
        unrounded: Score them as they are.
        bootstrap: Resamples images; `None` for no intervals.
    """

    def __init__(
        self, clean, labels, classify, image_shape, *, rounded=True, unrounded=True, bootstrap: Bootstrap | None = None
    ):
        self.labels, self.classify, self.image_shape = np.asarray(labels), classify, image_shape
        self.bootstrap = bootstrap
        target = (tf.convert_to_tensor(clean) + 1) / 2
        targets = {True: metrics.round_values(target), False: target}
        self.targets = {
            kind: (targets[kind], PixelStatistics.of(targets[kind].numpy()))
            for kind, wanted in ((True, rounded), (False, unrounded))
            if wanted
        }

    def measure(self, prediction: tf.Tensor) -> Iterable[tuple[str, bool, float, np.ndarray | None]]:
        """`(measure, rounded, value, value per image or None)` of images in [-1, 1]."""
        correct = np.argmax(self.classify(prediction), axis=1) == self.labels
        values = (prediction + 1) / 2
        for rounded, (target, statistics) in self.targets.items():
            images = metrics.round_values(values) if rounded else values
            for measure, per_image in _per_image(target, images, self.image_shape, rounded).items():
                yield measure, rounded, float(np.mean(per_image, dtype="float64")), per_image
            yield "pixel_frechet_distance", rounded, statistics.frechet_distance(images.numpy()), None
        # The classifier sees the raw output; its accuracy is listed with the unrounded measures.
        yield "classifier_accuracy", False, float(correct.mean()), correct.astype("float32")

    def score(self, prediction: tf.Tensor, **place) -> list[Score]:
        """The rows of a prediction; `place` is repeat, network, renoised and test_set."""
        rows, series = [], []
        for measure, rounded, value, per_image in self.measure(prediction):
            rows.append(Score(**place, measure=measure, rounded=rounded, value=value))
            series.append(per_image)
        if self.bootstrap is None:
            return rows
        replicates = iter(self.bootstrap.means(np.stack([s for s in series if s is not None], 1)).T)
        for index, per_image in enumerate(series):
            if per_image is not None:
                means = next(replicates)
                low, high = interval(means)
                rows[index] = dataclasses.replace(rows[index], low=low, high=high, replicates=means)
        return rows


def _per_image(target: tf.Tensor, images: tf.Tensor, image_shape, rounded: bool) -> dict[str, np.ndarray]:
    def measured(start):
        stop = start + _CHUNK
        return _measure_chunk(target[start:stop], images[start:stop], tuple(image_shape), rounded)

    with ThreadPoolExecutor(os.cpu_count()) as cores:  # XLA takes one of them for a chunk
        chunks = list(cores.map(measured, range(0, len(images), _CHUNK)))
    return {measure: np.concatenate([chunk[measure] for chunk in chunks]) for measure in chunks[0]}


@tf.function(reduce_retracing=True, jit_compile=True)  # XLA computes the similarity of grey images thrice as fast
def _measure_chunk(target, images, image_shape, rounded):
    squares, shaped = (tf.reshape(values, (-1, *image_shape)) for values in (target, images))
    measures = {
        "mse": metrics.mean_squared_error(target, images),
        "mae": metrics.mean_absolute_error(target, images),
        "binary_crossentropy": metrics.binary_crossentropy(target, images),
        "ssim": metrics.ssim(squares, shaped, max_val=1.0),
        "psnr": metrics.psnr(squares, shaped, max_val=1.0),
    }
    if rounded:
        measures["pixel_accuracy"] = metrics.pixel_accuracy(target, images)
    return measures


def score_chains(
    scorer: Scorer,
    clean: tf.Tensor,
    repeats: Sequence[Sequence[Denoiser]],
    seed: int,
    *,
    renoise_at_evaluation: bool,
    observe: Callable[[int, str, str, tf.Tensor], None] = lambda *place: None,
    progress: Callable[[Sequence[str]], Iterable[str]] = iter,
) -> list[Score]:
    """Score all chains of all repeats on all test sets.

    A parent sees the noisy digits, a child its parent's prediction, or both. With `renoise_at_evaluation` every
    child whose training renoised is scored once more behind renoised predictions; there the whole chain is renoised.

    Args:
        scorer: The measures.
        clean: The clean test images, float32 `(images, size)` in [-1, 1].
        repeats: The networks of each repeat, parents before children.
        seed: Integer seed of the test sets' noise, the same for all repeats.
        renoise_at_evaluation: Whether to make the second pass.
        observe: Called with (repeat, network, test set, prediction) of the first pass, `INPUT` and the target too.
        progress: Wraps the test sets to show how far the scoring is.

    Returns:
        The rows of the table.
    """
    rows = []
    for test_set in progress(TEST_SETS):
        noisy, levels = noisy_test_set(clean, test_set, seed)
        rows += scorer.score(noisy, repeat=0, network=INPUT, renoised=False, test_set=test_set)
        observe(0, INPUT, test_set, noisy)
        for repeat, networks in enumerate(repeats, 1):
            plain: dict[str | None, tf.Tensor] = {None: noisy}
            renoised: dict[str | None, tf.Tensor] = {None: noisy}
            for index, network in enumerate(networks):
                place = {"repeat": repeat, "network": network.name, "test_set": test_set}
                plain[network.name] = network.refine(noisy, plain[network.parent])
                rows += scorer.score(plain[network.name], renoised=False, **place)
                observe(repeat, network.name, test_set, plain[network.name])
                if not renoise_at_evaluation:
                    continue
                if network.renoise in (None, "0"):
                    renoised[network.name] = plain[network.name]
                    continue
                key = (seed + 100_000 + index, TEST_SETS.index(test_set))  # another noise for every network and set
                source = renoise_for(network.renoise, renoised[network.parent], levels, key)
                renoised[network.name] = network.refine(noisy, source)
                rows += scorer.score(renoised[network.name], renoised=True, **place)
    return rows
