"""`sweeps figure`: the thesis's figures as pictures, drawn from data or from a sweep's results."""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from softcore.errors import RequestError, unknown_name
from sweeps.commands.options import AsJson, DataRoot, sweep_ids

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg")
ANSWERS, LABELS, MIXED, SWEEP = "answers", "answers and clicks", "mixed images", "a sweep"
CURVES = "curves"
METRICS = ("ce", "scaled-ce", "rmsce", "fgsm")  # the thesis's three, and beside its first what one temperature leaves


@dataclass(frozen=True)
class ThesisFigure:
    """What a figure shows, in a few words, and what it is drawn from."""

    shows: str
    source: str
    axis: str = ""  # of a sweep's figure: the axis that its curves run along


FIGURES: Mapping[str, ThesisFigure] = {
    "3.2": ThesisFigure("one answer as four soft labels", ANSWERS),
    "3.3": ThesisFigure("nearly hard clicks beside soft labels", LABELS),
    "3.4": ThesisFigure("labels furthest apart and equally rich ones", LABELS),
    "3.5": ThesisFigure("performance against cost", SWEEP, "annotators"),
    "3.6": ThesisFigure("performance against N'", SWEEP, "items"),
    "4.2": ThesisFigure("inferred against generating coefficients", MIXED),
    "4.3": ThesisFigure("mixed images relabelled by people", MIXED),
    "4.4": ThesisFigure("boundary between two classes", MIXED),
    "4.5": ThesisFigure("confidence by endpoint entropy", MIXED),
    "5.1": ThesisFigure("soft label of a mixed image", MIXED),
    "B.1": ThesisFigure("three images whose labels differ most", LABELS),
    "B.2": ThesisFigure("clicks softened by soft labels", LABELS),
    "B.3": ThesisFigure("performance against M", SWEEP, "annotators"),
    CURVES: ThesisFigure("learning curves: not in the thesis", SWEEP),
}
_FROM = {
    ANSWERS: "a data set: cifar10s, digits or your own .yaml",
    LABELS: "a data set with clicks: cifar10s, digits",
    MIXED: "the data set hmix",
    SWEEP: "a sweep, by its ID",
}


def figure_names(incomplete: str) -> list[str]:
    """Figures whose number begins so, for the shell's completion."""
    return [name for name in FIGURES if name.startswith(incomplete)]


Name = Annotated[
    str | None,
    typer.Argument(help="The figure's number in the thesis, such as 3.2, or `curves`.", autocompletion=figure_names),
]
Id = Annotated[
    str | None,
    typer.Argument(
        help="For a figure of results: a sweep's id, a unique beginning of it, or its folder.", autocompletion=sweep_ids
    ),
]
Data = Annotated[str | None, typer.Option(help="A data set's name, or your own .yaml file; else the thesis's.")]
Items = Annotated[
    list[int] | None, typer.Option(help="Show this item instead of the figure's choice; may be repeated.")
]
Out = Annotated[
    str | None,
    typer.Option(help="The .png or .svg file to write; else figure-NAME.png. With an ID also the folder it is in."),
]
To = Annotated[str | None, typer.Option(help="The file to write where --out is the folder of sweeps.")]


