"""`sweeps frontier` and `sweeps report`: what a sweep found."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from softcore.errors import RequestError
from sweeps.commands.options import AsJson, Cost, Cpus, DataRoot, Fee, Id, Out, Overhead, Wage, prices_for, sweep_ids

if TYPE_CHECKING:
    from sweeps.sweep import Sweep

app = typer.Typer(help="Reports on a sweep.", no_args_is_help=True)


def frontier(
    sweep: Id,
    out: Out = None,
    metric: Annotated[
        str | None, typer.Option(help="ce/10h, or weights: ce/10h=0.7,accuracy/10h=0.3; the spec's without it.")
    ] = None,
    cost: Cost = "thesis",
    wage: Wage = None,
    fee: Fee = None,
    click_overhead: Overhead = None,
    data_root: DataRoot = None,
    swaps: Annotated[
        list[str] | None,
        typer.Option(help="Print instead at which prices of this question winners change places; may be repeated."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print which cells no other beats on cost and metric; writes the picture and the page into the sweep's folder."""
    from sweeps.drive import draw_frontier
    from sweeps.frontier.weights import with_metric
    from sweeps.show.bands_tables import swaps_table
    from sweeps.show.tables import frontier_table, print_table
    from sweeps.sweep import open_sweep

    found = open_sweep(sweep, out=out)
    manifest = found.store.manifest()
    prices = prices_for(cost, [manifest["dataset"]], data_root or manifest["data_root"], click_overhead)
    if swaps:
        print_table(swaps_table(*with_metric(found.results(), metric or found.metric), prices, swaps), as_json)
        return
    frontiers = found.frontiers(metric, cost=prices, wage=wage, fee=fee)
    paths = draw_frontier(found, frontiers)
    print_table(frontier_table(found, frontiers), as_json)
    if not as_json:
        for path in paths.values():
            print(path)


