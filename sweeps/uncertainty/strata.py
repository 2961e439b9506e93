"""Mean squares of crossed trials, and what each is expected to be: the analysis of variance of a sweep.

Trials are split into what separates cells, then seeds, crowds within a seed, panels within those, cells within a seed,
and the rest. The mean square of each stratum is a known mixture of variance components (Henderson's method 3: Searle,
Casella & McCulloch 1992, chapter 5). That depends on the layout alone, so one object serves every metric.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from jaxtyping import Float, Int

from softcore.errors import RequestError
from sweeps.uncertainty.layout import Layout

SEED, CROWD, CELL, REST, REPEAT = "seed", "crowd", "cell", "rest", "repeat"
PEOPLE, OWN, PANELS = "people of ", "own people of ", "panels of "
MOST_TRIALS = 5000  # matrices of trials by trials are made


@dataclass(frozen=True, kw_only=True, eq=False)
class Strata:
    """The k strata and j variance components of a layout of n trials and c cells.

    `expected` [k, j] is what a unit of a component adds to a stratum's mean square. Components: `seed`, `crowd` (of a
    seed), `cell` (of a seed), `people of X` (shared by the cells that ask crowd X), `own people of X` (each cell's
    own), `rest`, and `repeat` (what training itself varies by, where trials were repeated). The strata up to `cell`,
    and `repeat`, have orthonormal `bases`; what is left comes by crowd and M, `part` [n] being each trial's, -1 where
    nothing is left.
    """

    layout: Layout
    names: tuple[str, ...]
    df: Float[np.ndarray, " k"]
    components: tuple[str, ...]
    expected: Float[np.ndarray, "k j"]
    bases: tuple[Float[np.ndarray, "n d"], ...]
    part: Int[np.ndarray, " n"]

    def mean_squares(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " k"]:
        """The mean square of each stratum."""
        squares = [float(((basis.T @ values) ** 2).sum()) for basis in self.bases]
        left = self.left_over(values) ** 2
        squares += [float(left[self.part == part].sum()) for part in range(len(self.names) - len(self.bases))]
        return np.array(squares) / self.df

    def left_over(self, values: Float[np.ndarray, " n"], upto: int | None = None) -> Float[np.ndarray, " n"]:
        """What cells and the first `upto` strata (all that have a basis by default) leave of `values`."""
        left = values - cell_means(self.layout, values)[self.layout.cell]
        for basis in self.bases[:upto]:
            left = left - basis @ (basis.T @ values)
        return left

    def few_seeds(self, enough: float) -> bool:
        """Whether the variance between seeds has less than `enough` degrees of freedom."""
        place = self.place(SEED)
        return place is None or bool(self.df[place] < enough)

    @property
    def unseen_crowds(self) -> tuple[str, ...]:
        """The crowds whose people are not seen to vary: no cell of theirs has two panels of one seed."""
        return tuple(crowd for crowd in self.layout.crowds if PEOPLE + crowd not in self.components)

    def place(self, stratum: str) -> int | None:
        """The place of `stratum`, None where the layout gives it no degrees of freedom."""
        return self.names.index(stratum) if stratum in self.names else None


def cell_means(layout: Layout, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " c"]:
    """Each cell's mean over its trials."""
    return np.bincount(layout.cell, weights=values) / np.bincount(layout.cell)


def strata(layout: Layout) -> Strata:
    """The strata of `layout`; one without degrees of freedom is left out, as is a component that none can show.

    People show only in crowds whose cells have two panels of one seed, and are told from the rest only where M differs:
    where it doesn't, all of the difference counts as people's. More than 5,000 trials are a RequestError.
    """
    n = len(layout.cell)
    if n > MOST_TRIALS:
        raise RequestError(f"a pooled variance takes at most {MOST_TRIALS} trials, not {n}; leave out dominated cells")
    cells = _indicators(layout.cell)
    basis, bases = _new_directions(cells, np.zeros((n, 0))), dict[str, np.ndarray]()
    for name, columns in _factors(layout):
        added = _new_directions(columns, basis)
        if added.shape[1]:
            bases[name] = added
            basis = np.hstack([basis, added])
    replicate = _numbers(layout.cell, layout.seed, layout.panel)
    if replicate.max() + 1 < n:  # trials that differ by their repeat alone
        bases[REPEAT] = _new_directions(np.eye(n), _orthonormal(_indicators(replicate)))
        basis = np.hstack([basis, bases[REPEAT]])
    left = np.eye(n) - basis @ basis.T
    part, df = _parts(layout, np.diag(left))
    components, expected = [], []
    for name, of_trials in _covariances(layout, bases, part):
        sums = [float((added * (of_trials @ added)).sum()) for added in bases.values()]
        beyond = np.zeros(n) if name in (SEED, CROWD, CELL) else ((left @ of_trials) * left).sum(axis=1)
        sums += [float(beyond[part == number].sum()) for number in range(len(df))]
        components.append(name)
        expected.append(sums)
    every = np.array([added.shape[1] for added in bases.values()] + list(df), dtype=float)
    kept = _told_apart(components, np.array(expected).T[len(bases) :])
    return Strata(
        layout=layout,
        names=(*bases, *(f"{REST} {number}" for number in range(len(df)))),
        df=every,
        components=tuple(components[j] for j in kept),
        expected=np.array(expected).T[:, kept] / every[:, None],
        bases=tuple(bases.values()),
        part=part,
    )


