"""The command line: a thin layer over `sweeps.drive`, `sweeps.sweep`, `softcore` and `cluster`.

Nothing heavy is imported before a command needs it: `sweeps --help` answers at once.
"""

import json
import logging
import os
import shutil
import signal
import sys
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from sweeps.commands import compare as cli_compare
from sweeps.commands import data as cli_data
from sweeps.commands import evaluation as cli_evaluation
from sweeps.commands import figures as cli_figures
from sweeps.commands import jobs as cli_jobs
from sweeps.commands import metrics as cli_metrics
from sweeps.commands import plan as cli_plan
from sweeps.commands import reports as cli_reports
from sweeps.commands import store as cli_store
from sweeps.commands.options import Address, AsJson, Cpus, DataRoot, Id, Out, Scale, Sets, SpecName, Tracking

INTERRUPTED = 130

# The commands in the order of someone's first hour, as --help lists them.
PANELS = {
    "First steps": ("run", "presets", "ui", "doctor"),
    "Data": ("data", "labels"),
    "Run": ("resume", "list", "show", "replay", "verify", "mirror"),
    "Read results": ("frontier", "results", "metrics", "report", "figure"),
    "Compare and test": ("evaluate", "compare"),
    "Plan what to buy": ("plan",),
    "Clusters": ("submit", "status", "logs", "stop"),
}


class Panels(TyperGroup):
    """Lists its commands by `PANELS`; Typer's own panels need rich, whose import would slow down --help."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names in the order of `PANELS`."""
        return [name for names in PANELS.values() for name in names]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """One section a panel."""
        width = max(len(name) for name in self.commands)
        room = formatter.width - 6 - width  # as Typer has it: three times its default spacing
        for panel, names in PANELS.items():
            with formatter.section(panel):
                formatter.write_dl([(f"{n:<{width}}", self.commands[n].get_short_help_str(room)) for n in names])


app = typer.Typer(
    cls=Panels,
    help="Which question to ask of how many people on how many images, and how to train on the answers.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # importing rich would take a third of the time that --help takes
)
app.add_typer(cli_data.app, name="data")
for command in (
    cli_jobs.submit,
    cli_jobs.status,
    cli_jobs.logs,
    cli_jobs.stop,
    cli_figures.figure,
    cli_metrics.metrics,
    cli_plan.plan,
    cli_reports.frontier,
    cli_evaluation.evaluate,
    cli_compare.compare,
    cli_store.verify,
    cli_store.mirror,
):
    app.command()(command)
app.add_typer(cli_reports.app, name="report")


