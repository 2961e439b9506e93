"""Cross-validation: how well a model predicts cells left out of its fit, and which model plans."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from softcore.errors import RequestError
from softcore.statistics import MeanInterval, share_interval
from sweeps.planning.bootstrap import FittedModel, fit_surface
from sweeps.planning.nearest import Nearest
from sweeps.planning.rows import Rows
from sweeps.planning.surfaces import Curve, Regression

LEVELS = (0.8, 0.95)
FREE_NOTE = "no plan rests on this, as what costs nothing is predicted from its own trainings"
SCORING_DRAWS = 10_000  # of 1,000, other draws of the same model would move a score by 3%


@dataclass(frozen=True, kw_only=True)
class ModelCheck:
    """How a model's predictive draws did against `n` means of cells that it had not seen.

    `error` is the root mean squared error of the medians, `score` the mean interval score over the levels (less is
    better), `scores` and `coverage` by level, coverage with its exact binomial interval. `note` says what more a reader
    must know of it.
    """

    model: str
    n: int
    error: float
    score: float
    scores: Mapping[float, float]
    coverage: Mapping[float, MeanInterval]
    note: str = ""

    @property
    def words(self) -> str:
        """The check in a sentence."""
        held = ", ".join(_held_words(level, share) for level, share in self.coverage.items())
        note = f"; {self.note}" if self.note else ""
        return (
            f"{self.model}: {self.n} measured cells, each predicted from the others, came out {self.error:.4f} off; "
            f"{held}; interval score {self.score:.4f}{note}"
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "model": self.model,
            "n": self.n,
            "error": self.error,
            "score": self.score,
            "scores": {f"{level:g}": score for level, score in self.scores.items()},
            "coverage": {f"{level:g}": asdict(share) for level, share in self.coverage.items()},
        }

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> "ModelCheck":
        """The check that `as_dict` gave as `content`."""
        by_level = {
            "scores": {float(level): score for level, score in content["scores"].items()},
            "coverage": {float(level): MeanInterval(**share) for level, share in content["coverage"].items()},
        }
        return cls(**{**content, **by_level})


@dataclass(frozen=True, kw_only=True, eq=False)
class ModelChoice:
    """The model to plan with, all that were `tried` (the curve first), their checks (the chosen first), and why.

    `checks` are of bought cells, `free_checks` those of free recipes by model: none where there is one free recipe
    alone, which no other tells of.
    """

    chosen: FittedModel
    tried: tuple[FittedModel, ...]
    checks: tuple[ModelCheck, ...]
    free_checks: Mapping[str, ModelCheck]
    why: str

    @property
    def shown(self) -> tuple[ModelCheck, ...]:
        """The checks of all models, the chosen first, and that of the free recipes by the chosen one."""
        free = self.free_checks.get(self.chosen.name)
        return self.checks if free is None else (*self.checks, free)


def interval_score(
    low: Float[np.ndarray, " n"], high: Float[np.ndarray, " n"], seen: Float[np.ndarray, " n"], level: float
) -> Float[np.ndarray, " n"]:
    """The interval score of each of n intervals at `level`: its width, and 2 / (1 - level) times how far it missed.

    Less is better. Source: Gneiting & Raftery (2007), doi:10.1198/016214506000001437, equation 43. A level outside
    0..1 is a RequestError.
    """
    if not 0 < level < 1:
        raise RequestError(f"level must lie between 0 and 1, not {level}")
    missed = np.maximum(low - seen, 0) + np.maximum(seen - high, 0)
    return high - low + 2 / (1 - level) * missed


def _held_words(level: float, share: MeanInterval) -> str:
    """How many cells lay in their intervals at `level`, and whether that is what it should be, in words."""
    low, high = share.low or 0.0, 1.0 if share.high is None else share.high
    judged = "too few, " if high < level else "more than need be, " if low > level else ""
    return f"{round(share.mean * share.n)} lay in {level:.0%} intervals ({judged}about {level * share.n:.3g} expected)"


def check(model: str, draws: Float[np.ndarray, "d n"], seen: Float[np.ndarray, " n"], note: str = "") -> ModelCheck:
    """How predictive `draws` of n means did against those that were `seen`."""
    scores, coverage = {}, {}
    for level in LEVELS:
        low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
        scores[level] = float(interval_score(low, high, seen, level).mean())
        coverage[level] = share_interval(int(((low <= seen) & (seen <= high)).sum()), len(seen))
    return ModelCheck(
        model=model,
        n=len(seen),
        error=float(np.sqrt(((np.median(draws, axis=0) - seen) ** 2).mean())),
        score=float(np.mean(list(scores.values()))),
        scores=scores,
        coverage=coverage,
        note=note,
    )


def choose_model(rows: Rows, rng: np.random.Generator, *, beyond: bool = False) -> ModelChoice:
    """The model whose interval score is lowest when each bought cell is predicted from the others, of three.

    They are the curve and its baselines, the regression and the nearest cells, with the same noise; the curve is not
    the default unless it beats both. Free recipes are left out in turn as well, and scored apart: they differ by far
    more than what is bought, and would choose the model by luck. The variances of the noise are those of all cells. The
    nearest cells are not chosen to plan `beyond` what was measured: to them all is worth the same there, and leaving
    cells out can't see it.
    """
    tried: list[FittedModel] = [
        fit_surface(Curve.of(rows), rows, rng),
        fit_surface(Regression.of(rows), rows, rng),
        Nearest.of(rows),
    ]
    free = rows.cells["free"].to_numpy(dtype=bool)[rows.told]
    seen, found, of_free = rows.scale.metric(rows.mean[rows.told]), {}, {}
    for model in tried:
        draws = rows.scale.metric(model.left_out(rng, SCORING_DRAWS))
        found[model.name] = check(model.name, draws[:, ~free], seen[~free])
        if free.any():
            of_free[model.name] = check(f"{model.name}, free recipes", draws[:, free], seen[free], FREE_NOTE)
    order = sorted(tried, key=lambda model: found[model.name].score)
    scores = ", ".join(f"{model.name} {found[model.name].score:.4f}" for model in order)
    why = f"{order[0].name} has the lowest interval score, leaving one cell out at a time ({scores})"
    if beyond and isinstance(order[0], Nearest):
        order = [*order[1:], order[0]]
        why += f"; it can't tell what lies beyond what was measured, so that {order[0].name}, the next best, plans"
    if order[0].name != tried[0].name:
        why += f"; {tried[0].name} is not the default here"
    return ModelChoice(
        chosen=order[0],
        tried=tuple(tried),
        checks=tuple(found[model.name] for model in order),
        free_checks=of_free,
        why=why,
    )
