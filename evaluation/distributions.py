"""Comparing sets of images as a whole: the pixel Frechet distance and t-SNE."""

import dataclasses

import numpy as np

from tf_denoise.extras import require

_IMAGES_FOR_THREADS = 2000


@dataclasses.dataclass(frozen=True)
class PixelStatistics:
    """Mean `(pixels,)` and a factor F `(pixels, rank)` of the covariance F F^T of a set of images, float64."""

    mean: np.ndarray
    factor: np.ndarray

    @classmethod
    def of(cls, images) -> "PixelStatistics":
        """The statistics of images `(images, pixels)`."""
        mean, centred = _centre(images)
        values, vectors = np.linalg.eigh(centred.T @ centred / (len(centred) - 1))
        kept = values > values[-1] * 1e-14
        return cls(mean, vectors[:, kept] * np.sqrt(values[kept]))

    def frechet_distance(self, images) -> float:
        """The squared Frechet distance to the Gaussian of `images` `(images, pixels)`."""
        mean, centred = _centre(images)
        if len(centred) < centred.shape[1]:  # fewer images than pixels: the same eigenvalues, from the smaller product
            projected = centred @ self.factor
            product, spread = projected @ projected.T, np.sum(centred**2)
        else:
            scatter = centred.T @ centred
            product, spread = self.factor.T @ scatter @ self.factor, np.trace(scatter)
        degrees = len(centred) - 1
        overlap = np.sqrt(np.clip(np.linalg.eigvalsh(product), 0, None) / degrees).sum()
        return float(np.sum((self.mean - mean) ** 2) + np.sum(self.factor**2) + spread / degrees - 2 * overlap)


def pixel_frechet_distance(images_a, images_b) -> float:
    """Squared Frechet distance between Gaussians fitted to the raw pixels of two sets of images.

    Formula: `|m_a - m_b|^2 + Tr(S_a) + Tr(S_b) - 2 Tr((S_a S_b)^(1/2))`. The last trace is the sum of the roots of
    the eigenvalues of `F^T S_b F` with `S_a = F F^T`, a symmetric matrix: no matrix square root, no complex numbers.
    It is the formula of the Frechet Inception distance without the Inception network.

    Args:
        images_a: Array `(images, ...)`, at least two images; computed in float64.
        images_b: Array `(images, ...)` of as many pixels.

    Returns:
        The squared distance, 0 for equal mean and covariance.

    Raises:
        ValueError: If a set has fewer than two images or the numbers of pixels differ.

    Reference:
        - [Dowson and Landau, The Frechet Distance between Multivariate Normal Distributions, 1982](
          https://doi.org/10.1016/0047-259X(82)90077-X)

    Example:
        >>> import numpy as np
        >>> pixels = np.random.default_rng(0).random((50, 4))
        >>> round(pixel_frechet_distance(pixels, pixels + 1), 6)
        4.0
    """
    images_a, images_b = (np.asarray(images).reshape(len(images), -1) for images in (images_a, images_b))
    if min(len(images_a), len(images_b)) < 2 or images_a.shape[1] != images_b.shape[1]:
        raise ValueError(
            "pixel_frechet_distance takes two sets of two or more images with the same number of pixels; received "
            f"{len(images_a)} images of {images_a.shape[1]} and {len(images_b)} of {images_b.shape[1]} pixels."
        )
    return PixelStatistics.of(images_a).frechet_distance(images_b)


def _centre(images) -> tuple[np.ndarray, np.ndarray]:
    """The mean image and the images without it, float64."""
    images = np.asarray(images, "float64")
    mean = images.mean(axis=0)
    return mean, images - mean


def tsne_embedding(images, seed: int = 0, jobs: int | None = None) -> np.ndarray:
    """Two-dimensional t-SNE of images, by openTSNE after a projection onto 50 principal components.

    Args:
        images: Array `(images, ...)`, more than three images.
        seed: Integer seed.
        jobs: Threads, -1 for all cores; defaults to all of them from 2,000 images on, else one: with few images threads
            wait for each other, on a busy machine ten times as long as one takes for all.

    Returns:
        float64 `(images, 2)`.

    Reference:
        - [van der Maaten and Hinton, Visualizing Data using t-SNE, 2008](
          https://jmlr.org/papers/v9/vandermaaten08a.html)
    """
    openTSNE, decomposition = require("openTSNE"), require("sklearn.decomposition")
    images = np.asarray(images, "float64").reshape(len(images), -1)
    components = min(50, *images.shape)
    reduced = decomposition.PCA(components, random_state=seed, svd_solver="randomized").fit_transform(images)
    perplexity = min(30.0, (len(images) - 1) / 3)
    if jobs is None:
        jobs = 1 if len(images) < _IMAGES_FOR_THREADS else -1
    start = "pca" if np.ptp(reduced) > 0 else "random"  # images that are all alike have no principal component
    embedding = openTSNE.TSNE(perplexity=perplexity, initialization=start, random_state=seed, n_jobs=jobs)
    return np.asarray(embedding.fit(reduced))
