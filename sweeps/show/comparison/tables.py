"""A comparison for a terminal: plain sentences first, then a table of each pair."""

from collections.abc import Iterator
from typing import Any

from sweeps.comparison.compare import Comparison, MetricComparison, PairComparison
from sweeps.comparison.words import (
    family_words,
    heading,
    interval,
    number,
    order_lines,
    pair_lines,
)
from sweeps.results.names import SIMULATED, direction
from sweeps.show.tables import ReportTable, print_table, table


def comparison_table(pair: PairComparison, level: float) -> ReportTable:
    """One row a metric."""
    return table([_row(found) for found in pair.metrics], title=f"A less B, {level:.0%} intervals")


def _row(found: MetricComparison) -> dict[str, Any]:
    ceiling = found.ceiling
    return {
        "metric": f"{found.metric} ({direction(found.metric)})",
        "A": number(found.a),
        "B": number(found.b),
        "A less B": f"{number(found.difference)} {interval(found.low, found.high)}"
        + (" †" if found.below_noise else ""),
        "answer": found.answer,
        "p (Holm)": f"{found.family_p:.2g}",
        "effect": number(found.effect),
        "detectable": number(found.detectable),
        "over images alone": interval(*found.over_images),
        "ceiling": None if ceiling is None else number(ceiling.value) + (" ‡" if found.beyond_ceiling else ""),
    }


NOTES = (
    "effect: the difference in standard deviations of a seed's difference. † below the noise of the test labels. "
    "‡ a cell scored better than half of the test set's people."
)


def comparison_lines(comparison: Comparison) -> Iterator[str]:
    """The sentences that come before the tables, without those of each pair."""
    if comparison.simulated:
        yield SIMULATED
    yield heading(comparison)
    yield family_words(comparison)
    yield from order_lines(comparison)


def print_comparison(comparison: Comparison) -> None:
    """Print sentences and tables to standard output."""
    for line in comparison_lines(comparison):
        print(line)
    for pair in comparison.pairs:
        print(f"\nA: {pair.a.title} ({pair.a.id})\nB: {pair.b.title} ({pair.b.id})")
        for line in pair_lines(pair, comparison.level):
            print(line)
        print_table(comparison_table(pair, comparison.level))
        print(NOTES)
