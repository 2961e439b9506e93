"""Readings of the sealed cells: each evaluation of a planner on them, kept in a file and counted.

Held-out cells measure a planner only as long as nobody tunes it until it fits them. So a reading is made only when it
is asked for, is kept in a file beside the results, and counts: the same planner, learning from the same trials and held
against the same cells, is the same reading; a change of any of the three is another. A planner is the same while its
version and what is recorded of its predictions (`sweeps.studies.sealed.version`) are the same.
"""

import datetime
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from math import isfinite, prod
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from softcore.errors import RequestError
from sweeps.results.table import finished, plain_values
from sweeps.running.store import write_text
from sweeps.spec.axis_names import REPLICATES
from sweeps.spec.spec import resolve
from sweeps.studies.grid.recorded import CO_PRIMARY, GRID, PRESETS, SEALED, Sources, core
from sweeps.studies.sealed.judge import Judgement, judge
from sweeps.studies.sealed.version import PLANNER_VERSION, check_version, predictions_digest

NAME = "sealed-readings.json"
Kept = TypeVar("Kept")  # a reading of any kind
_DIGITS = 6  # significant ones of the numbers that are kept


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What makes a reading: the sealed trials, the trials learnt from, the planner's version and its predictions.

    All but the version are digests; `predictions`, those of a made-up grid, is "" where none were recorded, and the
    version 0 where planners had none yet.
    """

    sealed: str
    training: str
    planner: int
    predictions: str

    @classmethod
    def of(cls, sources: Sources) -> "Identity":
        """That of the tables of the grid and of the sealed cells, and of the planner as it is."""
        metrics = metrics_of(sources)
        return cls(
            sealed=table_digest(sources[SEALED].results, metrics),
            training=table_digest(core(sources), metrics),
            planner=PLANNER_VERSION,
            predictions=predictions_digest(),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Reading:
    """What the planner of one version said of the sealed cells on each metric, on `date`.

    `source` is the digest of the planner's source at the time, which made a reading before planners had versions; ""
    for those since.
    """

    date: datetime.date
    identity: Identity
    judgements: tuple[Judgement, ...]
    source: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON, numbers of six digits."""
        judged = [_short(plain_values(judgement.as_dict())) for judgement in self.judgements]
        source = {"source": self.source} if self.source else {}
        return {"date": self.date.isoformat(), **asdict(self.identity), **source, "judgements": judged}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Reading":
        """The reading that `as_dict` gave as `content`, before planners had versions too."""
        if isinstance(content["planner"], str):  # the digest of its source
            content = {**content, "planner": 0, "predictions": "", "source": content["planner"]}
        return cls(
            date=datetime.date.fromisoformat(content["date"]),
            identity=Identity(**{field.name: content[field.name] for field in fields(Identity)}),
            judgements=tuple(map(Judgement.from_dict, content["judgements"])),
            source=content.get("source", ""),
        )


def load_readings(path: Path) -> tuple[Reading, ...]:
    """The readings kept in a file, the first first; none where there is no file, RequestError for one that is odd."""
    return load_kept(path, Reading.from_dict)


def load_kept(path: Path, from_dict: Callable[[dict[str, Any]], Kept]) -> tuple[Kept, ...]:
    """What a file of readings keeps, each made by `from_dict`; see `load_readings`."""
    if not path.is_file():
        return ()
    try:
        return tuple(map(from_dict, json.loads(path.read_text("utf-8"))))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RequestError(f"{path} is no list of readings of sealed cells: {error}") from None


def read_sealed_cells(path: Path, sources: Sources, today: datetime.date | None = None) -> tuple[Reading, ...]:
    """All readings, among them one by the planner as it is, which is kept unless it was there already.

    Presets of which trials are lacking are a RequestError: half a grid would cost a reading and judge nobody. So is a
    planner that predicts otherwise than is recorded for its version.
    """
    kept, identity = load_readings(path), Identity.of(sources)
    if any(reading.identity == identity for reading in kept):
        return kept
    for preset in (GRID, SEALED):
        there, planned = len(finished(sources[preset].results)), planned_trials(preset)
        if there < planned:
            raise RequestError(f"sealed cells are read when all is recorded; {preset} has {there} of {planned} trials")
    check_version()
    training, cells = core(sources), sources[SEALED].results
    found = tuple(judge(training, cells, metric=metric) for metric in metrics_of(sources))
    made = Reading(date=today or datetime.date.today(), identity=identity, judgements=found)
    lines = [json.dumps(reading.as_dict(), ensure_ascii=False, allow_nan=False) for reading in (*kept, made)]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, "[\n" + ",\n".join(lines) + "\n]\n")
    return load_readings(path)  # as it will be shown from now on


def metrics_of(sources: Sources) -> tuple[str, ...]:
    """Those of `CO_PRIMARY` that all recorded presets measured; none at all is a RequestError."""
    used = [sources[name].results for name in PRESETS if name in sources]
    there = tuple(metric for metric in CO_PRIMARY if all(metric in results for results in used))
    if not there:
        raise RequestError(f"plans are judged on {', '.join(CO_PRIMARY)}, none of which was measured everywhere")
    return there


def planned_trials(preset: str) -> int:
    """How many trials a preset has whose blocks share no cell."""
    spec = resolve(preset)
    axes = [{**{key: getattr(spec, key) for key in REPLICATES}, **block} for block in spec.blocks]
    return sum(prod(len(values) for values in block.values()) for block in axes)


def _short(value: Any) -> Any:
    """`value` with numbers of few digits."""
    if isinstance(value, Mapping):
        return {name: _short(each) for name, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_short(each) for each in value]
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) and isfinite(value) else value


def table_digest(results: pd.DataFrame, metrics: Sequence[str]) -> str:
    """SHA-256 (hex) of the finished trials of a results table and of their `metrics`, in any order of rows.

    A trial's id says what it is; what else its row holds (seconds of training) tells nothing.
    """
    done = finished(results).sort_values("trial")
    lines = [
        f"{trial} " + " ".join(f"{value:.9g}" for value in values)
        for trial, values in zip(done["trial"], done[[*metrics]].to_numpy(dtype=float), strict=True)
    ]
    return hashlib.sha256("\n".join([" ".join(metrics), *lines]).encode()).hexdigest()
