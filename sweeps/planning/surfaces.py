"""Two response surfaces over M and N': a curve with diminishing returns, which plans rest on, and a linear regression.

Both are partially linear models with a random remainder: a value at a point is `features` times coefficients (normal
prior, mean 0, standard deviations `spreads`) plus a zero-mean scatter. The few nonlinear parameters, `sizes`, are on
the log scale with a normal prior.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.spatial.distance import cdist

from sweeps.planning.rows import PLAIN, POINT, SEPARATE, Rows
from sweeps.results.names import quick


@dataclass(frozen=True, eq=False)
class Levels:
    """The levels of the categorical factors, in order of appearance, and the scales of the data.

    `spread` is the standard deviation of what labels give, `spread_of_all` that of all values, `items` the largest N'.
    `ways` are policies with aggregations, `free` the free recipes, and
    `starts` those of them that are hard labels of the same training, by policy.
    """

    varieties: tuple[str, ...]
    ways: tuple[tuple[str, str], ...]
    free: tuple[str, ...]
    starts: Mapping[str, str]
    spread: float
    spread_of_all: float
    items: float

    @classmethod
    def of(cls, rows: Rows) -> "Levels":
        """The levels and scales of `rows`."""
        bought, free = rows.cells.iloc[rows.bought], rows.cells.iloc[rows.free]
        return cls(
            varieties=tuple(dict.fromkeys(bought["variety"])),
            ways=tuple(dict.fromkeys(zip(bought["policy"], bought["aggregation"], strict=True))),
            free=tuple(dict.fromkeys(free["variety"])),
            starts=rows.starts,
            spread=rows.spread,
            spread_of_all=rows.spread_of_all,
            items=float(bought["items"].max()),
        )

    @property
    def groups(self) -> np.ndarray:
        """Membership [varieties, groups] in the group that takes one choice; no group unless two or more do."""
        one_choice = np.array([quick(name) for name in self.varieties], dtype=bool)
        return one_choice[:, None] if one_choice.sum() > 1 else np.zeros((len(one_choice), 0), dtype=bool)

    @property
    def policies(self) -> list[str]:
        """Policies other than the plain one."""
        return [name for name in dict.fromkeys(policy for policy, _ in self.ways) if name != PLAIN]

    @property
    def aggregations(self) -> list[str]:
        """Aggregations other than `separate`."""
        return [name for name in dict.fromkeys(pooled for _, pooled in self.ways) if name != SEPARATE]


def is_one_of(column: pd.Series, names: Sequence[str]) -> np.ndarray:
    """Indicator variables [p, names] of the values of `column`."""
    return (column.to_numpy()[:, None] == np.array(names, dtype=object)).astype(float)


WIDE = 10.0  # standard deviation, in the cells' own, of what is left free
TIED = 0.25  # standard deviation, in the cells' own, of where the curve starts about hard labels, where it is tied
ALIKE = 0.5  # correlation of the scatter of two varieties, and of two ways of training
_TINY = 1e-8
# Of free recipes about the level that they have in common, in the standard deviation of all cells.
_FREE = (float(np.log(0.5)), 1.0)
# Of the curve: free recipes, a (0.57 to 0.80 by the six metrics of the recorded grid that tell it, docs/plans.md), c,
# the process's standard deviation and the varieties' (in the cells' own), then k of each way.
_SIZES = (
    _FREE,
    (float(np.log(0.65)), 0.25),
    (float(np.log(0.8)), 0.6),
    (float(np.log(0.1)), 0.9),
    (float(np.log(0.5)), 0.6),
)
_TIMES = (float(np.log(0.6)), 1.0)

Sampler = Callable[[int, np.random.Generator], np.ndarray]


class Surface(Protocol):
    """The prior of a model: its design matrix, the scales of its coefficients, the covariance of its scatter."""

    @classmethod
    def of(cls, rows: Rows) -> "Surface":
        """The prior for the varieties and ways of training of `rows`."""

    @property
    def name(self) -> str:
        """The model's name."""

    @property
    def prior(self) -> Sequence[tuple[float, float]]:
        """Mean and standard deviation of the normal prior of each of `sizes` (log scale)."""

    @property
    def reaches(self) -> Sequence[float]:
        """The candidate length scales of the scatter, in log M and log N' (natural logarithms)."""

    def features(self, points: pd.DataFrame, sizes: Float[np.ndarray, "s d"]) -> Float[np.ndarray, "s p q"]:
        """The design matrix: what multiplies each of q coefficients at each of p points, for each sample of `sizes`."""

    def spreads(self, sizes: Float[np.ndarray, "s d"]) -> Float[np.ndarray, "s q"]:
        """The prior standard deviation of each coefficient."""

    def amplitude(self, points: pd.DataFrame, sizes: Float[np.ndarray, "s d"]) -> Float[np.ndarray, "s p"]:
        """The standard deviation of the scatter at each point."""

    def scatter(self, one: pd.DataFrame, other: pd.DataFrame, reach: float) -> Float[np.ndarray, "p q"]:
        """Correlation of the scatter at two lists of points."""

    def sampler(self, points: pd.DataFrame, reach: float) -> Sampler:
        """Draws [n, points] of a scatter of amplitude 1."""


