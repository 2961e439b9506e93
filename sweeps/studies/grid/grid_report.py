"""The report on the recorded grid as files: Markdown, one HTML page, pictures; and in MLflow beside its sweeps."""

import shlex
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from softcore.errors import RequestError
from sweeps.results.names import SIMULATED
from sweeps.running.store import out_folder, write_bytes, write_text
from sweeps.sources import Source, files_of, from_folder, from_names
from sweeps.studies.document import GRID, SEALED, VARIANCE, Part, Report, to_html, to_markdown
from sweeps.studies.grid import effects, findings, panels, variances
from sweeps.studies.grid.decisions import decisions
from sweeps.studies.grid.recorded import by_preset
from sweeps.studies.pilots import pilot
from sweeps.studies.sealed import readings
from sweeps.studies.sealed.readings import stored
from sweeps.studies.sealed.sealed import sealed
from sweeps.studies.thesis.replication import log_to_mlflow
from sweeps.studies.thesis.words import source_rows


def planner_parts(readings: Path, *, read_sealed: bool = False) -> tuple[Part, Part]:
    """Plans held against the sealed cells, and plans judged by their decisions.

    `readings` is the file of readings (`sealed-readings.json` beside the tables); sealed cells are read, and the
    reading is added to the file, only where `read_sealed` says so. A file that is odd is a RequestError.
    """
    stored(readings)
    return (
        Part(
            title="Plans held against sealed cells",
            needs=(GRID, SEALED),
            make=partial(sealed, readings=readings, read_sealed=read_sealed),
        ),
        Part(title="Plans judged by their decisions", needs=(GRID,), make=decisions),
    )


NAME = "grid"
RESULTS = "results"
TITLE = "What labels cost and what they give: the recorded grid"
PARTS = (
    Part(title=findings.TITLE, needs=(GRID,), make=findings.findings),
    Part(title=effects.TITLE, needs=(GRID,), make=effects.effects),
    Part(title=variances.TITLE, needs=(VARIANCE,), make=variances.variances),
    Part(title=panels.TITLE, needs=(GRID, VARIANCE), make=panels.panels),
)


def grid_report(sources: Sequence[Source], command: str = "", parts: Sequence[Part] = PARTS) -> Report:
    """The report on sources of the grid; a preset that is missing, or still runs, has its section say so.

    RequestError where no source is of the grid's presets, or two are of one.
    """
    found, notes = by_preset(sources)
    names = [source.name for source in found.values() if source.simulated]
    bare = [source.name for source in found.values() if not source.about.get("hardware")]
    if bare:
        notes.append(f"Of {', '.join(bare)} no manifest is at hand: hardware, versions and code are unknown.")
    return Report(
        title=TITLE,
        simulated=f"{SIMULATED}: in {', '.join(names)} a program gave the answers, not people" if names else "",
        sources=tuple(source_rows(list(found.values()))),
        command=command,
        notes=tuple(notes),
        sections=tuple(part.section(found) for part in parts),
    )


def report(
    names: Sequence[str],
    *,
    out: str | Path | None = None,
    to: Path | None = None,
    results: Path | None = None,
    read_sealed: bool = False,
) -> tuple[Report, dict[str, Path]]:
    """Write the report on sweeps (ids, unique beginnings, paths, .csv), or on the results tables of a folder.

    `to` is the folder to write into; without it `grid` in the output folder. Gives the report and the paths of
    `grid.md`, `grid.html` and each `grid-<picture>.png` by name. From sweeps it also writes their results tables into
    `results` within `to`, and logs the files to the sweeps' MLflow runs. `read_sealed` reads the sealed cells, which is
    counted in `sealed-readings.json` beside the results tables (`sweeps.studies.sealed.readings`). RequestError, before
    anything is written, for an unknown sweep, a folder without results, or neither.
    """
    if bool(names) == (results is not None):
        raise RequestError("name sweeps, or a folder of results tables with --from-results; one of the two")
    folder = Path(to) if to is not None else out_folder(out) / NAME
    if results is not None:
        if folder.absolute() == results.absolute():
            raise RequestError(f"--to is the folder of the results tables, {folder}; name another for the report")
        command = _command("--from-results", str(results), "--to", str(folder))
        made = grid_report(from_folder(results), command, _parts(results, read_sealed))
        return made, write(folder, made)
    sources = from_names(names, out)
    files = {Path(name).stem: name for name in names if name.endswith(".csv")}
    command = _command(*(files.get(source.name, source.name) for source in sources))
    made = grid_report(sources, command, _parts(folder / RESULTS, read_sealed))
    paths = write(folder, made)
    for source in sources:
        for name, content in files_of(source).items():
            write_text(_within(folder / RESULTS) / name, content)
    log_to_mlflow(_sweeps(names, out), list(paths.values()))
    return made, paths


def _parts(results: Path, read_sealed: bool) -> tuple[Part, ...]:
    return (*PARTS, *planner_parts(results / readings.NAME, read_sealed=read_sealed), pilot.PART)


def write(folder: Path, made: Report) -> dict[str, Path]:
    """Write the report's files, each whole or not at all; their paths by name."""
    _within(folder)
    paths = {}
    for picture in (picture for section in made.sections for picture in section.pictures):
        paths[f"{NAME}-{picture.name}.png"] = path = folder / f"{NAME}-{picture.name}.png"
        write_bytes(path, picture.png)
    for ending, content in (("md", to_markdown(made)), ("html", to_html(made))):
        paths[f"{NAME}.{ending}"] = path = folder / f"{NAME}.{ending}"
        write_text(path, content)
    return paths


def show(made: Report, paths: Mapping[str, Path], as_json: bool = False) -> None:
    """Print the numbers as JSON and nothing else, or the summary and where the report is."""
    from sweeps.show.tables import print_json

    if as_json:
        print_json(made.as_dict())
        return
    for line in (made.simulated, *made.summary, *made.notes):
        if line:
            print(line)
    for path in paths.values():
        print(path)


def _sweeps(names: Sequence[str], out: str | Path | None) -> list[Any]:
    from sweeps.sweep import open_sweep

    return list({s.id: s for s in (open_sweep(n, out=out) for n in names if not n.endswith(".csv"))}.values())


def _command(*arguments: str) -> str:
    return shlex.join(["sweeps", "report", NAME, *arguments])


def _within(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RequestError(f"{folder} can't be written: {error.strerror}") from None
    return folder
