"""The replication report: what our runs say of each of the thesis's claims, as Markdown, HTML and CSV."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

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
from sweeps.studies.thesis.claims import claims
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
from sweeps.studies.thesis.published import tables
from sweeps.studies.thesis.released import Shift, not_run, shifts
from sweeps.studies.thesis.row_trials import Trials
from sweeps.studies.thesis.rows import report_frame, report_rows
from sweeps.studies.thesis.sections import DASH, change_section, claim_sections, not_run_section, shift_section
from sweeps.studies.thesis.trainings import (
    by_training,
    epochs_words,
)

NAME = "replication"
TITLE = "Do the thesis's conclusions hold in our runs?"
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
    changes = change_section(made.findings)
    sentences = (*epochs_words(made.findings), *summary(made.findings), *(changes.summary if changes else ()))
    how_to_read = Section(title="How to read this", lines=(), terms=(("The rule", RULE), *READ))
    return Document(
        name=NAME,
        title=TITLE,
        simulated=simulated_words(made.sources),
        summary=sentences,
        overview=Table.of(count_lines(made.findings)),
        sources=source_rows(made.sources),
        command=made_by,
        notes=(*manifest_notes(made.sources), *made.notes),
        sections=tuple(filter(None, (changes, *claim_sections(made.findings), shifted, missing, how_to_read))),
        sources_first=True,
    )


def count_lines(found: Sequence[Finding]) -> tuple[Mapping[str, str], ...]:
    """How many findings have each verdict, a line a table (the first that a claim quotes), and all of them.

    Where there are several ways of training, a line each.
    """
    ways = by_training(found)
    lines = []
    for key, table in tables().items():
        here = {way: [f for f in own if f.claim.tables[0] == key] for way, own in ways.items()}
        ran = {way: own for way, own in here.items() if any(f.ours for f in own)} or dict(list(here.items())[:1])
        lines += [_count_line(table.title, way, own, ways) for way, own in ran.items() if own]
    return (*lines, *(_count_line("All", way, own, ways) for way, own in ways.items()))


def _count_line(title: str, way: str, found: Sequence[Finding], ways: Mapping[str, object]) -> Mapping[str, str]:
    named = {} if len(ways) == 1 else {"trained as": way if any(f.ours for f in found) else DASH}
    return {"table": title, **named, **_counts(found)}


def _counts(found: Sequence[Finding]) -> dict[str, str]:
    return {word: str(sum(f.verdict == word for f in found)) for word in VERDICTS}


def summary(found: Sequence[Finding]) -> tuple[str, ...]:
    """What a report says of the verdicts before all else; one text a way of training where there are several."""
    ways = by_training(found)
    each = {
        way: tuple(filter(None, (verdict_summary(own), chance(own), temperature(own)))) for way, own in ways.items()
    }
    if len(ways) == 1:
        return each[next(iter(ways))]
    return tuple(f"Trained as {way}. {' '.join(sentences)}" for way, sentences in each.items())


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
    for sentence in summary(made.findings):
        print(sentence)
    for path in paths.values():
        print(path)
