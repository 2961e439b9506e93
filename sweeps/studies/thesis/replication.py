"""The replication report: what our runs say of each of the thesis's claims, as Markdown, HTML and CSV."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from softcore.statistics import MeanInterval
from sweeps.sources import Source, from_folder, from_sweep, merge
from sweeps.studies.document import Document, Section, Table
from sweeps.studies.report import (
    command,
    log_to_mlflow,
    manifest_notes,
    open_sweeps,
    pages,
    report_folder,
    save_files,
    save_results,
    simulated_words,
    source_rows,
)
from sweeps.studies.thesis.claims import AGAINST, TIE, claims
from sweeps.studies.thesis.findings import (
    AGREES,
    DISAGREES,
    LEVEL,
    NOT_RUN,
    OPEN,
    RULE,
    VERDICTS,
    Finding,
    claim_findings,
)
from sweeps.studies.thesis.published import PublishedTable, table_words, tables
from sweeps.studies.thesis.released import OPTIONS, Shift, not_run, shifts
from sweeps.studies.thesis.row_trials import Trials
from sweeps.studies.thesis.rows import report_frame, report_rows

NAME = "replication"
TITLE = "Do the thesis's conclusions hold in our runs?"
DASH = "–"
HEADINGS = (
    *("Claim", "A against B", "Metric, test set", "Thesis A", "Thesis B", "A − B"),
    *("Ours A", "Ours B", "A − B [95%]", "n", "Verdict"),
    *("After one temperature: A − B [95%]", "Verdict then"),
)
NUMBERS = (3, 4, 5, 6, 7, 8, 11)  # the places of columns of numbers
SHIFT_HEADINGS = ("Row", "Metric, test set", "As the text says", "As the code does", "Difference [95%]", "n")
SHIFT_NUMBERS = (2, 3, 4)
NOT_RUN_HEADINGS = ("Claim", "A against B", "Metrics, test sets", "Why")
_METRICS = {"ce": "CE", "scaled-ce": "Scaled CE", "rmsce": "Calibration", "fgsm": "FGSM loss"}
_TESTS = {
    "10h": "10H",
    "10s": "10S",
    "10h-c": "10H corrupted (CIFAR-10-C)",
    "10h-c-generated": "10H corrupted (generated)",
}
_SO = {AGREES: ("agrees", "agree"), DISAGREES: ("disagrees", "disagree"), OPEN: ("is open", "are open")}
READ = (
    (
        "The thesis's A and B",
        "As its tables print them, ± half of what it calls 95% confidence intervals over its seeds and models. Its "
        "differences have no interval: the pairing is not published. (against): its numbers lie on the other side of "
        "its words.",
    ),
    (
        "Ours",
        "Means over replicates. Both sides of a replicate share seed, held-out images and panel draw, so differences "
        "are paired. Where several models were trained a replicate counts once, with its mean over the models that "
        "both sides have. Where they are not the thesis's models, epochs and image sizes, levels are not comparable "
        "with its tables; orders may be.",
    ),
    (
        "What an interval is over",
        "Seeds: initial weights, order, held-out images. Image-wise panels: where fewer people than all were asked, "
        "who they are is drawn anew for each image and seed. Not over test images, and not over a fresh crowd. Clicks "
        "are known as counts an image, not by person, so their draws are of clicks.",
    ),
    (
        "After one temperature",
        "The same comparison on cross-entropy after each model got the one temperature that suits the validation "
        "images best. Soft labels make models less sure of themselves and raw cross-entropy rewards that; what is left "
        "after one temperature is what the labels taught. The thesis has no such number.",
    ),
    (
        "Not here",
        "Claims that need no training (people's inferred coefficients, mass off the endpoints: the cards of the data "
        "sets have them) and those of performance at equal cost (Figure 3.5: the frontier has them).",
    ),
)


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
    """The claim with what it quotes and what our intervals are over; the two rows compared."""
    names = " against ".join(finding.claim.names) + (f" ({finding.simulated})" if finding.simulated else "")
    return f"{finding.claim.says} ({_quoted(finding)}; our intervals are over {finding.over})", names


def _quoted(finding: Finding) -> str:
    return f"{', '.join(map(table_words, finding.claim.tables))}; section {finding.claim.section}"


def _row(finding: Finding, setting: str) -> Iterator[str]:
    claim, ours = finding.claim, finding.ours
    assert ours is not None
    yield check_words(ours.column)
    yield from _thesis(finding)
    yield from (signed_number(side) if claim.kind == "larger-gap" else f"{side:.3f}" for side in (ours.a, ours.b))
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
        yield from (signed_number(side) for side in sides)
    else:
        yield from (row.printed[claim.check].text for row in claim.rows)
    noted = {AGAINST: " (against)", TIE: " (a tie)"}.get(claim.printed_side(), "")
    yield signed_number(sides[0] - sides[1]) + noted


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
        ours = shift.ours
        name = f"{shift.option}: {shift.name} ({table_words(shift.table)})"
        name += f" ({shift.simulated})" if shift.simulated else ""
        count = "; ".join([str(ours.difference.n), f"over {shift.over}", shift.setting])
        alone = "" if ours.difference.low is not None else " (one replicate: no interval)"
        numbers = (f"{ours.b:.3f}", f"{ours.a:.3f}", interval_words(ours.difference) + alone)
        texts.append((name, check_words(ours.column), *numbers, count))
    table = Table(headings=SHIFT_HEADINGS, rows=tuple(texts), numbers=SHIFT_NUMBERS)
    return Section(title="The released code", lines=tuple(notes), tables=(table,))


@dataclass(frozen=True, kw_only=True)
class Replication:
    """Every claim with what the sources say of it, and how far the released code's options move the tables."""

    sources: tuple[Source, ...]
    findings: tuple[Finding, ...]
    shifts: tuple[Shift, ...]
    notes: tuple[str, ...]


