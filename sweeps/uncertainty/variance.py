"""The variance of replicates pooled over all cells of a sweep, and intervals that say what they cover."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.special import stdtr, stdtrit

from softcore.errors import RequestError
from sweeps.uncertainty.components import draw, estimate
from sweeps.uncertainty.estimates import CellEstimates, cell_estimates
from sweeps.uncertainty.layout import NOBODY
from sweeps.uncertainty.strata import CELL, OWN, PEOPLE, REPEAT, REST, Strata, cell_means

GROWS = 0.01  # a variance is said to grow with something at this p


@dataclass(frozen=True, kw_only=True)
class Growth:
    """Whether the cells' noise, as left by the model, grows with what `by` names: Spearman's correlation and its p."""

    by: str
    correlation: float
    p: float

    @property
    def grows(self) -> bool:
        """Whether intervals of cells where it is large are too short."""
        return self.correlation > 0 and self.p < GROWS


@dataclass(frozen=True, kw_only=True)
class PanelDifference:
    """Half the mean squared difference of two panels of one seed, over the `pairs` of cells that ask `annotators` (M).

    It estimates the variance of people and of the rest together; `expected` is what the pooled model says of it.
    """

    crowd: str
    annotators: float
    pairs: int
    half_mean_square: float
    expected: float

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; M is called `people` there, as in all reports so far."""
        return {"people" if name == "annotators" else name: value for name, value in vars(self).items()}


def growth(strata: Strata, values: np.ndarray, variances: np.ndarray) -> tuple[Growth, ...]:
    """Whether what seeds, crowds and panels leave of each cell's values is larger where the mean, 1/M or N' is.

    Each cell's mean square is held against what the model expects at its M; cells are ranked within their crowd.
    """
    place = strata.place(CELL)
    left = strata.left_over(values, upto=place)
    from scipy.stats import spearmanr  # slow to import, and tables that are only shown need none of it

    layout, count = strata.layout, np.bincount(strata.layout.cell)
    noise = np.bincount(layout.cell, weights=left**2) / count
    crowd = np.array(layout.crowd)
    asked, annotators = crowd != NOBODY, np.maximum(layout.annotators, 1)
    sizes = dict(zip(strata.components, variances, strict=True))
    expected = np.array(
        [
            sizes.get(CELL, 0.0) + sizes.get(REST, 0.0) + sizes.get(REPEAT, 0.0) + sizes.get(OWN + name, 0.0) / m
            for name, m in zip(layout.crowd, annotators, strict=True)
        ]
    )
    noise = noise / np.maximum(expected, 1e-300)
    found = []
    for by, scale, these in (
        ("the mean", cell_means(layout, values), np.ones(len(crowd), dtype=bool)),
        ("small M", 1 / annotators, asked),
        ("the items", layout.share, asked),
    ):
        enough = these & (count > 1)
        within = _ranks_within(scale, crowd, enough)
        if enough.sum() >= 6 and np.ptp(within[enough]) > 0 and np.ptp(noise[enough]) > 0:
            correlation, p = spearmanr(within[enough], _ranks_within(noise, crowd, enough)[enough])
            found.append(Growth(by=by, correlation=float(correlation), p=float(p)))
    return tuple(found)


def panel_differences(strata: Strata, values: np.ndarray, variances: np.ndarray) -> tuple[PanelDifference, ...]:
    """Half the mean squared difference of panels of one seed, by crowd and M, beside what the pooled model expects."""
    layout, of, found = strata.layout, dict(zip(strata.components, variances, strict=True)), []
    for crowd in layout.crowds:
        rows = layout.of_crowd(crowd)
        cell, seed, panel = layout.cell[rows], layout.seed[rows], layout.panel[rows]
        pairs = (cell[:, None] == cell) & (seed[:, None] == seed) & (panel[:, None] < panel)
        one, other = (rows[side] for side in np.nonzero(pairs))
        asked = layout.annotators[layout.cell[one]]
        of_people = of.get(PEOPLE + crowd, 0.0) + of.get(OWN + crowd, 0.0)
        for annotators in np.unique(asked):
            gaps = (values[one] - values[other])[asked == annotators]
            found.append(
                PanelDifference(
                    crowd=crowd,
                    annotators=float(annotators),
                    pairs=len(gaps),
                    half_mean_square=float((gaps**2).mean() / 2),
                    expected=float(of.get(REST, 0.0) + of.get(REPEAT, 0.0) + of_people / annotators),
                )
            )
    return tuple(found)


