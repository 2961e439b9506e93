"""Short names for cells: what was asked of whom, in words that fit a legend."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from softcore.scoring.metrics import METRICS, WEIGHTED, lower_is_better
from softcore.varieties import VARIETIES
from sweeps.results.table import axis_columns, records

# Axes that a recipe always names, then words for some of those that it names only where they tell cells apart.
METHODS = (  # null where not used
    "pages_on",
    "clicks",
    "hired_hours",
    "control",
    "similarity",
    "hmix",
    "confidence_decay",
    "mixing",
    "target_mixing",
    "loss",
    "early_stopping",
)
_PAGES_ON_WORDS: Mapping[str, str] = {
    "random": "pages on {}% at random",
    "disagree": "pages on {}% where clicks disagree",
}
ALWAYS = ("variety", "aggregation", "annotators", "items", *METHODS)
_WORDS = {
    "model": "{}",
    "epochs": "{} epochs",
    "image_size": "{} pixels",
    "budget_hours": "budget {} h",
    "dataset": "on {}",
    "similarity": "by {}",
    "hmix": "mixed images: {}",
    "confidence_decay": "smoothed by confidence {}",
    "mixing": "{}",
    "loss": "{} loss",
    "target_mixing": "{} targets",
    "early_stopping": "early stopping",
    "rest": "other items {}",
    "clicks": "{} clicks on all",
    "hired_hours": "{} h of people",
    "control": "{} control",
    "hiring": "hired {} first",
    "holdout": "held out by {}",
}
FREE_KIND, MORE, BETTER, MIX = "free", "more labels", "better labels", "a mix of both"
KINDS = (MORE, BETTER, MIX)
INTERVAL = "95% interval over replicates (seed and panel draws), not over test images"
SIMULATED = "SIMULATED ANNOTATORS"


def variety_title(variety: str) -> str:
    """ "T2 Clamp" of "t2-clamp"; a variety that is not known here keeps its own name."""
    return VARIETIES[variety].title if variety in VARIETIES else variety


def in_order(varieties: Iterable[str]) -> list[str]:
    """Varieties in the order of legends: that of their table, then those that are not known here, by name."""
    there = set(varieties)
    return [name for name in VARIETIES if name in there] + sorted(there - set(VARIETIES))


def recipe(axes: Mapping[str, Any]) -> str:
    """The name of a cell by variety, aggregation, M, N' and methods, leaving out what is null or absent.

    A variety that is not known here keeps its own name; without any the cell is "unnamed".
    """
    shown = {axis: value for axis, value in axes.items() if not _null(value)}
    variety = str(shown.get("variety", "unnamed"))
    name = variety_title(variety)
    if variety == "smoothed" and "beta" in shown:
        name += f" {_plain(shown['beta'])}"
    parts = [name]
    if "aggregation" in shown:
        parts.append(str(shown["aggregation"]))
    if "annotators" in shown:
        parts.append(f"M={_plain(shown['annotators'])}")
    if "items" in shown:
        parts.append(f"N'={_plain(shown['items'])}")
    if shown.get("rest") == "simulated":
        parts.append("others simulated")
    parts += [_method(axis, shown[axis]) for axis in METHODS if axis in shown]
    return ", ".join(parts)


def question(variety: str, pages_on: Any = None) -> str:
    """What people were asked, in words: of a variety, or of one whose page is asked on a share of the items only.

    A variety that is not known here keeps its own name; `pages_on` is null where the page is asked everywhere.
    """
    asked = VARIETIES[variety].asks if variety in VARIETIES else variety
    return asked if _null(pages_on) else f"clicks, and {_method('pages_on', pages_on)}: {asked}"


def _method(axis: str, value: Any) -> str:
    if axis == "pages_on":
        where, _, percent = str(value).partition("-")
        return _PAGES_ON_WORDS.get(where, f"pages on {value}").format(percent)
    return _WORDS[axis].format(_plain(value))


def recipes(frame: pd.DataFrame, without: Iterable[str] = ()) -> pd.Series:
    """The name of the cell in each row of `frame`, with just those further axes that tell cells of one name apart.

    Rows of one cell (or, without a column `cell`, rows with equal axes) share a name. Axes in `without` are not named,
    so that cells which differ in nothing else share a name: the name of a line in a plot. Otherwise names are unique:
    where axes do not tell two cells apart the cell's own id is added.
    """
    axes = [axis for axis in axis_columns(frame) if axis not in set(without)]
    names = pd.Series([recipe(row) for row in records(frame[axes])], index=frame.index, dtype=object).rename("recipe")
    if names.is_unique:
        return names
    for axis in [axis for axis in axes if axis not in ALWAYS]:
        texts = frame[axis].map(lambda value: "" if _null(value) else _plain(value)).astype(object)
        differs = (texts.groupby(names).transform("nunique") > 1) & (texts != "")
        words = _WORDS.get(axis, axis.replace("_", " ") + " {}")
        names = names.where(~differs, names + ", " + texts.map(words.format))
    if "cell" in frame and not list(without):
        shared = frame["cell"].groupby(names).transform("nunique") > 1
        names = names.where(~shared, names + " (" + frame["cell"].astype(str) + ")")
    return names


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _null(value: Any) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and value != value)


def quick(variety: str) -> bool:
    """Whether a variety's question takes one choice; not of a variety that is not known here."""
    return variety in VARIETIES and VARIETIES[variety].quick


