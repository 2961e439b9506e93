"""`sweeps data`: what data there is, fetching it, checking it, its card, the spec of a pilot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sweeps.commands.options import AsJson

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from softcore.data.fetch import FileState, Progress

app = typer.Typer(no_args_is_help=True, help="List, fetch, verify and describe data sets; write the spec of a pilot.")

Name = Annotated[str, typer.Argument(help="cifar10s, hmix, digits, or the path of your own .yaml file.")]
Root = Annotated[
    Path | None,
    typer.Option("--data-root", help="Folder of fetched files; else SOFTCORE_DATA, else ~/.cache/softcore."),
]


@app.command("list")
def list_data(data_root: Root = None, as_json: AsJson = False) -> None:
    """List the data sets and whether their files are there."""
    from softcore.datasets import DATASETS
    from softcore.datasets import data_root as chosen_root

    root = chosen_root(data_root)
    rows = [{"name": name, **_presence(name, root)} for name in DATASETS]
    _print_rows(f"Data sets (data root: {root})", rows, as_json)


@app.command("fetch")
def fetch_data(
    name: Name,
    data_root: Root = None,
    mirror: Annotated[
        str | None, typer.Option(help="Address of a folder laid out like the data root, instead of the owners' own.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch the official files from their owners, check them and convert them. What is there and right stays."""
    from softcore.data.fetch import fetch
    from softcore.datasets import data_root as chosen_root

    _refuse_own(name, "fetched")
    root = chosen_root(data_root)
    with _progress() as progress:
        states = fetch(name, root, mirror=mirror, progress=progress)
    _print_states(name, root, states, as_json)


@app.command("verify")
def verify_data(name: Name, data_root: Root = None, as_json: AsJson = False) -> None:
    """Check the files against their owners' checksums; exits with 1 if one is missing or wrong."""
    from softcore.data.fetch import verify
    from softcore.datasets import data_root as chosen_root

    _refuse_own(name, "verified against a checksum (`describe` reads and checks it)")
    root = chosen_root(data_root)
    states = verify(name, root)
    _print_states(name, root, states, as_json)
    if any(state.state != "ok" for state in states):
        raise typer.Exit(1)