@app.command("table")
def report_table(
    sweep: Id,
    out: Out = None,
    format_: Annotated[
        Literal["text", "markdown", "csv", "json"], typer.Option("--format", help="How to print it.")
    ] = "text",
    preset: Annotated[
        str | None, typer.Option("--as", help="Print it as this preset's table, from the cells that both have.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print a sweep as the thesis's table of the same name, or as cells by metrics."""
    from sweeps.sweep import open_sweep

    print_report(open_sweep(sweep, out=out), "json" if as_json else format_, preset)


@app.command("replication")
def report_replication(
    sweeps: Annotated[
        list[str] | None,
        typer.Argument(help="Sweeps: ids, unique beginnings, or folders.", autocompletion=sweep_ids),
    ] = None,
    out: Out = None,
    to: Annotated[Path | None, typer.Option(help="Where to write; else replication/ in the output folder.")] = None,
    from_results: Annotated[Path | None, typer.Option(help="A folder of results tables (CSV), not sweeps.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say of each of the thesis's claims whether runs agree, disagree or leave it open; writes HTML, Markdown, CSV."""
    from sweeps.studies.thesis.replication import print_replication, replication_report

    print_replication(*replication_report(sweeps or [], out=out, to=to, results=from_results), as_json=as_json)


@app.command("grid")
def report_grid(
    sweeps: Annotated[
        list[str] | None,
        typer.Argument(
            help="Sweeps of the presets grid, grid-variance, ... (ids, folders), or .csv.", autocompletion=sweep_ids
        ),
    ] = None,
    out: Out = None,
    to: Annotated[Path | None, typer.Option(help="Where to write; else grid/ in the output folder.")] = None,
    from_results: Annotated[Path | None, typer.Option(help="A folder of results tables (CSV), not sweeps.")] = None,
    read_sealed: Annotated[
        bool, typer.Option("--read-sealed", help="Hold predictions against the sealed cells; every reading is counted.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say what the recorded grid shows: what labels give for what they cost, what varies, how well plans did."""
    from sweeps.studies.grid.grid_report import write_report
    from sweeps.studies.report import show_report

    made, paths = write_report(sweeps or [], out=out, to=to, results=from_results, read_sealed=read_sealed)
    show_report(made, paths, as_json=as_json)


@app.command("controls")
def report_controls(
    sweep: Id,
    out: Out = None,
    to: Annotated[Path | None, typer.Option(help="Where to write; else controls/ in the output folder.")] = None,
    data_root: DataRoot = None,
    score: Annotated[
        bool, typer.Option(help="First score the trials on corrected and corrupted images where that is not done.")
    ] = True,
    cpus: Cpus = None,
    as_json: AsJson = False,
) -> None:
    """Say which share of the gain from people's labels a temperature, smoothing and matched entropy leave standing."""
    from sweeps.studies.controls.controls_report import write_report
    from sweeps.studies.report import show_report

    made, paths = write_report(sweep, out=out, to=to, data_root=data_root, score=score, cpus=cpus)
    show_report(made, paths, as_json=as_json)


@app.command("spending")
def report_spending(
    sweep: Id,
    out: Out = None,
    metric: Annotated[str, typer.Option(help="ce, scaled-ce or accuracy.")] = "scaled-ce",
    replays: Annotated[int, typer.Option(help="How often clicks are drawn.")] = 200,
    seeds: Annotated[int, typer.Option(help="Of the rounds of relabelling.")] = 20,
    to: Annotated[Path | None, typer.Option(help="Where to write; else spending/ in the output folder.")] = None,
    data_root: DataRoot = None,
    as_json: AsJson = False,
) -> None:
    """Say what clicks on test images buy: choosing between models, against training labels, rounds of relabelling."""
    from sweeps.studies.report import show_report
    from sweeps.studies.spending.spending_report import write_report

    made, paths = write_report(sweep, metric=metric, replays=replays, seeds=seeds, out=out, to=to, data_root=data_root)
    show_report(made, paths, as_json=as_json)


@app.command("bands")
def report_bands(
    sweeps: Annotated[
        list[str], typer.Argument(help="Sweeps of one data set, or .csv results.", autocompletion=sweep_ids)
    ],
    out: Out = None,
    metric: Annotated[
        str | None,
        typer.Option(help="ce/10h, or weights: ce/10h=0.7,accuracy/10h=0.3; else scaled-ce."),
    ] = None,
    question: Annotated[str | None, typer.Option(help="Only cells that asked this, such as t2-clamp.")] = None,
    level: Annotated[float, typer.Option(help="Of the intervals and bands.")] = 0.9,
    cost: Cost = "thesis",
    click_overhead: Overhead = None,
    data_root: DataRoot = None,
    as_json: AsJson = False,
) -> None:
    """Print the frontier with its uncertainty: intervals, bands, ties, regimes, break-even prices."""
    from sweeps.commands.plan import default_metric
    from sweeps.frontier.banded import frontier_bands
    from sweeps.frontier.weights import with_metric
    from sweeps.planning.verdict import results_verdicts
    from sweeps.show.bands_tables import bands_content, bands_lines, bands_tables
    from sweeps.show.tables import print_json, print_table
    from sweeps.sources import from_names, merge

    sources = from_names(sweeps, out)
    results, _, notes = merge(sources)
    prices = prices_for(cost, results["dataset"], data_root, click_overhead)
    results, named = with_metric(results, metric or default_metric(results))
    found = frontier_bands(results, named, prices, level=level, question=question)
    verdicts = results_verdicts(results, named, prices, questions=[question] if question else None)
    if as_json:
        simulated = any(source.simulated for source in sources)
        about = {"sweeps": [s.name for s in sources], "simulated_annotators": simulated}
        print_json(about | bands_content(found, verdicts))
        return
    mark = "Simulated annotators. " if any(source.simulated for source in sources) else ""
    for shown in bands_tables(found, verdicts, prices, mark + ", ".join(source.name for source in sources)):
        print_table(shown)
    for line in (*bands_lines(found, verdicts, prices), *notes):
        print(line)


def print_report(sweep: "Sweep", format_: str, preset: str | None = None) -> None:
    """The sweep as a report table in a format; with `preset` as that one's table, from the cells that they share."""
    from sweeps.show.tables import print_table, table_as_csv, table_as_json, table_as_markdown
    from sweeps.studies.thesis.tables import thesis_table

    results, name = sweep.results(), str(sweep.store.resolved()["name"])
    if preset is not None:
        results, name = results[results["cell"].isin(preset_cells(sweep, preset))], preset
        if results.empty:
            raise RequestError(f"{sweep.id} has no finished trial of {preset} (at scale {sweep.store.spec()['scale']})")
    made = thesis_table(results, name)
    if format_ == "text":
        print_table(made)
    else:
        print({"json": table_as_json, "csv": table_as_csv, "markdown": table_as_markdown}[format_](made))


def preset_cells(sweep: "Sweep", preset: str, sets: Sequence[str] = ()) -> list[str]:
    """Ids of the cells that `preset` has at the sweep's scale (and with its settings), on the sweep's data."""
    from sweeps.spec.cells import cells
    from sweeps.spec.spec import resolve

    spec = resolve(preset, scale=sweep.store.spec()["scale"], sets=sets)
    return [cell.id for cell in cells(spec, sweep.dataset())]