def kind(variety: str, *, free: bool = False, mixed: bool = False) -> str:
    """What buying a cell is: clicks are more labels, pages better ones, clicks and pages (`mixed`) a mix of both."""
    return FREE_KIND if free else MIX if mixed else MORE if quick(variety) else BETTER


_TEST_SETS = {  # name: (short, what its labels are)
    "10h": ("CIFAR-10H", "what many people clicked"),
    "10s": ("CIFAR-10S", "soft labels of held-out images"),
    "10h-c": ("CIFAR-10H, corrupted", "the same images after common corruptions (CIFAR-10-C)"),
    "10h-c-generated": ("CIFAR-10H, corrupted", "the same images after generated common corruptions"),
    "validation": ("validation images", "one right class an image; choices are made by it"),
    "crowd": ("crowd labels", "what the whole crowd says"),
    "pages": ("held-out pages", "soft labels of held-out images"),
    "reference": ("reference labels", "one right class an image"),
}


def metric_title(metric: str) -> str:
    """ "Cross-entropy" of "ce/10h": the metric's name with a capital, or its own where it is not known."""
    title = _title(metric)
    return title[:1].upper() + title[1:]


def metric_words(metric: str) -> str:
    """ "Cross-entropy on CIFAR-10H: what many people clicked (ce/10h)" of "ce/10h"; of a weighted one its parts."""
    name, _, test_set = metric.partition("/")
    if name == WEIGHTED:
        return f"{metric_title(metric)}: {test_set}"
    return f"{metric_title(metric)} on {test_set_title(test_set)} ({metric})"


def _title(metric: str) -> str:
    name = metric.split("/")[0]
    return METRICS[name].title if name in METRICS else "weighted loss" if name == WEIGHTED else name


def test_set_short(name: str) -> str:
    """A test set's name in words, or its own where it is not known."""
    return _TEST_SETS.get(name, (name, ""))[0]


def test_set_title(name: str) -> str:
    """A test set's name in words and what its labels are, or its own name where it is not known."""
    return ": ".join(part for part in _TEST_SETS.get(name, (name, "")) if part)


def direction(metric: str) -> str:
    """ "lower is better" or "higher is better"."""
    return "lower is better" if lower_is_better(metric) else "higher is better"


def changes(metric: str, better: bool = True) -> str:
    """ "lowers cross-entropy on CIFAR-10H" of "ce/10h": what makes it better, or worse, does to the metric."""
    name, _, test_set = metric.partition("/")
    changed = f"the {_title(metric)}" if name == WEIGHTED else f"{_title(metric)} on {test_set_short(test_set)}"
    return f"{'lowers' if lower_is_better(metric) == better else 'raises'} {changed}"


def metric_unit(metric: str) -> str:
    """The label of an axis whose title already names the metric: "nats, lower is better"."""
    name = metric.split("/")[0]
    unit = METRICS[name].unit if name in METRICS else ""
    return f"{unit}, {direction(metric)}" if unit else direction(metric)


