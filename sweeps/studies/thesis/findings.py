"""What our runs say of each claim: paired differences, their intervals, and a verdict by a fixed rule."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from softcore.statistics import MeanInterval, mean_interval
from softcore.varieties import CLICK
from sweeps.results.table import CORRUPTED
from sweeps.studies.thesis.claims import Claim, Kind
from sweeps.studies.thesis.published import Row, table_words
from sweeps.studies.thesis.row_trials import RowPart, Trials, axis_text, models, values

AGREES, DISAGREES, OPEN, NOT_RUN = "agrees", "disagrees", "open", "not run"
VERDICTS = (AGREES, DISAGREES, OPEN, NOT_RUN)
LEVEL = 0.95
RULE = (
    "A verdict is read off the 95% interval (Student's t, n − 1 degrees of freedom) of the paired differences A − B "
    "over replicates; lower is better. A claim that A is better: agrees if the whole interval lies below zero, "
    "disagrees if it lies above, else open. A claim that A is not better: agrees above zero, disagrees below. A claim "
    "that A and B do not differ: disagrees if the interval excludes zero, else open; it never agrees, as an interval "
    "that covers zero does not show that there is no difference. One replicate gives no interval: open."
)


@dataclass(frozen=True, kw_only=True)
class PairedComparison:
    """Two sides (means over replicates) and their paired difference, on one metric column; a claim's with its verdict.

    `left_out` counts the replicates that some side does not have whole.
    """

    column: str
    a: float
    b: float
    difference: MeanInterval
    left_out: int
    verdict: str = ""
    why: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Finding:
    """A claim and what our runs say of it; without `ours` nothing was run for it, and `why` says what is missing."""

    claim: Claim
    ours: PairedComparison | None = None
    scaled: PairedComparison | None = None
    training: str = ""
    variant: str = ""
    over: str = ""
    simulated: str = ""
    why: str = ""

    @property
    def setting(self) -> str:
        """How the trials were trained, and what tells them from others that were trained alike."""
        return ", ".join(filter(None, (self.training, self.variant)))

    @property
    def verdict(self) -> str:
        """One of `VERDICTS`."""
        return self.ours.verdict if self.ours else NOT_RUN


def claim_verdict(kind: Kind, difference: MeanInterval) -> tuple[str, str]:
    """The verdict on a claim by its kind and the interval of a − b, and the reason in a few words (`RULE`)."""
    if difference.low is None or difference.high is None:
        return OPEN, "one replicate"
    below, above = difference.high < 0, difference.low > 0
    if not (below or above):
        return OPEN, "the interval covers zero"
    where = f"the interval lies {'below' if below else 'above'} zero"
    if kind == "same":
        return DISAGREES, where
    return (AGREES if below == (kind != "not-better") else DISAGREES), where


def claim_findings(claims: Sequence[Claim], trials: Trials, simulated: frozenset[str] = frozenset()) -> list[Finding]:
    """At least one finding a claim, in their order; several where it was run in several settings or variants.

    `simulated` are the ids of the trials whose annotators are simulated.
    """
    return [found for claim in claims for found in _findings(claim, trials, simulated)]


def _findings(claim: Claim, trials: Trials, simulated: frozenset[str]) -> Iterator[Finding]:
    why = _missing(claim, trials)
    for parts in trials.pairings(claim.rows):
        ours, problem = measure(claim, parts, claim.check)
        if ours is None:
            why = why or problem
            continue
        why = "found"
        metric, test = ours.column.split("/")
        scaled = measure(claim, parts, f"scaled-ce/{test}")[0] if metric == "ce" else None
        yield Finding(
            claim=claim,
            ours=ours,
            scaled=scaled,
            training=trials.training(parts),
            variant=trials.variant(parts),
            over=over(parts),
            simulated=simulation(parts, simulated),
        )
    if why != "found":
        yield Finding(claim=claim, why=why or "never run alike")


def measure(claim: Claim, parts: Sequence[RowPart], check: str) -> tuple[PairedComparison | None, str]:
    """A claim's sides on the metric column that holds `check`; None, with the reason, where there is no replicate."""
    there = (c for c in columns(check) if all(c in part.trials and part.trials[c].notna().any() for part in parts))
    column = next(there, None)
    if column is None:
        return None, f"{check} was not measured"
    found = compare(parts, [column] * len(parts), claim.sides)
    if not models(parts) and any("model" in part.trials for part in parts):
        return None, "no model that all sides have"
    if found is None:
        return None, f"no seed and panel for which all sides have {column}"
    judged, why = claim_verdict(claim.kind, found.difference)
    return replace(found, verdict=judged, why=why), ""


def compare(
    parts: Sequence[RowPart], columns: Sequence[str], sides: Callable[[Any], tuple[Any, Any]] = tuple
) -> PairedComparison | None:
    """The two `sides` of the parts' values, each part's on its column; None where they share no whole replicate."""
    found = values(parts, columns)
    a, b = sides(found.sides)
    if not len(a):
        return None
    difference = mean_interval(a - b, level=LEVEL)
    return PairedComparison(
        column=columns[-1], a=float(a.mean()), b=float(b.mean()), difference=difference, left_out=found.left_out
    )


def columns(check: str) -> tuple[str, ...]:
    """The result columns that can hold a check, the first one preferred: official corruptions before generated ones."""
    if check.endswith(CORRUPTED[0]):
        return tuple(check.removesuffix(CORRUPTED[0]) + ending for ending in CORRUPTED)
    return (check,)


def over(parts: Sequence[RowPart]) -> str:
    """What the replicates vary, so what the interval is over."""
    asked = [axis_text(value) for part in parts for value in _axis(part, "annotators")]
    words = "seeds and image-wise panels" if any(m not in ("", "all") for m in asked) else "seeds"
    clicks = any(value == CLICK for part in parts for value in _axis(part, "variety"))
    return words + (", clicks known as counts" if clicks else "")


def simulation(parts: Sequence[RowPart], simulated: frozenset[str]) -> str:
    """What is simulated on any side: "annotators", "labels of the rest", or nothing."""
    if any(str(trial) in simulated for part in parts for trial in part.trials["trial"]):
        return "simulated annotators"
    rest = any(value == "simulated" for part in parts for value in _axis(part, "rest"))
    return "partly simulated labels" if rest else ""


def _axis(part: RowPart, axis: str) -> list[object]:
    return list(part.trials[axis]) if axis in part.trials else []


def _missing(claim: Claim, trials: Trials) -> str:
    """Why a claim has no pairing, in words; empty where that is not why it has no finding."""
    lacking = list(dict.fromkeys(_place(side) for side in claim.rows if not trials.parts(side.where)))
    if lacking:
        return "no finished trial of " + "; ".join(lacking)
    if not trials.pairings(claim.rows):
        ran = [
            f"{side.name}: {' / '.join(trials.setting([p]) for p in trials.parts(side.where))}" for side in claim.rows
        ]
        return "never run alike (" + "; ".join(dict.fromkeys(ran)) + ")"
    return ""


def _place(side: Row) -> str:
    return f"{side.name} ({table_words(side.table)})"
