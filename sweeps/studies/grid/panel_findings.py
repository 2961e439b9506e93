"""The report's section on whether bands hold: those of one panel of people against what another panel shows."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from softcore.errors import RequestError
from softcore.seeding import generator
from softcore.varieties import VARIETIES
from sweeps.frontier.frontier import summarise
from sweeps.frontier.pricing import assumptions, cell_costs, purchases, questions_of
from sweeps.results.names import hours, variety_title
from sweeps.studies.document import Picture, Section, Table
from sweeps.studies.grid.across import NAMES, A, B, Pairs, draws, pairs, panel_variance
from sweeps.studies.grid.panel_bands import (
    BEST,
    COSTS,
    LEVEL,
    PICKED,
    SEEDS_BEST,
    SEEDS_PICKED,
    BandCoverage,
    BothWays,
    OneWay,
    one_way,
)
from sweeps.studies.grid.pictures import panels_png
from sweeps.studies.grid.recorded import (
    CO_PRIMARY,
    GRID,
    VARIANCE,
    Sources,
    any_simulated,
    assumptions_words,
    core,
    join_names,
    measured_metrics,
    metric_words,
)
from sweeps.uncertainty.replicates import replicates
from sweeps.uncertainty.strata import PEOPLE

TITLE = "Do the bands hold: panels A against panels B"
TOGETHER = "all together"
FEWEST_CELLS = 3  # of a question, for eight costs to mean anything
KNOWN = "variances of both"


def panels_section(sources: Sources) -> Section:
    """Bands of panels A against values of panels B and the other way round, on every co-primary metric."""
    grid, variance = sources[GRID].results, sources[VARIANCE].results
    metrics = measured_metrics(grid, CO_PRIMARY)
    paired = pairs(grid, metrics)
    if len(paired.cells) < FEWEST_CELLS:
        raise RequestError(f"{len(paired.cells)} cells have panels A and B of two seeds, and bands need {FEWEST_CELLS}")
    seconds = cell_costs(paired.cells, purchases(summarise(grid)), "thesis")[1]
    found = [one for metric in metrics for one in _both_ways(paired, variance, core(sources), metric, seconds)]
    together = [one for one in found if one.group == TOGETHER]
    picture = Picture(
        name="panels",
        words="Bands from panels A at eight costs, what panels B show, and the interval over seeds, by metric",
        png=panels_png(together, any_simulated(sources)),
    )
    return Section(
        title=TITLE,
        lines=tuple(_lines(paired, found, assumptions(paired.cells, "thesis", "s"))),
        tables=(_counts(found), *(_costs(one, paired) for one in together)),
        pictures=(picture,),
        summary=(*_summary(together), *_alone([one for one in found if one.group != TOGETHER])),
        data={"level": LEVEL, "costs": COSTS, "both_ways": [_data(one, paired) for one in found]},
    )


def _both_ways(
    paired: Pairs, variance: pd.DataFrame, every: pd.DataFrame, metric: str, seconds: np.ndarray
) -> Iterator[BothWays]:
    both = replicates(every, [metric]).variance(metric)
    drawn, known = {}, {}
    for seen in (A, B):
        model = panel_variance(paired, variance, metric, seen)
        if not any(name.startswith(PEOPLE) for name in model.strata.components):
            raise RequestError(f"{VARIANCE} has no two panels of one seed that hire from one end")
        drawn[seen] = draws(paired, model, metric, seen, generator("uncertainty", 2, seen))
        known[seen] = draws(paired, both, metric, seen, generator("uncertainty", 2, seen), shared=True)
    for group, there in groups(paired.cells):
        of_group = np.where(there, seconds, np.nan)
        yield BothWays(
            metric=metric,
            group=group,
            cells=int(there.sum()),
            ways={seen: one_way(paired, metric, seen, drawn[seen], of_group) for seen in (A, B)},
            known={seen: one_way(paired, metric, seen, known[seen], of_group) for seen in (A, B)},
        )


def groups(cells: pd.DataFrame) -> Iterator[tuple[str, np.ndarray]]:
    """All bought cells, then those of each question that enough of them asked alone."""
    yield TOGETHER, np.ones(len(cells), dtype=bool)
    asked = questions_of(cells)
    for question in VARIETIES:
        there = np.array([each == {question} for each in asked])
        if there.sum() >= FEWEST_CELLS:
            yield variety_title(question), there


def _lines(paired: Pairs, found: Iterable[BothWays], assumed: Iterable[str]) -> Iterator[str]:
    seeds = paired.seeds
    left_out = f" ({paired.fewer} more have fewer seeds and are left out)" if paired.fewer else ""
    yield (
        f"Panels A and B of {len(paired.cells)} cells{left_out} and {seeds} seeds share each seed's initial weights, "
        "order and images, and within a seed no person (no click, where clicks were asked). A band from one panel "
        "predicts what the other shows, so that the other's people are in it; what the seeds add is the same in both "
        "and enters once."
    )
    yield (
        f"{COSTS} costs, evenly in their logarithm from the cheapest cell to the dearest at the thesis's prices: fixed "
        "by what was bought before any result. At each, two values of the other panel are predicted: that of the cell "
        "which the panel seen recommends (recommended), and the lowest that the other panel shows of all cells to be "
        "had (best), a minimum of noisy means that is predicted as one. So no winner's curse is mistaken for a "
        "miss. Free recipes ask nobody, are the same for both panels, and are left out."
    )
    yield (
        "Nothing of the panel that is predicted is used. The variances are those of the panel seen, and for people "
        f"those of the panels of {VARIANCE} that hire from the same end of each batch's queue (0 and 2 for A, 1 and 3 "
        "for B; all four share trials or people with the grid, so the other two are left out). One panel a seed cannot "
        "show how much of what a cell adds in a seed another panel would share: all of it counts as the panel's own, "
        "which errs on the wide side. Clicks have no panels there, and all that their cells add counts so. To see what "
        f"this costs, '{KNOWN}' repeats the count with variances (never levels) from both panels."
    )
    yield (
        f"Over seeds only: what the thesis prints, Student's t over the {seeds} seeds of the panel seen about the "
        f"lowest of its means, here at {LEVEL:.0%}, too. Each of the grid's seeds hires people of its own, so that "
        "they are in its scatter; the other panel's people, and the luck of the lowest, are not. With so few seeds t "
        "is large and such an interval wide, whatever it covers: hence the widths."
    )
    if taken := list(assumed):
        yield f"All questions together {assumptions_words(taken)}."
    yield (
        "Eight costs are few, and neighbours often buy the same cell: a count of 8 is far less than eight independent "
        "checks, and all of it is on these people and images. `python -m sweeps.studies.coverage.panels` does "
        f"the same on made-up grids whose people are drawn one by one: {LEVEL:.0%} is what to expect, a little "
        "more where bands err on the wide "
        "side."
    )


def _summary(together: Iterable[BothWays]) -> Iterator[str]:
    several = list(together)
    for seen in (A, B):
        each = [one.ways[seen].held for one in several]
        most = COSTS * len(each)
        best, picked = (sum(int(held[name].covered.sum()) for held in each) for name in (BEST, PICKED))
        seeds = sum(int(held[SEEDS_BEST].covered.sum()) for held in each)
        by_metric = [f"{metric_words(one.metric)} {_count(one.ways[seen].held[BEST])}" for one in several]
        widths = _width(each, BEST), _width(each, SEEDS_BEST)
        yield (
            f"Conditional on these people and images, {LEVEL:.0%} bands from {NAMES[seen]} covered the best of "
            f"{NAMES[1 - seen]} at {best / most:.0%} of the fixed costs ({join_names(by_metric)}), and the recommended "
            f"cell's value at {picked / most:.0%}; the interval over seeds alone covered the best at "
            f"{seeds / most:.0%} and was {widths[1] / widths[0]:.1f} times as wide."
        )


def _alone(found: Iterable[BothWays]) -> Iterator[str]:
    """How often bands of one question held, both ways, by metric; nothing where no question was asked alone."""
    shares: dict[str, list[float]] = {}
    for one in found:
        shares.setdefault(one.metric, []).extend(way.held[BEST].covered.mean() for way in one.ways.values())
    if shares:
        by_metric = join_names([f"{metric_words(metric)} {np.mean(each):.0%}" for metric, each in shares.items()])
        yield (
            f"Within single questions {LEVEL:.0%} bands covered the best of the other panel at {by_metric} of the "
            "fixed costs, both ways together; one panel's people answered all questions on pages, so that misses come "
            "together."
        )


def _count(held: BandCoverage) -> str:
    return f"{int(held.covered.sum())} of {COSTS}"


def _width(each: Iterable[Mapping[str, BandCoverage]], name: str) -> float:
    return float(np.mean([held[name].width for held in each]))


def _counts(found: Iterable[BothWays]) -> Table:
    kinds = (PICKED, BEST, SEEDS_PICKED, SEEDS_BEST)
    rows = []
    for one in found:
        counts = [_counted(one.ways, name) for name in kinds]
        widths = [f"{_width([way.held for way in one.ways.values()], name):.3f}" for name in (PICKED, BEST, SEEDS_BEST)]
        at_once = ", ".join("yes" if way.all_at_once else "no" for way in one.ways.values())
        known = (_counted(one.known, PICKED), _counted(one.known, BEST))
        rows.append((one.metric, one.group, str(one.cells), *counts[:2], at_once, *known, *counts[2:], *widths))
    headings = (
        *("metric", "question", "cells", "recommended", "best", "best, all at once"),
        *(f"{KNOWN}: recommended", f"{KNOWN}: best", "seeds only: recommended", "seeds only: best"),
        *("mean width: recommended", "mean width: best", "mean width: seeds only"),
    )
    return Table(
        caption=f"At how many of {COSTS} fixed costs a {LEVEL:.0%} interval covers: A on B, then B on A",
        headings=headings,
        rows=tuple(rows),
        numbers=(2, *range(3, len(headings))),
    )


def _counted(ways: Mapping[int, OneWay], name: str) -> str:
    return ", ".join(str(int(way.held[name].covered.sum())) for way in ways.values())


def _costs(one: BothWays, paired: Pairs) -> Table:
    way, recipes = one.ways[A], paired.cells["recipe"]
    rows = []
    for i, cost in enumerate(way.costs):
        held = way.held
        rows.append(
            (
                hours(cost),
                str(recipes.iloc[way.cells[i]]),
                *(text for name in (PICKED, BEST) for text in _against(held[name], i)),
                *_against(held[SEEDS_BEST], i)[::2],
            )
        )
    return Table(
        caption=f"{metric_words(one.metric)}: bands from A, values of B, all questions together",
        headings=(
            *("people's time", "recommended by A", "its band", "on B", "covered"),
            *("band of the best", "best on B", "best covered", "over seeds only", "best covered then"),
        ),
        rows=tuple(rows),
        numbers=(2, 3, 5, 6, 8),
    )


def _against(held: BandCoverage, i: int) -> tuple[str, str, str]:
    low, high = held.intervals[i]
    return f"[{low:.3f}, {high:.3f}]", f"{held.values[i]:.3f}", "yes" if held.covered[i] else "no"


def _data(one: BothWays, paired: Pairs) -> dict[str, Any]:
    names = paired.cells["cell"].to_numpy()
    return {
        "metric": one.metric,
        "question": one.group,
        "cells": one.cells,
        "ways": [
            {
                "seen": NAMES[seen],
                "costs": way.costs,
                "recommended": names[way.cells],
                "all_at_once": way.all_at_once,
                "held": {
                    name: {"intervals": held.intervals, "values": held.values, "covered": held.covered.tolist()}
                    for name, held in way.held.items()
                },
            }
            for seen, way in one.ways.items()
        ],
    }
