"""What the reports of all studies share: where results come from, in words; the files; MLflow beside the sweeps."""

import logging
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from cluster.addresses import masked
from cluster.errors import one_line
from softcore.errors import RequestError
from sweeps.results.names import SIMULATED
from sweeps.results.table import FAILED, axis_columns
from sweeps.running.store import out_folder, write_bytes, write_text
from sweeps.sources import Source, files_of
from sweeps.studies.document import Document, to_html, to_markdown
from sweeps.studies.thesis.row_trials import axis_text

if TYPE_CHECKING:
    from sweeps.sweep import Sweep

RESULTS = "results"  # the folder beside a report that holds the tables of its sweeps
UNKNOWN = "unknown"
log = logging.getLogger(__name__)


def simulated_words(sources: Iterable[Source]) -> str:
    """The mark of a report on answers that a program gave, with the names of the sources; empty where people did."""
    names = [source.name for source in sources if source.simulated]
    return f"{SIMULATED}: in {', '.join(names)} a program gave the answers, not people" if names else ""


def manifest_notes(sources: Iterable[Source]) -> list[str]:
    """What manifests say that readers must know, each once, and a note that names the sources without a manifest."""
    sources = list(sources)
    notes = list(dict.fromkeys(str(source.about["note"]) for source in sources if source.about.get("note")))
    if bare := [source.name for source in sources if not source.about.get("hardware")]:
        notes.append(f"Of {', '.join(bare)} no manifest is at hand: hardware, versions and code are unknown.")
    return notes


def source_rows(sources: Iterable[Source]) -> tuple[Mapping[str, str], ...]:
    """What is known of each source, in words; "unknown" where nothing is."""
    return tuple(_source_row(source) for source in sources)


def _source_row(source: Source) -> dict[str, str]:
    results, about = source.results, source.about
    failed = int((results["status"] == FAILED).sum())
    # What collected the trials may be another machine than what trained them.
    versions: Mapping[str, Any] = about.get("trained_with") or about.get("versions") or {}
    named = [f"{name} {versions[name]}" for name in ("python", "torch", "numpy") if name in versions]
    commit = str(about.get("commit") or UNKNOWN)
    return {
        "results": source.name,
        "annotators": "SIMULATED" if source.simulated else "people",
        "trials": str(len(results) - failed) + (f" (and {failed} failed)" if failed else ""),
        "seeds": str(results["seed"].nunique()),
        "panels": str(results["panel"].nunique()),
        "scale": str(about.get("scale") or UNKNOWN),
        "trained as": ", ".join(filter(None, (_training(results), about.get("precision")))),
        "hardware": str(about.get("hardware") or UNKNOWN),
        "versions": ", ".join(named) or UNKNOWN,
        "commit": commit[:10] + ("+" if commit.endswith("+") else ""),
    }


def _training(results: pd.DataFrame) -> str:
    """Models, epochs and image size of a results table."""
    axes = axis_columns(results)
    words = []
    for axis, word in (("model", "{}"), ("epochs", "{} epochs"), ("image_size", "{} pixels")):
        each = list(dict.fromkeys(filter(None, map(axis_text, results[axis])))) if axis in axes else []
        words += [word.format(" / ".join(each))] if each else []
    return ", ".join(words) or UNKNOWN


def report_folder(
    report: str, names: Sequence[str], out: str | Path | None, to: Path | None, results: Path | None
) -> Path:
    """The folder to write a report into: `to`, else the report's own in the output folder.

    Reports are on sweeps (`names`) or on a folder of results tables; both, neither, and a report that would go among
    the tables are RequestErrors.
    """
    if bool(names) == (results is not None):
        raise RequestError("name sweeps, or a folder of results tables with --from-results; one of the two")
    folder = Path(to) if to is not None else out_folder(out) / report
    if results is not None and folder.absolute() == results.absolute():
        raise RequestError(f"--to is the folder of the results tables, {folder}; name another for the report")
    return folder


def command(report: str, *arguments: str) -> str:
    """The command line that makes a report."""
    return shlex.join(["sweeps", "report", report, *arguments])


def open_sweeps(names: Iterable[str], out: str | Path | None) -> list["Sweep"]:
    """The sweeps called `names`, each once."""
    from sweeps.sweep import open_sweep

    return list({sweep.id: sweep for sweep in (open_sweep(name, out=out) for name in names)}.values())


def pages(document: Document) -> dict[str, str | bytes]:
    """The contents of a document's files by name: pictures, Markdown, HTML."""
    pictures = (picture for section in document.sections for picture in section.pictures)
    contents: dict[str, str | bytes] = {f"{document.name}-{picture.name}.png": picture.png for picture in pictures}
    return contents | {f"{document.name}.md": to_markdown(document), f"{document.name}.html": to_html(document)}


def show_report(made: Document, paths: Mapping[str, Path], as_json: bool = False) -> None:
    """Print the numbers as JSON and nothing else, or the summary and where the report is."""
    from sweeps.show.tables import print_json

    if as_json:
        print_json(as_dict(made))
        return
    for line in (made.simulated, *made.summary, *made.notes):
        if line:
            print(line)
    for path in paths.values():
        print(path)


def as_dict(made: Document) -> dict[str, Any]:
    """Everything that the report rests on, for JSON (`sweeps.results.table`)."""
    return {
        "title": made.title,
        "simulated_annotators": bool(made.simulated),
        "sources": list(made.sources),
        "notes": list(made.notes),
        "sections": [
            {
                "title": section.title,
                "summary": list(section.summary),
                "lines": list(section.lines),
                "tables": [
                    {"caption": t.caption, "rows": [dict(zip(t.headings, row, strict=True)) for row in t.rows]}
                    for t in section.tables
                ],
                "data": dict(section.data),
            }
            for section in made.sections
        ],
    }


def save_files(folder: Path, contents: Mapping[str, str | bytes]) -> dict[str, Path]:
    """Write files into a folder, which is made, each whole or not at all; their paths by name."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RequestError(f"{folder} can't be written: {error.strerror}") from None
    for name, content in contents.items():
        if isinstance(content, bytes):
            write_bytes(folder / name, content)
        else:
            write_text(folder / name, content)
    return {name: folder / name for name in contents}


def save_results(folder: Path, sources: Iterable[Source]) -> None:
    """Write the sources' tables into `results` of a report's folder: the same report can be made again from them."""
    for source in sources:
        save_files(folder / RESULTS, files_of(source))


def log_to_mlflow(sweeps: Iterable["Sweep"], paths: Sequence[Path]) -> None:
    """Log files to the MLflow runs of sweeps that are mirrored; what MLflow does, or fails to do, is a warning."""
    for sweep in sweeps:
        uri = sweep.store.manifest().get("tracking_uri")
        if not uri and not (sweep.folder.parent / "mlflow" / "mlflow.db").is_file():
            continue  # never mirrored
        try:
            _log(sweep, uri, paths)
        except Exception as error:
            log.debug("logging the report failed", exc_info=True)
            said = masked(one_line(error))
            log.warning("MLflow does not have the report on %s (%s); the files are there", sweep.id, said)


def _log(sweep: "Sweep", uri: str | None, paths: Sequence[Path]) -> None:
    from sweeps.tracking.runs import Runs, default_uri
    from sweeps.tracking.server import check_server, tracking_address

    uri = tracking_address(None, uri)
    if uri:
        check_server(uri)
    runs = Runs(sweep, uri or default_uri(sweep.folder.parent))
    if (run := runs.whole("sweep")) is not None:
        for path in paths:
            runs.artifact(run, path)
