"""The sections of the replication report: each table's claims, what depends on the training, released code, not run."""

from collections.abc import Iterator, Sequence

from softcore.statistics import MeanInterval
from sweeps.studies.document import Section, Table
from sweeps.studies.thesis.claims import AGAINST, TIE
from sweeps.studies.thesis.findings import AGREES, DISAGREES, NOT_RUN, OPEN, Finding, PairedComparison
from sweeps.studies.thesis.published import PublishedTable, table_words, tables
from sweeps.studies.thesis.released import OPTIONS, Shift
from sweeps.studies.thesis.trainings import Compared, change_words, changed, compare_trainings

DASH = "–"
HEADINGS = (
    *("Claim", "A against B", "Metric, test set", "Thesis A", "Thesis B", "A − B"),
    *("Ours A", "Ours B", "A − B [95%]", "n", "Verdict"),
    *("After one temperature: A − B [95%]", "Verdict then"),
)
NUMBERS = ("Thesis A", "Thesis B", "A − B", "Ours A", "Ours B", "A − B [95%]", "After one temperature: A − B [95%]")
OURS = HEADINGS.index("Ours A")
TRAINED_AS = "Trained as"
SHIFT_HEADINGS = ("Row", "Metric, test set", "As the text says", "As the code does", "Difference [95%]", "n")
SHIFT_NUMBERS = (2, 3, 4)
NOT_RUN_HEADINGS = ("Claim", "A against B", "Metrics, test sets", "Why")
CHANGES = (
    "The checks whose verdict is not the same in all ways that our runs were trained; the tables below have all. "
    "A verdict that turns to open or from it may do so by the width of an interval alone: look at both differences."
)
_METRICS = {"ce": "CE", "scaled-ce": "Scaled CE", "rmsce": "Calibration", "fgsm": "FGSM loss"}
_TESTS = {
    "10h": "10H",
    "10s": "10S",
    "10h-c": "10H corrupted (CIFAR-10-C)",
    "10h-c-generated": "10H corrupted (generated)",
}


def claim_sections(found: Sequence[Finding]) -> list[Section]:
    """One section a table of the thesis, by the first that a claim quotes, with every claim that was run."""
    ran = [finding for finding in found if finding.ours]
    by_table = {key: [f for f in ran if f.claim.tables[0] == key] for key in tables()}
    return [_section(key, here) for key, here in by_table.items() if here]


def _section(key: str, found: Sequence[Finding]) -> Section:
    table = tables()[key]
    trainings = list(dict.fromkeys(finding.training for finding in found))
    variants = list(dict.fromkeys(finding.variant for finding in found))
    same = ", ".join(words[0] for words in (trainings, variants) if len(words) == 1 and words[0])
    notes = (thesis_words(table), *([f"Ours: {same}."] if same else []))
    texts = []
    said = ("", "")
    for finding in found:
        front = _front(finding)
        row = [*_row(finding, finding.variant if variants[1:] else "")]
        if trainings[1:]:
            row.insert(OURS - 2, finding.training)
        texts.append((*(("", "") if front == said else front), *row))
        said = front
    headings = HEADINGS if not trainings[1:] else (*HEADINGS[:OURS], TRAINED_AS, *HEADINGS[OURS:])
    numbers = tuple(place for place, heading in enumerate(headings) if heading in NUMBERS)
    held = Table(headings=headings, rows=tuple(texts), numbers=numbers, spanned=2, marked=(AGREES, DISAGREES, OPEN))
    return Section(title=table.title, lines=notes, tables=(held,))


def _front(finding: Finding) -> tuple[str, str]:
    """The claim with what it quotes and what our intervals are over; the two rows compared."""
    return f"{finding.claim.says} ({_quoted(finding)}; our intervals are over {finding.over})", _names(finding)


def _names(finding: Finding) -> str:
    return " against ".join(finding.claim.names) + (f" ({finding.simulated})" if finding.simulated else "")


def _quoted(finding: Finding) -> str:
    return f"{', '.join(map(table_words, finding.claim.tables))}; section {finding.claim.section}"


def _row(finding: Finding, variant: str) -> Iterator[str]:
    claim, ours = finding.claim, finding.ours
    assert ours is not None
    yield check_words(ours.column)
    yield from _thesis(finding)
    yield from (signed_number(side) if claim.kind == "larger-gap" else f"{side:.3f}" for side in (ours.a, ours.b))
    yield interval_words(ours.difference)
    lacking = f"{ours.left_out} left out, not whole on both sides" if ours.left_out else ""
    yield "; ".join(filter(None, [str(ours.difference.n), lacking, variant]))
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


def change_section(found: Sequence[Finding]) -> Section | None:
    """The verdicts that depend on how our runs were trained; None where no check was trained in two ways."""
    compared, scaled = compare_trainings(found), compare_trainings(found, scaled=True)
    if not compared:
        return None
    captions = ("As measured", "After one temperature")
    made = [_change_table(changed(each), caption) for each, caption in zip((compared, scaled), captions, strict=True)]
    return Section(
        title="What depends on the training",
        lines=(CHANGES,),
        tables=tuple(table for table in made if table.rows),
        summary=(
            *change_words(compared, "As measured"),
            *change_words(scaled, "On cross-entropy after one temperature"),
        ),
    )


def _change_table(checks: Sequence[tuple[Finding, Compared]], caption: str) -> Table:
    ways = list(dict.fromkeys(way for _, ours in checks for way in ours))
    front = ("Claim", "A against B", "Metric, test set", "Thesis A − B")
    headings = (*front, *(heading for way in ways for heading in (f"{way}: A − B [95%], n", "Verdict")))
    texts = []
    said = ("", "")
    for finding, ours in checks:
        names = (f"{finding.claim.says} ({_quoted(finding)})", _names(finding))
        here = [_change_words(ours[way]) if way in ours else (DASH, DASH) for way in ways]
        check = ", ".join(filter(None, (check_words(finding.claim.check), finding.variant)))
        *_, thesis_difference = _thesis(finding)
        row = (check, thesis_difference, *(text for pair in here for text in pair))
        texts.append((*(("", "") if names == said else names), *row))
        said = names
    numbers = (3, *range(4, len(headings), 2))
    return Table(
        headings=headings,
        rows=tuple(texts),
        caption=caption,
        numbers=numbers,
        spanned=2,
        marked=(AGREES, DISAGREES, OPEN),
    )


def _change_words(ours: PairedComparison) -> tuple[str, str]:
    return f"{interval_words(ours.difference)}, {ours.difference.n}", ours.verdict


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


def thesis_words(table: PublishedTable) -> str:
    """Over what the thesis's numbers of a table are."""
    seeds = f"{table.seeds} seeds" if table.seeds else "seeds not said"
    models = ", ".join(table.models) + (", averaged" if len(table.models) > 1 else "")
    return f"The thesis: {seeds}, {models}. {table.note}".strip()
