"""The same claims trained in several ways: what each way says of all of them, and which verdicts are not the same."""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence

from sweeps.studies.thesis.findings import Finding, PairedComparison
from sweeps.studies.thesis.published import table_words, tables

Compared = Mapping[str, PairedComparison]  # a check's comparison by training


def by_training(found: Sequence[Finding]) -> dict[str, list[Finding]]:
    """The findings of each way of training, in the order of first findings; what it was not trained for is not run.

    Where nothing was run at all there is one way, without a name.
    """
    by_claim: dict[str, list[Finding]] = {}
    for finding in found:
        by_claim.setdefault(finding.claim.id, []).append(finding)
    ways = dict.fromkeys(finding.training for finding in found if finding.ours) or {"": None}
    return {way: [one for here in by_claim.values() for one in _trained(here, way)] for way in ways}


def _trained(found: Sequence[Finding], way: str) -> list[Finding]:
    """A claim's findings of one way of training; one without results where it was not trained so."""
    own = [finding for finding in found if finding.ours and finding.training == way]
    return own or [Finding(claim=found[0].claim, why=found[0].why or f"not trained as {way}")]


def epochs_words(found: Sequence[Finding]) -> list[str]:
    """How long the thesis trained, and what ours are: one sentence for all tables of which that is the same."""
    alike: dict[tuple[int, tuple[str, ...]], list[str]] = {}
    for key, table in tables().items():
        ways = tuple(dict.fromkeys(f.training for f in found if f.ours and f.claim.tables[0] == key))
        if ways:
            alike.setdefault((table.epochs, ways), []).append(key)
    return [
        f"In {', '.join(map(table_words, keys))} the thesis trained for {epochs} epochs; ours: {'; '.join(ways)}."
        for (epochs, ways), keys in alike.items()
    ]


def compare_trainings(found: Sequence[Finding], scaled: bool = False) -> list[tuple[Finding, Compared]]:
    """The checks that were trained in two ways or more, each with its first finding and what each way gave.

    With `scaled` those on cross-entropy, after one temperature.
    """
    by_check: dict[tuple[str, str, str], tuple[Finding, dict[str, PairedComparison]]] = {}
    for finding in found:
        if (ours := finding.scaled if scaled else finding.ours) is not None:
            place = (finding.claim.id, finding.variant, finding.simulated)
            by_check.setdefault(place, (finding, {}))[1][finding.training] = ours
    return [(finding, ways) for finding, ways in by_check.values() if len(ways) > 1]


def changed(compared: Sequence[tuple[Finding, Compared]]) -> list[tuple[Finding, Compared]]:
    """Those whose verdict is not the same in every way that they were trained."""
    return [(finding, ways) for finding, ways in compared if len({ours.verdict for ours in ways.values()}) > 1]


def change_words(compared: Sequence[tuple[Finding, Compared]], of: str) -> list[str]:
    """How many verdicts differ between each two ways of training, and how; `of` says what the checks are of."""
    said = []
    for one, other in itertools.combinations(dict.fromkeys(way for _, ways in compared for way in ways), 2):
        pairs = [(ways[one].verdict, ways[other].verdict) for _, ways in compared if one in ways and other in ways]
        turns = Counter((before, after) for before, after in pairs if before != after)
        each = [f"; {number} turn from {before} to {after}" for (before, after), number in turns.most_common()]
        stay = f"{len(pairs) - turns.total()} of {len(pairs)} verdicts stay"
        said += [f"{of}, trained as {other} in place of {one}, {stay}{''.join(each)}."] if pairs else []
    return said
