"""How long a page takes: a model of log seconds, and what it says of the hours that a new panel will take.

log seconds ~ person (random) + position in the session + whether a second class is named + how hard the image is. Cost
is a sum, so what counts is the mean of seconds: predictions are smeared over the seconds that people really took.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit

from softcore.data.dataset import Dataset
from softcore.data.records import NO_CLASS
from softcore.errors import RequestError
from softcore.prices.read import price
from softcore.seeding import generator
from softcore.statistics import half_width

TERMS = ("intercept", "log position", "log position squared", "second class named", "difficulty")
_SECOND = TERMS.index("second class named")
FEWEST = 20  # people: fewer say nothing about a variance between people
LEVEL = 0.9
SHORT = 10  # pages of a session that is cut short
PREDICTORS = ("model", "flat_mean", "flat_32_s")
_NOBODY = -1


@dataclass(frozen=True, kw_only=True, eq=False)
class PageTime:
    """A fitted model of page time.

    `coefficients` and `standard_errors` [terms] are of log seconds, in the order of `TERMS`; `person_sd` and `page_sd`
    the standard deviations between people and between one person's pages. `naming` (intercept, slope) is the logistic
    curve of a second class being named against difficulty, by which an answer not yet given is foreseen. `ratios`
    [people, pages] are seconds over what the model foresaw without knowing the person, NaN beyond a person's last page.
    """

    coefficients: Float[np.ndarray, " terms"]
    standard_errors: Float[np.ndarray, " terms"]
    person_sd: float
    page_sd: float
    naming: Float[np.ndarray, " two"]
    ratios: Float[np.ndarray, "people pages"]

    def seconds(self, position: Int[np.ndarray, " n"], difficulty: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Mean seconds of pages that an unknown person will answer, at `position` (from 1) of a session."""
        return _foreseen(self.coefficients, self.naming, position, difficulty) * float(np.nanmean(self.ratios))

    def median_seconds(
        self, position: Int[np.ndarray, " n"], difficulty: Float[np.ndarray, " n"]
    ) -> Float[np.ndarray, " n"]:
        """Seconds that half of such pages stay under: less than the mean, since a few pages take very long."""
        return _foreseen(self.coefficients, self.naming, position, difficulty)


@dataclass(frozen=True, kw_only=True)
class PanelHours:
    """Hours that a new panel will take: the mean, and an interval at `level` over the people who may be hired."""

    sessions: int
    pages: int
    mean: float
    low: float
    high: float
    level: float


def difficulty(dataset: Dataset) -> Float[np.ndarray, " records"]:
    """How hard the image of each record is: the entropy (nats) of its clicks, else of the other people's first choices.

    In the order of the data set's records. 0 where nobody else has answered.
    """
    from softcore.card.measures import entropy

    items = dataset.records["item"].to_numpy(np.int64)
    if dataset.counts is not None and (dataset.counts[items].sum(axis=1) > 0).all():
        return entropy(dataset.counts[items].astype(float))
    first = ~dataset.records["is_repeat"].to_numpy(dtype=bool)
    choices = dataset.records["top1"].to_numpy(np.int64)
    votes = np.zeros((len(dataset.labels), len(dataset.classes)))
    np.add.at(votes, (items[first], choices[first]), 1)
    others = votes[items]
    people = dataset.records["annotator"].to_numpy().astype(str)
    own = pd.Series(choices[first], index=pd.MultiIndex.from_arrays([people[first], items[first]]))
    own = own[~own.index.duplicated()].reindex(pd.MultiIndex.from_arrays([people, items]))
    answered = own.notna().to_numpy()
    others[np.flatnonzero(answered), own[answered].to_numpy(np.int64)] -= 1
    alone = others.sum(axis=1) == 0
    return np.where(alone, 0.0, entropy(np.where(alone[:, None], 1.0, others)))


