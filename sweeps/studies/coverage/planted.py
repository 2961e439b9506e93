"""Made-up sweeps whose truth is known, so that intervals, bands and verdicts can be checked against it.

People are drawn one by one: a pool of them for every batch of images, panels hired from it as a sweep hires them, each
person's mark on every cell that uses their answers. Nothing here uses the formulas of the method that it checks.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from sweeps.results.names import kind
from sweeps.results.table import DONE
from sweeps.uncertainty.layout import NOBODY, Layout, Pool
from sweeps.uncertainty.shrinkage import Draws, shrunk_draws
from sweeps.uncertainty.variance import VarianceModel

PAGES, CLICKS = "pages", "clicks"
BATCHES = 20  # of images; each has people of its own
ITEMS = 1000
MIXED = "mixed"  # three clicks, and a page on half of the items
SECONDS: Mapping[str, float] = MappingProxyType(
    {"hard": 0.0, "click": 2.5, "t1-uniform": 12.8, "t2-clamp": 32.0, MIXED: 3 * 2.5 + 16.0}
)
POOLS: Mapping[str, Pool] = MappingProxyType(
    {PAGES: Pool(annotators=6), CLICKS: Pool(annotators=51, drawn="clicks, drawn by image and not by person")}
)
STYLES = ("apart", "close", "alike")  # questions far apart, close together, and cells that are all worth the same


@dataclass(frozen=True, kw_only=True)
class Noise:
    """Standard deviations: of what all cells of a seed share, of what a crowd's cells share, of a cell's own in a seed,
    of a trial's own; of one person an item on all items, shared by the crowd's cells and each cell's own; of the test
    images, which all replicates share."""

    seed: float = 0.012
    crowd: float = 0.004
    cell: float = 0.008
    trial: float = 0.008
    shared: Mapping[str, float] = field(default_factory=lambda: {PAGES: 0.012, CLICKS: 0.004})
    own: Mapping[str, float] = field(default_factory=lambda: {PAGES: 0.012, CLICKS: 0.004})
    images: float = 0.01


@dataclass(frozen=True, kw_only=True, eq=False)
class Grid:
    """Cells of a made-up sweep and the layout of its trials.

    `cells` has a row each: `cell`, `variety`, `crowd`, `kind`, `annotators`, `items` (0 where nobody is asked),
    `answers`, `seconds`.
    """

    cells: pd.DataFrame
    layout: Layout

    @property
    def bought(self) -> Bool[np.ndarray, " c"]:
        """Which cells cost anything."""
        return self.cells["crowd"].to_numpy() != NOBODY

    @property
    def seconds(self) -> Float[np.ndarray, " c"]:
        """What each cell costs at `SECONDS`."""
        return self.cells["seconds"].to_numpy(dtype=float)

    def answers(self, variety: str) -> Float[np.ndarray, " c"]:
        """How many answers to `variety` each cell bought."""
        return np.where(self.cells["variety"] == variety, self.cells["answers"], 0).astype(float)

    def draws(self, model: VarianceModel, rng: np.random.Generator, n: int = 1000) -> Draws:
        """Shrunk draws of the cells, each on its question's curve over log M and log N'."""
        features = np.log(np.maximum(self.cells[["annotators", "items"]].to_numpy(dtype=float), 1))
        return shrunk_draws(model, tuple(self.cells["variety"]), features, self.bought, rng, n)


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """A made-up sweep: `values` of its trials, the cells' `truth` on these test images and `elsewhere`, on others."""

    grid: Grid
    truth: Float[np.ndarray, " c"]
    elsewhere: Float[np.ndarray, " c"]
    values: Float[np.ndarray, " n"]

    def results(self, metric: str = "ce/10h") -> pd.DataFrame:
        """The same as a results table of `sweeps results`: a row a trial, `values` as its `metric`."""
        cells = self.grid.cells
        asked, mixed = cells["crowd"] != NOBODY, cells["variety"] == MIXED
        page = cells["variety"].mask(mixed, "t2-clamp")
        columns: dict[str, Any] = {
            "cell": cells["cell"],
            "status": DONE,
            "dataset": "cifar10s",
            "variety": page,
            "aggregation": _only("separate", asked & (cells["annotators"] > 1)),
            "annotators": cells["annotators"].where(asked),
            "items": cells["items"].where(asked),
            "hiring": _only("breadth", cells["crowd"] == PAGES),
            "holdout": "batches",
            "pages_on": _only("random-50", mixed),
        }
        for variety in ("click", "t1-uniform", "t2-clamp"):
            columns[f"answers/{variety}"] = cells["answers"].where(page == variety, 0.0) * np.where(mixed, 0.5, 1.0)
        columns["answers/click"] = columns["answers/click"] + 3.0 * cells["answers"].where(mixed, 0.0)
        layout = self.grid.layout
        table = pd.DataFrame(columns).iloc[layout.cell].reset_index(drop=True)
        table.insert(1, "seed", layout.seed)
        table.insert(2, "panel", layout.panel)
        names = zip(table["cell"], layout.seed, layout.panel, strict=True)
        table.insert(0, "trial", [f"{cell}-s{seed}-p{panel}" for cell, seed, panel in names])
        table[metric] = self.values
        return table


