"""How fast is the scoring of one network, against the notebook's own way, and are the numbers equal?

    python benchmarks/scoring.py            # all 12 test sets; --sets N for the first N

Both sides predict with the same network on the same noisy digits and take the rounded measures; t-SNE and bootstrap
are left out. They take turns, one test set each. Tracing and compiling are done before, on a few images.

The notebook's way: `model.predict`, `classifier.evaluate`, Keras' metric objects, `tf.image` on all images as the
channels of one, SciPy's `sqrtm` of the product of both covariances.
"""

import argparse
import functools
import os
import statistics
import time
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import scipy.linalg
import tensorflow as tf
from peers import machine

from evaluation.digits.scoring import Scorer
from evaluation.digits.test_sets import TEST_SETS, noisy_test_set
from tf_denoise.data.digits import IMAGE_SHAPE, NUM_CLASSES, load_digits
from tf_denoise.models import DenseAutoencoder, DigitClassifier

SAME_DEFINITION = ("mse", "mae", "pixel_accuracy", "classifier_accuracy", "pixel_frechet_distance")
"""SSIM and PSNR are per image here and pooled there; the notebook's cross-entropy has its arguments swapped."""
TOLERANCE = 1e-4


def many_digits(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Digits in [-1, 1] and labels: the embedded ones, each repetition shifted and of another brightness."""
    digits, random = load_digits("digits"), np.random.default_rng(seed)
    pick = random.integers(len(digits.x_train), size=count)
    images = digits.x_train[pick].reshape(-1, 28, 28) / 255
    shifts = random.integers(-2, 3, (count, 2))
    images = np.stack([np.roll(image, shift, (0, 1)) for image, shift in zip(images, shifts, strict=True)])
    images = np.clip(images * random.uniform(0.8, 1.2, (count, 1, 1)), 0, 1)
    return (images.reshape(count, -1) * 2 - 1).astype("float32"), digits.y_train[pick]


def trained_networks(epochs: int) -> tuple[keras.Model, keras.Model]:
    """An autoencoder and a classifier, trained briefly so that their output looks like digits."""
    keras.utils.set_random_seed(0)
    clean, labels = many_digits(20_000, seed=1)
    noisy, _ = noisy_test_set(tf.constant(clean), "mixed", 1)
    network, classifier = DenseAutoencoder(784), DigitClassifier(784)
    network.compile("adam", "mse", jit_compile=True)
    classifier.compile("adam", "categorical_crossentropy", metrics=["accuracy"], jit_compile=True)
    network.fit(noisy, clean, batch_size=256, epochs=epochs, verbose=0)
    classifier.fit(clean, keras.ops.one_hot(labels, NUM_CLASSES), batch_size=256, epochs=epochs, verbose=0)
    return network, classifier


class NotebookWay:
    """Scores a network as the notebook does.

    Args:
        network: The autoencoder.
        classifier: The compiled classifier.
        clean: float32 `(images, 784)` in [-1, 1].
        labels: Integers `(images,)`.
    """

    def __init__(self, network: keras.Model, classifier: keras.Model, clean: np.ndarray, labels: np.ndarray):
        self.network, self.classifier, self.clean = network, classifier, clean
        self.labels = keras.utils.to_categorical(labels, NUM_CLASSES)

    def score(self, noisy: np.ndarray) -> dict[str, float]:
        """The eight measures but t-SNE, the Frechet distance before its rounding."""
        raw = self.network.predict(noisy, verbose=0)
        scores = {"classifier_accuracy": self.classifier.evaluate(raw, self.labels, verbose=0)[1]}
        prediction, target = (np.around((values + 1) / 2, 2) for values in (raw, self.clean))
        for name, metric in (
            ("mse", keras.metrics.MeanSquaredError()),
            ("pixel_accuracy", keras.metrics.Accuracy()),
            ("mae", keras.metrics.MeanAbsoluteError()),
            ("swapped_binary_crossentropy", keras.metrics.BinaryCrossentropy()),
        ):
            metric.update_state(prediction, target)
            scores[name] = float(metric.result())
        pooled = [tf.constant(values.reshape(28, 28, -1)) for values in (target, prediction)]
        scores["pooled_ssim"] = float(tf.image.ssim(*pooled, max_val=1))
        scores["pooled_psnr"] = float(tf.image.psnr(*pooled, max_val=1))
        scores["pixel_frechet_distance"] = frechet_by_sqrtm(prediction, target)
        return scores


def frechet_by_sqrtm(a: np.ndarray, b: np.ndarray) -> float:
    covariance_a, covariance_b = (np.cov(values, rowvar=False) for values in (a, b))
    root = scipy.linalg.sqrtm(covariance_a @ covariance_b).real
    shift = a.mean(axis=0) - b.mean(axis=0)
    return float(shift @ shift + np.trace(covariance_a + covariance_b - 2 * root))


def timed(function, *arguments) -> tuple[float, object]:
    start = time.perf_counter()
    result = function(*arguments)
    return time.perf_counter() - start, result


def main() -> None:
    parser = argparse.ArgumentParser(description="Scoring one network against the notebook's own way.")
    parser.add_argument("--sets", type=int, default=len(TEST_SETS), help="score the first so many of the 12 test sets")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--train-epochs", type=int, default=10)
    options = parser.parse_args()

    warnings.simplefilter("ignore", scipy.linalg.LinAlgWarning)  # sqrtm: pixels that never change make it singular
    network, classifier = trained_networks(options.train_epochs)
    clean, labels = many_digits(options.images, seed=2)
    predict, classify = (  # as evaluation.digits.pipeline loads them
        tf.function(functools.partial(model, training=False), reduce_retracing=True) for model in (network, classifier)
    )
    make_scorer = functools.partial(
        Scorer, classify=classify, image_shape=IMAGE_SHAPE, rounded=True, unrounded=False, bootstrap=None
    )

    def score(scorer: Scorer, noisy: tf.Tensor) -> dict[str, float]:
        rows = scorer.score(predict(noisy), repeat=1, network="network", renoised=False, test_set="")
        return {row.measure: row.value for row in rows}

    few = min(1000, options.images)
    score(make_scorer(clean[:few], labels[:few]), tf.constant(clean[:few]))
    NotebookWay(network, classifier, clean[:few], labels[:few]).score(clean[:few])

    setup, scorer = timed(make_scorer, clean, labels)
    notebook = NotebookWay(network, classifier, clean, labels)
    ours_seconds, theirs_seconds, gaps = [], [], dict.fromkeys(SAME_DEFINITION, 0.0)
    for test_set in TEST_SETS[: options.sets]:
        noisy, _ = noisy_test_set(tf.constant(clean), test_set, seed=0)
        seconds, ours = timed(score, scorer, noisy)
        ours_seconds.append(seconds)
        seconds, theirs = timed(notebook.score, noisy.numpy())
        theirs_seconds.append(seconds)
        for name in SAME_DEFINITION:
            gaps[name] = max(gaps[name], abs(ours[name] - theirs[name]))
        frechet = ours["pixel_frechet_distance"]
        print(
            f"{test_set}: project {ours_seconds[-1]:.2f} s, notebook {theirs_seconds[-1]:.2f} s; "
            f"MSE {ours['mse']:.4f}, classifier {ours['classifier_accuracy']:.3f}, Frechet {frechet:.3f}",
            flush=True,
        )

    print(f"\n{machine('tensorflow', 'keras', 'numpy', 'scipy')}")
    print(f"{options.images:,} images, {len(ours_seconds)} test sets")
    ours_total, theirs_total = setup + sum(ours_seconds), sum(theirs_seconds)
    ratios = sorted(b / a for a, b in zip(ours_seconds, theirs_seconds, strict=True))
    print("\n| measure | value | target |\n| --- | --- | --- |")
    print(f"| project, s (of which {setup:.2f} for the target's statistics) | {ours_total:.2f} | |")
    print(f"| notebook, s | {theirs_total:.2f} | |")
    print(f"| notebook / project, all sets | {theirs_total / ours_total:.2f} | 2 |")
    print(f"| notebook / project, median (least to most) of the sets | {spread(ratios)} | 2 |")
    for name, gap in gaps.items():
        print(f"| largest difference in {name} | {gap:.1e} | {TOLERANCE:.0e} |")
    if max(gaps.values()) > TOLERANCE:
        raise SystemExit("The numbers differ.")


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({values[0]:.2f} to {values[-1]:.2f})"


if __name__ == "__main__":
    main()