@dataclass(frozen=True, eq=False)
class Curve:
    """y = y0 + d - k (N'/most)^a [B_v M^-c + A_v (1 - M^-c)], and a Gaussian process for what is left.

    B_v is what one answer an image gains, A_v what all the world's would, each near its mean over varieties and, of
    questions that take one choice, near theirs (one choice alone is a hard label); pooling adds to both. Another way of
    training has a level d and multiplies all that labels gain by k, what is left too: with mixup labels may be worth
    nothing. The Gaussian process is over log M and log N', alike in part between varieties and ways of training. Free
    recipes are no part of the curve (`_free_features`), unless it is `tied`: then what is bought starts (N' = 0) where
    hard labels of the same training are, give or take a little.
    """

    levels: Levels
    prior: Sequence[tuple[float, float]]
    name: str = "curve"
    reaches: Sequence[float] = (0.35, 1.0, 2.5)
    tied: bool = False

    @classmethod
    def of(cls, rows: Rows, *, tied: bool = False) -> "Curve":
        """The curve for the varieties and ways of training of `rows`."""
        levels = Levels.of(rows)
        return cls(levels, (*_SIZES, *[_TIMES] * len(levels.policies)), tied=tied and bool(levels.starts))

    def features(self, points: pd.DataFrame, sizes: Float[np.ndarray, "s d"]) -> Float[np.ndarray, "s p q"]:
        """See `Surface`."""
        free = points["free"].to_numpy(dtype=bool)
        items, annotators = points["items"].to_numpy(dtype=float), points["annotators"].to_numpy(dtype=float)
        power, fall = np.exp(sizes[:, 1])[:, None], np.exp(sizes[:, 2])[:, None]
        share = np.where(free, 0.0, (items / self.levels.items) ** power) * self._times(points, sizes)
        left = np.where(annotators > 0, annotators, 1.0) ** -fall
        one, rest = -share * left, -share * (1 - left)
        named = is_one_of(points["variety"], self.levels.varieties) * ~free[:, None]
        of = np.hstack([named, named @ self.levels.groups])
        pooled = is_one_of(points["aggregation"], self.levels.aggregations)
        both = (pooled[:, :, None] * of[:, None, :]).reshape(len(points), -1)
        ways = is_one_of(points["policy"], self.levels.policies) * ~free[:, None]
        free_ones = _free_features(points, self.levels)
        if self.tied:
            start = points["policy"].map(self.levels.starts)
            at_start = points.assign(free=~free & start.notna(), variety=start)
            free_ones = free_ones + _free_features(at_start, self.levels)
        fixed = np.column_stack([~free, ways, free_ones])
        parts = [one[:, :, None], rest[:, :, None]]
        parts += [one[:, :, None] * of, rest[:, :, None] * of, -share[:, :, None] * np.column_stack([pooled, both])]
        return np.concatenate([*parts, np.broadcast_to(fixed, (len(sizes), *fixed.shape))], axis=2)

    def spreads(self, sizes: Float[np.ndarray, "s d"]) -> Float[np.ndarray, "s q"]:
        """See `Surface`."""
        levels = self.levels
        kinds, pooled = sum(levels.groups.shape), len(levels.aggregations)
        alike = [4.0, 4.0, *[0.0] * (2 * kinds), *[1.0] * pooled, *[0.0] * (pooled * kinds)]
        start = WIDE * levels.spread_of_all / levels.spread
        ways = [3.0] * len(levels.policies)
        if self.tied:
            start, ways = TIED * start / WIDE, [TIED if name in levels.starts else 3.0 for name in levels.policies]
        found = np.tile(np.array([*alike, start, *ways]), (len(sizes), 1))
        varied = np.exp(sizes[:, 4])[:, None]
        found[:, 2 : 2 + 2 * kinds] = varied
        found[:, 2 + 2 * kinds + pooled : len(alike)] = varied / 2
        return np.hstack([found * levels.spread, _free_spreads(sizes, levels)])

    def amplitude(self, points: pd.DataFrame, sizes: Float[np.ndarray, "s d"]) -> Float[np.ndarray, "s p"]:
        """See `Surface`."""
        return np.exp(sizes[:, 3])[:, None] * self.levels.spread * self._times(points, sizes)

    def _times(self, points: pd.DataFrame, sizes: np.ndarray) -> np.ndarray:
        """What multiplies gains at each point [s, p]: 1 in the plain way of training."""
        way = is_one_of(points["policy"], self.levels.policies)
        return np.exp(sizes[:, len(_SIZES) :] @ way.T)

    def scatter(self, one: pd.DataFrame, other: pd.DataFrame, reach: float) -> Float[np.ndarray, "p q"]:
        """See `Surface`."""
        near = np.exp(-cdist(_place(one), _place(other), "sqeuclidean") / (2 * reach**2))
        for key in (["variety"], ["policy", "aggregation"]):
            near *= np.where(_same(one, other, key), 1.0, ALIKE)
        return near * ~one["free"].to_numpy(dtype=bool)[:, None] * ~other["free"].to_numpy(dtype=bool)

    def sampler(self, points: pd.DataFrame, reach: float) -> Sampler:
        """See `Surface`; the covariance is a Kronecker product over (M, N'), variety and way of training."""
        places, place = np.unique(_place(points), axis=0, return_inverse=True)
        sizes, vectors = np.linalg.eigh(np.exp(-cdist(places, places, "sqeuclidean") / (2 * reach**2)))
        kept = sizes > _TINY
        root = vectors[:, kept] * np.sqrt(sizes[kept])
        variety, varieties = pd.factorize(points["variety"])
        way, ways = pd.factorize(points["policy"] + "\n" + points["aggregation"])
        there = ~points["free"].to_numpy(dtype=bool)
        number, place = variety * len(ways) + way, place.reshape(-1)

        def draw(n: int, rng: np.random.Generator) -> np.ndarray:
            steps = rng.standard_normal((n, root.shape[1], len(varieties), len(ways)))
            steps = _alike(len(varieties)) @ steps @ _alike(len(ways)).T
            fields = root @ steps.reshape(n, root.shape[1], -1)
            return fields[:, place, number] * there

        return draw


