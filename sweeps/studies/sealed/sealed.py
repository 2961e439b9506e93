"""Plans held against the sealed cells: what each reading said, in words, tables and a picture of its numbers."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from softcore.statistics import MeanInterval
from sweeps.planning.checks import LEVELS, ModelCheck
from sweeps.planning.defaults import LOST
from sweeps.results.names import in_order, metric_title, test_set_short, variety_title
from sweeps.show.drawing import colour, figure_with_title, mark_scale, marks, png_bytes, subtitle
from sweeps.studies.document import Picture, Section, Table
from sweeps.studies.grid.recorded import Sources, any_simulated, join_names
from sweeps.studies.sealed.judge import Judgement
from sweeps.studies.sealed.readings import Identity, Reading, load_readings, read_sealed_cells

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Plans held against sealed cells"
_WHAT = (
    "Sealed cells were drawn by a seed before anyone looked, and have seeds of their own. From the grid's trials each "
    "model predicts the mean of each sealed cell's trials, the noise of their people and seeds included. The interval "
    "score is the mean width of the 80% and 95% intervals and a penalty for each miss; less is better. Inside are "
    "cells within the M and N' that their question was measured at, trained in that way; beyond is where `sweeps plan` "
    "refuses. Sealed cells share their seeds, so that all can be off together, and an exact interval, which takes them "
    "as independent, is rather too short; differences are cells' distances from the mean of all, which is what choices "
    "rest on."
)
_ASK = "`--read-sealed` reads the sealed cells, which is counted"
_PARTS = {"all": "checks", "inside": "inside", "beyond": "beyond", "differences": "differences"}
_PANEL, _ABOVE, _BELOW = 4.6, 1.1, 1.0  # inches


def sealed_section(sources: Sources, *, readings: Path, read_sealed: bool = False) -> Section:
    """The section from the stored readings; with `read_sealed` the sealed cells are read first.

    It needs the grid and the sealed cells; where they were never read it says so and looks at no result.
    """
    kept = read_sealed_cells(readings, sources) if read_sealed else load_readings(readings)
    if not kept:
        return Section(title=TITLE, lines=(_WHAT, f"Recorded, and not read yet: {_ASK}."), data={"readings": []})
    now = Identity.of(sources)
    place = max([k for k, reading in enumerate(kept) if reading.identity == now], default=len(kept) - 1)
    judged = kept[place].judgements
    return Section(
        title=TITLE,
        lines=(_WHAT, readings_words(kept, place, now), *_found(judged)),
        tables=(_scores(judged), _coverage(judged), _readings(kept, place)),
        pictures=(predicted_picture(judged, any_simulated(sources)),),
        summary=(sealed_summary(len(kept), judged),),
        data={"shown": place + 1, "readings": [reading.as_dict() for reading in kept]},
    )


def readings_words(kept: Sequence[Reading], place: int, now: Identity) -> str:
    """How often the sealed cells were read, which reading is shown, and what has changed since."""
    times = {1: "once", 2: "twice"}.get(len(kept), f"{len(kept)} times")
    words = f"The sealed cells were read {times}; shown is reading {place + 1}, of {kept[place].date.isoformat()}."
    if place:
        words += (
            " The first reading is the one that nobody can have tried for; each later one was made after the one "
            "before was known. All are listed below."
        )
    then = kept[place].identity
    parts = {
        "the planner": (then.planner, then.predictions) != (now.planner, now.predictions),
        "the trials that it learns from": then.training != now.training,
        "sealed trials": then.sealed != now.sealed,
    }
    if changed := [name for name, other in parts.items() if other]:
        words += f" Since then {' and '.join(changed)} changed: other predictions would be made now. {_ASK}."
    return words


def _found(judged: Sequence[Judgement]) -> Iterator[str]:
    for one in judged:
        yield f"{one.metric}: {choice(one)} {coverage_words(one)}"


def choice(one: Judgement) -> str:
    """Which model leaving cells out had chosen, and whether it was the right one."""
    before = ", ".join(f"{check.model} {check.score:.4f}" for check in one.left_out)
    after = ", ".join(f"{check.model} {check.score:.4f}" for check in sorted(one.checks, key=lambda c: c.score))
    words = f"leaving one cell out at a time had chosen the {one.default} ({before}); on the sealed cells "
    if one.held:
        return words + f"it has the lowest interval score, too ({after}): the choice held."
    lost = "the curve loses to a baseline" if not one.passed else "a baseline loses to the curve"
    words += (
        f"the {one.best.model} has a lower one ({after}): the choice did not hold, {lost}. A model that loses is no "
    )
    if LOST.get(one.metric) == (one.default, one.best.model):
        return words + f"default: since then the {one.best.model} makes the plans for {one.metric}."
    return words + "default."


def coverage_words(one: Judgement) -> str:
    """How many sealed cells the intervals of the chosen model held, beside how many they should."""
    check = one.of(one.default)
    words = " and ".join(
        f"its {level:.0%} intervals held {round(c.mean * c.n)} of {c.n} cells ({_exact(c)}{_verdict(level, c)})"
        for level, c in check.coverage.items()
    )
    words = f"On them {words}."
    high = check.coverage[max(LEVELS)]
    if _within(0.85, high) and _within(0.95, high):
        words += f" {high.n} cells can't tell 85% from 95%: the exact interval holds both."
    return words


def _verdict(level: float, share: MeanInterval) -> str:
    if _within(level, share):
        return ""
    return ", less often than they say" if share.mean < level else ", more often than they say"


def _within(level: float, share: MeanInterval) -> bool:
    return share.low is not None and share.high is not None and share.low <= level <= share.high


def _exact(share: MeanInterval) -> str:
    return f"{share.mean:.0%}, exact {share.low:.0%} to {share.high:.0%}"


def _scores(judged: Sequence[Judgement]) -> Table:
    rows = []
    for one in judged:
        for check in one.checks:
            of = {name: _check(one, check.model, part) for name, part in _PARTS.items()}
            scores = [f"{c.score:.4f} ({c.n})" if c else "–" for c in of.values()]
            before = next(c.score for c in one.left_out if c.model == check.model)
            rows.append((one.metric, _named(one, check.model), f"{before:.4f}", *scores, f"{check.error:.4f}"))
    return Table(
        headings=("metric", "model", "left out, before", *_PARTS, "error, all"),
        rows=tuple(rows),
        caption="Interval scores (cells), less is better; error is the root mean square of medians less what was seen",
        numbers=(2, 3, 4, 5, 6, 7),
    )


def _coverage(judged: Sequence[Judgement]) -> Table:
    rows = []
    for one in judged:
        for check in one.checks:
            apart = one.of(check.model, "differences")
            shares = [_exact(c.coverage[level]) for c in (check, apart) for level in LEVELS]
            rows.append((one.metric, _named(one, check.model), str(check.n), *shares))
    levels = [f"{level:.0%}" for level in LEVELS]
    return Table(
        headings=("metric", "model", "cells", *levels, *(f"{level}, differences" for level in levels)),
        rows=tuple(rows),
        caption="How many cells the intervals held, with exact (Clopper-Pearson) 95% intervals",
        numbers=(2,),
    )


def _readings(kept: Sequence[Reading], place: int) -> Table:
    rows = []
    for number, reading in enumerate(kept):
        identity = reading.identity
        scores = [f"{one.metric} {one.default} {_main(one)}" for one in reading.judgements]
        shown = "shown" if number == place else ""
        planner = f"version {identity.planner}" if identity.planner else reading.source[:8]
        made_by = (identity.sealed[:8], identity.training[:8], planner)
        rows.append((str(number + 1), reading.date.isoformat(), *made_by, "; ".join(scores), shown))
    return Table(
        headings=("reading", "date", "sealed trials", "learnt from", "planner", "interval score of the default", ""),
        rows=tuple(rows),
        caption="Every reading and what makes it one; in brackets the score of the best other model",
        numbers=(0,),
    )


def _main(one: Judgement) -> str:
    best = min(check.score for check in one.checks if check.model != one.default)
    return f"{one.of(one.default).score:.4f} ({best:.4f})"


def sealed_summary(readings: int, judged: Sequence[Judgement]) -> str:
    """The sentence for the top of the report."""
    held = sum(one.held for one in judged)
    covered = [one.of(one.default).coverage[max(LEVELS)] for one in judged]
    low, high = min(c.mean for c in covered), max(c.mean for c in covered)
    return (
        f"Plans on {covered[0].n} sealed cells (readings so far: {readings}): the model chosen before has the "
        f"lowest interval score on {held} of {len(judged)} metrics{_lost(judged)}, and its 95% intervals held "
        f"{low:.0%} to {high:.0%} of the cells."
    )


def _lost(judged: Sequence[Judgement]) -> str:
    """Where the choice did not hold, and what did better; nothing where it held."""
    lost = [f"on {one.metric} the {one.best.model}" for one in judged if not one.held]
    return f" ({join_names(lost)} has it)" if lost else ""


def _check(one: Judgement, model: str, part: str) -> ModelCheck | None:
    return next((check for check in getattr(one, part) if check.model == model), None)


def _named(one: Judgement, model: str) -> str:
    return f"{model} (default)" if model == one.default else model


def predicted_picture(judged: Sequence[Judgement], simulated: bool) -> Picture:
    """A panel a metric: each cell's seen mean across, the prediction of the chosen model with its 95% interval up."""
    width, height = _PANEL * len(judged), _ABOVE + _PANEL + _BELOW
    figure = figure_with_title(width, height, "Sealed cells: predicted against seen", simulated)
    subtitle(
        figure,
        "medians and 95% intervals of the model that leaving cells out had chosen; open marks are beyond what it was "
        "checked on; on the line they agree",
    )
    panels = figure.subplots(1, len(judged), squeeze=False)[0]
    figure.subplots_adjust(left=0.75 / width, right=1 - 0.2 / width, top=1 - _ABOVE / height, bottom=_BELOW / height)
    figure.subplots_adjust(wspace=0.8 * len(judged) / (width - 0.95))
    for panel, one in zip(panels, judged, strict=True):
        _draw_panel(panel, one)
    panels[0].set_ylabel("predicted")
    there = {str(name) for one in judged for name in one.cells["variety"]}
    _draw_legend(panels[0], in_order(there))
    return Picture(
        name="sealed",
        words="Predicted against seen, with 95% intervals, for "
        + "; ".join(f"{one.metric} ({one.default})" for one in judged),
        png=png_bytes(figure),
    )


