"""The simplest baseline, nearest neighbours: a point's value is the mean of the three nearest cells of its variety."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.spatial.distance import cdist

from sweeps.planning.bootstrap import DRAWS
from sweeps.planning.rows import Rows

NEIGHBOURS = 3
ANOTHER_WAY = 1.0  # another policy or aggregation is as far as twice the people or the items
_FOREIGN = 1e3  # another variety: only where its own has no other cell


@dataclass(frozen=True, eq=False)
class Nearest:
    """The mean of the three nearest cells of the same variety in log2 M and log2 N'; ties go to the earlier cell.

    `scatter` [told] is the variance of a cell about what the others say of it, beyond the noise of both, and `df` how
    well it is known: one for what was bought, one for free recipes, which are worth what they were seen to be and,
    where they were not, the mean of the others.
    """

    rows: Rows
    scatter: Float[np.ndarray, " t"]
    df: Float[np.ndarray, " t"]
    name: str = "nearest cells"

    @classmethod
    def of(cls, rows: Rows) -> "Nearest":
        """The baseline with the scatter that leaving each cell of `rows` out shows."""
        weights, seen = _left_out_weights(rows), rows.told
        contrast = np.eye(len(rows.mean))[seen] - weights
        noise = np.tensordot(rows.variance.variances, rows.between, axes=1)
        beyond = (contrast @ rows.mean) ** 2 - np.einsum("ia,ab,ib->i", contrast, noise, contrast)
        free = rows.cells["free"].to_numpy(dtype=bool)[seen]
        scatter, df = np.empty(len(seen)), np.empty(len(seen))
        for these in (free, ~free):
            if these.any():
                scatter[these] = max(0.0, float(beyond[these].mean()))
                df[these] = max(3, these.sum() // 2)  # neighbours share their errors
        return cls(rows, scatter, df)

    def values(
        self, points: pd.DataFrame, rng: np.random.Generator, n: int = DRAWS
    ) -> tuple[Float[np.ndarray, "n p"], Float[np.ndarray, "n j"]]:
        """See `sweeps.planning.bootstrap.FittedModel`."""
        free = points["free"].to_numpy(dtype=bool)
        weights = np.zeros((len(points), len(self.rows.mean)))
        weights[:, self.rows.bought] = _weights(_distances(points, self.rows.cells.iloc[self.rows.bought]))
        same = points["variety"].to_numpy()[:, None] == self.rows.cells["variety"].to_numpy()
        same &= self.rows.cells["free"].to_numpy(dtype=bool)
        weights[free] = same[free] / np.maximum(same[free].sum(axis=1, keepdims=True), 1)
        variances = self.rows.draw_variances(n, rng)
        cells = self.rows.mean + self._noise(variances, rng)
        values = cells @ weights.T
        of_bought = int((~self.rows.cells["free"].to_numpy(dtype=bool)[self.rows.told]).argmax())
        values += self._scatter(n, rng)[:, [of_bought]] * rng.standard_normal(values.shape) * ~free
        return values, variances

    def left_out(self, rng: np.random.Generator, n: int = DRAWS) -> Float[np.ndarray, "n b"]:
        """See `sweeps.planning.bootstrap.FittedModel`."""
        weights, seen = _left_out_weights(self.rows), self.rows.told
        contrast = np.eye(len(self.rows.mean))[seen] - weights
        noise = self._noise(self.rows.draw_variances(n, rng), rng) @ contrast.T
        scatter = self._scatter(n, rng) * rng.standard_normal((n, len(seen)))
        return weights @ self.rows.mean + noise + scatter

    def refitted(self, rows: Rows, rng: np.random.Generator) -> "Nearest":
        """See `sweeps.planning.bootstrap.FittedModel`."""
        return Nearest.of(rows)

    def _noise(self, variances: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Draws of the noise of the cells' means [n, c]: a part from each component."""
        found = np.zeros((len(variances), len(self.rows.mean)))
        for size, between in zip(np.sqrt(variances).T, self.rows.between, strict=True):
            values, vectors = np.linalg.eigh(between)
            root = vectors * np.sqrt(np.maximum(values, 0))
            found += size[:, None] * (rng.standard_normal(found.shape) @ root.T)
        return found

    def _scatter(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return np.sqrt(self.scatter * self.df / rng.chisquare(self.df, (n, len(self.df))))


def _distances(points: pd.DataFrame, cells: pd.DataFrame) -> np.ndarray:
    """Distances [points, cells]: Euclidean in log2 M and log2 N', plus penalties for another training or variety."""
    one, other = (np.log2(t[["annotators", "items"]].to_numpy(dtype=float).clip(1)) for t in (points, cells))
    far = cdist(one, other)
    for name, penalty in (("policy", ANOTHER_WAY), ("aggregation", ANOTHER_WAY), ("variety", _FOREIGN)):
        far += penalty * (points[name].to_numpy()[:, None] != cells[name].to_numpy())
    return far


def _weights(distances: np.ndarray) -> np.ndarray:
    """Weights [points, cells]: 1/3 for each of the three nearest cells; shared by fewer where the variety has fewer."""
    order = np.argsort(distances, axis=1, kind="stable")[:, :NEIGHBOURS]
    near = np.take_along_axis(distances, order, axis=1)
    kept = (near < _FOREIGN) | (near[:, :1] >= _FOREIGN)
    kept &= np.isfinite(near)
    weights = np.zeros(distances.shape)
    np.put_along_axis(weights, order, kept / kept.sum(axis=1, keepdims=True), axis=1)
    return weights


def _left_out_weights(rows: Rows) -> np.ndarray:
    """Weights [told, cells] with which each of the cells `rows.told` is predicted from the others."""
    cells = rows.cells.iloc[rows.bought]
    far = _distances(cells, cells)
    np.fill_diagonal(far, np.inf)
    weights = np.zeros((len(rows.mean), len(rows.mean)))
    weights[np.ix_(rows.bought, rows.bought)] = _weights(far)
    others = 1 - np.eye(len(rows.free))
    weights[np.ix_(rows.free, rows.free)] = others / max(len(rows.free) - 1, 1)
    return weights[rows.told]