def replication(sources: Sequence[Source]) -> Replication:
    """Compare results with every claim of the thesis; no finished trial at all is a RequestError."""
    done, simulated, notes = merge(sources)
    trials = Trials(done)
    found = claim_findings(claims(), trials, simulated)
    moved = shifts(trials, simulated)
    return Replication(sources=tuple(sources), findings=tuple(found), shifts=tuple(moved), notes=tuple(notes))


def document(made: Replication, made_by: str) -> Document:
    """The report on `made`; `made_by` is the command that makes it again."""
    missing = not_run_section(made.findings)
    shifted = shift_section(made.shifts, not_run(made.shifts))
    sentences = (verdict_summary(made.findings), chance(made.findings), temperature(made.findings))
    how_to_read = Section(title="How to read this", lines=(), terms=(("The rule", RULE), *READ))
    return Document(
        name=NAME,
        title=TITLE,
        simulated=simulated_words(made.sources),
        summary=tuple(filter(None, sentences)),
        overview=Table.of(count_lines(made.findings)),
        sources=source_rows(made.sources),
        command=made_by,
        notes=(*manifest_notes(made.sources), *made.notes),
        sections=(*claim_sections(made.findings), shifted, *([missing] if missing else []), how_to_read),
        sources_first=True,
    )


def count_lines(found: Sequence[Finding]) -> tuple[Mapping[str, str], ...]:
    """How many findings have each verdict, a line a table (the first that a claim quotes), and all of them."""
    by_table = {key: [f for f in found if f.claim.tables[0] == key] for key in tables()}
    lines = [{"table": tables()[key].title, **_counts(here)} for key, here in by_table.items() if here]
    return (*lines, {"table": "All", **_counts(found)})


def _counts(found: Sequence[Finding]) -> dict[str, str]:
    return {word: str(sum(f.verdict == word for f in found)) for word in VERDICTS}


def check_words(column: str) -> str:
    """ "CE, 10H" of "ce/10h"; the names as they are where they are not known."""
    metric, _, test = column.partition("/")
    return f"{_METRICS.get(metric, metric)}, {_TESTS.get(test, test)}"