@dataclass(frozen=True, eq=False)
class Regression:
    """Linear regression on variety, policy, aggregation, log2 M, log2 N' and their interactions: a baseline.

    Coefficients have weak normal priors; cells scatter about it independently, by an amount that is fitted. Free
    recipes are no part of it (`_free_features`).
    """

    levels: Levels
    name: str = "regression"
    prior: Sequence[tuple[float, float]] = (_FREE, (float(np.log(0.2)), 1.0))
    reaches: Sequence[float] = (0.0,)

    @classmethod
    def of(cls, rows: Rows) -> "Regression":
        """The regression for the varieties and ways of training of `rows`."""
        return cls(Levels.of(rows))

    def features(self, points: pd.DataFrame, sizes: Float[np.ndarray, "s d"]) -> Float[np.ndarray, "s p q"]:
        """See `Surface`."""
        free = points["free"].to_numpy(dtype=bool)
        annotators = np.log2(points["annotators"].to_numpy(dtype=float).clip(1))
        items = np.log2(points["items"].to_numpy(dtype=float).clip(1) / self.levels.items)
        of = is_one_of(points["variety"], self.levels.varieties)
        asked = np.column_stack(
            [
                np.ones(len(points)),
                of,
                annotators,
                items,
                is_one_of(points["policy"], self.levels.policies),
                is_one_of(points["aggregation"], self.levels.aggregations),
                of * annotators[:, None],
                of * items[:, None],
                annotators * items,
            ]
        )
        fixed = np.column_stack([asked * ~free[:, None], _free_features(points, self.levels)])
        return np.broadcast_to(fixed, (len(sizes), *fixed.shape))

    def spreads(self, sizes: Float[np.ndarray, "s d"]) -> Float[np.ndarray, "s q"]:
        """See `Surface`; effects are held in a little, or a variety with one cell could not be left out."""
        levels = self.levels
        kinds = len(levels.varieties)
        main = [3.0] * (kinds + 2 + len(levels.policies) + len(levels.aggregations))
        start = WIDE * levels.spread_of_all / levels.spread
        flat = np.tile(np.array([start, *main, *[1.0] * (2 * kinds + 1)]), (len(sizes), 1))
        return np.hstack([flat * levels.spread, _free_spreads(sizes, levels)])

    def amplitude(self, points: pd.DataFrame, sizes: Float[np.ndarray, "s d"]) -> Float[np.ndarray, "s p"]:
        """See `Surface`."""
        return np.tile(np.exp(sizes[:, [1]]) * self.levels.spread, (1, len(points)))

    def scatter(self, one: pd.DataFrame, other: pd.DataFrame, reach: float) -> Float[np.ndarray, "p q"]:
        """See `Surface`: each point has its own."""
        return _same(one, other, list(POINT)) * ~one["free"].to_numpy(dtype=bool)[:, None].astype(bool)

    def sampler(self, points: pd.DataFrame, reach: float) -> Sampler:
        """See `Surface`."""
        number = points.groupby(list(POINT), sort=False).ngroup().to_numpy()
        there = ~points["free"].to_numpy(dtype=bool)
        return lambda n, rng: rng.standard_normal((n, number.max() + 1))[:, number] * there


