"""A replication report before it has a format: what it says, in order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sweeps.results.names import SIMULATED
from sweeps.sources import Source, merged
from sweeps.studies.thesis.claims import AGAINST, TIE, Claim
from sweeps.studies.thesis.claims import claims as all_claims
from sweeps.studies.thesis.findings import NOT_RUN, OPEN, RULE, VERDICTS, Finding, findings
from sweeps.studies.thesis.published import tables
from sweeps.studies.thesis.released import OPTIONS, Shift, not_run, shifts
from sweeps.studies.thesis.rows import counts
from sweeps.studies.thesis.sides import Trials
from sweeps.studies.thesis.words import (
    DASH,
    READ,
    chance,
    check_words,
    interval_words,
    signed,
    source_rows,
    summary,
    temperature,
    thesis_words,
)

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


TITLE = "Do the thesis's conclusions hold in our runs?"


@dataclass(frozen=True, kw_only=True)
class Document:
    """The report: sentences on top, counts and sources as mappings of texts, sections of rows, how to read it."""

    title: str
    simulated: str
    summary: tuple[str, ...]
    counts: tuple[Mapping[str, str], ...]
    sources: tuple[Mapping[str, str], ...]
    command: str
    notes: tuple[str, ...]
    sections: tuple[Section, ...]
    read: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Replication:
    """Every claim with what the sources say of it, and how far the released code's options move the tables."""

    sources: tuple[Source, ...]
    findings: tuple[Finding, ...]
    shifts: tuple[Shift, ...]
    notes: tuple[str, ...]


def replication(sources: Sequence[Source], claims: Sequence[Claim] | None = None) -> Replication:
    """Hold `claims` (all of the thesis's by default) against results; no finished trial at all is a RequestError."""
    done, simulated, notes = merged(sources)
    trials = Trials(done)
    found = findings(all_claims() if claims is None else claims, trials, simulated)
    moved = shifts(trials, simulated)
    return Replication(sources=tuple(sources), findings=tuple(found), shifts=tuple(moved), notes=tuple(notes))


def document(made: Replication, command: str) -> Document:
    """The report on `made`; `command` is what makes it again."""
    missing = not_run_section(made.findings)
    shifted = shift_section(made.shifts, not_run(made.shifts))
    sentences = (summary(made.findings), chance(made.findings), temperature(made.findings))
    return Document(
        title=TITLE,
        simulated=_simulated(made),
        summary=tuple(filter(None, sentences)),
        counts=count_lines(made.findings),
        sources=tuple(source_rows(made.sources)),
        command=command,
        notes=(*_unmanifested(made.sources), *made.notes),
        sections=(*claim_sections(made.findings), shifted, *([missing] if missing else [])),
        read=(("The rule", RULE), *READ),
    )


def count_lines(found: Sequence[Finding]) -> tuple[Mapping[str, str], ...]:
    """How many findings have each verdict, a line a table, and all of them."""
    lines = [
        {"table": tables()[key].title} | {word: str(number[word]) for word in VERDICTS}
        for key, number in counts(found).items()
    ]
    total = {word: str(sum(f.verdict == word for f in found)) for word in VERDICTS}
    return (*lines, {"table": "All", **total})


def _simulated(made: Replication) -> str:
    names = [source.name for source in made.sources if source.simulated]
    return f"{SIMULATED}: in {', '.join(names)} a program gave the answers, not people" if names else ""


def _unmanifested(sources: Sequence[Source]) -> list[str]:
    bare = [source.name for source in sources if not source.about.get("hardware")]
    if not bare:
        return []
    return [f"Of {', '.join(bare)} no manifest is at hand: hardware, versions and code are unknown."]
