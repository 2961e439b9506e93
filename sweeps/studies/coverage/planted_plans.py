"""Made-up results tables whose truth is known, with effects of seeds, people and trials.

People are drawn one by one and a cell takes the first M of a panel's, so that nothing here uses the formulas of the
noise that it checks.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from softcore.varieties import FREE
from sweeps.results.table import DONE

QUESTIONS = ("click", "t1-uniform", "t1-clamp", "t2-uniform", "t2-clamp")
METRIC = "ce/10h"
FREE_CELLS: tuple[dict[str, Any], ...] = ({"variety": "hard"}, {"variety": "smoothed", "beta": 0.1})
_MOST_PEOPLE = 64


@dataclass(frozen=True, kw_only=True)
class World:
    """What cells are worth, and what replicates add to it.

    Hard labels are worth `start`, smoothed ones `smoothed`; a bought cell gains (N'/900)^items_power [first M^-fall +
    everybody (1 - M^-fall)] by question, and `mixup` more with mixup. `of_people` is the standard deviation of one
    person's mark on all cells that ask them, `own` of one person's on a cell of its own.
    """

    start: float = 1.8
    smoothed: float = 1.6
    first: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(QUESTIONS, 0.15))
    everybody: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(QUESTIONS, 0.35))
    items_power: float = 0.6
    fall: float = 0.8
    mixup: float = 0.05
    of_seed: float = 0.012
    of_people: float = 0.012
    own: float = 0.015
    of_trial: float = 0.01

    def value(self, axes: Mapping[str, Any]) -> float:
        """The mean over seeds and people."""
        gain = self.mixup if axes.get("mixing") == "mixup" else 0.0
        if axes["variety"] == "hard":
            return self.start - gain
        if axes["variety"] == "smoothed":
            return self.smoothed - gain
        left = axes["annotators"] ** -self.fall
        answers = self.first[axes["variety"]] * left + self.everybody[axes["variety"]] * (1 - left)
        return float(self.start - gain - (axes["items"] / 900) ** self.items_power * answers)


def bought_cells(
    varieties: Iterable[str] = QUESTIONS,
    people: Sequence[int] = (1, 2, 3),
    items: Sequence[int] = (250, 900),
    clicks: Sequence[int] = (1, 3, 6, 12, 24),
) -> list[dict[str, Any]]:
    """The axes of a grid of bought cells: `people` of the page's questions, `clicks` of clicks."""
    return [
        {"variety": variety, "aggregation": "separate", "annotators": m, "items": n}
        for variety in varieties
        for m in (clicks if variety == "click" else people)
        for n in items
    ]


def planted_table(
    world: World,
    cells: Sequence[Mapping[str, Any]],
    rng: np.random.Generator,
    seeds: Sequence[int] = (0, 1, 2),
    panels: Sequence[int] = (0, 1),
) -> pd.DataFrame:
    """A results table: every panel of each seed for bought cells, the first alone for free ones."""
    seed_marks = {seed: world.of_seed * rng.standard_normal() for seed in seeds}
    crowds = {
        (seed, panel, clicks): world.of_people * rng.standard_normal(_MOST_PEOPLE)
        for seed in seeds
        for panel in panels
        for clicks in (True, False)
    }
    rows: list[dict[str, Any]] = []
    for number, axes in enumerate(cells):
        free, truth = axes["variety"] in FREE, world.value(axes)
        for seed in seeds:
            for panel in panels[:1] if free else panels:
                value = truth + seed_marks[seed] + world.of_trial * rng.standard_normal()
                if not free:
                    people = crowds[seed, panel, axes["variety"] == "click"]
                    marks = people + world.own * rng.standard_normal(_MOST_PEOPLE)
                    value += marks[: axes["annotators"]].mean()
                rows.append(_row(axes, f"c{number:02d}", seed, panel, value))
    return pd.DataFrame(rows)


def _row(axes: Mapping[str, Any], cell: str, seed: int, panel: int, value: float) -> dict[str, Any]:
    """A row of a results table as the store writes it, short of the axes that are alike everywhere."""
    answers = axes.get("annotators", 0) * axes.get("items", 0)
    hired = "breadth" if answers and axes["variety"] != "click" else None
    nothing = dict.fromkeys(("aggregation", "annotators", "items", "mixing", "beta", "pages_on", "clicks"))
    return {
        "trial": f"{cell}-s{seed}-p{panel}",
        "cell": cell,
        "seed": seed,
        "panel": panel,
        "status": DONE,
        "dataset": "cifar10s",
        **nothing,
        **axes,
        "hiring": hired,
        "holdout": "batches",
        "model": "cnn",
        METRIC: value,
        **{f"answers/{q}": answers if q == axes["variety"] else 0 for q in QUESTIONS},
    }
