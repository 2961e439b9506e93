"""The report's section on ways of training and asking: what mixup, means and mixed questions change, seed by seed."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from softcore.errors import RequestError
from softcore.varieties import CLICK
from sweeps.results.table import axis_columns, records
from sweeps.studies.document import Section, Table
from sweeps.studies.grid.recorded import CO_PRIMARY, Sources, between, core, join_names, measured_metrics, metric_words
from sweeps.uncertainty.replicates import Replicates, replicates
from sweeps.uncertainty.variance import Difference, difference

TITLE = "Do mixup, the entropy weight, means and mixed questions help?"
LEVEL = 0.95

Axes = Mapping[str, Any]
_PLAIN = {"mixing": None, "loss": None, "alpha": None, "entropy_floor": None, "target_mixing": None}
_ALL_CLICKS = {"variety": CLICK, "hiring": None, "pages_on": None, "clicks": None, "gamma": None}


@dataclass(frozen=True, kw_only=True)
class Change:
    """A way of training or asking, as `name`; `of` says whether a cell has it, `back` what its axes are without it."""

    name: str
    of: Callable[[Axes], bool]
    back: Callable[[Axes], Axes]


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What a change does to `metric` in one cell (`recipe`), less `than`; below 0 is better.

    `found` at `LEVEL`, `together` at the level at which all of a metric's effects hold at once (Bonferroni).
    """

    metric: str
    change: str
    recipe: str
    than: str
    trials: int
    found: Difference
    together: Difference

    @property
    def holds(self) -> bool:
        """Whether it differs from 0 even with all of the metric's effects looked at."""
        return self.together.low > 0 or self.together.high < 0


def _set(**new: Any) -> Callable[[Axes], Axes]:
    return lambda axes: {**axes, **new}


CHANGES = (
    Change(
        name="mixup, against plain training",
        of=lambda axes: axes["mixing"] == "mixup" and axes["loss"] is None,
        back=_set(**_PLAIN),
    ),
    Change(
        name="mixup with the entropy weight, against plain training",
        of=lambda axes: axes["loss"] == "entropy-weighted",
        back=_set(**_PLAIN),
    ),
    Change(
        name="the mean of people's labels, against labels kept separate",
        of=lambda axes: axes["aggregation"] == "mean",
        back=_set(aggregation="separate"),
    ),
    Change(
        name="pages on a share beside 3 clicks, against 3 clicks alone",
        of=lambda axes: axes["pages_on"] is not None,
        back=lambda axes: {**axes, **_ALL_CLICKS, "annotators": axes["clicks"], "aggregation": "separate"},
    ),
    Change(
        name="pages on a share beside 3 clicks, against pages on all",
        of=lambda axes: axes["pages_on"] is not None,
        back=_set(pages_on=None, clicks=None),
    ),
    Change(
        name="pages where clicks disagree, against as many at random",
        of=lambda axes: str(axes["pages_on"]).startswith("disagree"),
        back=lambda axes: {**axes, "pages_on": str(axes["pages_on"]).replace("disagree", "random")},
    ),
)


def effects_section(sources: Sources) -> Section:
    """Paired differences that each change makes, over the seeds and panels that both cells have."""
    results = core(sources)
    compared = list(_pairs(results))
    if not compared:
        raise RequestError("no cell differs from another by one of these alone in two seeds or more")
    found = [each for metric in measured_metrics(results, CO_PRIMARY) for each in _effects(results, compared, metric)]
    return Section(
        title=TITLE,
        lines=tuple(_lines(found)),
        tables=(_table(found),),
        summary=tuple(_summary(found)),
        data={"effects": [asdict(each) for each in found]},
    )


def _pairs(results: pd.DataFrame) -> Iterator[tuple[str, str, str]]:
    """(change, cell that has it, cell that has not), of those with two seeds in common."""
    first = results.drop_duplicates("cell").set_index("cell")
    names = [name for name in axis_columns(first.reset_index()) if name != "hired_hours"]
    axes = {str(cell): _plain(row, names) for cell, row in zip(first.index, records(first), strict=True)}
    cell_of = {_key(each): cell for cell, each in axes.items()}
    seeds = {str(cell): set(rows) for cell, rows in results.groupby("cell")["seed"]}
    for change in CHANGES:
        for cell, each in axes.items():
            if not change.of(each):
                continue
            without = cell_of.get(_key(change.back(each)))
            if without and len(seeds[cell] & seeds[without]) > 1:
                yield change.name, cell, without


