"""From a pilot to a plan, replayed: what pilots of panel A predicted of panel B, and what their plans were worth."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from sweeps.sources import Source
from sweeps.studies.document import Section, Table
from sweeps.studies.grid.recorded import GRID, PILOT, Part, Sources, join_names
from sweeps.studies.pilots.pilot_predictions import by_part, chosen_words, held_words, score_table, shared_words
from sweeps.studies.pilots.pilot_scores import PilotReplay, budget_words, replay_pilot
from sweeps.studies.sealed.regret import NOTHING, PLANNER

TITLE = "From a pilot to a plan"
METRICS = ("scaled-ce/10h", "ce/10h")
CLICKS = "all clicks"  # the rule of thumb
RECORD = "`python -m sweeps.studies.pilots.pilot_replay --to docs/results/grid`"


def pilots_of(sources: Sources) -> dict[int, Source]:
    """The pilots among `sources` by the seed whose panel A they are of."""
    found = {int(match[1]): source for name, source in sources.items() if (match := PILOT.fullmatch(name))}
    return dict(sorted(found.items()))


def pilot_section(sources: Sources) -> Section:
    """Coverage, interval scores and decisions of each recorded pilot on panel B of its seed; words if there is none."""
    pilots = pilots_of(sources)
    if not pilots:
        return Section(title=TITLE, lines=(f"No pilot is recorded yet: {RECORD} records three.",))
    grid = sources[GRID].results
    found = {
        metric: [replay_pilot(pilot.results, grid, seed=seed, metric=metric) for seed, pilot in pilots.items()]
        for metric in METRICS
    }
    parts = [_of_metric(metric, several) for metric, several in found.items()]
    return Section(
        title=TITLE,
        lines=(_what(found[METRICS[0]]), *(line for part in parts for line in part.lines)),
        tables=tuple(table for part in parts for table in part.tables),
        summary=tuple(line for part in parts for line in part.summary),
        data={metric: part.data for metric, part in zip(found, parts, strict=True)},
    )


PART = Part(title=TITLE, needs=(GRID,), make=pilot_section)


def _what(several: Sequence[PilotReplay]) -> str:
    """What was done, in words."""
    one = several[0].learnt.cells
    bought = one[~one["free"].astype(bool)]
    inside = sum(int(each.cells["inside"].sum()) for each in several)
    n = sum(len(each.cells) for each in several)
    return (
        f"{len(several)} {'pilot' if len(several) == 1 else 'pilots'} of panel A (at most "
        f"{bought['annotators'].max():g} people an image on {bought['items'].max():g} images, {len(bought)} bought "
        "cells each) predict what panel B of the same seed gave: one run a cell, with people whom the pilot did not "
        f"ask. Of {n} cells {inside} lie "
        "inside what the pilots measured; all others are extrapolated."
    )


def _of_metric(metric: str, several: Sequence[PilotReplay]) -> Section:
    scores = by_part(several)
    picks = pd.concat([each.picks.assign(seed=each.seed) for each in several], ignore_index=True)
    regret = picks.groupby("strategy")["regret"].mean().sort_values()
    held, chosen = held_words(metric, scores), chosen_words(several, scores)
    decided = _decided_words(metric, picks, regret)
    left_out = sorted({name for each in several for name in each.no_rule})
    note = f"Panel B has no cell for: {', '.join(left_out)}; those rules are left out. " if left_out else ""
    if CLICKS not in left_out:
        note += "The pilots asked no clicks, so that their planners can't buy any, as one of the rules does."
    return Section(
        title=metric,
        lines=tuple(line for line in (held, shared_words(several), chosen, *decided, note.strip()) if line),
        tables=(score_table(metric, scores), _regret_table(metric, picks, regret), _picks_table(metric, picks)),
        summary=(held, decided[0]),
        data={
            "scores": {part: [one.as_dict() for one in checks] for part, checks in scores.items()},
            "regret": regret.to_dict(),
            "picks": picks.to_dict("records"),
            "chosen": {str(each.seed): each.choice.chosen.name for each in several},
        },
    )


def _decided_words(metric: str, picks: pd.DataFrame, regret: pd.Series) -> tuple[str, str]:
    """How the planner's decisions did beside the rules of thumb."""
    own, others = float(regret[PLANNER]), regret.drop(PLANNER)
    better = [str(name) for name in others.index[others < own]]
    lose = "loses" if len(better) == 1 else "lose"
    verdict = f"{join_names(better)} {lose} less" if better else "no rule of thumb loses less, nor does buying nothing"
    bought = picks[(picks["strategy"] == PLANNER)]["bought"]
    decided = (
        f"{metric}, decisions at {picks.groupby('seed')['budget'].nunique().max()} budgets of each pilot "
        f"({budget_words(picks)}): what its planner would do loses {own:.4f} on average to the best that panel B has "
        f"for the money; {verdict} ({NOTHING}: {float(regret[NOTHING]):.4f})."
    )
    return decided, (
        f"The planner buys in {int(bought.sum())} of {len(bought)} decisions. The best of panel B is a noisy minimum, "
        "one run a cell: all regrets are too large by the same amount, their differences are fair."
    )


def _regret_table(metric: str, picks: pd.DataFrame, regret: pd.Series) -> Table:
    """Mean regret by strategy, all pilots and each."""
    each = picks.pivot_table(index="strategy", columns="seed", values="regret").reindex(regret.index)
    spent = picks.groupby("strategy")["usd"].mean().reindex(regret.index)
    numbers = zip(spent, regret, each.to_numpy(dtype=float), strict=True)
    lines = [
        (str(name), f"${usd:.0f}", f"{mean:.4f}", *(f"{one:.4f}" for one in by_pilot))
        for name, (usd, mean, by_pilot) in zip(regret.index, numbers, strict=True)
    ]
    return Table(
        headings=("strategy", "spent", "regret", *(f"pilot {seed}" for seed in each.columns)),
        rows=tuple(lines),
        caption=f"{metric}: what decisions lose on panel B, mean over the budgets",
        numbers=tuple(range(1, 3 + each.shape[1])),
    )


def _picks_table(metric: str, picks: pd.DataFrame) -> Table:
    """What each pilot's planner would buy, budget by budget."""
    own: Any = picks[picks["strategy"] == PLANNER]
    step = own.groupby("seed").cumcount()
    buys = own.assign(step=step).pivot_table(index="step", columns="seed", values="recipe", aggfunc="first")
    budget = own.groupby(step)["budget"].mean()
    return Table(
        headings=("budget", *(f"pilot {seed}" for seed in buys.columns)),
        rows=tuple((f"${budget[i]:.0f}", *map(str, buys.loc[i])) for i in buys.index),
        caption=f"{metric}: what the planner of each pilot would buy on panel B",
        numbers=(0,),
    )
