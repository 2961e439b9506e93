"""Scores of the planner's models on the sealed cells, whose results are read once for each version of the planner."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from softcore.errors import RequestError, unknown_name
from sweeps.planning.bootstrap import FittedModel, draws_generator
from sweeps.planning.candidates import Range, excess_in_words, ranges
from sweeps.planning.checks import SCORING_DRAWS, ModelCheck, check, choose_model
from sweeps.planning.noise import draw_runs
from sweeps.planning.rows import make_rows, named_like
from sweeps.results.table import finished, metric_columns, records

# Fields of checks, by their names in JSON.
_AS_WRITTEN = {"annotators": "people"}  # readings recorded before the column was renamed have the old name
_PARTS = {"all": "checks", **{name: name for name in ("inside", "beyond", "differences", "left_out")}}


@dataclass(frozen=True, kw_only=True, eq=False)
class Judgement:
    """What each model predicted of the sealed cells, the curve first.

    `cells` has a row a cell: what it is, `n` trials, `seen` (its mean), `inside` (where the model was checked), and of
    each model the median and the bounds of both intervals. `checks`, `inside` and `beyond` score all cells and the two
    parts (empty where a part has none). Sealed cells share their seeds, so that all may be off together and coverage is
    that of fewer cells than there are: `differences` scores each cell's distance from the mean of all, which is what
    choices rest on. `default` is the model that leaving cells out had chosen, before, and `left_out` are the checks it
    was chosen by, the lowest interval score first.
    """

    metric: str
    cells: pd.DataFrame
    checks: tuple[ModelCheck, ...]
    inside: tuple[ModelCheck, ...]
    beyond: tuple[ModelCheck, ...]
    differences: tuple[ModelCheck, ...]
    left_out: tuple[ModelCheck, ...]
    default: str

    @property
    def passed(self) -> bool:
        """Whether the curve has a lower interval score than both baselines, on all cells."""
        return self.checks[0].score < min(other.score for other in self.checks[1:])

    @property
    def best(self) -> ModelCheck:
        """The check of the model with the lowest interval score on all cells."""
        return min(self.checks, key=lambda check: check.score)

    @property
    def held(self) -> bool:
        """Whether no model has a lower interval score on all cells than the one chosen before."""
        return self.of(self.default).score <= self.best.score

    def of(self, model: str, part: str = "checks") -> ModelCheck:
        """The check of `model` on a part (the name of a field); a RequestError where there is none."""
        found = {check.model: check for check in getattr(self, part)}
        if model not in found:
            raise unknown_name("model", model, found or ["none"])
        return found[model]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        scored = {name: [check.as_dict() for check in getattr(self, part)] for name, part in _PARTS.items()}
        plain = {"metric": self.metric, "default": self.default, "passed": self.passed}
        return plain | scored | {"cells": self.cells.rename(columns=_AS_WRITTEN).to_dict("records")}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Judgement":
        """The judgement that `as_dict` gave as `content`."""
        return cls(
            metric=content["metric"],
            default=content["default"],
            cells=pd.DataFrame(content["cells"]).rename(columns={old: new for new, old in _AS_WRITTEN.items()}),
            **{part: tuple(map(ModelCheck.of, content[name])) for name, part in _PARTS.items()},
        )


def judge(results: pd.DataFrame, sealed: pd.DataFrame, *, metric: str, seed: int = 0) -> Judgement:
    """Predict the observed means of the cells of `sealed` from `results`, their own noise included.

    Cells of a question or a way of training that `results` do not have can't be predicted: a RequestError, as are
    trials that are in both tables.
    """
    both = set(zip(results["cell"], results["seed"], results["panel"], strict=True))
    shared = both & set(zip(sealed["cell"], sealed["seed"], sealed["panel"], strict=True))
    if shared:
        raise RequestError(f"{len(shared)} sealed trials are in the results too: choose cells that nobody looked at")
    learnt = make_rows(results, metric)
    if metric not in sealed:
        raise unknown_name("metric of the sealed cells", metric, metric_columns(sealed) or ["none"])
    done = finished(sealed)
    cells = named_like(learnt, done)
    grouped = done.groupby("cell", sort=False)
    cells["n"], cells["seeds"] = grouped.size().to_numpy(), grouped["seed"].nunique().to_numpy()
    seen = learnt.sign * grouped[metric].mean().to_numpy(dtype=float)
    measured = ranges(learnt)
    inside = np.array([_inside(cell, measured) for cell in records(cells)]) > 0
    rng = draws_generator(seed, 2)
    choice = choose_model(learnt, draws_generator(seed))
    found: dict[str, list[ModelCheck]] = {"all": [], "inside": [], "beyond": [], "differences": []}
    table = cells[["cell", "variety", "policy", "aggregation", "annotators", "items", "n"]].copy()
    table["seen"], table["inside"] = learnt.sign * seen, inside
    for model in choice.tried:
        draws = predicted_means(model, cells, rng)
        for name, part in (("all", seen == seen), ("inside", inside), ("beyond", np.logical_not(inside))):
            if part.any():
                found[name].append(check(model.name, draws[:, part], seen[part]))
        apart = draws - draws.mean(axis=1, keepdims=True)
        found["differences"].append(check(model.name, apart, seen - seen.mean()))
        bounds = np.quantile(learnt.sign * draws, [0.5, 0.1, 0.9, 0.025, 0.975], axis=0)
        for name, bound in zip(("", " low 80", " high 80", " low 95", " high 95"), bounds, strict=True):
            table[model.name + name] = bound
    return Judgement(
        metric=metric,
        cells=table,
        checks=tuple(found["all"]),
        inside=tuple(found["inside"]),
        beyond=tuple(found["beyond"]),
        differences=tuple(found["differences"]),
        left_out=choice.checks,
        default=choice.chosen.name,
    )


def predicted_means(
    model: FittedModel, cells: pd.DataFrame, rng: np.random.Generator, n: int = SCORING_DRAWS
) -> Float[np.ndarray, "n p"]:
    """Draws of the means of new trials of `cells`: of `n` panels of new people over `seeds` new seeds each."""
    panels, seeds = (cells[name].to_numpy(dtype=float) for name in ("n", "seeds"))
    return draw_runs(model, cells, rng, n, panels=panels, seeds=seeds).runs


def _inside(cell: Mapping[str, Any], measured: tuple[Range, ...]) -> bool:
    annotators, items = round(float(cell["annotators"])), round(float(cell["items"]))
    same = [r for r in measured if all(getattr(r, key) == cell[key] for key in ("variety", "policy", "aggregation"))]
    return any(not excess_in_words(r, annotators, items) for r in same)
