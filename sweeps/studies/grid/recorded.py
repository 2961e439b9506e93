"""The results of the grid by preset, and what several sections of its report need from them."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from softcore.errors import RequestError
from sweeps.results.table import finished, metric_columns
from sweeps.sources import Source, merge
from sweeps.studies.document import Section

GRID, VARIANCE, SEALED = "grid", "grid-variance", "grid-sealed"
PRESETS = (GRID, VARIANCE, SEALED)
REPEATS = "repeats"  # not of the grid itself: some of its trials again, but for rounding
PILOT = re.compile(r"pilot-(\d+)")  # a replayed pilot, by the seed whose panel A it asked
CO_PRIMARY = ("ce/10h", "scaled-ce/10h", "ce/10s", "scaled-ce/10s")
SECONDARY = tuple(f"{name}/{test}" for test in ("10h", "10s") for name in ("rmsce", "fgsm", "accuracy"))
_KNOWN = f"{', '.join((*PRESETS, REPEATS))} or a replayed pilot"
_ID = re.compile(r"-[0-9a-f]{8}$")

Sources = Mapping[str, Source]  # by the preset that made them, or the pilot's name; those alone that were recorded
Maker = Callable[[Sources], Section]


@dataclass(frozen=True, kw_only=True)
class Part:
    """A place in the report: `make` is called where all presets in `needs` were recorded.

    `make` may raise RequestError for a recording that is too small for it (a sweep that still runs): its one line then
    stands in the section's place.
    """

    title: str
    needs: tuple[str, ...]
    make: Maker

    def section(self, sources: Sources) -> Section:
        """The section, or words on why there is none yet and which command changes that."""
        if lacking := [name for name in self.needs if name not in sources]:
            lines = [f"{name}: not recorded yet. `sweeps run {name} --scale half` records it." for name in lacking]
            return Section(title=self.title, lines=tuple(lines), data={"not_recorded": lacking})
        try:
            return self.make(sources)
        except RequestError as error:
            resumes = " and ".join(f"`sweeps run {name} --scale half`" for name in self.needs)
            line = f"Not enough is recorded yet: {error}. {resumes} goes on where it stopped."
            return Section(title=self.title, lines=(line,), data={"not_enough": str(error)})


def by_preset(sources: Sequence[Source]) -> tuple[dict[str, Source], list[str]]:
    """The sources that presets of the grid made, by the preset's name, and replayed pilots; notes on all others.

    A sweep is called after its preset, with eight hex digits: so is the table's file, if its manifest doesn't say. Two
    recordings of one preset are a RequestError, as is none of any.
    """
    found: dict[str, Source] = {}
    notes = []
    for source in sources:
        sweep = str(source.about.get("sweep") or source.name)
        preset = _ID.sub("", sweep)
        if preset not in (*PRESETS, REPEATS) and not PILOT.fullmatch(preset):
            notes.append(f"{source.name} is no recording of {_KNOWN}; it is left out.")
        elif preset in found:
            raise RequestError(f"{found[preset].name} and {source.name} are both recordings of {preset}; keep one")
        else:
            found[preset] = source
    if not found:
        names = ", ".join(source.name for source in sources)
        raise RequestError(f"{names}: no recording of {_KNOWN} (a sweep is called after its preset)")
    return found, notes


def any_simulated(sources: Sources) -> bool:
    """Whether a program gave the answers of any of the sources: pictures and pages must carry the mark."""
    return any(source.simulated for source in sources.values())


def core(sources: Sources) -> pd.DataFrame:
    """The finished trials of `grid` and, where there is one, of `grid-variance`, each once; never a sealed cell's."""
    return merge([sources[name] for name in (GRID, VARIANCE) if name in sources])[0]


def measured_metrics(results: pd.DataFrame, metrics: Sequence[str]) -> list[str]:
    """Those of `metrics` that any finished trial has; RequestError where none was measured."""
    done = finished(results)
    there = [m for m in metrics if m in metric_columns(results) and np.isfinite(done[m].astype(float)).any()]
    if not there:
        raise RequestError(f"none of {', '.join(metrics)} was measured in a finished trial")
    return there


def metric_words(metric: str) -> str:
    """ "ce on 10h" of "ce/10h"."""
    name, _, test_set = metric.partition("/")
    return f"{name} on {test_set}"


def between(value: float, low: float, high: float, digits: int = 3) -> str:
    """ "0.012 [0.004, 0.020]"; a dash for what is not a number."""
    if not np.isfinite(value):
        return "–"
    middle, low, high = (round(x, digits) + 0.0 for x in (value, low, high))  # no -0.000
    return f"{middle:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def join_names(names: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    *front, last = names or ("nothing",)
    return f"{', '.join(front)} and {last}" if front else last


def assumptions_words(assumes: Sequence[str]) -> str:
    """What prices assume (`sweeps.frontier.pricing.assumptions`), "assumes that" said once."""
    said = "assumes that "
    if all(each.startswith(said) for each in assumes):
        return said + join_names([each.removeprefix(said) for each in assumes])
    return "; ".join(assumes)