def figure(
    name: Name = None,
    sweep: Id = None,
    dataset: Data = None,
    item: Items = None,
    data_root: DataRoot = None,
    out: Out = None,
    to: To = None,
    list_: Annotated[bool, typer.Option("--list", help="List the figures instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """Draw one of the thesis's figures from data or from a sweep, or learning curves; print where the picture is."""
    if list_:
        _list(as_json)
        return
    if name is None:
        raise RequestError(f"no figure named; known: {', '.join(_described())}")
    if name not in FIGURES:
        raise unknown_name("figure", name, _described())
    entry = FIGURES[name]
    _check_fit(name, sweep, dataset, item or ())
    path, folder = _places(name, out, to)
    if entry.source == SWEEP:
        from sweeps.sweep import open_sweep

        found = open_sweep(str(sweep), out=folder)
        if name == CURVES:
            drawn = curves_figure(found.curves(), found.id, found.simulated)
        else:
            drawn = sweep_figure(name, found.results(), found.id, found.simulated)
    else:
        drawn = data_figure(name, dataset or ("hmix" if entry.source == MIXED else "cifar10s"), item or (), data_root)
    write_figure(drawn, path)
    print(json.dumps({"figure": name, "file": str(path)}) if as_json else path)


def data_figure(name: str, dataset: str, items: Sequence[int] = (), root: str | None = None) -> "Figure":
    """The figure `name` drawn from a data set by name (or the path of a .yaml) with `items` instead of its own choice.

    Raises RequestError for data that lacks what it shows.
    """
    from softcore.datasets import data_root, load

    data = load(dataset, data_root(root))
    if FIGURES[name].source != MIXED:
        from sweeps.studies.thesis.figures.label_figures import LABEL_FIGURES

        return LABEL_FIGURES[name](data, items)
    if getattr(data, "mixed", None) is None:
        raise RequestError(f"figure {name} shows mixed images; {data.name} has none, the data set hmix has")
    from sweeps.studies.thesis.figures.mixed_figures import MIXED_FIGURES

    return MIXED_FIGURES[name](data)


def sweep_figure(name: str, results: "pd.DataFrame", sweep: str, simulated: bool) -> "Figure":
    """The figure `name` drawn from the results table of a sweep, so also while it runs.

    Raises RequestError where its finished trials do not have two values of the axis that the figure's curves run along.
    """
    from sweeps.results.table import finished
    from sweeps.show.curves import annotators_curve_figure, cost_curve_figure, items_curve_figure

    axis = FIGURES[name].axis
    values = finished(results)[axis].dropna().unique()
    if len(values) < 2:
        has = f"{values[0]} alone" if len(values) else "none"
        raise RequestError(
            f"figure {name} needs finished trials with two values of '{axis}' or more; {sweep} has {has}"
        )
    draw: Callable[..., Figure]
    draw, title = {
        "3.5": (cost_curve_figure, "Performance against what the labels cost"),
        "3.6": (items_curve_figure, "Performance against the number of labelled images"),
        "B.3": (annotators_curve_figure, "Performance against the number of people asked about an image"),
    }[name]
    return draw(_of_the_thesis(results), f"{title} (thesis figure {name}): {sweep}", simulated)


def curves_figure(curves: "pd.DataFrame", sweep: str, simulated: bool) -> "Figure":
    """The learning curves of a sweep's finished trials, so also while it runs. RequestError where none was kept."""
    from sweeps.show.learning import learning_curves_figure

    if curves.empty:
        raise RequestError(
            f"{sweep} has no learning curves: no finished trial kept one (curve_every: 0, or trained before they came)"
        )
    return learning_curves_figure(curves, f"Learning curves: {sweep}", simulated)


def write_figure(figure: "Figure", path: Path) -> None:
    """Write a figure as PNG or SVG by the ending of `path`, whole or not at all; the same picture gives the same bytes.

    Raises RequestError where it can't be written.
    """
    import matplotlib

    from sweeps.running.store import write_bytes

    kind = path.suffix[1:]
    content = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "sweeps"}):
        figure.savefig(content, format=kind, metadata={"Date": None} if kind == "svg" else None)
    write_bytes(path, content.getvalue())


def _list(as_json: bool) -> None:
    from sweeps.show.tables import print_table, table

    rows = [
        {"figure": name, "shows": entry.shows, "drawn from": _FROM[entry.source]} for name, entry in FIGURES.items()
    ]
    print_table(table(rows, title="Figures of the thesis"), as_json)


def _described() -> list[str]:
    return [f"{name} ({entry.shows})" for name, entry in FIGURES.items()]


def _check_fit(name: str, sweep: str | None, dataset: str | None, items: Sequence[int]) -> None:
    """Refuse what belongs to another kind of figure."""
    source = FIGURES[name].source
    if source == SWEEP:
        if sweep is None:
            such = "" if name == CURVES else f", such as a run of the preset {_preset(name)}"
            raise RequestError(f"figure {name} is drawn from a sweep; name one{such}")
        for option, given in (("--dataset", dataset), ("--item", items)):
            if given:
                raise RequestError(f"{option} is for figures of data; figure {name} is drawn from a sweep")
    elif sweep is not None:
        raise RequestError(f"figure {name} is drawn from data, not from a sweep; leave out '{sweep}'")
    if source == MIXED and items:
        raise RequestError(f"--item is for figures of labels; figure {name} chooses its mixed images itself")


def _preset(name: str) -> str:
    return "figure-" + name.replace(".", "-")


def _places(name: str, out: str | None, to: str | None) -> tuple[Path, str | None]:
    """The file to write and the folder of the sweeps: without `--to`, an `--out` that ends like a file is the file."""
    if to is None and out is not None and (FIGURES[name].source != SWEEP or out.endswith(SUFFIXES)):
        to, out = out, None
    path = Path(to or f"figure-{name}.png").expanduser()
    if path.suffix not in SUFFIXES:
        raise RequestError(f"the picture's file must end in {' or '.join(SUFFIXES)}; it is {path}")
    return path, out


def _of_the_thesis(results: "pd.DataFrame") -> "pd.DataFrame":
    """The results with the metrics of the thesis's figures alone, on its test sets: no corruptions, no validation."""
    from sweeps.results.table import CORRUPTED, VALIDATION, metric_columns

    def wanted(column: str) -> bool:
        metric, _, test = column.partition("/")
        return metric in METRICS and test != VALIDATION and not test.endswith(CORRUPTED)

    return results.drop(columns=[column for column in metric_columns(results) if not wanted(column)])