def hours(seconds: float) -> str:
    """People's time: "0 h", "45 s", "12 min", "4.3 h", "1,280 h"; a dash for NaN."""
    if not _there(seconds):
        return "–"
    seconds = round(seconds, 6)  # seconds that were hours have noise in their last digits, which would turn 31.25 min
    if seconds <= 0:
        return "0 h"
    if seconds < 90:
        return f"{seconds:.3g} s"
    if seconds < 3600 * 0.99:
        return f"{seconds / 60:.3g} min"
    return f"{seconds / 3600:.3g} h" if seconds < 3.6e6 else f"{seconds / 3600:,.0f} h"


def hours_between(low: float, high: float) -> str:
    """People's time from `low` to `high` seconds: "4.3 h", or "2.1 h to 5.2 h" where prices are intervals."""
    ends = hours(low), hours(high)
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def dollars(amount: float) -> str:
    """Money: cents below $10, whole dollars above; a dash for NaN."""
    if not _there(amount):
        return "–"
    return f"${amount:,.2f}" if 0 < amount < 9.995 else f"${amount:,.0f}"


def value(mean: float | None, low: float | None, high: float | None) -> str:
    """ "1.423 [1.390, 1.456]"; the mean alone where there is no interval; a dash where there is no mean."""
    if not _there(mean):
        return "–"
    return f"{mean:.3f} [{low:.3f}, {high:.3f}]" if _there(low) and _there(high) else f"{mean:.3f}"


def replicates_words(table: pd.DataFrame) -> str:
    """ "n = 3 replicates a cell", or the range where cells differ."""
    n = table.loc[table["n"] > 0, "n"]
    if n.empty:
        return "no finished trial"
    few, most = int(n.min()), int(n.max())
    count = f"{few}" if few == most else f"{few} to {most}"
    return f"n = {count} replicate{'' if most == 1 else 's'} a cell"


def coverage(table: pd.DataFrame) -> str:
    """How many replicates there are and what their interval covers, or that one replicate gives none."""
    words = replicates_words(table)
    single = (table["n"] == 1).any()
    if single and (table["n"] <= 1).all():
        return f"{words}: no intervals, as one replicate gives none"
    return f"{words}; {INTERVAL}" + ("; one replicate gives none" if single else "")


def lacking_words(table: pd.DataFrame) -> list[str]:
    """Of each compared cell of a frontier with finished trials that lack the metric, how many were left out."""
    some = table[(table["n_lacking"] > 0) & (table["excluded"] == "")]
    return [
        f"{row['n_lacking']} of {row['n'] + row['n_lacking']} finished trials of {row['recipe']} have no value and are "
        "left out"
        for row in records(some)
    ]


def pay(wage: float, fee: float) -> str:
    """ "$12.00 an hour plus a platform's 33.3%"."""
    return f"${wage:,.2f} an hour plus a platform's {100 * fee:.3g}%"


def best_means(table: pd.DataFrame) -> str:
    """In a sentence or two: the best mean of a frontier table that was bought, and the best that is free.

    Means alone decide nothing: whether to buy is `planning.verdict`'s to say. Cells that were excluded do not count.
    """
    cells = table[table["excluded"] == ""]
    if cells.empty:
        return "No cell has a value yet."
    sign = 1.0 if lower_is_better(str(cells["metric"].iloc[0])) else -1.0
    ranked = cells.assign(rank=sign * cells["value"]).sort_values(["rank", "label_seconds_total"])
    free, bought = ranked[ranked["free"]], ranked[~ranked["free"]]
    said = "" if free.empty else f"The best mean that costs nothing: {_named(free.iloc[0])}."
    if bought.empty:
        return f"Nothing was bought here. {said}"
    best = bought.iloc[0]
    paid = f"{hours(best['label_seconds_total'])} of people's time ({dollars(best['label_usd'])})"
    return f"The best mean that was bought: {_named(best)} for {paid}. {said or 'No recipe here is free.'}"


def _named(row: pd.Series) -> str:
    return f"{row['recipe']} at {row['value']:.3f}"


def _there(number: float | None) -> bool:
    return number is not None and math.isfinite(number)