def covariance(layout: Layout, component: str) -> Float[np.ndarray, "n n"]:
    """What a unit of a component (a name of `Strata.components`) adds to the covariance of a layout's trials."""
    same_seed = layout.seed[:, None] == layout.seed
    same_cell = layout.cell[:, None] == layout.cell
    if component == SEED:
        return same_seed.astype(float)
    if component == CROWD:
        crowd = _numbers(np.array(layout.crowd))[layout.cell]
        return (same_seed & (crowd[:, None] == crowd)).astype(float)
    if component == CELL:
        return (same_seed & same_cell).astype(float)
    if component == REPEAT:
        return np.eye(len(layout.cell))
    if component == REST:
        return (same_seed & same_cell & (layout.panel[:, None] == layout.panel)).astype(float)
    own = component.startswith(OWN)
    name = component.removeprefix(OWN if own else PEOPLE)
    rows, shared = layout.of_crowd(name), np.zeros(same_seed.shape)
    shared[np.ix_(rows, rows)] = layout.overlap(name)
    return shared * same_cell if own else shared


def _factors(layout: Layout) -> Iterator[tuple[str, np.ndarray]]:
    """Indicators of what trials share, from the widest to the narrowest."""
    crowd = np.array(layout.crowd)[layout.cell]
    yield SEED, _indicators(_numbers(layout.seed))
    yield CROWD, _indicators(_numbers(layout.seed, crowd))
    panel = _indicators(_numbers(layout.seed, layout.panel))
    for name in layout.crowds:
        yield PANELS + name, panel * (crowd == name)[:, None]
    yield CELL, _indicators(_numbers(layout.cell, layout.seed))


def _covariances(layout: Layout, found: Sequence[str] | dict, part: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Each component's covariance [n, n] of trials, where a stratum shows it."""
    names = [SEED, *([CROWD] if CROWD in found else [])]
    for crowd in layout.crowds:
        if PANELS + crowd in found:
            names += [PEOPLE + crowd, *([OWN + crowd] if (part[layout.of_crowd(crowd)] >= 0).any() else [])]
    names += [*([CELL] if CELL in found else []), *([REST] if (part >= 0).any() else [])]
    names += [REPEAT] if REPEAT in found else []
    return ((name, covariance(layout, name)) for name in names)


def _parts(layout: Layout, room: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which part of the rest, by crowd and M, each trial is in, and the degrees of freedom of each part."""
    part = _numbers(np.array(layout.crowd), layout.annotators)[layout.cell]
    df = np.bincount(part, weights=room)
    kept = df > 1e-6
    return np.where(kept, np.cumsum(kept) - 1, -1)[part], df[kept]


def _told_apart(components: list[str], rest: np.ndarray) -> list[int]:
    """The components to keep: without the rest's own where the parts of the rest can't tell it from people's."""
    own = [j for j, name in enumerate(components) if name == REST or name.startswith(OWN)]
    alike = len(own) > 1 and np.linalg.matrix_rank(rest[:, own], rtol=1e-6) < len(own)
    return [j for j, name in enumerate(components) if not (alike and name == REST)]


def _numbers(*labels: np.ndarray) -> np.ndarray:
    """Each combination of labels as a number from 0."""
    number = np.zeros(len(labels[0]), dtype=np.int64)
    for label in labels:
        _, place = np.unique(label, return_inverse=True)
        _, number = np.unique(number * (int(place.max()) + 1) + place.reshape(-1), return_inverse=True)
    return number.reshape(-1)


def _orthonormal(indicators: np.ndarray) -> np.ndarray:
    return indicators / np.sqrt(indicators.sum(axis=0))


def _indicators(number: np.ndarray) -> np.ndarray:
    return (number[:, None] == np.arange(number.max() + 1)).astype(float)


def _new_directions(columns: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Orthonormal columns for what `columns` span beyond `basis`."""
    new = columns - basis @ (basis.T @ columns)
    new -= basis @ (basis.T @ new)  # again: one pass leaves rounding
    q, r, _ = scipy.linalg.qr(new, mode="economic", pivoting=True)
    return q[:, : int((np.abs(np.diag(r)) > 1e-8).sum())]
