"""First principal components of activation maps, linear and with a kernel: pure NumPy.

An activation map is `(positions, channels)`. A component's sign is arbitrary, so it is fixed by a rule: positions of
strong activation are positive (`with_fixed_sign`).
"""

import numpy as np
from scipy import linalg
from scipy.linalg.blas import dsyrk

MOST_POSITIONS = 1024
"""Kernel PCA is fitted on so many positions at most: its matrix has their square."""
FLAT = 1e-6
"""Channels that vary by no more than this share of the largest activation are constant: what varies is rounding."""
_GOLDEN = (np.sqrt(5) - 1) / 2
_BLOCK_VALUES = 2**22


def principal_projection(activations) -> np.ndarray:
    """Projection of every position onto the first principal component of the channels.

    Formula:
        ```
        X = activations - mean over positions;  v = first eigenvector of X^T X;  projection = X v
        ```
        The covariance is channels x channels, so a map of a million positions needs no matrix of its square. Where
        there are fewer positions than channels, as in a grid of tokens, the same projection is found from
        X X^T = u lambda u^T, the smaller matrix, as sqrt(lambda) u.

    Args:
        activations: `(positions, channels)`, finite.

    Returns:
        float64 `(positions,)`, mean zero, with fixed sign; zero if the activations are constant (`FLAT`).

    Raises:
        ValueError: If the rank is not 2 or a value is not finite.

    Reference:
        - [Muhammad and Yeasin, Eigen-CAM, 2020](https://arxiv.org/abs/2008.00299)

    Example:
        >>> principal_projection([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]).round(3).tolist()
        [-1.414, 0.0, 1.414]
    """
    activations = _checked(activations)
    positions, channels = activations.shape
    if _is_constant(activations):
        return np.zeros(positions)
    centre = activations.mean(axis=0, dtype="float64")
    if positions < channels:
        value, vector = _first_component(_inner_products(activations - centre))
        return with_fixed_sign(np.sqrt(value) * vector, activations)
    covariance = np.zeros((channels, channels))
    for block in _blocks(activations, channels):
        covariance += dsyrk(1.0, (block - centre).T)
    _, direction = _first_component(covariance)
    projection = np.concatenate([(block - centre) @ direction for block in _blocks(activations, channels)])
    return with_fixed_sign(projection, activations)


def kernel_projection(activations, gamma: float | None = None, coef0: float = 1.0) -> np.ndarray:
    """Projection of every position onto the first component of kernel PCA with the sigmoid kernel.

    Formula:
        ```
        K[i, j] = tanh(gamma * x_i . x_j + coef0), centred in feature space;  projection = K u / sqrt(lambda)
        ```
        with x the activations less their mean, and the first eigenvector u and eigenvalue lambda of K over the
        positions; at these the projection is sqrt(lambda) u. A map of more than `MOST_POSITIONS` positions is fitted on
        so many of them, and all are projected:
        those at floor(positions * frac(i * golden ratio)), i = 0, 1, ..., which lie evenly and on no grid's lines.

    Args:
        activations: `(positions, channels)`, finite.
        gamma: Factor of the inner products; 1 / channels if `None`.
        coef0: Constant of the kernel.

    Returns:
        float64 `(positions,)` with fixed sign; zero if the activations are constant (`FLAT`).

    Raises:
        ValueError: If the rank is not 2 or a value is not finite.

    Reference:
        - [Karmani et al., KPCA-CAM, 2024](https://arxiv.org/abs/2410.00267)
        - [Schölkopf et al., Nonlinear Component Analysis as a Kernel Eigenvalue Problem, 1998](
          https://doi.org/10.1162/089976698300017467)

    Example:
        >>> kernel_projection([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]).shape
        (3,)
    """
    activations = _checked(activations)
    positions, channels = activations.shape
    if _is_constant(activations):
        return np.zeros(positions)
    gamma = 1 / channels if gamma is None else gamma
    centre = activations.mean(axis=0, dtype="float64")
    fitted = activations[_spread_out(positions)] - centre
    products = _inner_products(fitted)
    kernel = np.tanh(gamma * (products + np.triu(products, 1).T) + coef0)
    rows, whole = kernel.mean(axis=0), kernel.mean()
    value, direction = _first_component(kernel - rows[:, None] - rows[None, :] + whole)
    if value <= np.finfo(float).eps * len(fitted):
        return np.zeros(positions)
    if len(fitted) == positions:
        return with_fixed_sign(np.sqrt(value) * direction, activations)

    def project(block):
        seen = np.tanh(gamma * (block - centre) @ fitted.T + coef0)
        return (seen - rows - seen.mean(axis=1, keepdims=True) + whole) @ direction / np.sqrt(value)

    blocks = _blocks(activations, max(channels, len(fitted)))
    return with_fixed_sign(np.concatenate([project(block) for block in blocks]), activations)


def with_fixed_sign(projection: np.ndarray, activations: np.ndarray) -> np.ndarray:
    """The projection or its negative: the one that grows with the strength of the activation.

    Strength is the length of a position's channels as they are, before centring. Where projection and strength do not
    vary together at all, the value of largest magnitude is positive.
    """
    strength = np.sqrt(np.einsum("pc,pc->p", activations, activations, dtype="float64"))
    together = projection @ (strength - strength.mean())
    scale = np.linalg.norm(projection) * np.linalg.norm(strength - strength.mean())
    if abs(together) <= 1e-9 * scale:
        together = projection[np.argmax(np.abs(projection))]
    return -projection if together < 0 else projection


def _checked(activations) -> np.ndarray:
    activations = np.asarray(activations)
    if activations.ndim != 2 or not activations.size:
        raise ValueError(f"Activations are a matrix (positions, channels); received shape {activations.shape}.")
    if not np.issubdtype(activations.dtype, np.floating):
        activations = activations.astype("float64")
    if not np.isfinite(activations).all():
        raise ValueError(
            "The activations hold NaN or infinite values, so they have no principal component: the network is not "
            "trained, or the image is not finite."
        )
    return activations


def _is_constant(activations: np.ndarray) -> bool:
    largest = max(activations.max(), -activations.min())
    return bool(np.ptp(activations, axis=0).max() <= FLAT * largest)


def _spread_out(positions: int) -> np.ndarray:
    """The positions that kernel PCA is fitted on, ascending."""
    if positions <= MOST_POSITIONS:
        return np.arange(positions)
    return np.unique((np.arange(MOST_POSITIONS) * _GOLDEN % 1 * positions).astype(int))


def _inner_products(rows: np.ndarray) -> np.ndarray:
    """The upper triangle of rows @ rows.T.

    By SciPy's BLAS, as the eigenvalues are: NumPy has another, and while the threads of one still spin for work those
    of the other wait. In turns, a product and an eigenvector of 196 x 196 took 12 ms instead of 2.
    """
    return dsyrk(1.0, rows.T, trans=1)


def _first_component(symmetric: np.ndarray) -> tuple[float, np.ndarray]:
    """The largest eigenvalue and its eigenvector of a symmetric matrix, of which the upper triangle is looked at."""
    last = len(symmetric) - 1
    values, vectors = linalg.eigh(symmetric, lower=False, subset_by_index=[last, last], check_finite=False)
    return float(values[0]), vectors[:, 0]


def _blocks(activations: np.ndarray, width: int):
    """The positions in blocks, in float64: a large map is never copied as a whole, nor is anything `width` wide."""
    size = max(1, _BLOCK_VALUES // width)
    for start in range(0, len(activations), size):
        yield activations[start : start + size].astype("float64")
