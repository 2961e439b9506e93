"""Metrics, test sets, time and money in words that a newcomer can read."""

import math

import pandas as pd

from softcore.scoring.metrics import METRICS, lower_is_better

INTERVAL = "95% interval over replicates (seed and panel draws), not over test images"
SIMULATED = "SIMULATED ANNOTATORS"

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
_UNITS = dict.fromkeys(("ce", "scaled-ce", "fgsm", "pgd"), "nats, ")


def metric_title(metric: str) -> str:
    """ "Cross-entropy" of "ce/10h": the metric's name with a capital, or its own where it is not known."""
    name = metric.split("/")[0]
    title = METRICS[name].title if name in METRICS else name
    return title[:1].upper() + title[1:]


def test_set_short(name: str) -> str:
    """A test set's name in words, or its own where it is not known."""
    return _TEST_SETS.get(name, (name, ""))[0]


def test_set_title(name: str) -> str:
    """A test set's name in words and what its labels are, or its own name where it is not known."""
    return ": ".join(part for part in _TEST_SETS.get(name, (name, "")) if part)


def direction(metric: str) -> str:
    """ "lower is better" or "higher is better"."""
    return "lower is better" if lower_is_better(metric) else "higher is better"


def metric_unit(metric: str) -> str:
    """The label of an axis whose title already names the metric: "nats, lower is better"."""
    return _UNITS.get(metric.split("/")[0], "") + direction(metric)


def hours(seconds: float) -> str:
    """People's time: "0 h", "45 s", "12 min", "4.3 h", "1,280 h"; a dash for NaN."""
    if not _there(seconds):
        return "–"
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


def replicates(table: pd.DataFrame) -> str:
    """ "n = 3 replicates a cell", or the range where cells differ."""
    n = table.loc[table["n"] > 0, "n"]
    if n.empty:
        return "no finished trial"
    few, most = int(n.min()), int(n.max())
    count = f"{few}" if few == most else f"{few} to {most}"
    return f"n = {count} replicate{'' if most == 1 else 's'} a cell"


def coverage(table: pd.DataFrame) -> str:
    """How many replicates there are and what their interval covers, or that one replicate gives none."""
    words = replicates(table)
    single = (table["n"] == 1).any()
    if single and (table["n"] <= 1).all():
        return f"{words}: no intervals, as one replicate gives none"
    return f"{words}; {INTERVAL}" + ("; one replicate gives none" if single else "")


def pay(wage: float, fee: float) -> str:
    """ "$12.00 an hour plus a platform's 33.3%"."""
    return f"${wage:,.2f} an hour plus a platform's {100 * fee:.3g}%"


def verdict(table: pd.DataFrame) -> str:
    """In a sentence or two: whether any bought label of a frontier table beats the best free recipe, and by what.

    A tie is no win. Cells that were excluded count for nothing.
    """
    cells = table[table["excluded"] == ""]
    if cells.empty:
        return "No cell has a value yet."
    sign = 1.0 if lower_is_better(str(cells["metric"].iloc[0])) else -1.0
    ranked = cells.assign(rank=sign * cells["value"]).sort_values(["rank", "label_seconds_total"])
    free, bought = ranked[ranked["free"]], ranked[~ranked["free"]]
    if bought.empty:
        return f"Nothing was bought here. The best free recipe is {_named(free.iloc[0])}."
    best = bought.iloc[0]
    paid = f"{hours(best['label_seconds_total'])} of people's time ({dollars(best['label_usd'])})"
    if free.empty:
        return f"The best is {_named(best)} for {paid}. There is no free recipe here to hold it against."
    rival = free.iloc[0]
    if not best["rank"] < rival["rank"]:
        return f"Nothing that was bought beats the best free recipe, {_named(rival)}. The best bought: {_named(best)}."
    return f"The best is {_named(best)} for {paid}. The best free recipe is {_named(rival)}. {_overlap(best, rival)}"


def _named(row: pd.Series) -> str:
    return f"{row['recipe']} at {row['value']:.3f}"


def _overlap(one: pd.Series, other: pd.Series) -> str:
    bounds = [one["low"], one["high"], other["low"], other["high"]]
    if not all(_there(bound) for bound in bounds):
        return "Without replicates nobody knows how much of the difference is luck."
    if one["low"] <= other["high"] and other["low"] <= one["high"]:
        return "Their intervals overlap, so call it open."
    return "Their intervals do not overlap."


def _there(number: float | None) -> bool:
    return number is not None and math.isfinite(number)