def timed_pages(dataset: Dataset, items: Int[np.ndarray, " n"] | None = None) -> pd.DataFrame:
    """First answers on whole pages with a time above 0: annotator, item, position, seconds, second, difficulty.

    Of training items, or of those `items` of them that are given; sorted by annotator and position.
    """
    records = dataset.records.assign(difficulty=difficulty(dataset))
    allowed = dataset.train_items if items is None else np.intersect1d(items, dataset.train_items)
    records = records[(records["question"] == "page") & ~records["is_repeat"] & records["item"].isin(allowed)]
    records = records[(records["seconds"] > 0) & (records["position"] > 0)]
    records = records.assign(second=(records["top2"] != NO_CLASS).astype(float))
    kept = records[["annotator", "item", "position", "seconds", "second", "difficulty"]]
    return kept.sort_values(["annotator", "position"], kind="stable", ignore_index=True)


def fit_page_time(pages: pd.DataFrame) -> PageTime:
    """The model fitted by restricted maximum likelihood to `pages` as `timed_pages` gives them.

    Fewer than 20 people are a RequestError. Source: a linear mixed model with a random intercept (Laird & Ware 1982,
    doi:10.2307/2529876); smearing over residuals after Duan 1983 (doi:10.2307/2288126).
    """
    _, person = np.unique(pages["annotator"].to_numpy(), return_inverse=True)
    if not len(person) or person.max() + 1 < FEWEST:
        found = person.max() + 1 if len(person) else 0
        raise RequestError(f"page times of {found} people; a model of them needs {FEWEST} or more")
    second, hard = (pages[name].to_numpy(dtype=float) for name in ("second", "difficulty"))
    position, seconds = pages["position"].to_numpy(np.int64), pages["seconds"].to_numpy(dtype=float)
    terms = _terms(position, second, hard)
    beta, errors, page_sd, person_sd = random_intercept(terms, np.log(seconds), person)
    naming = _naming(hard, second)
    ratio = seconds / _foreseen(beta, naming, position, hard)
    return PageTime(
        coefficients=beta,
        standard_errors=errors,
        person_sd=person_sd,
        page_sd=page_sd,
        naming=naming,
        ratios=_by_person(ratio, person),
    )


def panel_hours(
    model: PageTime,
    sessions: Sequence[Float[np.ndarray, " pages"]],
    *,
    level: float = 0.9,
    draws: int = 1000,
    seed: int = 0,
) -> PanelHours:
    """Hours that unknown people will take for `sessions`, each the difficulties of its images in order.

    The interval draws people, whole, from those that the model was fitted on (themselves drawn anew each time, since
    they are a sample too), and pages of each. It takes the coefficients as given and covers people and their pages: not
    another platform, another page, or other instructions. No session is a RequestError.
    """
    if not len(sessions) or not 0 < level < 1:
        raise RequestError(f"a panel needs one session or more and a level between 0 and 1, not {level}")
    position = np.concatenate([np.arange(1, len(images) + 1) for images in sessions])
    of = np.repeat(np.arange(len(sessions)), [len(images) for images in sessions])
    base = _foreseen(model.coefficients, model.naming, position, np.concatenate(sessions))
    rng = generator("panel", seed, len(sessions), len(of))
    answered = np.isfinite(model.ratios).sum(axis=1)
    totals = np.empty(draws)
    for d in range(draws):
        sample = rng.integers(len(answered), size=len(answered))
        hired = sample[rng.integers(len(sample), size=len(sessions))][of]
        totals[d] = base @ model.ratios[hired, rng.integers(answered[hired])]
    low, high = np.quantile(totals, [(1 - level) / 2, (1 + level) / 2]) / 3600
    mean = float(base.sum() * np.nanmean(model.ratios) / 3600)
    return PanelHours(sessions=len(sessions), pages=len(of), mean=mean, low=float(low), high=float(high), level=level)


