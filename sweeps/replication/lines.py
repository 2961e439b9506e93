"""A report's tables as text, laid out once for Markdown and HTML."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sweeps.replication.claims import AGAINST, TIE
from sweeps.replication.findings import NOT_RUN, OPEN, Finding
from sweeps.replication.published import tables
from sweeps.replication.released import OPTIONS, Shift
from sweeps.replication.words import DASH, check_words, interval_words, signed, thesis_words

HEADINGS = (
    *("Claim", "A against B", "Metric, test set", "Thesis A", "Thesis B", "A − B"),
    *("Ours A", "Ours B", "A − B [95%]", "n", "Verdict"),
    *("After one temperature: A − B [95%]", "Verdict then"),
)
SHIFT_HEADINGS = ("Row", "Metric, test set", "As the text says", "As the code does", "Difference [95%]", "n")
NOT_RUN_HEADINGS = ("Claim", "A against B", "Metrics, test sets", "Why")


@dataclass(frozen=True, kw_only=True)
class Section:
    """A table of the report: title, notes below it, headings, rows of texts.

    Where the first `spanned` texts of a row are empty, those of the row above go on.
    """

    title: str
    notes: tuple[str, ...]
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    spanned: int = 0


def claim_sections(found: Sequence[Finding]) -> list[Section]:
    """One section a table of the thesis, by the first that a claim quotes, with every claim that was run."""
    ran = [finding for finding in found if finding.ours]
    by_table = {key: [f for f in ran if f.claim.tables[0] == key] for key in tables()}
    return [_section(key, here) for key, here in by_table.items() if here]


def _section(key: str, found: Sequence[Finding]) -> Section:
    table = tables()[key]
    settings = sorted({finding.setting for finding in found})
    notes = (thesis_words(table), *([f"Ours: {settings[0]}."] if len(settings) == 1 else []))
    rows = []
    said = ("", "")
    for finding in found:
        front = _front(finding)
        rows.append((*(("", "") if front == said else front), *_row(finding, finding.setting if settings[1:] else "")))
        said = front
    return Section(title=table.title, notes=notes, headings=HEADINGS, rows=tuple(rows), spanned=2)


def _front(finding: Finding) -> tuple[str, str]:
    """The claim with what it quotes and what our intervals are over; what is held against what."""
    names = " against ".join(finding.claim.names) + (f" ({finding.simulated})" if finding.simulated else "")
    return f"{finding.claim.says} ({_quoted(finding)}; our intervals are over {finding.over})", names


def _quoted(finding: Finding) -> str:
    claim = finding.claim
    named = [key if key.startswith("figure") else f"table {key}" for key in claim.tables]
    return f"{', '.join(named)}; section {claim.section}"


def _row(finding: Finding, setting: str) -> Iterator[str]:
    claim, ours = finding.claim, finding.ours
    assert ours is not None
    yield check_words(ours.column)
    yield from _thesis(finding)
    yield from (signed(side) if claim.kind == "larger-gap" else f"{side:.3f}" for side in (ours.a, ours.b))
    yield interval_words(ours.difference)
    lacking = f"{ours.left_out} left out, not whole on both sides" if ours.left_out else ""
    yield "; ".join(filter(None, [str(ours.difference.n), lacking, setting]))
    yield _verdict(ours.verdict, ours.why, ours.difference.low is None)
    scaled = finding.scaled
    if scaled is None:
        yield from ("not measured" if claim.check.split("/")[0] == "ce" else "", "")
    else:
        yield interval_words(scaled.difference)
        yield _verdict(scaled.verdict, scaled.why, scaled.difference.low is None)


def _verdict(word: str, why: str, single: bool) -> str:
    return f"{word}: {why}" if word == OPEN and single else word


def _thesis(finding: Finding) -> Iterator[str]:
    claim = finding.claim
    sides = claim.printed()
    if sides is None:
        yield from (DASH, DASH, "not printed")
        return
    if claim.kind == "larger-gap":
        yield from (signed(side) for side in sides)
    else:
        yield from (row.printed[claim.check].text for row in claim.rows)
    noted = {AGAINST: " (against)", TIE: " (a tie)"}.get(claim.printed_side(), "")
    yield signed(sides[0] - sides[1]) + noted


def not_run_section(found: Sequence[Finding]) -> Section | None:
    """The claims without results, one row a comparison and reason; None where every claim was run."""
    missing: dict[tuple[str, str, str], list[str]] = {}
    for finding in (f for f in found if f.verdict == NOT_RUN):
        place = (f"{finding.claim.says} ({_quoted(finding)})", " against ".join(finding.claim.names), finding.why)
        missing.setdefault(place, []).append(check_words(finding.claim.check))
    rows = tuple((says, names, "; ".join(checks), why) for (says, names, why), checks in missing.items())
    note = "Claims of the thesis that these results cannot speak to. They count neither for it nor against it."
    return Section(title="Not run", notes=(note,), headings=NOT_RUN_HEADINGS, rows=rows) if rows else None


def shift_section(found: Sequence[Shift], missing: Sequence[str]) -> Section:
    """How far each option of the released code moves each row; an option without results is named as not run."""
    notes = [
        "Two options do what the thesis's released code does where it differs from the thesis's text. Which of the two "
        "made the published numbers is unknown. The difference is code − text, paired by replicate.",
        *(f"{option}: {OPTIONS[option]}." for option in OPTIONS if option not in missing),
        *(f"{option}: not run ({OPTIONS[option]})." for option in missing),
    ]
    rows = []
    for shift in found:
        name = f"{shift.option}: {shift.name} ({'' if shift.table.startswith('figure') else 'table '}{shift.table})"
        name += f" ({shift.simulated})" if shift.simulated else ""
        count = "; ".join([str(shift.difference.n), f"over {shift.over}", shift.setting])
        alone = "" if shift.difference.low is not None else " (one replicate: no interval)"
        numbers = (f"{shift.text:.3f}", f"{shift.released:.3f}", interval_words(shift.difference) + alone)
        rows.append((name, check_words(shift.metric), *numbers, count))
    return Section(title="The released code", notes=tuple(notes), headings=SHIFT_HEADINGS, rows=tuple(rows))
