"""Whether one variance will do for all cells, and what two panels of one seed say of people."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata, spearmanr

from softcore.layout import NOBODY
from softcore.strata import CELL, OWN, PEOPLE, REST, Strata, cell_means

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
    """Half the mean squared difference of two panels of one seed, over the `pairs` of cells that ask `people` (M).

    It estimates the variance of people and of the rest together; `expected` is what the pooled model says of it.
    """

    crowd: str
    people: float
    pairs: int
    half_mean_square: float
    expected: float


def growth(strata: Strata, values: np.ndarray, variances: np.ndarray) -> tuple[Growth, ...]:
    """Whether what seeds, crowds and panels leave of each cell's values is larger where the mean, 1/M or N' is.

    Each cell's mean square is held against what the model expects at its M; cells are ranked within their crowd.
    """
    place = strata.place(CELL)
    left = strata.left_over(values, upto=place)
    layout, count = strata.layout, np.bincount(strata.layout.cell)
    noise = np.bincount(layout.cell, weights=left**2) / count
    crowd = np.array(layout.crowd)
    asked, people = crowd != NOBODY, np.maximum(layout.people, 1)
    sizes = dict(zip(strata.components, variances, strict=True))
    expected = np.array(
        [
            sizes.get(CELL, 0.0) + sizes.get(REST, 0.0) + sizes.get(OWN + name, 0.0) / m
            for name, m in zip(layout.crowd, people, strict=True)
        ]
    )
    noise = noise / np.maximum(expected, 1e-300)
    found = []
    for by, scale, these in (
        ("the mean", cell_means(layout, values), np.ones(len(crowd), dtype=bool)),
        ("small M", 1 / people, asked),
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
        asked = layout.people[layout.cell[one]]
        of_people = of.get(PEOPLE + crowd, 0.0) + of.get(OWN + crowd, 0.0)
        for people in np.unique(asked):
            gaps = (values[one] - values[other])[asked == people]
            found.append(
                PanelDifference(
                    crowd=crowd,
                    people=float(people),
                    pairs=len(gaps),
                    half_mean_square=float((gaps**2).mean() / 2),
                    expected=float(of.get(REST, 0.0) + of_people / people),
                )
            )
    return tuple(found)


def _ranks_within(values: np.ndarray, crowd: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Each kept cell's rank among those of its crowd, as a share of them: 0.5 is the middle."""
    ranks = np.zeros(len(values))
    for name in np.unique(crowd[kept]):
        rows = np.flatnonzero(kept & (crowd == name))
        ranks[rows] = (rankdata(values[rows]) - 0.5) / len(rows)  # all equal is 0.5 in every crowd
    return ranks
