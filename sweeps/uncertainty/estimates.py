"""What cells are worth by their trials: generalised least squares on the seeds and panels that cells share.

Bands, plans and the intervals of a frontier all start here. Where all cells have the same seeds and panels their values
are the means of their trials; where they don't, a mean holds the luck of seeds that other cells never met.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sweeps.uncertainty.layout import Layout
from sweeps.uncertainty.strata import cell_means, covariance

LEAST_OWN = 0.05  # share of the variance of trials that is taken to be each one's own, at the least
ROUNDING = 1e-9  # standard deviations of the trials: evened out by less, a mean stays what it is to the last digit


@dataclass(frozen=True, kw_only=True, eq=False)
class CellEstimates:
    """What each of c cells is worth by its trials; `between` [j, c, c] is what their errors share.

    A unit of variance component j adds `between[j]` to the covariance of the errors of `values`.
    """

    values: Float[np.ndarray, " c"]
    between: Float[np.ndarray, "j c c"]

    def covariance(self, variances: Float[np.ndarray, "*draws j"]) -> Float[np.ndarray, "*draws c c"]:
        """Covariance of the errors of `values`, where the components are worth `variances`."""
        return np.tensordot(variances, self.between, axes=1)


def cell_estimates(
    layout: Layout,
    trials: Float[np.ndarray, " n"],
    components: Sequence[str],
    variances: Float[np.ndarray, " j"],
) -> CellEstimates:
    """The cells' values by generalised least squares on the `trials` of a layout, and what their errors share.

    `variances` are the estimated sizes of the `components` (those of `Strata`). What a seed or a panel does to all is
    told from the cells that share it, so that a cell with a lucky seed of its own does not look good. Weights rest on
    the estimates, with a floor under each trial's own part, as an estimate may be 0; `between` holds for these weights
    whatever the components are worth. Where all cells have the same seeds and panels the values are their means.
    Source: Searle, Casella & McCulloch (1992), section 7.1.
    """
    cells = (layout.cell[:, None] == np.arange(len(layout.cells))).astype(float)
    own = LEAST_OWN * variances.sum() if variances.any() else 1.0
    noise = own * np.eye(len(trials))
    for name, size in zip(components, variances, strict=True):  # one at a time: each is a matrix of trials by trials
        noise += size * covariance(layout, name)
    pulled = np.linalg.solve(noise, cells)
    weights = np.linalg.solve(cells.T @ pulled, pulled.T)
    means = cell_means(layout, trials)
    evened = weights @ (trials - means[layout.cell])
    return CellEstimates(
        values=means + np.where(np.abs(evened) > ROUNDING * trials.std(), evened, 0.0),
        between=np.array([weights @ covariance(layout, name) @ weights.T for name in components]),
    )