def _print_version(asked: bool) -> None:
    if asked:
        print(f"label-sweeps {metadata.version('label-sweeps')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Take the options that come before a command."""


@app.command()
def run(
    spec: SpecName,
    data_root: DataRoot = None,
    out: Out = None,
    set_: Sets = None,
    scale: Scale = None,
    cpus: Cpus = None,
    tracking_uri: Tracking = None,
    ray_address: Address = None,
    tune: Annotated[
        str | None, typer.Option(help="First choose this axis on the validation images, then run with the choice.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run a sweep, or go on with it where it was stopped."""
    from sweeps.spec.spec import resolve

    resolve(spec, scale=scale, sets=set_ or [])
    _check_early(cpus, tracking_uri)
    from sweeps.drive import run as run_sweep

    how: dict[str, Any] = {"data_root": data_root, "out": out, "cpus": cpus, "address": ray_address}
    sweep = run_sweep(spec, scale=scale, sets=set_ or [], tune=tune, tracking_uri=tracking_uri, **how)
    if tune is not None and not as_json:
        _print_choices(sweep)
    _ended(sweep, tracking_uri, as_json)


def _print_choices(sweep: Any) -> None:
    from sweeps.show.tables import print_table, table
    from sweeps.spec.tune import curve

    rows = curve(sweep.store.manifest()["tuning"])
    print_table(table(rows, title="Chosen on the validation images (★)"))


@app.command()
def resume(
    sweep: Id,
    out: Out = None,
    data_root: DataRoot = None,
    cpus: Cpus = None,
    tracking_uri: Tracking = None,
    ray_address: Address = None,
    as_json: AsJson = False,
) -> None:
    """Go on with a sweep that was stopped in any way; failed trials are tried again."""
    _check_early(cpus, tracking_uri)
    from sweeps.drive import resume as resume_sweep

    found = resume_sweep(sweep, out=out, data_root=data_root, cpus=cpus, address=ray_address, tracking_uri=tracking_uri)
    _ended(found, tracking_uri, as_json)


def _check_early(cpus: int | None, tracking_uri: str | None) -> None:
    """Refuse what needs neither data nor torch to be seen wrong, before seconds go into importing them."""
    from softcore.errors import RequestError
    from sweeps.tracking.server import check_server

    if cpus is not None and cpus < 1:
        raise RequestError(f"--cpus must be at least 1; it is {cpus}")
    if tracking_uri:
        check_server(tracking_uri)


def _ended(sweep: Any, tracking_uri: str | None, as_json: bool) -> None:
    """What a finished run prints: the frontier, its picture, where to look further."""
    from sweeps.planning.verdict import frontier_verdicts
    from sweeps.show.tables import frontier_table, print_table

    failed = sweep.store.failed()
    if as_json:
        found = sweep.ended_with if sweep.store.finished() else None
        verdicts = {} if found is None else {name: each.words for name, each in frontier_verdicts(found).items()}
        about = {"sweep": sweep.id, "folder": str(sweep.folder), "failed": sorted(failed), "verdict": verdicts}
        print(json.dumps(about, ensure_ascii=False))
    else:
        if sweep.store.finished():
            print_table(frontier_table(sweep, sweep.ended_with))
        print(f"sweep     {sweep.id}")
        print(f"results   {own_name()} results {sweep.id}")
        for kind in ("png", "html"):
            if (path := sweep.folder / f"frontier.{kind}").exists():
                print(f"{'picture' if kind == 'png' else 'page':<9} {path}")
        print(f"MLflow    {ui_command(sweep.folder.parent, tracking_uri)}")
    for name, event in sorted(failed.items()):
        print(f"failed: {name}: {event.get('error', 'no reason given')}", file=sys.stderr)
    if failed:
        raise typer.Exit(1)


def ui_command(out: Path, tracking_uri: str | None) -> str:
    """The command (or address) that shows the sweep in MLflow."""
    from cluster.addresses import masked

    return f"open {masked(tracking_uri)}" if tracking_uri else f"{own_name()} ui --out {out}"


def own_name() -> str:
    """How this command can be called again from here: by its name where the shell finds it, else by its path."""
    found = shutil.which("sweeps")
    called = Path(sys.argv[0])
    if called.name != "sweeps":
        return "python -m sweeps"
    return "sweeps" if found and Path(found).absolute() == called.absolute() else str(called)


@app.command()
def presets(as_json: AsJson = False) -> None:
    """List the presets."""
    from sweeps.show.tables import print_table, table
    from sweeps.spec.spec import presets_by_name as all_presets

    rows = [
        {"preset": name, "dataset": spec.dataset, "seeds": len(spec.seeds), "about": spec.about}
        for name, spec in all_presets().items()
    ]
    print_table(table(rows, title="Presets; each also with --scale tiny, half, small or paper"), as_json)


@app.command("list")
def list_(out: Out = None, as_json: AsJson = False) -> None:
    """List the sweeps of an output folder."""
    from sweeps.running import store
    from sweeps.show.tables import print_table, sweeps_table

    print_table(sweeps_table(store.stores(store.out_folder(out))), as_json)


@app.command()
def show(
    sweep: Id,
    out: Out = None,
    watts_core: Annotated[float | None, typer.Option(help="Assumed watts of a busy core; 12 without it.")] = None,
    watts_card: Annotated[float | None, typer.Option(help="Assumed watts of a busy card; 700 without it.")] = None,
    pue: Annotated[float | None, typer.Option(help="Assumed energy of a data centre for its machines'; 1.56.")] = None,
    kg_co2e_kwh: Annotated[float | None, typer.Option(help="Assumed kg of CO2e a kWh; 0.473 without it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show a sweep: its state, cells, annotation-time budgets, and what its trials cost to run."""
    from sweeps.results.run_cost import Assumptions
    from sweeps.show.tables import show_sweep
    from sweeps.sweep import open_sweep

    asked = {"watts_core": watts_core, "watts_card": watts_card, "pue": pue, "kg_co2e_kwh": kg_co2e_kwh}
    assumptions = Assumptions(**{name: value for name, value in asked.items() if value is not None})
    show_sweep(open_sweep(sweep, out=out), as_json, assumptions)


@app.command()
def results(
    sweep: Id,
    out: Out = None,
    format_: Annotated[Literal["csv", "json", "parquet"], typer.Option("--format", help="How to write it.")] = "csv",
    to: Annotated[Path | None, typer.Option(help="Write here instead of standard output.")] = None,
) -> None:
    """Print one row a trial; works while the sweep runs."""
    from sweeps.running.store import write_bytes
    from sweeps.show.tables import encode
    from sweeps.sweep import open_sweep

    content = encode(open_sweep(sweep, out=out).results(), format_)
    if to is not None:
        write_bytes(to, content)
    else:
        sys.stdout.buffer.write(content)


@app.command()
def replay(
    trial: Annotated[str, typer.Argument(help="A trial's id or a unique beginning of it.")],
    out: Out = None,
    data_root: DataRoot = None,
) -> None:
    """Train a stored trial again; 0 if metrics and prediction bytes are equal, 1 and why that may be if not."""
    from sweeps.drive import replay as again
    from sweeps.drive import replay_reasons

    differences = again(trial, out=out, root=data_root)
    if differences:
        print("differs: " + "; ".join(differences))
        for reason in replay_reasons(trial, out=out, root=data_root):
            print(f"why that may be: {reason}")
        raise typer.Exit(1)
    print("the same metrics and the same prediction bytes")


@app.command()
def labels(
    dataset: Annotated[str, typer.Argument(help="A data set's name, or the YAML file of your own.")],
    out: Annotated[Path, typer.Option(help="A .parquet or .csv file.")],
    variety: Annotated[str, typer.Option(help="How an answer becomes a soft label.")] = "t2-clamp",
    gamma: Annotated[float, typer.Option(help="Mass kept for possible classes when all is spent.")] = 0.1,
    aggregation: Annotated[str, typer.Option(help="separate, or a method that pools an item's labels.")] = "separate",
    similarity: Annotated[
        str | None, typer.Option(help="Of a semantic variety: confusions, or word-vectors (of --word-vectors).")
    ] = None,
    word_vectors: Annotated[
        str | None, typer.Option(help="A file of word vectors in GloVe or word2vec text format.")
    ] = None,
    data_root: DataRoot = None,
) -> None:
    """Write people's soft labels, one row a label."""
    from sweeps.show.files import write_labels

    how: dict[str, Any] = {"gamma": gamma, "similarity": similarity, "word_vectors": word_vectors, "root": data_root}
    print(write_labels(dataset, out, variety=variety, aggregation=aggregation, **how))


@app.command()
def ui(
    out: Out = None,
    port: Annotated[int, typer.Option(help="Port on this machine.")] = 5000,
) -> None:
    """Open the MLflow UI on an output folder, on this machine only."""
    from softcore.errors import RequestError
    from sweeps.running import store

    database = store.out_folder(out) / "mlflow" / "mlflow.db"
    if not database.is_file():
        raise RequestError(f"no MLflow store at {database}; run a sweep first, or name its folder with --out")
    where = [
        "--backend-store-uri",
        f"sqlite:///{database}",
        "--default-artifact-root",
        str(database.parent / "artifacts"),
    ]
    from sweeps.tracking.runs import views

    for study, view in views(f"sqlite:///{database}").items():
        print(f"{study}, cells: http://127.0.0.1:{port}{view}")
        print(f"{study}, charts of cost and performance: http://127.0.0.1:{port}{view}&compareRunsMode=CHART")
    print(f"everything: http://127.0.0.1:{port}  (Ctrl-C ends it)", flush=True)
    os.environ |= {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    where += ["--workers", "1"]  # one person looks; four workers would only start more slowly
    os.execvp(
        sys.executable, [sys.executable, "-m", "mlflow", "server", *where, "--host", "127.0.0.1", "--port", str(port)]
    )


@app.command()
def doctor(out: Out = None, data_root: DataRoot = None, as_json: AsJson = False) -> None:
    """Check this machine: versions, memory, disk, output folder, data, MLflow store."""
    from sweeps.commands.doctor import checks
    from sweeps.show.tables import print_table, table

    found = checks(out, data_root)
    rows = [{"check": c.name, "ok": c.ok, "found": c.found, "way out": "" if c.ok else c.way_out} for c in found]
    print_table(table(rows, title="This machine"), as_json)
    if not all(check.ok for check in found):
        raise typer.Exit(1)


def main() -> None:
    """The console script: one line and exit code 2 for a request that can't be served, 130 when interrupted."""
    # Before numpy is there: the last digits of what is printed must not depend on the number of cores, and small
    # matrices are faster on one.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s", stream=sys.stderr)
    from cluster.addresses import masked
    from cluster.errors import ClusterError
    from softcore.errors import RequestError

    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # inherited from a shell's background: stopping must work
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        code = app(prog_name="sweeps", standalone_mode=False)  # else Typer draws a box around what it refuses
    except (RequestError, ClusterError) as error:
        print(f"sweeps: {masked(str(error))}", file=sys.stderr)
        sys.exit(getattr(error, "exit_code", 2))
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        # Typer's own refusals; the module of their class has moved between its versions.
        if not hasattr(error, "format_message"):
            raise
        sys.exit(_refused(error))
    if code == INTERRUPTED:  # Typer turns a KeyboardInterrupt into this code
        print("sweeps: interrupted; `sweeps resume` goes on from here", file=sys.stderr)
    sys.exit(code if isinstance(code, int) else 0)


def _refused(error: Any) -> int:
    """Print a usage error in one line, or the help where no argument was given at all; the exit code."""
    command = getattr(getattr(error, "ctx", None), "command_path", "sweeps")
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
    else:
        message = " ".join(error.format_message().split()).rstrip(".")
        print(f"sweeps: {message}; see `{command} --help`", file=sys.stderr)
    return 2
