"""What pilots predicted of runs with people whom they did not ask, held against what those runs gave."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from softcore.statistics import MeanInterval, mean_interval
from sweeps.planning.bootstrap import draws_generator
from sweeps.planning.candidates import excess_in_words, ranges
from sweeps.planning.checks import ModelCheck, ModelChoice, check
from sweeps.planning.defaults import default_model
from sweeps.planning.rows import Rows, make_rows, named_like
from sweeps.results.table import answer_columns
from sweeps.studies.document import Table
from sweeps.studies.grid.recorded import join_names
from sweeps.studies.sealed.judge import predicted_means
from sweeps.studies.sealed.regret import PLANNER

ALL, INSIDE, APART = "all", "inside what the pilot measured", "distance from the mean of the cells"


@dataclass(frozen=True, kw_only=True, eq=False)
class PilotPrediction:
    """What the pilot of one seed predicted of one metric and what came, a run a cell; less is better in all of it.

    `cells` has a row a cell: `variety`, `annotators` (M), `items` (N'), `inside` (what the pilot measured) and the
    answers it bought. `draws` [n, cells] by model are of one run with new people and a new seed, `seen` [cells] is what
    came.
    """

    seed: int
    learnt: Rows
    choice: ModelChoice
    cells: pd.DataFrame
    draws: Mapping[str, Float[np.ndarray, "n c"]]
    seen: Float[np.ndarray, " c"]


def predict_runs(pilot: pd.DataFrame, trials: pd.DataFrame, *, seed: int, metric: str) -> PilotPrediction:
    """The pilot's predictions of `trials`: finished, a cell each, of questions that the pilot has, of other people.

    A pilot too small to plan from is a RequestError, as is a question that it does not have.
    """
    learnt, trials = make_rows(pilot, metric), trials.reset_index(drop=True)
    choice = default_model(learnt, draws_generator(seed), beyond=True)
    cells = named_like(learnt, trials).assign(n=1, seeds=1)
    measured = {r.variety: r for r in ranges(learnt)}
    cells["inside"] = [
        not excess_in_words(measured[v], round(m), round(n))
        for v, m, n in cells[["variety", "annotators", "items"]].itertuples(index=False)
    ]
    cells = pd.concat([cells, trials[answer_columns(trials)].fillna(0).astype(float)], axis="columns")
    rng = draws_generator(seed, 2)
    return PilotPrediction(
        seed=seed,
        learnt=learnt,
        choice=choice,
        cells=cells,
        draws={model.name: predicted_means(model, cells, rng) for model in choice.tried},
        seen=learnt.sign * trials[metric].to_numpy(dtype=float),
    )


def by_part(several: Sequence[PilotPrediction]) -> dict[str, list[ModelCheck]]:
    """By part of the cells the checks of the planner's own choice and of every model, over all pilots."""
    items = np.concatenate([each.cells["items"].to_numpy(dtype=float) for each in several])
    inside = np.concatenate([each.cells["inside"].to_numpy(dtype=bool) for each in several])
    seen = np.concatenate([each.seen for each in several])
    apart = np.concatenate([each.seen - each.seen.mean() for each in several])
    parts = {ALL: np.ones(len(seen), dtype=bool), INSIDE: inside}
    parts |= {f"N' = {n:g}": (items == n) & ~inside for n in np.unique(items)}
    parts = {part: which for part, which in parts.items() if which.any()}
    found: dict[str, list[ModelCheck]] = {part: [] for part in (*parts, APART)}
    for name in (PLANNER, *several[0].draws):
        own = [each.draws[each.choice.chosen.name if name == PLANNER else name] for each in several]
        draws = np.concatenate(own, axis=1)
        for part, which in parts.items():
            found[part].append(check(name, draws[:, which], seen[which]))
        found[APART].append(
            check(name, np.concatenate([d - d.mean(axis=1, keepdims=True) for d in own], axis=1), apart)
        )
    return found


def _share(share: MeanInterval) -> str:
    return f"{share.mean:.0%} ({share.low:.0%} to {share.high:.0%})"


def held_words(metric: str, scores: dict[str, list[ModelCheck]]) -> str:
    """How often the planner's intervals held, and whether that is what they say."""
    one = scores[ALL][0]
    words = [f"the {level:.0%} intervals held {_share(share)}" for level, share in one.coverage.items()]
    verdicts = {level: _verdict(level, share) for level, share in one.coverage.items()}
    same = set(verdicts.values())
    verdict = same.pop() if len(same) == 1 else "; ".join(f"at {level:.0%} {v}" for level, v in verdicts.items())
    return f"{metric}, {one.n} runs with other people: {' and '.join(words)} (exact intervals): {verdict}."


def _verdict(level: float, share: MeanInterval) -> str:
    if share.high is not None and share.high < level:
        return "too few, they are too narrow"
    if share.low is not None and share.low > level:
        return "more than they say, they are wider than they need be"
    return "as often as they say, as far as so many runs can tell"


def shared_words(several: Sequence[PilotPrediction]) -> str:
    """Why the exact intervals of coverage are too narrow."""
    return (
        "The cells of one seed share its luck and its people, so that they are held or missed together: the exact "
        f"intervals take them as independent and are too narrow; this is the luck of {len(several)} "
        f"{'pilot' if len(several) == 1 else 'pilots'}, not of {sum(len(each.seen) for each in several)}."
    )


def chosen_words(several: Sequence[PilotPrediction], scores: dict[str, list[ModelCheck]]) -> str:
    """Which model planned, and how the others did: lower (better) or higher, pilots paired."""
    names = pd.Series([each.choice.chosen.name for each in several]).value_counts()
    planned = join_names([f"{name} in {count}" for name, count in names.items()])
    planner, *models = scores[ALL]
    found = ", ".join(f"{one.model} {one.score:.4f}" for one in models)
    own = np.array([_score(each, each.choice.chosen.name) for each in several])
    lower, higher = [], []
    for one in models:
        more = np.array([_score(each, one.model) for each in several]) - own
        if one.score < planner.score:
            lower.append(_by(one.model, mean_interval(-more)))
        elif more.any():  # else it planned all of them
            higher.append(_by(one.model, mean_interval(more)))
    verdict = f"lower were {join_names(lower)}" if lower else "nothing scored lower"
    verdict += f"; higher were {join_names(higher)}" if higher else ""
    return f"Planned by: {planned} of {len(several)}. Interval score {planner.score:.4f} ({found}): {verdict}."


def _score(one: PilotPrediction, model: str) -> float:
    return check(model, one.draws[model], one.seen).score


def _by(model: str, by: MeanInterval) -> str:
    """By how much a model's score differs from the planner's, pilots paired, and whether that is more than luck."""
    if by.low is None:
        return f"{model} by {by.mean:.4f} (one pilot tells no interval)"
    told = "" if by.low > 0 else ", not told apart"
    return f"{model} by {by.mean:.4f} [{by.low:.4f}, {by.high:.4f}] (95% over {by.n} pilots{told})"


def score_table(metric: str, scores: dict[str, list[ModelCheck]]) -> Table:
    """Coverage, interval score and error of every model, by part of the cells; `scores` as from `by_part`."""
    lines = [
        (
            part if place == 0 else "",
            one.model,
            str(one.n),
            *(_share(share) for share in one.coverage.values()),
            f"{one.score:.4f}",
            f"{one.error:.4f}",
        )
        for part, checks in scores.items()
        for place, one in enumerate(checks)
    ]
    return Table(
        headings=("cells", "model", "n", "80% held", "95% held", "interval score", "error"),
        rows=tuple(lines),
        caption=f"{metric}: predictions of the pilots against runs with other people, with exact intervals",
        numbers=(2, 3, 4, 5, 6),
    )
