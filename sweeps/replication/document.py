"""A replication report before it has a format: what it says, in order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sweeps.replication.claims import Claim
from sweeps.replication.claims import claims as all_claims
from sweeps.replication.findings import RULE, VERDICTS, Finding, findings
from sweeps.replication.lines import Section, claim_sections, not_run_section, shift_section
from sweeps.replication.published import tables
from sweeps.replication.released import Shift, not_run, shifts
from sweeps.replication.rows import counts
from sweeps.replication.sides import Trials
from sweeps.replication.words import READ, chance, source_rows, summary, temperature
from sweeps.sources import Source, merged
from sweeps.wording import SIMULATED

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
