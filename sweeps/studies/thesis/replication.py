"""The replication report: what our runs say of each of the thesis's claims, as Markdown, HTML and CSV."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sweeps.sources import Source, from_folder, from_sweep, merge
from sweeps.studies.document import Document, Section, Table
from sweeps.studies.report import (
    command,
    log_to_mlflow,
    open_sweeps,
    pages,
    report_folder,
    save_files,
    save_results,
    simulated_words,
    source_rows,
    unknown_making,
)
from sweeps.studies.thesis.claims import AGAINST, TIE, Claim
from sweeps.studies.thesis.claims import claims as all_claims
from sweeps.studies.thesis.findings import AGREES, DISAGREES, NOT_RUN, OPEN, RULE, VERDICTS, Finding, findings
from sweeps.studies.thesis.published import tables
from sweeps.studies.thesis.released import OPTIONS, Shift, not_run, shifts
from sweeps.studies.thesis.rows import counts, frame, rows
from sweeps.studies.thesis.sides import Trials
from sweeps.studies.thesis.words import (
    DASH,
    READ,
    chance,
    check_words,
    interval_words,
    signed,
    summary,
    temperature,
    thesis_words,
)

NAME = "replication"
HEADINGS = (
    *("Claim", "A against B", "Metric, test set", "Thesis A", "Thesis B", "A − B"),
    *("Ours A", "Ours B", "A − B [95%]", "n", "Verdict"),
    *("After one temperature: A − B [95%]", "Verdict then"),
)
NUMBERS = (3, 4, 5, 6, 7, 8, 11)  # the places of columns of numbers
SHIFT_HEADINGS = ("Row", "Metric, test set", "As the text says", "As the code does", "Difference [95%]", "n")
SHIFT_NUMBERS = (2, 3, 4)
NOT_RUN_HEADINGS = ("Claim", "A against B", "Metrics, test sets", "Why")


def claim_sections(found: Sequence[Finding]) -> list[Section]:
    """One section a table of the thesis, by the first that a claim quotes, with every claim that was run."""
    ran = [finding for finding in found if finding.ours]
    by_table = {key: [f for f in ran if f.claim.tables[0] == key] for key in tables()}
    return [_section(key, here) for key, here in by_table.items() if here]


def _section(key: str, found: Sequence[Finding]) -> Section:
    table = tables()[key]
    settings = sorted({finding.setting for finding in found})
    notes = (thesis_words(table), *([f"Ours: {settings[0]}."] if len(settings) == 1 else []))
    texts = []
    said = ("", "")
    for finding in found:
        front = _front(finding)
        texts.append((*(("", "") if front == said else front), *_row(finding, finding.setting if settings[1:] else "")))
        said = front
    held = Table(headings=HEADINGS, rows=tuple(texts), numbers=NUMBERS, spanned=2, marked=(AGREES, DISAGREES, OPEN))
    return Section(title=table.title, lines=notes, tables=(held,))


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
    texts = tuple((says, names, "; ".join(checks), why) for (says, names, why), checks in missing.items())
    note = "Claims of the thesis that these results cannot speak to. They count neither for it nor against it."
    table = Table(headings=NOT_RUN_HEADINGS, rows=texts)
    return Section(title="Not run", lines=(note,), tables=(table,)) if texts else None


def shift_section(found: Sequence[Shift], missing: Sequence[str]) -> Section:
    """How far each option of the released code moves each row; an option without results is named as not run."""
    notes = [
        "Two options do what the thesis's released code does where it differs from the thesis's text. Which of the two "
        "made the published numbers is unknown. The difference is code − text, paired by replicate.",
        *(f"{option}: {OPTIONS[option]}." for option in OPTIONS if option not in missing),
        *(f"{option}: not run ({OPTIONS[option]})." for option in missing),
    ]
    texts = []
    for shift in found:
        name = f"{shift.option}: {shift.name} ({'' if shift.table.startswith('figure') else 'table '}{shift.table})"
        name += f" ({shift.simulated})" if shift.simulated else ""
        count = "; ".join([str(shift.difference.n), f"over {shift.over}", shift.setting])
        alone = "" if shift.difference.low is not None else " (one replicate: no interval)"
        numbers = (f"{shift.text:.3f}", f"{shift.released:.3f}", interval_words(shift.difference) + alone)
        texts.append((name, check_words(shift.metric), *numbers, count))
    table = Table(headings=SHIFT_HEADINGS, rows=tuple(texts), numbers=SHIFT_NUMBERS)
    return Section(title="The released code", lines=tuple(notes), tables=(table,))


TITLE = "Do the thesis's conclusions hold in our runs?"


@dataclass(frozen=True, kw_only=True)
class Replication:
    """Every claim with what the sources say of it, and how far the released code's options move the tables."""

    sources: tuple[Source, ...]
    findings: tuple[Finding, ...]
    shifts: tuple[Shift, ...]
    notes: tuple[str, ...]