def _free_features(points: pd.DataFrame, levels: Levels) -> np.ndarray:
    """Free recipes scatter about a level that they have in common [p, 1 + free]: they are seen, and tied to no curve.

    Tied to one (hard labels being where labels start) they were predicted worse than they were seen, and purchases
    seemed to gain by that.
    """
    free = points["free"].to_numpy(dtype=bool)
    return np.column_stack([free, is_one_of(points["variety"], levels.free) * free[:, None]]).astype(float)


def _free_spreads(sizes: np.ndarray, levels: Levels) -> np.ndarray:
    """The prior standard deviations [s, 1 + free] of `_free_features`; how far they scatter is the first size."""
    own = np.tile(np.exp(sizes[:, [0]]), (1, len(levels.free)))
    return np.hstack([np.full((len(sizes), 1), WIDE), own]) * levels.spread_of_all


def _place(points: pd.DataFrame) -> np.ndarray:
    return np.round(np.log(points[["annotators", "items"]].to_numpy(dtype=float).clip(1)), 9)


def _same(one: pd.DataFrame, other: pd.DataFrame, keys: list[str]) -> np.ndarray:
    """Whether points [p, q] have the same `keys`."""
    number = pd.concat([one[keys], other[keys]]).groupby(keys, sort=False).ngroup().to_numpy()
    return number[: len(one), None] == number[len(one) :]


def _alike(n: int) -> np.ndarray:
    """The Cholesky factor [n, n] of the correlation matrix of n things that correlate by `ALIKE`."""
    return np.linalg.cholesky(np.where(np.eye(n, dtype=bool), 1.0, ALIKE))
