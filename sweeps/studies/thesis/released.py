"""How far the two things that the thesis's released code does differently move its tables."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sweeps.results.table import metric_columns
from sweeps.studies.thesis.findings import PairedComparison, compare, over, simulation
from sweeps.studies.thesis.published import Row, tables
from sweeps.studies.thesis.row_trials import RowPart, Trials

VARIETY, RELEASED_VARIETY = "t2-clamp", "t2-clamp-released"
METRIC, RELEASED_METRIC = "rmsce", "rmsce-released"
OPTIONS: Mapping[str, str] = {
    RELEASED_VARIETY: "no mass is spread over the possible classes, against T2 Clamp as the text has it",
    RELEASED_METRIC: "the most confident bin is left out, against the calibration error over every bin",
}
MOVED = ("ce", "scaled-ce", "rmsce", "fgsm")


@dataclass(frozen=True, kw_only=True)
class Shift:
    """How far an option moves a row of the thesis's tables on one metric: a is with the option, b as the text says."""

    option: str
    table: str
    name: str
    ours: PairedComparison
    setting: str
    over: str
    simulated: str


def shifts(trials: Trials, simulated: frozenset[str] = frozenset()) -> list[Shift]:
    """Every shift that the trials show, table by table; a row that stands in several tables counts in its first."""
    unique: dict[tuple[tuple[str, object], ...], Row] = {}
    for table in tables().values():
        for row in table.rows.values():
            unique.setdefault(tuple(sorted(row.where.items())), row)
    found = [shift for row in unique.values() for shift in _of_variety(row, trials, simulated)]
    return found + [shift for row in unique.values() for shift in _of_metric(row, trials, simulated)]


def not_run(found: Sequence[Shift]) -> list[str]:
    """The options without any result."""
    return [option for option in OPTIONS if option not in {shift.option for shift in found}]


def _of_variety(row: Row, trials: Trials, simulated: frozenset[str]) -> Iterator[Shift]:
    if row.where["variety"] != (VARIETY,):
        return
    other = replace(row, where={**row.where, "variety": (RELEASED_VARIETY,)}, printed={})
    for parts in trials.pairings((other, row)):
        for metric in metric_columns(trials.done):
            if metric.split("/")[0] in MOVED:
                yield from _shift(RELEASED_VARIETY, row, parts, (metric, metric), trials, simulated)


def _of_metric(row: Row, trials: Trials, simulated: frozenset[str]) -> Iterator[Shift]:
    for part in trials.parts(row.where):
        for metric in metric_columns(trials.done):
            name, _, test = metric.partition("/")
            if name == RELEASED_METRIC and f"{METRIC}/{test}" in trials.done:
                pair = (metric, f"{METRIC}/{test}")
                yield from _shift(RELEASED_METRIC, row, (part, part), pair, trials, simulated)


def _shift(
    option: str,
    row: Row,
    parts: Sequence[RowPart],
    columns: tuple[str, str],
    trials: Trials,
    simulated: frozenset[str],
) -> Iterator[Shift]:
    if ours := compare(parts, columns):
        yield Shift(
            option=option,
            table=row.table,
            name=row.name,
            ours=ours,
            setting=trials.setting(parts),
            over=over(parts),
            simulated=simulation(parts, simulated),
        )