def _plain(row: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    """A cell's axes, None where one is null, plain cross-entropy or absent."""
    wanted = dict.fromkeys(("mixing", "loss", "aggregation", "pages_on", "clicks", "gamma", "annotators", *_PLAIN))
    there = {name: None if pd.isna(row[name]) else row[name] for name in names}
    loss = there.get("loss")
    return {**wanted, **there, "loss": None if loss == "cross-entropy" else loss}


def _key(axes: Axes) -> tuple[tuple[str, str], ...]:
    """Equal for cells of equal axes; numbers as such, and one label an item the same kept separate or not."""
    shown = {name: value for name, value in axes.items() if value is not None}
    if shown.get("annotators") == 1 and shown.get("aggregation") == "separate":
        del shown["aggregation"]
    return tuple(sorted((n, f"{v:g}" if isinstance(v, int | float) else str(v)) for n, v in shown.items()))


def _effects(results: pd.DataFrame, compared: list[tuple[str, str, str]], metric: str) -> Iterator[Effect]:
    kept = _shared(results, compared)
    found = replicates(kept, [metric])
    model, recipes = found.variance(metric), found.cells.set_index("cell")["recipe"]
    there = [each for each in compared if each[1] in recipes.index and each[2] in recipes.index]
    for change, cell, without in there:
        yield Effect(
            metric=metric,
            change=change,
            recipe=str(recipes[cell]),
            than=str(recipes[without]),
            trials=_trials(found, cell, without),
            found=difference(model, cell, without, LEVEL),
            together=difference(model, cell, without, 1 - (1 - LEVEL) / len(there)),
        )


def _shared(results: pd.DataFrame, compared: list[tuple[str, str, str]]) -> pd.DataFrame:
    """The trials of compared cells whose seed and panel every cell that one is compared with has, too."""
    replicate = _replicates(results)
    kept = {cell: set(replicate[cell]) for _, *pair in compared for cell in pair}
    for _, cell, without in compared:
        kept[cell] = kept[cell] & replicate[without]
        kept[without] = kept[without] & replicate[cell]
    whose = zip(results["cell"], results["seed"], results["panel"], strict=True)
    return results[[(seed, panel) in kept.get(str(cell), ()) for cell, seed, panel in whose]].reset_index(drop=True)


def _trials(found: Replicates, cell: str, without: str) -> int:
    replicate = _replicates(found.results)
    return len(replicate[cell] & replicate[without])


def _replicates(results: pd.DataFrame) -> dict[str, set[tuple[int, int]]]:
    """The (seed, panel) of each cell's trials."""
    whose = results.groupby("cell")
    return {str(cell): set(zip(rows["seed"], rows["panel"], strict=True)) for cell, rows in whose}


def _lines(found: list[Effect]) -> Iterator[str]:
    each = len({(one.change, one.recipe, one.than) for one in found})
    yield (
        "Differences over the seeds and panels that both cells have (pairs), so that what seeds and people add to both "
        f"cancels; below 0 is better. Intervals ({LEVEL:.0%}) are Student's t on the variance pooled over the cells "
        f"compared, with Satterthwaite's degrees of freedom. They are {found[0].found.over}."
    )
    yield (
        f"{each} comparisons a metric: by chance alone {each * (1 - LEVEL):.1f} of them would exclude 0. A star marks "
        f"those that do so with all of a metric's comparisons looked at together (Bonferroni, {LEVEL:.0%})."
    )


def _summary(found: list[Effect]) -> Iterator[str]:
    said = []
    for change in dict.fromkeys(each.change for each in found):
        these = [each for each in found if each.change == change]
        better = [each for each in these if each.holds and each.found.value < 0]
        worse = [each for each in these if each.holds and each.found.value > 0]
        kinds = []
        for word, some in (("better", better), ("worse", worse)):
            if some:
                metrics = dict.fromkeys(metric_words(each.metric) for each in some)
                kinds.append(f"{word} in {len(some)} ({join_names(list(metrics))})")
        said.append(f"{change}: {' and '.join(kinds) or 'nothing clear'} of {len(these)}")
    yield f"With all comparisons of a metric looked at together: {'; '.join(said)}."


def _table(found: list[Effect]) -> Table:
    metrics = list(dict.fromkeys(each.metric for each in found))
    rows: dict[tuple[str, str, str], dict[str, str]] = {}
    for each in found:
        texts = rows.setdefault((each.change, each.recipe, str(each.trials)), {})
        texts[each.metric] = between(each.found.value, each.found.low, each.found.high) + (" *" if each.holds else "")
    return Table(
        caption=f"What each change does, with {LEVEL:.0%} intervals (below 0 is better)",
        headings=("change", "cell", "pairs", *metrics),
        rows=tuple((*row, *(texts.get(metric, "–") for metric in metrics)) for row, texts in rows.items()),
        numbers=tuple(range(2, 3 + len(metrics))),
    )