def _only(word: str, there: pd.Series) -> pd.Series:
    return pd.Series(word, index=there.index, dtype=object).where(there, None)


_Row = tuple[tuple[str, str, int, int], range, tuple[int, ...]]  # a cell, its seeds, its panels


def grid(
    seeds: int = 3,
    pages: Sequence[str] = ("t1-uniform", "t2-clamp"),
    click_people: Sequence[int] = (1, 3, 6, 12, 24),
    items: Sequence[int] = (250, 900),
    mixed: bool = False,
    free: int = 3,
    copies: int = 1,
    crossed: bool = False,
) -> Grid:
    """A grid much like the recorded one, but small.

    Panels A and B of `seeds` seeds for pages at M 1, 2, 3 and for clicks; all six people under one seed more; `free`
    recipes under two more. With `copies` every cell that is paid for is there so many times; with `crossed` one page an
    item of the last question has four panels under each of four seeds at least, as in `grid-variance`.
    """
    asked = [(variety, PAGES, people, n) for variety in pages for people in (1, 2, 3) for n in items]
    asked += [("click", CLICKS, people, n) for people in click_people for n in items]
    asked += [(MIXED, PAGES, people, n) for people in (1, 2, 3) for n in items if mixed]
    more = (range(max(seeds, 4)), (0, 1, 2, 3))
    rows: list[_Row] = [
        (cell, *(more if crossed and cell[0] == pages[-1] and cell[2] == 1 else (range(seeds), (0, 1))))
        for cell in asked
        for _ in range(copies)
    ]
    rows += [((variety, PAGES, 6, items[-1]), range(seeds + 1), (0,)) for variety in pages]
    rows += [(("hard", NOBODY, 0, 0), range(seeds + 2), (0,)) for _ in range(free)]
    cells = pd.DataFrame([cell for cell, *_ in rows], columns=["variety", "crowd", "annotators", "items"])
    cells.insert(0, "cell", [f"c{place:02d}" for place in range(len(cells))])
    cells["kind"] = [
        kind(v, free=c == NOBODY, mixed=v == MIXED) for v, c in zip(cells.variety, cells.crowd, strict=True)
    ]
    cells["answers"] = cells["annotators"] * cells["items"]
    cells["seconds"] = cells["answers"] * cells["variety"].map(dict(SECONDS))
    trials = [(place, s, p) for place, (_, of_seed, panels) in enumerate(rows) for s in of_seed for p in panels]
    cell, seed, panel = np.array(trials).T
    return Grid(
        cells=cells,
        layout=Layout(
            cells=tuple(cells["cell"]),
            cell=cell,
            seed=seed,
            panel=panel,
            crowd=tuple(cells["crowd"]),
            annotators=cells["annotators"].to_numpy(float),
            share=np.where(cells["items"] > 0, cells["items"] / ITEMS, 1.0),
            pools=POOLS,
        ),
    )


def problem(made: Grid, truth: Float[np.ndarray, " c"], noise: Noise, rng: np.random.Generator) -> Problem:
    """A sweep of `made` whose cells are worth `truth` on average over test images, seeds and people."""
    layout = made.layout
    seeds = int(layout.seed.max()) + 1
    on_these = truth + noise.images * (rng.normal() + 0.5 * rng.normal(size=len(truth)))
    crowds = (NOBODY, *layout.crowds)
    of = np.array([crowds.index(name) for name in layout.crowd])[layout.cell]
    values = on_these[layout.cell] + noise.seed * rng.normal(size=seeds)[layout.seed]
    values += noise.crowd * rng.normal(size=(seeds, len(crowds)))[layout.seed, of]
    values += noise.cell * rng.normal(size=(seeds, len(truth)))[layout.seed, layout.cell]
    values += noise.trial * rng.normal(size=len(values))
    for crowd in layout.crowds:
        rows = layout.of_crowd(crowd)
        weights = _hired(layout, rows, int(layout.pool(crowd).annotators), seeds, rng)
        cells = layout.cell[rows]
        everyone = noise.shared[crowd] * rng.normal(size=weights.shape[1])
        own = noise.own[crowd] * rng.normal(size=(len(truth), weights.shape[1]))
        values[rows] += weights @ everyone + (weights * own[cells]).sum(axis=1)
    return Problem(grid=made, truth=on_these, elsewhere=truth, values=values)


