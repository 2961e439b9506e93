"""Made-up results of the very trials of presets: the recorded grid's shape, with a truth that is known.

The rows are those of a sweep's own table: its cells, seeds, panels and answers. What cells are worth is drawn by
question, and effects of people, seeds and trials one by one (`sweeps.studies.coverage.planted`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from softcore.labels.questions import PAGES_ON, routing_clicks
from softcore.varieties import FREE
from sweeps.results.table import DONE, records, results_row, results_table
from sweeps.spec.cells import Trial
from sweeps.studies.coverage.planted import Grid, Noise, problem
from sweeps.uncertainty.layout import Layout
from sweeps.uncertainty.replicates import replicates

METRIC = "ce/10h"
_MOST_ITEMS = 900

Gain = Callable[[str, float, float], float]  # of a question, M and N'
_QUESTIONS = ("click", "first-choice", "t1-uniform", "t1-clamp", "t2-uniform", "t2-clamp")


@dataclass(frozen=True, kw_only=True, eq=False)
class PlantedGrid:
    """The tables of presets without values, by preset, and the layout of all their trials, each once."""

    tables: Mapping[str, pd.DataFrame]
    trials: pd.DataFrame
    layout: Layout

    @classmethod
    def of(cls, trials: Mapping[str, Sequence[Trial]]) -> "PlantedGrid":
        """The trials of presets by name; one that two presets have is the same in both."""
        tables = {name: results_table([_row(trial) for trial in of_preset]) for name, of_preset in trials.items()}
        every = pd.concat(tables.values(), ignore_index=True).drop_duplicates("trial")
        found = replicates(every, [METRIC])
        return cls(tables=tables, trials=found.results, layout=found.strata.layout)

    def draw(self, style: str, rng: np.random.Generator, noise: Noise | None = None) -> dict[str, pd.DataFrame]:
        """The tables with values of `METRIC`, a truth of a style of `STYLES`; people are the same in all of them."""
        cells = self.trials.drop_duplicates("cell").reset_index(drop=True)
        truth = worth(cells, STYLES[style](rng), rng)
        made = problem(Grid(cells=cells, layout=self.layout), truth, noise or Noise(), rng)
        value = dict(zip(self.trials["trial"], made.values, strict=True))
        return {name: table.assign(**{METRIC: table["trial"].map(value)}) for name, table in self.tables.items()}


def worth(cells: pd.DataFrame, gain: Gain, rng: np.random.Generator) -> Float[np.ndarray, " c"]:
    """What each cell is worth: a start, less what its way of training gains, less what its answers gain.

    With mixup answers gain a part only of what they gain without. Cells scatter about that a little, or not at all.
    """
    smoothing, mixup, weighted, pooled = rng.normal([0.1, 0.2, 0.02, 0.01], 0.02)
    part = rng.uniform(0, 1)
    found = []
    for axes in records(cells):
        mixed, free = axes["mixing"] == "mixup", axes["variety"] in FREE
        value = 1.9 - mixup * mixed - weighted * (axes["loss"] == "entropy-weighted")
        gained = smoothing * (axes["variety"] == "smoothed") if free else _gained(axes, gain)
        found.append(value - gained * (part if mixed else 1.0) - pooled * (axes["aggregation"] == "mean"))
    return np.array(found) + rng.choice([0.0, 0.004, 0.01]) * rng.standard_normal(len(found))


def _gained(axes: Mapping[str, Any], gain: Gain) -> float:
    """Of mixed questions: what clicks gain on all items, and the page's surplus on its share."""
    people, items = float(axes["annotators"]), float(axes["items"])
    if pd.isna(axes["pages_on"]):
        return gain(axes["variety"], people, items)
    clicks = gain("click", float(axes["clicks"]), items)
    page, share = gain(axes["variety"], people, items), PAGES_ON[axes["pages_on"]]
    return clicks + share.share * (1.3 if share.disagreeing else 1.0) * (page - clicks)


def _curved(rng: np.random.Generator) -> Gain:
    """The planner's own formula, each question with gains of its own."""
    first, everybody = _by_question(rng, 0.3, 0.06), _by_question(rng, 0.5, 0.06)
    power, fall = rng.uniform(0.4, 0.9), rng.uniform(0.5, 1.2)

    def gain(variety: str, people: float, items: float) -> float:
        left = people**-fall
        return float((items / _MOST_ITEMS) ** power * (first[variety] * left + everybody[variety] * (1 - left)))

    return gain


def _crossing(rng: np.random.Generator) -> Gain:
    """Pages that are good at once and clicks that take many people and then are better."""
    pages, clicks = _by_question(rng, 0.35, 0.04), rng.uniform(0.45, 0.6)
    power = rng.uniform(0.4, 0.9)

    def gain(variety: str, people: float, items: float) -> float:
        part = clicks * (1 - (1 + people) ** -0.5) if variety == "click" else pages[variety] * (1.3 - 0.3 / people)
        return float((items / _MOST_ITEMS) ** power * part)

    return gain


def _logarithmic(rng: np.random.Generator) -> Gain:
    """Gains that no power law has: logarithms of people and of items, each question slower or faster than others."""
    first, more = _by_question(rng, 0.2, 0.05), _by_question(rng, 0.07, 0.015)
    bend = {name: rng.uniform(50, 400) for name in first}

    def gain(variety: str, people: float, items: float) -> float:
        share = np.log1p(items / bend[variety]) / np.log1p(_MOST_ITEMS / bend[variety])
        return float(share * (first[variety] + more[variety] * np.log2(people)))

    return gain


def _level(rng: np.random.Generator) -> Gain:
    """Answers that are hardly worth anything, some less than nothing."""
    first = _by_question(rng, 0.0, 0.015)
    return lambda variety, people, items: float(first[variety] * items / _MOST_ITEMS)


STYLES: Mapping[str, Callable[[np.random.Generator], Gain]] = MappingProxyType(
    {"curved": _curved, "crossing": _crossing, "logarithmic": _logarithmic, "level": _level}
)


def _by_question(rng: np.random.Generator, mean: float, spread: float) -> dict[str, float]:
    return {name: float(rng.normal(mean, spread)) for name in _QUESTIONS}


def _row(trial: Trial) -> dict[str, Any]:
    """A row of the results table that a finished trial has, its value aside."""
    axes, answers = trial.cell.axes, {}
    if axes["variety"] not in FREE:
        answers[axes["variety"]] = axes["annotators"] * axes["items"]
        if axes["pages_on"] is not None:
            pages = int(np.floor(PAGES_ON[axes["pages_on"]].share * axes["items"] + 0.5))
            clicks = axes["clicks"] + routing_clicks(axes["pages_on"])
            answers = {axes["variety"]: axes["annotators"] * pages, "click": clicks * axes["items"]}
    return results_row(trial, trial.cell.columns, DONE, {METRIC: 0.0, "answers": answers})
