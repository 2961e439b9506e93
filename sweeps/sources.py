"""Where results come from: sweeps, or results tables as files with what is known about how they were made."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from softcore.errors import RequestError, short
from sweeps.results.read import read_results
from sweeps.results.table import finished, metric_columns

if TYPE_CHECKING:
    from sweeps.sweep import Sweep

ABOUT = (
    *("sweep", "scale", "simulated", "hardware", "precision", "versions", "trained_with", "commit", "fingerprints"),
    "note",  # a sentence on what readers of its numbers must know
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """A results table under a name, and what is known of the runs behind it (`ABOUT`); empty where nothing is."""

    name: str
    results: pd.DataFrame
    about: Mapping[str, Any]

    @property
    def simulated(self) -> bool:
        """Whether its annotators are simulated: as its manifest says, or by the name of the data set."""
        return bool(self.about.get("simulated")) or from_digits(self.results)


def from_digits(results: pd.DataFrame) -> bool:
    """Whether any row is of `digits`, the built-in data set whose annotators are simulated."""
    return "dataset" in results and bool((results["dataset"] == "digits").any())


def from_sweep(sweep: "Sweep") -> Source:
    """A sweep's results so far."""
    manifest, spec = sweep.store.manifest(), sweep.store.spec()
    # Not the whole manifest: its paths and host names are nobody's business where a report goes.
    about = {"sweep": sweep.id, "scale": spec.get("scale"), **{n: manifest[n] for n in ABOUT if n in manifest}}
    return Source(name=sweep.id, results=sweep.results(), about=about)


def from_folder(folder: Path) -> list[Source]:
    """Every results table (`*.csv`, as `sweeps results` writes them) of a folder by name.

    `x.json` beside `x.csv` says how that table was made (the entries of `ABOUT`); it may be missing. A folder without
    a table, or a .csv file that is no results table, is a RequestError.
    """
    if not folder.is_dir():
        raise RequestError(f"--from-results: {folder} is not a folder")
    paths = sorted(folder.glob("*.csv"))
    if not paths:
        raise RequestError(
            f"--from-results: there is no .csv in {folder}; `sweeps results ID --to FILE.csv` writes one"
        )
    return [from_file(path) for path in paths]


def from_file(path: Path) -> Source:
    """A results table (.csv, as `sweeps results` writes it), and what the .json beside it says of its making.

    A file that can't be read, or is no results table, is a RequestError.
    """
    return Source(name=path.stem, results=read_results(path), about=_about(path.with_suffix(".json")))


def from_names(names: Sequence[str], out: str | Path | None = None) -> list[Source]:
    """The sweeps (ids, unique beginnings, folders) or results tables (.csv) called `names`, each once.

    They must be of one data set, else it is a RequestError, as is no name at all.
    """
    if not names:
        raise RequestError("name a sweep (`sweeps list` shows them) or a results table (.csv)")
    found = {source.name: source for source in (_from_name(name, out) for name in names)}
    of = {source.name: set(source.results.get("dataset", pd.Series(dtype=str)).dropna()) for source in found.values()}
    if len(datasets := sorted(set().union(*of.values()))) > 1:
        raise RequestError(f"results of one data set can be put together; these are of {' and '.join(datasets)}")
    return list(found.values())


def _from_name(name: str, out: str | Path | None) -> Source:
    from sweeps.sweep import open_sweep

    return from_file(Path(name)) if name.endswith(".csv") else from_sweep(open_sweep(name, out=out))


def files_of(source: Source) -> dict[str, str]:
    """The contents, by file name, from which `from_folder` makes the same source again."""
    about = {name: source.about[name] for name in ABOUT if source.about.get(name) is not None}
    return {
        f"{source.name}.csv": source.results.to_csv(index=False),
        f"{source.name}.json": json.dumps(about, indent=1, ensure_ascii=False) + "\n",
    }


def _about(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RequestError(f"{path} is not valid JSON: {short(error, 120)}") from None
    if not isinstance(content, dict):
        raise RequestError(f"{path} must hold a mapping with any of {', '.join(ABOUT)}")
    return {name: content[name] for name in ABOUT if name in content}


def merge(sources: Sequence[Source]) -> tuple[pd.DataFrame, frozenset[str], list[str]]:
    """The finished trials of all sources, one row each; the ids of those with simulated annotators; notes.

    A trial has one id in every sweep. Where two tables have it with different numbers the first one's stand, and a
    note says so.
    """
    done = [finished(source.results) for source in sources]
    whole = [part for part in done if len(part)]
    if not whole:
        raise RequestError("no finished trial to report on in " + ", ".join(source.name for source in sources))
    simulated = frozenset(
        str(trial) for source, part in zip(sources, done, strict=True) if source.simulated for trial in part["trial"]
    )
    together = pd.concat(whole, ignore_index=True)
    again = together[together["trial"].duplicated(keep=False)]
    differ = again.groupby("trial")[metric_columns(together)].nunique().gt(1).any(axis="columns")
    notes = []
    if differ.any():
        some = ", ".join(map(str, differ[differ].index[:3]))
        notes.append(
            f"{int(differ.sum())} trials (such as {some}) stand in several of the tables with different numbers; the "
            "first table's are used. Were they made with other versions or on other machines?"
        )
    return together.groupby("trial", sort=False, as_index=False).first(), simulated, notes
