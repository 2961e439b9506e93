"""The report's section on what the grid says: frontiers with bands, regimes, winners, break-even prices."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from softcore.prices.read import usd
from sweeps.frontier.banded import cell_draws
from sweeps.frontier.regimes import DONT_BUY, ENOUGH, MATTERS, NO_CHOICE, TIED, Regime
from sweeps.results.names import hours, test_set_short
from sweeps.studies.document import Picture, Section
from sweeps.studies.grid.frontiers import (
    MetricFrontiers,
    alone_table,
    break_even_table,
    free_table,
    frontiers_of,
    others_table,
    together_table,
)
from sweeps.studies.grid.panel_bands import LEVEL
from sweeps.studies.grid.pictures import frontiers_png
from sweeps.studies.grid.recorded import (
    CO_PRIMARY,
    SECONDARY,
    Sources,
    any_simulated,
    assumptions_words,
    between,
    core,
    join_names,
    measured_metrics,
    metric_words,
)

TITLE = "What the grid says"
LEAST_TRIALS = 4  # of every cell of the preset, once it is finished
NOT_THE_VERDICT = (
    "What is said here of budgets compares measured cells, one kind of purchase with another and the best of all with "
    "what is free. It is not the verdict on what to buy: that is what `sweeps plan` says, which also buys what lies "
    'between these cells, and says "not known yet" where neither buying nor leaving it is sure.'
)


def frontier_section(sources: Sources) -> Section:
    """What the grid's cells are worth for what they cost, on every co-primary metric."""
    results = core(sources)
    found = [frontiers_of(cell_draws(results, metric)) for metric in measured_metrics(results, CO_PRIMARY)]
    there = [metric for metric in SECONDARY if metric in results and results[metric].notna().any()]
    others = [frontiers_of(cell_draws(results, metric), matters=0.0) for metric in there]
    simulated = any_simulated(sources)
    return Section(
        title=TITLE,
        lines=tuple(_lines(found)),
        tables=(
            alone_table(found),
            *(together_table(one) for one in found),
            *([others_table(others)] if others else []),
            free_table([*found, *others]),
            break_even_table(found),
        ),
        pictures=tuple(_pictures(found, simulated)),
        summary=tuple(_all_summaries(found)),
        data={"frontiers": {one.metric: one.together.as_dict() for one in (*found, *others)}},
    )


def _lines(found: Sequence[MetricFrontiers]) -> Iterator[str]:
    one = found[0].together
    if (unfinished := int((one.cells["trials"] < LEAST_TRIALS).sum())) > 0:
        yield (
            f"NOT FINISHED: {unfinished} of {len(one.cells)} cells have fewer than {LEAST_TRIALS} trials, so what "
            "follows will change. `sweeps run grid --scale half` goes on where it stopped."
        )
    yield (
        f"{int(one.cells['trials'].sum())} trials of {len(one.cells)} cells. Bands and intervals are {LEVEL:.0%}, from "
        f"joint draws of what the cells are worth, shrunk towards curves so that lucky cells don't win. They are "
        f"{one.covers}."
    )
    if one.assumes:
        yield (
            f"Costs are people's time at the thesis's prices and ${usd(3600):.2f} an hour. A frontier of several "
            f"questions {assumptions_words(one.assumes)}: only full pages were timed. Frontiers of one question need "
            "no such assumption."
        )
    yield (
        "Soft labels make a model less sure of itself, which raw cross-entropy rewards and one temperature does for "
        "nothing. Scaled cross-entropy is what is left after it. A purchase pays where it beats the best free recipe "
        f"by what matters ({MATTERS['ce']:g} raw, {MATTERS['scaled-ce']:g} scaled) with probability {ENOUGH:g}; a kind "
        "of purchase is named on the same terms, else kinds are tied."
    )
    notes = dict.fromkeys(f"{metric_words(f.metric)}: {note}" for f in found for note in f.together.notes)
    yield from (f"Note: {note}." for note in notes)
    excluded = {f"{cell}: {why}" for f in found for cell, why in f.together.excluded.items()}
    if excluded:
        yield f"Not compared: {'; '.join(sorted(excluded))}."


def _all_summaries(found: Sequence[MetricFrontiers]) -> Iterator[str]:
    if (found[0].together.cells["trials"] < LEAST_TRIALS).any():
        yield "The recording of the grid is not finished: what follows will change."
    for one in found:
        yield from _summary(one)
    yield NOT_THE_VERDICT


def _summary(one: MetricFrontiers) -> Iterator[str]:
    """For the top of the report: whether buying pays at the dearest cost, and the regimes on the way there."""
    regimes, band, free = one.together.regimes, one.together.bands, one.best_free
    if not regimes:
        return
    last = regimes[-1]
    names = one.together.cells.set_index("cell")["recipe"]
    bought = names[band.winner[-1]]
    yield f"{metric_words(one.metric)}: {_worth(last, bought, free)} {_runs(regimes)}"


def _worth(last: Regime, winner: str, free: Mapping[str, Any] | None) -> str:
    if free is None:
        return f"up to {hours(last.budget)} of people's time {winner} is best most often; no free recipe was trained."
    gain = between(last.gain, last.gain_low, last.gain_high)
    verb = "does not pay" if last.verdict == DONT_BUY else "pays"
    return (
        f"up to {hours(last.budget)} of people's time buying {verb}: the best purchase gains {gain} over the best free "
        f"recipe ({free['recipe']}), and is better with probability {last.worth:.2f}."
    )


def _runs(regimes: Sequence[Regime]) -> str:
    """What each stretch of budgets is best spent on, in a sentence."""
    runs: list[list[Regime]] = []
    for regime in regimes:
        if runs and runs[-1][0].verdict == regime.verdict:
            runs[-1].append(regime)
        else:
            runs.append([regime])
    said = []
    for run in runs:
        first, last = run[0].budget, run[-1].budget
        where = f"at {hours(first)}" if first == last else f"from {hours(first)} to {hours(last)}"
        named = {TIED: "kinds of purchase are tied", NO_CHOICE: f"only {run[0].best} can be had"}
        said.append(f"{where} {named.get(run[0].verdict, run[0].verdict)}")
    return f"Of eight budgets: {'; '.join(said)}."


def _pictures(found: Sequence[MetricFrontiers], simulated: bool) -> Iterator[Picture]:
    for test_set in dict.fromkeys(one.metric.partition("/")[2] for one in found):
        here = [one for one in found if one.metric.endswith(f"/{test_set}")]
        shown = join_names([metric_words(one.metric) for one in here])
        yield Picture(
            name=test_set,
            words=f"The best to be had for a cost on {test_set_short(test_set)}, with bands: {shown}",
            png=frontiers_png(here, test_set_short(test_set), simulated),
        )