def random_intercept(x: np.ndarray, y: np.ndarray, group: np.ndarray) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Coefficients of `x` for `y`, their standard errors and standard deviations within and between groups, by REML.

    `group` numbers the group of each row from 0, none empty. A column that adds nothing to the others shares their
    effect. For a ratio r of the two variances, generalised least squares needs only sums: a group of n rows loses
    n^2 r / (1 + n r) times the product of its means.
    """
    z = np.column_stack([x, y])
    n = np.bincount(group).astype(float)
    means = np.column_stack([np.bincount(group, column) for column in z.T]) / n[:, None]
    whole, k = z.T @ z, x.shape[1]

    def solve(log_ratio: float) -> tuple[float, np.ndarray, float, np.ndarray]:
        ratio = np.exp(log_ratio)
        sums = whole - (means * (n**2 * ratio / (1 + n * ratio))[:, None]).T @ means
        inverse = np.linalg.pinv(sums[:k, :k], hermitian=True)
        beta = inverse @ sums[:k, k]
        rest = max(float(sums[k, k] - beta @ sums[:k, k]), 1e-300)
        left = len(y) - k
        spread = np.linalg.eigvalsh(sums[:k, :k])
        size = np.log(spread[spread > 1e-9 * spread.max()]).sum()
        return 0.5 * (left * np.log(rest) + np.log1p(n * ratio).sum() + size), beta, rest / left, inverse

    best = minimize_scalar(lambda value: solve(value)[0], bounds=(-12.0, 6.0), method="bounded")
    _, beta, variance, inverse = solve(float(best.x))
    errors = np.sqrt(variance * np.diag(inverse))
    return beta, errors, float(np.sqrt(variance)), float(np.sqrt(variance * np.exp(best.x)))


def _terms(position: np.ndarray, second: np.ndarray | float, difficulty: np.ndarray) -> np.ndarray:
    place = np.log(position.astype(float))
    return np.column_stack([np.ones(len(place)), place, place**2, np.broadcast_to(second, place.shape), difficulty])


def _foreseen(beta: np.ndarray, naming: np.ndarray, position: np.ndarray, difficulty: np.ndarray) -> np.ndarray:
    """Seconds before smearing, where it is not known yet whether a second class will be named."""
    chance = expit(naming[0] + naming[1] * difficulty)
    without = np.exp(_terms(position, 0.0, difficulty) @ beta)
    return without * (1 - chance + chance * np.exp(beta[_SECOND]))


def _naming(difficulty: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intercept and slope of the logistic curve of a second class being named."""

    def loss(line: np.ndarray) -> tuple[float, np.ndarray]:
        score = line[0] + line[1] * difficulty
        rest = expit(score) - second
        return float(np.logaddexp(0, score).sum() - score @ second), np.array([rest.sum(), rest @ difficulty])

    # Bounded: where everybody names a second class, or nobody, the likeliest curve is infinitely high or low.
    return minimize(loss, np.zeros(2), jac=True, bounds=[(-20, 20)] * 2).x


def _by_person(ratio: np.ndarray, person: np.ndarray) -> np.ndarray:
    place = pd.Series(person).groupby(person).cumcount().to_numpy()
    table = np.full((person.max() + 1, place.max() + 1), np.nan)
    table[person, place] = ratio
    return table