def _hired(layout: Layout, rows: np.ndarray, pool: int, seeds: int, rng: np.random.Generator) -> np.ndarray:
    """How much each person (of all batches) marks each trial: one person an item on all items has variance 1.

    A seed has an order of batches and an order of people in each; panel 0 hires from its start, panel 1 from its end,
    panels 2 and 3 those who come next.
    """
    turn = rng.random((seeds, BATCHES, pool)).argsort(axis=2)
    place = rng.random((seeds, BATCHES)).argsort(axis=1)
    seed, panel, cell = layout.seed[rows], layout.panel[rows], layout.cell[rows]
    annotators, batches = layout.annotators[cell], np.round(layout.share[cell] * BATCHES)
    turns = np.where((panel % 2 == 0)[:, None, None], turn[seed], pool - 1 - turn[seed])
    turns = turns - (panel // 2 * annotators)[:, None, None]
    hired = (turns >= 0) & (turns < annotators[:, None, None]) & (place[seed] < batches[:, None])[:, :, None]
    return (hired / (annotators * np.sqrt(batches))[:, None, None]).reshape(len(rows), -1)


def noise_like(rng: np.random.Generator) -> Noise:
    """Noise of a size that is drawn anew: half to twice its usual one, of people up to 3 times."""

    def about(size: float, fold: float = 2) -> float:
        return float(size * fold ** rng.uniform(-1, 1))

    return Noise(
        seed=about(0.012),
        crowd=about(0.006),
        cell=about(0.008),
        trial=about(0.008),
        shared={PAGES: about(0.02, 3), CLICKS: about(0.005)},
        own={PAGES: about(0.015), CLICKS: about(0.005)},
        images=about(0.01),
    )


def truth_like(made: Grid, style: str, rng: np.random.Generator) -> Float[np.ndarray, " c"]:
    """What cells are worth in a problem of a style of `STYLES`: values fall with people and items, cells scatter."""
    if style == "alike":
        return np.full(len(made.cells), 1.8)
    gain, spread = (0.15, 0.03) if style == "apart" else (0.03, 0.01)
    questions = list(dict.fromkeys(made.cells["variety"]))
    first = {name: rng.normal(gain, spread) for name in questions}
    all_people = {name: rng.normal(2 * gain, spread) for name in questions}
    level = diminishing(made, first=first, all_people=all_people, free=(1.8 + rng.normal(-0.03, spread, 9)).tolist())
    return level + rng.choice([0.0, 0.004, 0.012]) * rng.normal(size=len(level))


def diminishing(
    made: Grid,
    *,
    first: Mapping[str, float],
    all_people: Mapping[str, float],
    free: Sequence[float] = (),
    start: float = 1.8,
    power: float = 0.5,
    items_power: float = 0.6,
) -> Float[np.ndarray, " c"]:
    """Values that fall with people and items: start - (N'/900)^a [B M^-c + A (1 - M^-c)], B `first` and A `all_people`.

    Free recipes are worth `free`, or `start` where there are fewer.
    """
    values = _free(made, free, start)
    for row, (variety, people, items) in _asked(made):
        left = people**-power
        gain = first[variety] * left + all_people[variety] * (1 - left)
        values[row] = start - (items / 900) ** items_power * gain
    return values


def by_answers(
    made: Grid,
    worth: Mapping[str, float],
    *,
    head_start: Mapping[str, float] = MappingProxyType({}),
    free: Sequence[float] = (),
    start: float = 1.8,
    slope: float = 0.06,
) -> Float[np.ndarray, " c"]:
    """Values that fall with the logarithm of answers alone, an answer to a question being `worth` so many seconds.

    Where `worth` is the price, what is paid is all that counts; `head_start` makes a question better at any price. At
    10,000 s a value is `start`.
    """
    values = _free(made, free, start)
    for row, (variety, people, items) in _asked(made):
        seconds = worth[variety] * people * items
        values[row] = start - slope * np.log(seconds / 10_000) - head_start.get(variety, 0.0)
    return values


def _free(made: Grid, free: Sequence[float], start: float) -> Float[np.ndarray, " c"]:
    values = np.full(len(made.cells), start)
    rows = np.flatnonzero(made.cells["crowd"] == NOBODY)[: len(free)]
    values[rows] = free[: len(rows)]
    return values


def _asked(made: Grid) -> Iterator[tuple[int, tuple[str, float, float]]]:
    asked = made.cells[made.cells["crowd"] != NOBODY]
    return zip(asked.index, asked[["variety", "annotators", "items"]].itertuples(index=False, name=None), strict=True)