def _draw_panel(panel: "Axes", one: Judgement) -> None:
    for (variety, inside), cells in one.cells.groupby(["variety", "inside"], sort=False):
        _draw_points(panel, cells, one.default, str(variety), bool(inside))
    bounds = one.cells[["seen", f"{one.default} low 95", f"{one.default} high 95"]].to_numpy(dtype=float)
    ends = np.array([bounds.min(), bounds.max()]) + 0.04 * np.ptp(bounds) * np.array([-1, 1])
    panel.plot(ends, ends, color="#999999", linewidth=1, zorder=1)
    panel.set(xlim=ends, ylim=ends, aspect="equal", xlabel="seen")
    metric, _, test = one.metric.partition("/")
    panel.set_title(f"{metric_title(metric)}, {test_set_short(test)}: {one.default}", fontsize=10)


def _draw_points(panel: "Axes", cells: pd.DataFrame, model: str, variety: str, inside: bool) -> None:
    middle, ink = cells[model].to_numpy(dtype=float), colour(variety)
    ends = cells[[f"{model} low 95", f"{model} high 95"]].to_numpy(dtype=float)
    panel.errorbar(cells["seen"], middle, yerr=np.abs(ends.T - middle), fmt="none", ecolor=ink, elinewidth=1, zorder=2)
    face = ink if inside else "white"
    size = 44 * mark_scale(variety)
    panel.scatter(cells["seen"], middle, s=size, marker=marks(variety)[0], facecolors=face, edgecolors=ink, zorder=3)


def _draw_legend(panel: "Axes", varieties: Sequence[str]) -> None:
    """Below the first panel, for all of them."""
    for name in varieties:
        panel.scatter([], [], marker=marks(name)[0], color=colour(name), label=variety_title(name))
    panel.legend(loc="upper left", bbox_to_anchor=(0, -0.12), ncols=len(varieties), fontsize=9, frameon=False)
