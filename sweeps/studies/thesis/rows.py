"""A report's rows as one flat table: what its CSV and its JSON hold."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from sweeps.studies.thesis.claims import Claim
from sweeps.studies.thesis.findings import Finding, PairedComparison
from sweeps.studies.thesis.released import OPTIONS, Shift, not_run

COLUMNS = (
    *("part", "id", "tables", "section", "says", "kind", "a", "b", "metric", "test_set"),
    *("thesis_a", "thesis_a_half", "thesis_b", "thesis_b_half", "thesis_difference", "thesis_side"),
    *("a_mean", "b_mean", "difference", "low", "high", "n", "left_out", "over", "verdict", "why"),
    *("scaled_a_mean", "scaled_b_mean", "scaled_difference", "scaled_low", "scaled_high", "scaled_n"),
    *("scaled_verdict", "setting", "simulated"),
)
WHOLE = ("n", "left_out", "scaled_n")


def report_rows(found: Sequence[Finding], shifted: Sequence[Shift]) -> list[dict[str, Any]]:
    """One mapping a row with the keys `COLUMNS`, None where a row has no such thing: claims, then released code."""
    claimed = [_claim(finding) for finding in found]
    options = [_shift(shift) for shift in shifted] + [_not_run(option) for option in not_run(shifted)]
    return [dict.fromkeys(COLUMNS) | row for row in (*claimed, *options)]


def report_frame(found: Sequence[Finding], shifted: Sequence[Shift]) -> pd.DataFrame:
    """`report_rows` as a table, counts as whole numbers."""
    table = pd.DataFrame(report_rows(found, shifted), columns=list(COLUMNS))
    return table.astype(dict.fromkeys(WHOLE, "Int64"))


def _claim(finding: Finding) -> dict[str, Any]:
    claim, ours, scaled = finding.claim, finding.ours, finding.scaled
    metric, test = (ours.column if ours else claim.check).split("/")
    row: dict[str, Any] = {"part": "claim", "id": claim.id, "tables": ", ".join(claim.tables)}
    row |= {"section": claim.section, "says": claim.says, "kind": claim.kind, "metric": metric, "test_set": test}
    row |= dict(zip(("a", "b"), claim.names, strict=True)) | _thesis(claim)
    row |= {"verdict": finding.verdict, "why": ours.why if ours else finding.why, "over": finding.over}
    row |= {"setting": finding.setting, "simulated": finding.simulated}
    if ours:
        row |= _numbers(ours) | {"left_out": ours.left_out}
    if scaled:
        row |= {f"scaled_{name}": value for name, value in _numbers(scaled).items()}
        row |= {"scaled_verdict": scaled.verdict}
    return row


def _thesis(claim: Claim) -> dict[str, Any]:
    row: dict[str, Any] = {"thesis_side": claim.printed_side()}
    sides = claim.printed()
    if sides is None:
        return row
    # The digits that are printed decide those of the difference: 1.281 - 1.293 is -0.012.
    a, b = (round(side, 6) for side in sides)
    row |= {"thesis_a": a, "thesis_b": b, "thesis_difference": round(a - b, 6)}
    if claim.kind != "larger-gap":
        halves = [side.printed[claim.check].half for side in claim.rows]
        row |= dict(zip(("thesis_a_half", "thesis_b_half"), halves, strict=True))
    return row


def _numbers(found: PairedComparison) -> dict[str, Any]:
    interval = found.difference
    bounds = {"difference": interval.mean, "low": interval.low, "high": interval.high, "n": interval.n}
    return {"a_mean": found.a, "b_mean": found.b, **bounds}


def _shift(shift: Shift) -> dict[str, Any]:
    ours = shift.ours
    metric, test = ours.column.split("/")
    row: dict[str, Any] = {"part": "released code", "id": f"{shift.option}/{shift.table}/{shift.name}/{ours.column}"}
    row |= {"tables": shift.table, "says": OPTIONS[shift.option], "metric": metric, "test_set": test}
    row |= {"a": f"{shift.name} ({shift.option})", "b": shift.name} | _numbers(ours)
    row |= {"left_out": ours.left_out, "why": "one replicate" if ours.difference.low is None else None}
    return row | {"over": shift.over, "setting": shift.setting, "simulated": shift.simulated}


def _not_run(option: str) -> dict[str, Any]:
    why = "no results with both this option and what it is held against"
    return {"part": "released code", "id": option, "says": OPTIONS[option], "verdict": "not run", "why": why}
