"""The part of a plan that no price changes: the chosen model, the candidates, joint draws of their values."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from softcore.errors import RequestError
from sweeps.frontier.regimes import ENOUGH, MATTERS
from sweeps.planning.bootstrap import draws_generator
from sweeps.planning.candidates import candidates
from sweeps.planning.checks import ModelChoice
from sweeps.planning.defaults import default_model
from sweeps.planning.noise import draw_runs
from sweeps.planning.ranges import Range, free_points, keep_in_range, of_variety, ranges
from sweeps.planning.rows import Rows, make_rows
from sweeps.uncertainty.layout import Pool

# How far predictions may lie outside the values that were measured, in their range (on the model's scale): between
# measured M and N', and beyond them.
FAR_INSIDE, FAR_BEYOND = 1.0, 3.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Forecast:
    """The chosen model of a metric and joint posterior draws for candidates and free recipes, less being better.

    `values` [draws, candidates] are expected values over seeds and annotators, `hired` those over seeds with newly
    hired annotators, `runs` single runs with new annotators and a new seed; `free_values` and `free_runs` [draws, free]
    are the same draws for the free recipes. `measured` are the ranges that the model was checked in, of the questions
    asked for.
    """

    rows: Rows
    choice: ModelChoice
    measured: tuple[Range, ...]
    table: pd.DataFrame
    values: Float[np.ndarray, "n p"]
    hired: Float[np.ndarray, "n p"]
    runs: Float[np.ndarray, "n p"]
    free: pd.DataFrame
    free_values: Float[np.ndarray, "n f"]
    free_runs: Float[np.ndarray, "n f"]
    images: int | None
    extrapolated: bool

    @cached_property
    def expected(self) -> Float[np.ndarray, " p"]:
        """The predicted value of each candidate."""
        return self.values.mean(axis=0)

    @cached_property
    def gain(self) -> Float[np.ndarray, " p"]:
        """How much better each candidate is than the best free recipe, as predicted."""
        return float(self.free_values[:, self.best_free].mean()) - self.expected

    @cached_property
    def beats_free(self) -> Float[np.ndarray, " p"]:
        """How likely labels of new people are to beat the best free recipe, both on average over seeds."""
        return (self.hired < self.free_values[:, [self.best_free]]).mean(axis=0)

    @cached_property
    def gains_enough(self) -> Float[np.ndarray, " p"]:
        """How likely each candidate is to beat the best free recipe by what matters, on average over people and seeds.

        Who happens to be hired is left out: by that luck few people would seem likelier to gain much than many.
        """
        gap = self.free_values[:, [self.best_free]] - self.values
        return ((gap > 0) & (gap >= self.matters)).mean(axis=0)

    @cached_property
    def worth_buying(self) -> Bool[np.ndarray, " p"]:
        """Which candidates beat the best free recipe with a probability of 0.9 or more and by a gain that matters."""
        return worth_buying(self.beats_free, self.gain, self.rows.metric)

    @property
    def known(self) -> str:
        """Which plans there are, in a word or two."""
        return "measured or extrapolated" if self.extrapolated else "measured"

    @property
    def matters(self) -> float:
        """The difference in the metric that matters: 0.03 of raw and 0.01 of scaled cross-entropy, else 0."""
        return gain_that_matters(self.rows.metric)

    @cached_property
    def best_free(self) -> int:
        """The place of the free recipe that is predicted to be the best."""
        return int(self.free_values.mean(axis=0).argmin())


def gain_that_matters(metric: str) -> float:
    """The difference in a metric ("ce/10h") that matters: 0.03 of raw and 0.01 of scaled cross-entropy, else 0."""
    return MATTERS.get(metric.partition("/")[0], 0.0)


def worth_buying(
    beats_free: Float[np.ndarray, " p"], gain: Float[np.ndarray, " p"], metric: str
) -> Bool[np.ndarray, " p"]:
    """Which candidates beat the best free recipe with a probability of 0.9 or more and by a gain that matters.

    `gain` is the expected improvement over that recipe, positive where a candidate is better.
    """
    return (beats_free >= ENOUGH) & (gain > 0) & (gain >= gain_that_matters(metric))


def make_forecast(
    results: pd.DataFrame,
    *,
    metric: str,
    questions: Iterable[str] | None = None,
    images: int | None = None,
    annotators: int | None = None,
    extrapolate: bool = False,
    most_people: int | None = None,
    pools: Mapping[str, Pool] | None = None,
    seed: int = 0,
) -> Forecast:
    """Fit and check the models, draw from the chosen one: seconds for 100 cells, for any prices and any budget.

    Only `questions` (varieties) are planned for; there are `images` to label (by default as many as were measured) and
    M is `annotators` where that is given. Beyond what was measured nothing is planned and asking for it is a
    RequestError that says how far it is, unless `extrapolate`: then N' goes up to `images`, M from 1 to `most_people`.
    A metric that nobody measured, and an unmeasured question, are RequestErrors too, as are predictions far outside
    what was measured: then nothing is known.
    """
    for what, number in (("images", images), ("annotators", annotators), ("most_people", most_people)):
        if number is not None and number < 1:
            raise RequestError(f"{what} must be a whole number of 1 or more, not {number}")
    learnt = make_rows(results, metric, pools)
    measured = of_variety(ranges(learnt), questions)
    if not extrapolate:
        measured = keep_in_range(measured, annotators=annotators)
        least = min(r.items[0] for r in measured)
        measured = keep_in_range(measured, items=images) if images is not None and images < least else measured
    table = candidates(
        learnt,
        measured,
        images=images,
        annotators=annotators,
        extrapolate=extrapolate,
        most_people=most_people,
    )
    if table.empty:
        raise RequestError(f"no measured question has {images} images or fewer with M = {annotators}")
    choice = default_model(learnt, draws_generator(seed), beyond=bool(table["beyond"].any()))
    free = free_points(learnt)
    both = pd.concat([table, free], ignore_index=True)
    rng = draws_generator(seed, 1)
    drawn, n = draw_runs(choice.chosen, both, rng), len(table)
    _check_range(learnt, table, drawn.values[:, :n].mean(axis=0))
    return Forecast(
        rows=learnt,
        choice=choice,
        measured=measured,
        table=table,
        values=drawn.values[:, :n],
        hired=drawn.hired[:, :n],
        runs=drawn.runs[:, :n],
        free=free,
        free_values=drawn.values[:, n:],
        free_runs=drawn.runs[:, n:],
        images=images,
        extrapolated=extrapolate,
    )


def _check_range(learnt: Rows, points: pd.DataFrame, predicted: Float[np.ndarray, " p"]) -> None:
    """Refuse predictions far outside what was measured: the model has not learnt enough to say anything."""
    seen, modelled = learnt.mean, learnt.scale.modelled(np.maximum(predicted, learnt.scale.least + 1e-300))
    outside = np.maximum(seen.min() - modelled, modelled - seen.max()) / max(float(np.ptp(seen)), 1e-300)
    odd = np.flatnonzero(outside > np.where(points["beyond"], FAR_BEYOND, FAR_INSIDE))
    if odd.size:
        worst = odd[outside[odd].argmax()]
        low, high = np.sort(learnt.sign * learnt.scale.metric(np.array([seen.min(), seen.max()])))
        raise RequestError(
            f"not known yet: the model predicts a {learnt.metric} of {learnt.sign * predicted[worst]:.3g} for "
            f"{points['variety'].iloc[worst]}, and what was measured lies between {low:.3g} and {high:.3g}; these "
            "cells, replicates or images are too few for this metric: run more seeds and panels, or plan by another "
            "metric (--metric)"
        )
