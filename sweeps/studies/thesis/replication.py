"""The replication report as files, and in MLflow beside the sweeps that it reports on."""

import json
import logging
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from softcore.errors import RequestError
from sweeps.running.store import out_folder, write_text
from sweeps.sources import files_of, from_folder, from_sweep
from sweeps.studies.thesis.document import Replication, count_lines, document, replication
from sweeps.studies.thesis.markdown import to_markdown
from sweeps.studies.thesis.page import to_html
from sweeps.studies.thesis.rows import frame, rows
from sweeps.studies.thesis.words import chance, summary

if TYPE_CHECKING:
    from sweeps.sweep import Sweep

NAME = "replication"
RESULTS = "results"
log = logging.getLogger(__name__)


def report(
    names: Sequence[str], *, out: str | Path | None = None, to: Path | None = None, results: Path | None = None
) -> tuple[Replication, dict[str, Path]]:
    """Write the report on sweeps (ids, unique beginnings or paths), or on the results tables of a folder.

    `to` is the folder to write into; without it `replication` in the output folder. Gives what was found, and the paths
    of `replication.md`, `.html` and `.csv` by ending. From sweeps it also writes their results tables into `results`
    within `to`, from which the same report can be made again, and logs the three files to the sweeps' MLflow runs.
    RequestError, before anything is written, for an unknown sweep, a folder without results, or neither.
    """
    if bool(names) == (results is not None):
        raise RequestError("name sweeps, or a folder of results tables with --from-results; one of the two")
    folder = Path(to) if to is not None else out_folder(out) / NAME
    if results is not None:
        if folder.absolute() == results.absolute():
            raise RequestError(f"--to is the folder of the results tables, {folder}; name another for the report")
        made = replication(from_folder(results))
        return made, write(folder, made, _command("--from-results", str(results)))
    sweeps = _sweeps(names, out)
    made = replication([from_sweep(sweep) for sweep in sweeps])
    paths = write(folder, made, _command(*(sweep.id for sweep in sweeps)))
    for source in made.sources:
        for name, content in files_of(source).items():
            _write(folder / RESULTS / name, content)
    log_to_mlflow(sweeps, list(paths.values()))
    return made, paths


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


def write(folder: Path, made: Replication, command: str) -> dict[str, Path]:
    """Write the report's three files, each whole or not at all; their paths by ending."""
    told = document(made, command)
    contents = {
        "md": to_markdown(told),
        "html": to_html(told),
        "csv": frame(made.findings, made.shifts).to_csv(index=False),
    }
    return {ending: _write(folder / f"{NAME}.{ending}", content) for ending, content in contents.items()}


def log_to_mlflow(sweeps: Sequence["Sweep"], paths: Sequence[Path]) -> None:
    """Log files to the MLflow runs of sweeps that are mirrored; what MLflow does, or fails to do, is a warning."""
    for sweep in sweeps:
        uri = sweep.store.manifest().get("tracking_uri")
        if not uri and not (sweep.folder.parent / "mlflow" / "mlflow.db").is_file():
            continue  # never mirrored
        try:
            _log(sweep, uri, paths)
        except Exception as error:
            log.debug("logging the report failed", exc_info=True)
            said = str(error).splitlines()[0] if str(error) else type(error).__name__
            log.warning("MLflow does not have the report on %s (%s); the files are there", sweep.id, said)


def _log(sweep: "Sweep", uri: str | None, paths: Sequence[Path]) -> None:
    from sweeps.tracking.runs import Runs, default_uri
    from sweeps.tracking.server import check_server

    if uri:
        check_server(uri)
    runs = Runs(sweep, uri or default_uri(sweep.folder.parent))
    if (run := runs.whole("sweep")) is not None:
        for path in paths:
            runs.artifact(run, path)


def _sweeps(names: Sequence[str], out: str | Path | None) -> list["Sweep"]:
    from sweeps.sweep import open_sweep

    return list({sweep.id: sweep for sweep in (open_sweep(name, out=out) for name in names)}.values())


def _command(*arguments: str) -> str:
    return shlex.join(["sweeps", "report", NAME, *arguments])


def _write(path: Path, content: str) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RequestError(f"{path.parent} can't be written: {error.strerror}") from None
    write_text(path, content)
    return path