def held_out_errors(
    pages: pd.DataFrame, *, folds: int = 8, panel: int = 10, deals: int = 5, seed: int = 0, draws: int = 100
) -> dict[str, Any]:
    """Errors on held-out people of the model and of two flat figures, as nested dicts of plain values.

    People are dealt into `folds`, `deals` times anew; each fold's pages are predicted by what was fitted on the others'
    (`pages` as `timed_pages` gives them). `page_mean_absolute_error` is in seconds a page. A panel is `panel` people of
    one fold, in one deal nobody is in two: `panel_error` is the mean of |predicted / true - 1| of a panel's hours,
    `panel_bias` the mean of predicted / true - 1, `short_sessions` the same of each session's first 10 pages.
    `inside_interval` is the share of panels whose hours lie in the model's 90% interval. `difference` is the model's
    panel error less the flat mean's, with a 95% interval over the panels of one deal; `beats_flat_mean` holds where all
    of it lies below zero. Folds with fewer people than a panel are a RequestError.
    """
    names, person = np.unique(pages["annotator"].to_numpy().astype(str), return_inverse=True)
    if folds < 2 or len(names) // folds < panel:
        raise RequestError(f"{len(names)} people in {folds} folds are too few for panels of {panel}")
    coded = pages.assign(annotator=person)  # whole numbers are sorted and compared faster than names
    found = [_deal(coded, _folds(len(names), folds, seed, deal, panel), panel, draws) for deal in range(deals)]
    by_page = {name: float(np.mean([errors[name] for errors, _ in found])) for name in found[0][0]}
    panels = pd.concat([table for _, table in found])
    paired = (panels["whole model"] - 1).abs() - (panels["whole flat_mean"] - 1).abs()
    # Dealing people anew gives no new people, so the interval counts the panels of one deal.
    half, mean = float(half_width(paired.std(), len(panels) // deals)), float(paired.mean())
    return {
        "people": len(names),
        "folds": folds,
        "deals": deals,
        "people_a_panel": panel,
        "panels": len(panels),
        "page_mean_absolute_error": by_page,
        **_errors(panels, "whole"),
        "short_sessions": {"pages_a_session": SHORT, **_errors(panels, "short")},
        "inside_interval": {"level": LEVEL, "share": float(panels["inside"].mean())},
        "difference": {"mean": mean, "low": mean - half, "high": mean + half, "level": 0.95, "over": "panels"},
        "beats_flat_mean": mean + half < 0,
        "verdict": _verdict(panels, mean + half < 0),
    }


def _folds(people: int, folds: int, seed: int, deal: int, panel: int) -> np.ndarray:
    """The fold of each person, alike in size."""
    order = generator("panel", seed, deal, folds, panel).permutation(people)
    fold = np.empty(people, dtype=np.int64)
    fold[order] = np.arange(people) % folds
    return fold


def _deal(pages: pd.DataFrame, fold: np.ndarray, panel: int, draws: int) -> tuple[dict[str, float], pd.DataFrame]:
    """Mean absolute errors a page by predictor, and one row a panel: predicted over true seconds, whether inside."""
    person, position = pages["annotator"].to_numpy(np.int64), pages["position"].to_numpy(np.int64)
    hard, seconds = pages["difficulty"].to_numpy(dtype=float), pages["seconds"].to_numpy(dtype=float)
    predicted = {name: np.full(len(pages), np.nan) for name in (*PREDICTORS, "model_median")}
    predicted["flat_32_s"][:] = price("t2-clamp")
    panel_of = np.full(len(fold), _NOBODY)
    inside: list[bool] = []
    for out in range(fold.max() + 1):
        held = fold[person] == out
        model = fit_page_time(pages[~held])
        predicted["model"][held] = model.seconds(position[held], hard[held])
        predicted["model_median"][held] = model.median_seconds(position[held], hard[held])
        predicted["flat_mean"][held] = seconds[~held].mean()
        people = np.flatnonzero(fold == out)
        for start in range(0, len(people) - panel + 1, panel):
            hired = people[start : start + panel]
            panel_of[hired] = len(inside)
            sessions = [hard[person == one] for one in hired]
            hours = panel_hours(model, sessions, level=LEVEL, draws=draws)
            inside.append(hours.low <= seconds[np.isin(person, hired)].sum() / 3600 <= hours.high)
    errors = {name: float(np.abs(guess - seconds).mean()) for name, guess in predicted.items()}
    place = pd.Series(person).groupby(person).cumcount().to_numpy()
    rows = {"inside": np.array(inside, dtype=float)}
    for kind, kept in (("whole", panel_of[person] >= 0), ("short", (panel_of[person] >= 0) & (place < SHORT))):
        group = panel_of[person[kept]]
        true = np.bincount(group, seconds[kept])
        rows |= {f"{kind} {name}": np.bincount(group, predicted[name][kept]) / true for name in PREDICTORS}
    return errors, pd.DataFrame(rows)


def _errors(panels: pd.DataFrame, kind: str) -> dict[str, dict[str, float]]:
    off = {name: panels[f"{kind} {name}"] - 1 for name in PREDICTORS}
    return {
        "panel_error": {name: float(error.abs().mean()) for name, error in off.items()},
        "panel_bias": {name: float(error.mean()) for name, error in off.items()},
    }


def _verdict(panels: pd.DataFrame, beats: bool) -> str:
    whole, short = (_errors(panels, kind)["panel_error"] for kind in ("whole", "short"))
    return (
        f"For the hours of a whole panel of new people the model {'beats' if beats else 'does not beat'} a flat mean: "
        f"off by {whole['model']:.1%} against {whole['flat_mean']:.1%} (flat 32 s: {whole['flat_32_s']:.1%}). "
        f"Of sessions cut to their first {SHORT} pages: {short['model']:.1%} against {short['flat_mean']:.1%}."
    )
