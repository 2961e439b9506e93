"""The report on the recorded grid as files: Markdown, one HTML page, pictures; and in MLflow beside its sweeps."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from sweeps.sources import Source, from_folder, from_names
from sweeps.studies.document import Document
from sweeps.studies.grid import decisions, effects, frontier_findings, panel_findings, variances
from sweeps.studies.grid.recorded import GRID, SEALED, VARIANCE, Part, by_preset
from sweeps.studies.pilots import pilot
from sweeps.studies.report import (
    RESULTS,
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
from sweeps.studies.sealed import readings, sealed
from sweeps.studies.sealed.readings import load_readings


def planner_parts(path: Path, *, read_sealed: bool = False) -> tuple[Part, Part]:
    """Plans held against the sealed cells, and plans judged by their decisions.

    `path` is the file of readings (`sealed-readings.json` beside the tables); sealed cells are read, and the reading is
    added to the file, only where `read_sealed` says so. A file that is odd is a RequestError.
    """
    load_readings(path)
    return (
        Part(
            title=sealed.TITLE,
            needs=(GRID, SEALED),
            make=partial(sealed.sealed_section, readings=path, read_sealed=read_sealed),
        ),
        Part(title=decisions.TITLE, needs=(GRID,), make=decisions.decisions_section),
    )


NAME = "grid"
TITLE = "What labels cost and what they give: the recorded grid"
PARTS = (
    Part(title=frontier_findings.TITLE, needs=(GRID,), make=frontier_findings.frontier_section),
    Part(title=effects.TITLE, needs=(GRID,), make=effects.effects_section),
    Part(title=variances.TITLE, needs=(VARIANCE,), make=variances.variances_section),
    Part(title=panel_findings.TITLE, needs=(GRID, VARIANCE), make=panel_findings.panels_section),
)


def grid_report(sources: Sequence[Source], made_by: str = "", parts: Sequence[Part] = PARTS) -> Document:
    """The report on sources of the grid; a preset that is missing, or still runs, has its section say so.

    `made_by` is the command that makes it again. RequestError where no source is of the grid's presets, or two are of
    one.
    """
    found, notes = by_preset(sources)
    sections = tuple(part.section(found) for part in parts)
    return Document(
        name=NAME,
        title=TITLE,
        simulated=simulated_words(found.values()),
        summary=tuple(sentence for section in sections for sentence in section.summary),
        sources=source_rows(found.values()),
        command=made_by,
        notes=(*notes, *manifest_notes(found.values())),
        sections=sections,
    )


def write_report(
    names: Sequence[str],
    *,
    out: str | Path | None = None,
    to: Path | None = None,
    results: Path | None = None,
    read_sealed: bool = False,
) -> tuple[Document, dict[str, Path]]:
    """Write the report on sweeps (ids, unique beginnings, paths, .csv), or on the results tables of a folder.

    `to` is the folder to write into; without it `grid` in the output folder. Gives the report and the paths of
    `grid.md`, `grid.html` and each `grid-<picture>.png` by name. From sweeps it also writes their results tables into
    `results` within `to`, and logs the files to the sweeps' MLflow runs. `read_sealed` reads the sealed cells, which is
    counted in `sealed-readings.json` beside the results tables (`sweeps.studies.sealed.readings`). RequestError, before
    anything is written, for an unknown sweep, a folder without results, or neither.
    """
    folder = report_folder(NAME, names, out, to, results)
    if results is not None:
        made_by = command(NAME, "--from-results", str(results), "--to", str(folder))
        made = grid_report(from_folder(results), made_by, _parts(results, read_sealed))
        return made, save_files(folder, pages(made))
    sources = from_names(names, out)
    files = {Path(name).stem: name for name in names if name.endswith(".csv")}
    made_by = command(NAME, *(files.get(source.name, source.name) for source in sources))
    made = grid_report(sources, made_by, _parts(folder / RESULTS, read_sealed))
    paths = save_files(folder, pages(made))
    save_results(folder, sources)
    log_to_mlflow(open_sweeps((name for name in names if not name.endswith(".csv")), out), list(paths.values()))
    return made, paths


def _parts(results: Path, read_sealed: bool) -> tuple[Part, ...]:
    return (*PARTS, *planner_parts(results / readings.NAME, read_sealed=read_sealed), pilot.PART)