def _ranks_within(values: np.ndarray, crowd: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Each kept cell's rank among those of its crowd, as a share of them: 0.5 is the middle."""
    from scipy.stats import rankdata

    ranks = np.zeros(len(values))
    for name in np.unique(crowd[kept]):
        rows = np.flatnonzero(kept & (crowd == name))
        ranks[rows] = (rankdata(values[rows]) - 0.5) / len(rows)  # all equal is 0.5 in every crowd
    return ranks


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Cell `one` less cell `other`, its interval and two-sided p by Student's t on `df`."""

    value: float
    low: float
    high: float
    df: float
    p: float
    level: float
    over: str


@dataclass(frozen=True, kw_only=True, eq=False)
class VarianceModel:
    """The `values` of n trials, the variance components of their noise and what c cells are worth.

    `estimates` are by generalised least squares on the trials, `mean` the plain means as they were seen.
    """

    strata: Strata
    values: Float[np.ndarray, " n"]
    mean: Float[np.ndarray, " c"]
    mean_squares: Float[np.ndarray, " k"]
    variances: Float[np.ndarray, " j"]
    estimates: CellEstimates
    growth: tuple[Growth, ...]
    panels: tuple[PanelDifference, ...]

    @cached_property
    def covariance(self) -> Float[np.ndarray, "c c"]:
        """Covariance of the cells' estimates over new seeds and, where panels show them, new people."""
        return self.estimates.covariance(self.variances)

    @cached_property
    def slopes(self) -> Float[np.ndarray, "k j"]:
        """What each mean square adds to each variance component per part by which it grows, taken numerically."""
        moved = self.mean_squares + 0.001 * np.diag(self.mean_squares)
        return np.array([(estimate(self.strata, squares) - self.variances) / 0.001 for squares in moved])

    @property
    def trial_deviation(self) -> float:
        """The standard deviation of a trial of one annotator an item about its cell's value, over all components."""
        return float(np.sqrt(self.variances.sum()))

    def draw_variances(
        self, n: int, rng: np.random.Generator, shared_scale: float | None = None
    ) -> Float[np.ndarray, "n j"]:
        """`n` draws of the variance components, as uncertain as the mean squares leave them.

        `shared_scale` as in `sweeps.uncertainty.components.draw`: without it nothing is assumed of how much seeds vary.
        """
        return draw(self.strata, self.mean_squares, n, rng, shared_scale)

    @property
    def covers(self) -> str:
        """What the intervals cover, in words, and what they don't."""
        return covers(self.strata)


def pooled_variance(strata: Strata, values: Float[np.ndarray, " n"]) -> VarianceModel:
    """The variance model of `values`, one a trial of the layout that `strata` were made of.

    Values that are not finite are a RequestError, as are values without any spread.
    """
    if values.shape != strata.layout.cell.shape or not np.isfinite(values).all():
        raise RequestError("a pooled variance needs a finite value for every trial")
    squares = strata.mean_squares(values)
    if not squares.max(initial=0.0) > 1e-24 * (values**2).mean():
        raise RequestError("replicates don't vary at all; a variance needs trials of different seeds")
    variances = estimate(strata, squares)
    return VarianceModel(
        strata=strata,
        values=values,
        mean=cell_means(strata.layout, values),
        mean_squares=squares,
        variances=variances,
        estimates=cell_estimates(strata.layout, values, strata.components, variances),
        growth=growth(strata, values, variances),
        panels=panel_differences(strata, values, variances),
    )


def difference(model: VarianceModel, one: str, other: str, level: float = 0.95) -> Difference:
    """How much the estimate of cell `one` is above that of `other`: two cells that were named before anyone looked.

    Trials of one seed are paired, as are panels of the same people. Degrees of freedom are Satterthwaite's. Cells that
    were picked because they look best need draws (`shrinkage.py`) instead. An unknown cell is a RequestError.
    """
    cells = model.strata.layout.cells
    if missing := [cell for cell in (one, other) if cell not in cells]:
        raise RequestError(f"no cell '{missing[0]}' among the {len(cells)} with a pooled variance")
    contrast = np.zeros(len(cells))
    contrast[cells.index(one)] += 1
    contrast[cells.index(other)] -= 1
    value, (variance, df) = float(contrast @ model.estimates.values), contrast_variance(model, contrast)
    error = np.sqrt(variance)
    half = float(stdtrit(df, (1 + level) / 2) * error)
    p = float(2 * stdtr(df, -abs(value) / error)) if error else float(value == 0)
    return Difference(value=value, low=value - half, high=value + half, df=df, p=p, level=level, over=model.covers)


def contrast_variance(model: VarianceModel, contrast: Float[np.ndarray, " c"]) -> tuple[float, float]:
    """The variance of a sum of the cells' estimates with weights `contrast`, and Satterthwaite's degrees of freedom.

    The variance is a function of independent mean squares; its slopes are taken numerically, so that components held
    at 0 take no part. Source: Satterthwaite (1946), doi:10.2307/3002019.
    """
    each = np.einsum("a,jab,b->j", contrast, model.estimates.between, contrast)
    variance = float(each @ model.variances)
    spread = float((((model.slopes @ each) ** 2) / model.strata.df).sum())
    return variance, float(max(variance**2 / spread, 1.0)) if spread > 0 else 1.0


def cell_intervals(
    model: VarianceModel, level: float = 0.95
) -> tuple[Float[np.ndarray, " c"], Float[np.ndarray, " c"]]:
    """The ends of an interval around each cell's estimate, over new seeds and, where they were seen to vary, people.

    Of Student's t on Satterthwaite's degrees of freedom, with the components of all cells: panels of one seed share
    that seed, and count for less than as many seeds would.
    """
    found = [contrast_variance(model, weights) for weights in np.eye(len(model.mean))]
    half = np.array([float(stdtrit(df, (1 + level) / 2)) * np.sqrt(variance) for variance, df in found])
    return model.estimates.values - half, model.estimates.values + half


def covers_of_cells(strata: Strata) -> tuple[str, ...]:
    """What the interval of each cell covers, in a few words; `covers` says it in full for all of them."""
    layout, found = strata.layout, []
    for crowd, annotators in zip(layout.crowd, layout.annotators, strict=True):
        if crowd == NOBODY:
            found.append("seeds (nobody was asked)")
        elif PEOPLE + crowd not in strata.components:
            found.append("seeds only")
        else:
            extrapolated = float(annotators) not in _paired_annotators(strata, crowd)
            words = f"seeds and other {layout.pool(crowd).drawn}"
            found.append(words + (f" (extrapolated as 1/M to M = {annotators:.3g})" if extrapolated else ""))
    return tuple(found)


def covers(strata: Strata) -> str:
    """What intervals from these strata cover, and what they don't, in words."""
    layout = strata.layout
    covered = [f"seeds ({len(np.unique(layout.seed))}, shared by the cells)"]
    lacking = ["other test images and labels"]
    for crowd in layout.crowds:
        pool = layout.pool(crowd)
        if PEOPLE + crowd not in strata.components:
            lacking.append(f"new {crowd} ({pool.drawn})")
            continue
        source = "hired anew each time" if np.isinf(pool.annotators) else f"from {pool.annotators:g} an item"
        seen = {p for p, q in zip(layout.annotators, layout.crowd, strict=True) if q == crowd}
        paired = _paired_annotators(strata, crowd)
        words = f"{crowd}: other {pool.drawn} ({source}; from two panels a seed at M = {_numbers(paired)}"
        beyond = sorted(seen - paired)
        covered.append(words + (f", extrapolated as 1/M to M = {_numbers(set(beyond))})" if beyond else ")"))
    return f"over {'; '.join(covered)}; not over {'; '.join(lacking)}"


def _numbers(values: set[float]) -> str:
    return ", ".join(dict.fromkeys(f"{value:.3g}" for value in sorted(values)))  # 23.9 and 24.0 people are both 24


def _paired_annotators(strata: Strata, crowd: str) -> set[float]:
    rows = strata.layout.of_crowd(crowd)
    return {float(strata.layout.annotators[strata.layout.cell[row]]) for row in rows if strata.part[row] >= 0}
