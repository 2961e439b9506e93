"""The report's section on what varies: seeds and people, as crossed trials and as the whole grid show them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from softcore.errors import RequestError
from softcore.seeding import generator
from sweeps.results.table import finished
from sweeps.studies.document import Section, Table
from sweeps.studies.grid.recorded import (
    CO_PRIMARY,
    GRID,
    REPEATS,
    SECONDARY,
    VARIANCE,
    Sources,
    between,
    core,
    join_names,
    measured_metrics,
    metric_words,
)
from sweeps.studies.grid.repeated import Shares, net_of_training, repeats_line, repeats_table, shares_of_variance
from sweeps.uncertainty.replicates import replicates
from sweeps.uncertainty.strata import CELL, CROWD, OWN, PANELS, PEOPLE, REST, SEED
from sweeps.uncertainty.variance import VarianceModel

TITLE = "What varies: seeds and people"
METRICS = (*CO_PRIMARY, *SECONDARY)
LEVEL = 0.95
_SEEDS = {
    SEED: "seeds, on all cells",
    CROWD: "seeds, on a crowd's cells",
    CELL: "seeds, on a cell",
    REST: "a trial's own",
}
CLEAR = 0.9  # probability at which one variance is called larger than another
DRAWS = 4000


@dataclass(frozen=True, kw_only=True)
class CrossedVariance:
    """Standard deviations of `metric` in one cell of crossed trials, (best guess, low, high) at `LEVEL`.

    `people` is between panels of one seed (who was hired, and what is a trial's own), `seeds` between seeds, people
    apart; `df` of both; `more` is the probability that people vary more than seeds.
    """

    metric: str
    cell: str
    people: tuple[float, float, float]
    seeds: tuple[float, float, float]
    df: tuple[float, float]
    more: float


def variances_section(sources: Sources) -> Section:
    """What the crossed trials show of seeds and people and, where they are there, pooled estimates and repeats."""
    found = list(crossed_variances(sources[VARIANCE].results))
    pooled = None
    lines = [*_crossed_lines(found)]
    tables = [_crossed_table(found)]
    data: dict[str, object] = {"crossed": [vars(each) for each in found]}
    if GRID in sources:
        try:
            pooled = pooled_models(core(sources))
        except RequestError as error:
            lines.append(f"Of the whole grid no pooled estimate yet: {error}.")
    else:
        lines.append("grid: not recorded yet; pooled estimates of all its cells come with it.")
    repeated = list(shares_of_variance(sources)) if REPEATS in sources else []
    if repeated:
        lines.append(repeats_line(repeated))
        tables.append(repeats_table(repeated))
        data["repeats"] = [vars(each) for each in repeated]
    if pooled:
        lines += _pooled_lines(pooled)
        tables += [_pooled_table(pooled), _panels_table(pooled), _growth_table(pooled)]
        data["pooled"] = {metric: _pooled_data(model) for metric, model in pooled.items()}
    summary = tuple(_summary(found, repeated))
    return Section(title=TITLE, lines=tuple(lines), tables=tuple(tables), summary=summary, data=data)


def crossed_variances(results: pd.DataFrame) -> Iterator[CrossedVariance]:
    """Each metric in each cell of crossed trials; RequestError where no cell has two panels of one seed."""
    metrics = measured_metrics(results, METRICS)
    done = finished(results)
    items = float(pd.to_numeric(done["items"]).max())
    for _, rows in done.groupby("cell", sort=False):
        found = replicates(rows.reset_index(drop=True), metrics, all_items=items)
        strata = found.strata
        if not any(name.startswith(PEOPLE) for name in strata.components):
            raise RequestError("no cell has two panels of one seed")
        of_people = next(j for j, name in enumerate(strata.components) if name.startswith(PEOPLE))
        for metric in metrics:
            model = found.variance(metric)
            drawn = np.sqrt(model.draw_variances(DRAWS, generator("uncertainty", 1)))
            sd, of_seeds = np.sqrt(model.variances), strata.components.index(SEED)
            yield CrossedVariance(
                metric=metric,
                cell=str(found.cells["recipe"].iloc[0]),
                people=_with_ends(sd[of_people], drawn[:, of_people]),
                seeds=_with_ends(sd[of_seeds], drawn[:, of_seeds]),
                df=_df(model),
                more=float((drawn[:, of_people] > drawn[:, of_seeds]).mean()),
            )


def pooled_models(results: pd.DataFrame) -> dict[str, VarianceModel]:
    """The pooled variance of each metric over all cells of the grid."""
    metrics = measured_metrics(results, METRICS)
    found = replicates(results, metrics)
    return {metric: found.variance(metric) for metric in metrics}


def _with_ends(sd: float, drawn: np.ndarray) -> tuple[float, float, float]:
    """A standard deviation with the quantiles of its draws; where nothing is left for it the interval starts at 0."""
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(sd), float(low) if sd > 0 else 0.0, float(high)


def _df(model: VarianceModel) -> tuple[float, float]:
    df = dict(zip(model.strata.names, model.strata.df, strict=True))
    return next(d for name, d in df.items() if name.startswith(PANELS)), float(df[SEED])


def _crossed_lines(found: Sequence[CrossedVariance]) -> Iterator[str]:
    panels, seeds = found[0].df
    yield (
        "Whole people, one an image, drawn as crossed trials: several panels that share nobody under each of several "
        "seeds. Between panels of one seed all else is equal (weights, order, images), so that what differs is who was "
        f"hired, and what is a trial's own ({panels:.0f} degrees of freedom a cell). Seeds ({seeds:.0f} degrees of "
        "freedom, so very rough) change initial weights, order, which images are asked about and, on 10s, which are "
        f"held out. Standard deviations with {LEVEL:.0%} intervals: chi-square's for panels; for seeds from draws of "
        "the variances given both mean squares, none below 0. Panels of different seeds come from one pool of people, "
        "and what they share by that is not taken for the seeds' likeness."
    )


def _crossed_table(found: Sequence[CrossedVariance]) -> Table:
    rows = [
        (
            each.metric,
            each.cell,
            between(*each.people, digits=4),
            between(*each.seeds, digits=4),
            f"{each.df[0]:.0f} and {each.df[1]:.0f}",
            f"{each.more:.2f}",
        )
        for each in sorted(found, key=lambda each: METRICS.index(each.metric))
    ]
    return Table(
        caption="Standard deviations in the crossed trials",
        headings=("metric", "cell", "between panels of people", "between seeds", "df", "people vary more"),
        rows=tuple(rows),
        numbers=(2, 3, 4, 5),
    )


def _summary(found: Sequence[CrossedVariance], repeated: Sequence[Shares]) -> Iterator[str]:
    main = [each for each in found if each.metric in CO_PRIMARY]
    people = [each for each in main if each.more >= CLEAR]
    seeds = [each for each in main if each.more <= 1 - CLEAR]
    if not main:
        return
    said = []
    for name, these in (("panels of people vary more than seeds", people), ("seeds vary more than panels", seeds)):
        if these:
            metrics = list(dict.fromkeys(metric_words(each.metric) for each in these))
            said.append(f"{name} in {len(these)} ({join_names(metrics)})")
    open_ = len(main) - len(people) - len(seeds)
    if open_:
        said.append(f"which varies more is open in {open_}")
    ratio = [each.people[0] ** 2 / (each.people[0] ** 2 + each.seeds[0] ** 2) for each in main]
    yield (
        f"Panels of other people under the same seed end apart: of {len(main)} cells and metrics with crossed trials, "
        f"{'; '.join(said)}. What they differ by, people and training itself together, is {min(ratio):.0%} to "
        f"{max(ratio):.0%} of the variance."
    )
    if repeated:
        yield net_of_training(repeated)
    else:
        yield f"How much of that is training itself is not known: `sweeps run {REPEATS} --scale half` tells them apart."


def _pooled_lines(pooled: Mapping[str, VarianceModel]) -> Iterator[str]:
    model = next(iter(pooled.values()))
    strata = model.strata
    by_name: dict[str, float] = {}  # what is left comes in parts, by crowd and M
    for name, df in zip(strata.names, strata.df, strict=True):
        by_name[_stratum(name)] = by_name.get(_stratum(name), 0.0) + df
    degrees = ", ".join(f"{name} {df:.3g}" for name, df in by_name.items() if df >= 0.5)
    yield (
        f"Pooled over all {len(strata.layout.cells)} cells of the grid ({len(strata.layout.cell)} trials), with each "
        f"component as uncertain as its mean squares leave it. Degrees of freedom: {degrees}. "
        f"Intervals: {model.covers}."
    )
    growing = [f"{metric_words(metric)} with {g.by}" for metric, m in pooled.items() for g in m.growth if g.grows]
    tried = sum(len(m.growth) for m in pooled.values())
    if growing:
        yield (
            f"One variance for all cells is not enough where noise grows (p < 0.01 of {tried} checks): "
            f"{join_names(growing)}. Intervals of those cells are too short."
        )
    else:
        yield f"In none of {tried} checks does the noise of cells grow with the mean, small M or N' (p < 0.01)."


def _pooled_table(pooled: Mapping[str, VarianceModel]) -> Table:
    names = list(dict.fromkeys(name for model in pooled.values() for name in model.strata.components))
    rows = []
    for metric, model in pooled.items():
        ends = _component_ends(model)
        rows.append((metric, *(between(*ends[name], digits=4) if name in ends else "–" for name in names)))
    return Table(
        caption=f"Standard deviations pooled over the grid, {LEVEL:.0%}; people: one person an item on all items",
        headings=("metric", *map(_component, names)),
        rows=tuple(rows),
        numbers=tuple(range(1, len(names) + 1)),
    )


def _panels_table(pooled: Mapping[str, VarianceModel]) -> Table:
    main = {metric: pooled[metric] for metric in CO_PRIMARY if metric in pooled} or dict(pooled)
    every = {(p.crowd, p.annotators, p.pairs): None for model in main.values() for p in model.panels}
    rows = []
    for crowd, annotators, pairs in every:
        texts = []
        for model in main.values():
            seen = next((p for p in model.panels if (p.crowd, p.annotators) == (crowd, annotators)), None)
            texts.append("–" if seen is None else f"{seen.half_mean_square**0.5:.4f} ({seen.expected**0.5:.4f})")
        rows.append((crowd, f"{annotators:.3g}", str(pairs), *texts))
    return Table(
        caption="Two panels of one seed: root of half their mean squared difference (what the pooled model expects)",
        headings=("crowd", "M", "pairs", *main),
        rows=tuple(rows),
        numbers=(1, 2, *range(3, 3 + len(main))),
    )


def _growth_table(pooled: Mapping[str, VarianceModel]) -> Table:
    checks = list(dict.fromkeys(g.by for model in pooled.values() for g in model.growth))
    rows = []
    for metric, model in pooled.items():
        found = {g.by: f"{g.correlation:+.2f} (p {g.p:.2g})" for g in model.growth}
        rows.append((metric, *(found.get(check, "–") for check in checks)))
    return Table(
        caption="Does a cell's noise grow: Spearman's correlation within each crowd",
        headings=("metric", *(f"with {check}" for check in checks)),
        rows=tuple(rows) if checks else (),
        numbers=tuple(range(1, len(checks) + 1)),
    )


def _component_ends(model: VarianceModel) -> dict[str, tuple[float, float, float]]:
    drawn = np.sqrt(model.draw_variances(DRAWS, generator("uncertainty", 1)))
    each = zip(model.strata.components, model.variances, drawn.T, strict=True)
    return {name: _with_ends(np.sqrt(variance), column) for name, variance, column in each}


def _pooled_data(model: VarianceModel) -> dict[str, object]:
    return {
        "standard_deviations": _component_ends(model),
        "degrees_of_freedom": dict(zip(model.strata.names, model.strata.df, strict=True)),
        "growth": [vars(g) for g in model.growth],
        "panels": [p.as_dict() for p in model.panels],
        "covers": model.covers,
    }


def _component(name: str) -> str:
    if name.startswith(OWN):
        return f"{name.removeprefix(OWN)}: people, on a cell alone"
    if name.startswith(PEOPLE):
        return f"{name.removeprefix(PEOPLE)}: people, on all cells"
    return _SEEDS[name]


def _stratum(name: str) -> str:
    named = {SEED: "seeds", CROWD: "crowds in seeds", CELL: "cells in seeds"}
    return named.get(name, "the rest" if name.startswith(REST) else name)
