"""`sweeps compare`: two cells or more of a sweep on a test set."""

from pathlib import Path
from typing import Annotated

import typer

from softcore.errors import RequestError
from sweeps.commands.options import AsJson, DataRoot, Id, Out


def compare(
    sweep: Id,
    cells: Annotated[list[str], typer.Argument(help="Two cells or more: ids or beginnings, or words of their titles.")],
    test_set: Annotated[str | None, typer.Option(help="10h, 10s, ...; that of the sweep's metric without it.")] = None,
    metric: Annotated[
        list[str] | None, typer.Option(help="Compare this metric only, such as ce; may be repeated.")
    ] = None,
    covers: Annotated[str, typer.Option(help="What intervals cover: some of images,seeds,people.")] = (
        "images,seeds,people"
    ),
    level: Annotated[float, typer.Option(help="Of the intervals, and of the answers.")] = 0.95,
    matters: Annotated[
        list[str] | None, typer.Option(help="metric=gap: a difference below it is none, such as accuracy=0.01.")
    ] = None,
    shared: Annotated[
        bool, typer.Option("--shared", help="Compare the replicates that both cells have, where one has more.")
    ] = False,
    page: Annotated[Path | None, typer.Option(help="Write an offline HTML page with pictures here.")] = None,
    out: Out = None,
    data_root: DataRoot = None,
    as_json: AsJson = False,
) -> None:
    """Say which cell is better on a test set, by how much, and whether these replicates can tell."""
    if page is not None and page.suffix.lower() not in (".html", ".htm"):
        raise RequestError(f"--page: {page} must end in .html")
    gaps = dict(_gap(each) for each in matters or ())
    from sweeps.frontier.regimes import MATTERS
    from sweeps.show.comparison.page import comparison_page
    from sweeps.show.comparison.tables import print_comparison
    from sweeps.show.tables import print_json
    from sweeps.sweep import open_sweep

    found = open_sweep(sweep, out=out).compare(
        *cells,
        test_set=test_set,
        metrics=metric,
        root=data_root,
        covers=tuple(name.strip() for name in covers.split(",") if name.strip()),
        level=level,
        shared_only=shared,
        matters={**MATTERS, **gaps},
    )
    if page is not None:
        from sweeps.running.store import write_text

        write_text(page, comparison_page(found))
    if as_json:
        print_json(found.as_dict())
        return
    print_comparison(found)
    if page is not None:
        print(page)


def _gap(words: str) -> tuple[str, float]:
    """The metric and the gap of "accuracy=0.01"."""
    metric, _, gap = words.partition("=")
    try:
        found = float(gap)
    except ValueError:
        found = -1.0
    if not found >= 0:
        raise RequestError(f"--matters: '{words}'; it is written metric=gap, such as accuracy=0.01, the gap 0 or more")
    return metric.strip(), found
