"""The part of a plan that no price changes: the chosen model, the candidates, joint draws of their values."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from softcore.errors import RequestError
from sweeps.frontier.regimes import ENOUGH, MATTERS
from sweeps.frontier.weights import with_metric
from sweeps.planning.bootstrap import FittedModel, FittedSurface, draws_generator, fit_surface
from sweeps.planning.candidates import Range, candidates, free_points, keep_in_range, of_variety, ranges
from sweeps.planning.checks import ModelChoice
from sweeps.planning.defaults import default_model
from sweeps.planning.noise import draw_runs
from sweeps.planning.rows import Rows, make_rows
from sweeps.planning.surfaces import Curve
from sweeps.uncertainty.layout import Pool

# How far predictions may lie outside the values that were measured, in their range (on the model's scale): between
# measured M and N', and beyond them.
FAR_INSIDE, FAR_BEYOND = 1.0, 3.0
# Other readings of the same results: seeds are left out one at a time, or in so many parts; of each so many draws.
MOST_PARTS, READING_DRAWS = 10, 400
TIED_PRIOR = "if labels start at hard labels"
SURE = 1.2816  # standard deviations at which a normal distribution leaves a tenth
SEED_PRIOR = "with nothing assumed of how much trainings differ"


@dataclass(frozen=True, kw_only=True, eq=False)
class Forecast:
    """The chosen model of a metric and joint posterior draws for candidates and free recipes, less being better.

    `values` [draws, candidates] are expected values over seeds and annotators, `hired` those over seeds with newly
    hired annotators, `runs` single runs with new annotators and a new seed; `free_values` and `free_runs` [draws, free]
    are the same draws for the free recipes. `measured` are the ranges that the model was checked in, of the questions
    asked for. `readings` [candidates] by name are what `gains_enough` would be without each seed, without each panel
    and under other priors.
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
    readings: Mapping[str, Float[np.ndarray, " p"]] = field(default_factory=dict)

    @cached_property
    def expected(self) -> Float[np.ndarray, " p"]:
        """The predicted value of each candidate."""
        return self.values.mean(axis=0)

    @cached_property
    def gains(self) -> Float[np.ndarray, "n p"]:
        """Draws of how much better each candidate is than the best free recipe, as of `gains_on`."""
        return gains_on(self.free_values[:, self.best_free], self.values)

    @cached_property
    def gain(self) -> Float[np.ndarray, " p"]:
        """How much better each candidate is than the best free recipe, as predicted and corrected for being chosen."""
        return self.gains.mean(axis=0)

    @cached_property
    def beats_free(self) -> Float[np.ndarray, " p"]:
        """How likely labels of new people are to beat the best free recipe, both on average over seeds."""
        return (self.hired < self.free_values[:, [self.best_free]]).mean(axis=0)

    @cached_property
    def gains_enough(self) -> Float[np.ndarray, " p"]:
        """How likely each candidate is to beat the best free recipe by what matters, on average over people and seeds.

        Who happens to be hired is left out: by that luck few people would seem likelier to gain much than many.
        """
        return chances(self.gains, self.rows.metric)

    @cached_property
    def worth_buying(self) -> Bool[np.ndarray, " p"]:
        """Which candidates gain what matters with a probability of 0.9 or more, in all `readings` too."""
        return np.min([self.gains_enough, *self.readings.values()], axis=0) >= ENOUGH

    @cached_property
    def seeds_needed(self) -> Int[np.ndarray, " p"]:
        """About how many seeds, with people of their own, would tell whether each candidate gains what matters.

        If its gain goes on to be what it is; 0 where that would take more than ten times as many as there are. Twice as
        many where it is told already, by one reading of the results and not by another.
        """
        apart = np.maximum(np.abs(self.gain - self.matters), 1e-12)
        times = np.maximum((SURE * self.gains.std(axis=0) / apart) ** 2, 2.0)
        return np.where(times > 10, 0, np.ceil(self.seeds * np.minimum(times, 10))).astype(np.int64)

    @property
    def seeds(self) -> int:
        """How many seeds there are."""
        return len(np.unique(self.rows.variance.strata.layout.seed))

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
    """The difference in a metric ("ce/10h") that matters: 0.03 of raw and 0.01 of scaled cross-entropy, else 0.

    Of a weighted metric, whose parts each count in the unit that matters, it is 1.
    """
    return MATTERS.get(metric.partition("/")[0], 0.0)


