"""What searches by importance sampling share: where a next round proposes, and samples in batches that fit."""

import numpy as np
from jaxtyping import Float

MEMORY = 2_000_000  # numbers of a batch of matrices


def next_proposal(
    log_weights: Float[np.ndarray, " n"], samples: Float[np.ndarray, "n k"], least: float
) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, "k k"]]:
    """Centre and root of the covariance of the next round's proposal, from the last round's weighted samples.

    Weights are flattened until they rest on `least` effective samples or more; the root is a little wider than theirs.
    """
    heat = 1.0
    while True:
        soft = np.exp((log_weights - log_weights.max()) * heat)
        soft /= soft.sum()
        if 1 / (soft**2).sum() >= least or heat < 0.01:
            break
        heat *= 0.8
    centre = soft @ samples
    scatter = ((samples - centre) * soft[:, None]).T @ (samples - centre)
    return centre, 1.1 * np.linalg.cholesky(scatter + 0.02 * np.eye(len(centre)))


def batches(samples: int, cells: int) -> list[slice]:
    """Samples a few at a time, so that their matrices [cells, cells] fit into memory."""
    step = max(1, MEMORY // cells**2)
    return [slice(start, start + step) for start in range(0, samples, step)]