@app.command("describe")
def describe_data(
    name: Name,
    data_root: Root = None,
    simulator: Annotated[
        bool, typer.Option("--simulator", help="Also fit the simulator of answers and compare it with people.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print the data set's card: people, answers, odd rows by rule, page seconds, consistency, entropy."""
    from softcore.card.card import describe
    from softcore.card.simulator import simulator_card
    from softcore.datasets import data_root as chosen_root
    from softcore.datasets import load

    dataset = load(name, data_root)
    card = describe(dataset, chosen_root(data_root))
    simulated = simulator_card(dataset) if simulator else {}
    if as_json:
        from sweeps.show.tables import print_json

        print_json(card | ({"simulator": simulated} if simulator else {}))
        return
    _print_card(card)
    if simulator:
        _print_simulator(simulated)


@app.command("pilot")
def pilot_data(
    name: Name,
    to: Annotated[Path, typer.Option(help="The .yaml file to write.")],
    data_root: Root = None,
) -> None:
    """Write the spec of a pilot: the cells that a few people's answers contain, with M and N' as there are."""
    from softcore.datasets import load
    from sweeps.planning.pilot import pilot_spec
    from sweeps.running.store import write_text

    write_text(to, pilot_spec(load(name, data_root), name, to.parent))
    typer.echo(to)


def _presence(name: str, root: Path) -> dict[str, str]:
    from softcore.data import cifar10s, digits, hmix

    if name == "digits":
        return {"what": digits.TITLE, "files": "embedded"}
    on_disk = {
        "cifar10s": (cifar10s.TITLE, cifar10s.FILES),
        "hmix": (hmix.TITLE, (*cifar10s.FILES, *hmix.FILES)),
    }
    title, files = on_disk[name]
    missing = [file for file in files if not (root / file).is_file()]
    state = f"{len(missing)} of {len(files)} missing: sweeps data fetch {name}" if missing else "there"
    return {"what": title, "files": state}


def _refuse_own(name: str, done: str) -> None:
    from softcore.errors import RequestError

    if name.endswith((".yaml", ".yml")):
        raise RequestError(f"'{name}' is your own data and can't be {done}; allowed: the name of a built-in data set")


def _print_rows(title: str, rows: list[dict[str, Any]], as_json: bool) -> None:
    from sweeps.show.tables import print_table, table

    print_table(table(rows, title=title), as_json)


def _print_states(name: str, root: Path, states: list[FileState], as_json: bool) -> None:
    rows = [{"file": state.file, "state": state.state, "detail": state.detail} for state in states]
    if any(state.licence for state in states):
        rows = [{**row, "licence": state.licence} for row, state in zip(rows, states, strict=True)]
    if rows or as_json:
        _print_rows(f"{name} in {root}", rows, as_json)
    else:
        typer.echo(f"{name} is embedded: it has no files")


def _print_card(card: dict[str, Any]) -> None:
    """The card as one table a section; the sentence of each rule for odd answers stands beside its count."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    mark = "  [bold yellow](simulated annotators)[/]" if card["simulated"] else ""
    console.print(f"[bold]{escape(card['name'])}[/]: {escape(card['title'])}{mark}", highlight=False)
    _print_section(console, card, without=("name", "title", "simulated", "notes", "fingerprints", "mixed"))
    if mixed := card.get("mixed"):
        split = ("soft_labels", "by_generating_coefficient")
        _print_section(console, mixed, without=split, title="Mixed images")
        console.print(_by_coefficient(mixed["by_generating_coefficient"]))
        _print_section(console, mixed["soft_labels"], title="Mixed images: soft labels")
    for note in card["notes"]:
        console.print(f"- {escape(note)}", highlight=False)
    prints = Table("fingerprint of", "SHA-256 of what was read")
    for part, digest in card["fingerprints"].items():
        prints.add_row(part, digest)
    console.print(prints)


def _print_simulator(card: dict[str, Any]) -> None:
    """What was fitted and measured as a table, then where the simulator fails, a line each."""
    from rich.console import Console

    console = Console()
    _print_section(console, card, without=("rule", "fails"), title="Simulator of answers (rest: simulated)")
    for line in (card.get("rule", ""), *(f"- {sentence}" for sentence in card.get("fails", ()))):
        console.print(line, highlight=False, markup=False)


def _print_section(
    console: Console, section: dict[str, Any], *, without: tuple[str, ...] = (), title: str | None = None
) -> None:
    """A table of the values and, if the section counts odd answers, one of those that were met."""
    from rich.markup import escape
    from rich.table import Table

    from softcore.data.hmix import ODD_INFERENCES
    from softcore.data.records import ODD_RULES

    table = Table(show_header=False, title=title, title_justify="left")
    table.add_column("what")
    table.add_column("value", overflow="fold")
    for key, value in section.items():
        if key not in (*without, "odd_rows"):
            for path, leaf in _leaves(key, value):
                table.add_row(escape(path.replace("_", " ")), escape(_shown(leaf)))
    console.print(table)
    odd = Table("odd answers (first ones)", "count", "what is done")
    for rule, count in section.get("odd_rows", {}).items():
        if count:
            odd.add_row(rule, f"{count:,}", {**ODD_RULES, **ODD_INFERENCES}[rule])
    if "odd_rows" in section:
        console.print(odd)


def _by_coefficient(rows: dict[str, dict[str, Any]]) -> Table:
    """One line a generating coefficient: how many images and answers, what was inferred."""
    from rich.table import Table

    columns = [name.replace("_", " ") for name in next(iter(rows.values()))]
    table = Table("generating coefficient", *columns, title="Inferred coefficients", title_justify="left")
    for coefficient, row in rows.items():
        table.add_row(coefficient, *(_shown(value) for value in row.values()))
    return table


def _leaves(path: str, value: Any) -> list[tuple[str, Any]]:
    """(path, value) of all leaves; the count of a distribution and a value with its interval stay on one line."""
    if isinstance(value, dict) and {"low", "high", "level", "n", "over"} <= value.keys():
        (name, middle), *_ = ((key, part) for key, part in value.items() if isinstance(part, float))
        words = f"{middle:.3f} [{value['low']:.3f}, {value['high']:.3f}], {value['level']:.0%} over {value['over']}"
        rest = {key: part for key, part in value.items() if key not in (name, "low", "high", "level", "n", "over")}
        return [(f"{path}: {name}", f"{words}; n = {value['n']:,}"), *(_leaves(path, rest) if rest else [])]
    if isinstance(value, dict) and not all(isinstance(key, int) for key in value):
        if set(value) == {"absent"}:
            return [(path, f"- ({value['absent']})")]
        return [leaf for key, part in value.items() for leaf in _leaves(f"{path}: {key}", part)]
    return [(path, value)]


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}" if value == 0 or abs(value) >= 0.001 else f"{value:.1g}"
    if isinstance(value, dict):
        return ", ".join(f"{count} with {m}" for m, count in value.items())
    if isinstance(value, list):
        return ", ".join(str(part) for part in value)
    return f"{value:,}" if isinstance(value, int) else str(value)


@contextmanager
def _progress() -> Iterator[Progress]:
    """What `fetch` reports to: a bar a file on standard error where that is a terminal, nothing elsewhere."""
    from rich import progress as rich_progress
    from rich.console import Console

    console = Console(stderr=True)
    columns = (
        rich_progress.TextColumn("{task.description}"),
        rich_progress.BarColumn(),
        rich_progress.DownloadColumn(),
        rich_progress.TransferSpeedColumn(),
        rich_progress.TimeRemainingColumn(),
    )
    tasks: dict[str, rich_progress.TaskID] = {}
    with rich_progress.Progress(*columns, console=console, disable=not console.is_terminal) as bars:

        def report(file: str, done: int, total: int | None) -> None:
            if file not in tasks:
                tasks[file] = bars.add_task(file, total=total)
            bars.update(tasks[file], completed=done, total=total)

        yield report