def gains_on(free: Float[np.ndarray, " n"], values: Float[np.ndarray, "n p"]) -> Float[np.ndarray, "n p"]:
    """Draws of what each of p purchases gains on a free recipe, corrected for the luck of what is chosen.

    What looks worth buying is what luck was kind to. So the gains of all p are taken to scatter about none, by as much
    as their means do, and each is drawn towards none by what that leaves of it: little where gains are well known or
    purchases differ by much, half where all that is seen may be noise. Source: Efron & Morris (1973),
    doi:10.1080/01621459.1973.10481350; what it does to plans is in docs/plans.md.
    """
    gap = free[:, None] - values
    middle, variance = gap.mean(axis=0), gap.var(axis=0)
    kept = 1 / (1 + variance / max(float((middle**2).mean()), 1e-300))
    return kept * middle + np.sqrt(kept) * (gap - middle)


def chances(gains: Float[np.ndarray, "n p"], metric: str) -> Float[np.ndarray, " p"]:
    """How likely each of p purchases is to gain what matters, from draws of its gains."""
    return ((gains > 0) & (gains >= gain_that_matters(metric))).mean(axis=0)


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
    results, metric = with_metric(results, metric)
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
        readings=_readings(results, learnt, choice.chosen, both, pools, draws_generator(seed, 3)),
    )


def _readings(
    results: pd.DataFrame,
    learnt: Rows,
    model: FittedModel,
    points: pd.DataFrame,
    pools: Mapping[str, Pool] | None,
    rng: np.random.Generator,
) -> dict[str, Float[np.ndarray, " p"]]:
    """`Forecast.readings`: `model` fitted again for each; one that other trials can't be told by is left out."""
    free, found = points["free"].to_numpy(dtype=bool), {}
    for name, table in _parts(results, learnt):
        try:
            rows = learnt if table is None else make_rows(table, learnt.metric, pools)
        except RequestError:
            continue
        if not rows.like(learnt):
            continue
        if name == TIED_PRIOR:
            if not (isinstance(model, FittedSurface) and isinstance(model.surface, Curve) and rows.starts):
                continue
            again: FittedModel = fit_surface(Curve.of(rows, tied=True), rows, rng, like=model)
        else:
            again = model.refitted(replace(rows, seed_scale=None) if name == SEED_PRIOR else rows, rng)
        values = rows.scale.metric(again.values(points, rng, READING_DRAWS)[0])
        best = values[:, free].mean(axis=0).argmin()
        found[name] = chances(gains_on(values[:, free][:, best], values[:, ~free]), learnt.metric)
    return found


def _parts(results: pd.DataFrame, learnt: Rows) -> Iterator[tuple[str, pd.DataFrame | None]]:
    """The name of each other reading, and the trials that it is of (None: all of them)."""
    seeds = np.unique(learnt.variance.strata.layout.seed)
    for few in np.array_split(seeds, min(len(seeds), MOST_PARTS)) if len(seeds) > 2 else []:
        yield f"without training {', '.join(map(str, few))} of each recipe", results[~results["seed"].isin(few)]
    bought = results["cell"].isin(learnt.cells["cell"].iloc[learnt.bought])
    several = results.groupby("cell")["panel"].transform("nunique") > 1  # else the cell would be gone, too
    panels = results["panel"][bought & several].unique()
    for panel in panels if len(panels) < MOST_PARTS else []:
        yield f"without group of people {panel}", results[~(several & bought & (results["panel"] == panel))]
    yield TIED_PRIOR, None
    yield SEED_PRIOR, None


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