def replication(sources: Sequence[Source], claims: Sequence[Claim] | None = None) -> Replication:
    """Hold `claims` (all of the thesis's by default) against results; no finished trial at all is a RequestError."""
    done, simulated, notes = merge(sources)
    trials = Trials(done)
    found = findings(all_claims() if claims is None else claims, trials, simulated)
    moved = shifts(trials, simulated)
    return Replication(sources=tuple(sources), findings=tuple(found), shifts=tuple(moved), notes=tuple(notes))


def document(made: Replication, made_by: str) -> Document:
    """The report on `made`; `made_by` is the command that makes it again."""
    missing = not_run_section(made.findings)
    shifted = shift_section(made.shifts, not_run(made.shifts))
    sentences = (summary(made.findings), chance(made.findings), temperature(made.findings))
    how_to_read = Section(title="How to read this", lines=(), terms=(("The rule", RULE), *READ))
    return Document(
        name=NAME,
        title=TITLE,
        simulated=simulated_words(made.sources),
        summary=tuple(filter(None, sentences)),
        overview=Table.of(count_lines(made.findings)),
        sources=source_rows(made.sources),
        command=made_by,
        notes=(*unknown_making(made.sources), *made.notes),
        sections=(*claim_sections(made.findings), shifted, *([missing] if missing else []), how_to_read),
        sources_first=True,
    )


def count_lines(found: Sequence[Finding]) -> tuple[Mapping[str, str], ...]:
    """How many findings have each verdict, a line a table, and all of them."""
    lines = [
        {"table": tables()[key].title} | {word: str(number[word]) for word in VERDICTS}
        for key, number in counts(found).items()
    ]
    total = {word: str(sum(f.verdict == word for f in found)) for word in VERDICTS}
    return (*lines, {"table": "All", **total})


def report(
    names: Sequence[str], *, out: str | Path | None = None, to: Path | None = None, results: Path | None = None
) -> tuple[Replication, dict[str, Path]]:
    """Write the report on sweeps (ids, unique beginnings or paths), or on the results tables of a folder.

    `to` is the folder to write into; without it `replication` in the output folder. Gives what was found, and the paths
    of `replication.md`, `.html` and `.csv` by ending. From sweeps it also writes their results tables into `results`
    within `to`, from which the same report can be made again, and logs the three files to the sweeps' MLflow runs.
    RequestError, before anything is written, for an unknown sweep, a folder without results, or neither.
    """
    folder = report_folder(NAME, names, out, to, results)
    if results is not None:
        made = replication(from_folder(results))
        return made, write(folder, made, command(NAME, "--from-results", str(results)))
    sweeps = open_sweeps(names, out)
    made = replication([from_sweep(sweep) for sweep in sweeps])
    paths = write(folder, made, command(NAME, *(sweep.id for sweep in sweeps)))
    save_results(folder, made.sources)
    log_to_mlflow(sweeps, list(paths.values()))
    return made, paths


def write(folder: Path, made: Replication, made_by: str) -> dict[str, Path]:
    """Write the report's three files, each whole or not at all; their paths by ending. `made_by` is the command."""
    rows_as_csv = frame(made.findings, made.shifts).to_csv(index=False)
    paths = save_files(folder, {**pages(document(made, made_by)), f"{NAME}.csv": rows_as_csv})
    return {path.suffix.removeprefix("."): path for path in paths.values()}


def show(made: Replication, paths: Mapping[str, Path], as_json: bool = False) -> None:
    """Print the rows as JSON and nothing else, or how many verdicts there are of each kind and where the report is."""
    if as_json:
        print(json.dumps(rows(made.findings, made.shifts), indent=1, ensure_ascii=False, allow_nan=False))
        return
    from sweeps.show.tables import print_table, table

    print_table(table(count_lines(made.findings), title="Claims of the thesis"))
    print(summary(made.findings))
    print(chance(made.findings))
    for path in paths.values():
        print(path)