def signed_number(number: float) -> str:
    """ "+0.012"; "−0.012" with a true minus sign."""
    return f"{number:+.3f}".replace("-", "−")


def interval_words(found: MeanInterval) -> str:
    """ "−0.377 [−0.390, −0.364]"; the mean alone where there is no interval."""
    if found.low is None or found.high is None:
        return signed_number(found.mean)
    return f"{signed_number(found.mean)} [{signed_number(found.low)}, {signed_number(found.high)}]"


def verdict_summary(found: Sequence[Finding]) -> str:
    """How many checks (a claim on a metric and test set, trained in one way) have each verdict."""
    number = {word: sum(finding.verdict == word for finding in found) for word in VERDICTS}
    ran = len(found) - number[NOT_RUN]
    if not ran:
        return f"None of {len(found)} checks of the thesis's claims could be made: no results hold both sides of one."
    each = [_so(number[word], word) for word in _SO]
    said = (
        f"Of {_plural(ran, 'check')} of the thesis's claims that our runs can make, {each[0]}, {each[1]} and {each[2]}."
    )
    return said + (f" For {number[NOT_RUN]} more there are no results." if number[NOT_RUN] else "")


def chance(found: Sequence[Finding]) -> str:
    """How many intervals there are, and how many of them would exclude zero by chance alone."""
    intervals = [f.ours.difference for f in found if f.ours and f.ours.difference.low is not None]
    if not intervals:
        return "No row has an interval, so every one is open."
    excluded = sum(f.verdict in (AGREES, DISAGREES) for f in found)
    expected = (1 - LEVEL) * len(intervals)
    return (
        f"{_plural(len(intervals), 'row')} with an interval, {excluded} of which exclude zero. If no label made any "
        f"difference, about {expected:.1f} of them would still do so by chance; nothing is corrected for that, and "
        "rows that share trials err together."
    )


def temperature(found: Sequence[Finding]) -> str:
    """What one temperature leaves of the verdicts on cross-entropy; empty where nothing was measured on it."""
    both = [f for f in found if f.ours and f.scaled]
    if not both:
        return ""
    said = []
    for word in _SO:
        here = [f.scaled.verdict for f in both if f.verdict == word and f.scaled]
        after = [_so(here.count(later), later) for later in _SO if later in here]
        said += [f"of {len(here)} that {_SO[word][len(here) != 1]} raw, {', '.join(after)}"] if here else []
    return f"Cross-entropy after one temperature ({_plural(len(both), 'row')}): {'; '.join(said)}."


def thesis_words(table: PublishedTable) -> str:
    """Over what the thesis's numbers of a table are."""
    seeds = f"{table.seeds} seeds" if table.seeds else "seeds not said"
    models = ", ".join(table.models) + (", averaged" if len(table.models) > 1 else "")
    return f"The thesis: {seeds}, {models}. {table.note}".strip()


def _so(number: int, verdict: str) -> str:
    """ "1 agrees", "3 are open"."""
    return f"{number} {_SO[verdict][number != 1]}"


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def replication_report(
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
    rows_as_csv = report_frame(made.findings, made.shifts).to_csv(index=False)
    paths = save_files(folder, {**pages(document(made, made_by)), f"{NAME}.csv": rows_as_csv})
    return {path.suffix.removeprefix("."): path for path in paths.values()}


def print_replication(made: Replication, paths: Mapping[str, Path], as_json: bool = False) -> None:
    """Print the rows as JSON and nothing else, or how many verdicts there are of each kind and where the report is."""
    if as_json:
        print(json.dumps(report_rows(made.findings, made.shifts), indent=1, ensure_ascii=False, allow_nan=False))
        return
    from sweeps.show.tables import print_table, table

    print_table(table(count_lines(made.findings), title="Claims of the thesis"))
    print(verdict_summary(made.findings))
    print(chance(made.findings))
    for path in paths.values():
        print(path)
