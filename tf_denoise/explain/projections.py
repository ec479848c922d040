"""First principal components of activation maps, linear and with a kernel: pure NumPy.

An activation map is `(positions, channels)`. A component's sign is arbitrary, so it is fixed by a rule: positions of
strong activation are positive (`with_fixed_sign`).
"""

import numpy as np

MOST_POSITIONS = 1024
"""Kernel PCA looks at so many positions at most: its matrix has their square."""


def principal_projection(activations) -> np.ndarray:
    """Projection of every position onto the first principal component of the channels.

    Formula:
        ```
        X = activations - mean over positions;  v = first eigenvector of X^T X;  projection = X v
        ```
        The covariance is channels x channels, so a map of a million positions needs no matrix of its square.

    Args:
        activations: `(positions, channels)`, finite.

    Returns:
        float64 `(positions,)`, mean zero, with fixed sign.

    Raises:
        ValueError: If the rank is not 2 or a value is not finite.

    Reference:
        - [Muhammad and Yeasin, Eigen-CAM, 2020](https://arxiv.org/abs/2008.00299)

    Example:
        >>> principal_projection([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]).round(3).tolist()
        [-1.414, 0.0, 1.414]
    """
    activations = _checked(activations)
    centre = activations.mean(axis=0, dtype="float64")
    covariance = np.zeros((activations.shape[1],) * 2)
    for block in _blocks(activations):
        centred = block - centre
        covariance += centred.T @ centred
    direction = np.linalg.eigh(covariance)[1][:, -1]
    projection = np.concatenate([(block - centre) @ direction for block in _blocks(activations)])
    return with_fixed_sign(projection, activations)


def kernel_projection(activations, gamma: float | None = None, coef0: float = 1.0) -> np.ndarray:
    """Projection of every position onto the first component of kernel PCA with the sigmoid kernel.

    Formula:
        ```
        K[i, j] = tanh(gamma * x_i . x_j + coef0), centred in feature space;  projection = K u / sqrt(lambda)
        ```
        with the first eigenvector u and eigenvalue lambda of K over the positions. A map of more than
        `MOST_POSITIONS` positions is fitted on so many of them, at equal distances, and all are projected.

    Args:
        activations: `(positions, channels)`, finite.
        gamma: Factor of the inner products; 1 / channels if `None`.
        coef0: Constant of the kernel.

    Returns:
        float64 `(positions,)` with fixed sign.

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
    gamma = 1 / activations.shape[1] if gamma is None else gamma
    centre = activations.mean(axis=0, dtype="float64")
    chosen = np.unique(np.linspace(0, len(activations) - 1, MOST_POSITIONS).round().astype(int))
    fitted = activations[chosen] - centre
    kernel = np.tanh(gamma * fitted @ fitted.T + coef0)
    rows, whole = kernel.mean(axis=0), kernel.mean()
    values, vectors = np.linalg.eigh(kernel - rows[:, None] - rows[None, :] + whole)
    value, direction = values[-1], vectors[:, -1]
    if value <= np.finfo(float).eps * len(chosen):
        return np.zeros(len(activations))

    def project(block):
        seen = np.tanh(gamma * (block - centre) @ fitted.T + coef0)
        return (seen - rows - seen.mean(axis=1, keepdims=True) + whole) @ direction / np.sqrt(value)

    return with_fixed_sign(np.concatenate([project(block) for block in _blocks(activations)]), activations)


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
            "The activations hold NaN or infinite values, so they have no principal component; is the network trained, "
            "and the image finite?"
        )
    return activations


def _blocks(activations: np.ndarray, size: int = 65_536):
    """The positions in blocks, in float64: a large map is never copied as a whole."""
    for start in range(0, len(activations), size):
        yield activations[start : start + size].astype("float64")
