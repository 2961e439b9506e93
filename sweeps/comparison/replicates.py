"""Which cells are meant, and which replicates two of them share."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from softcore.errors import RequestError
from sweeps.results.names import recipes
from sweeps.results.table import finished, is_free

NEAR = 3  # near matches that a refusal names
Replicate = tuple[int, int]  # seed, panel

NOBODY, EVERYBODY, DRAWN = "nobody", "everybody", "drawn"  # whom the replicates of a cell ask


@dataclass(frozen=True, kw_only=True, eq=False)
class ComparedCell:
    """A cell with its id, its title, its finished trials by (seed, panel), and whom its replicates `ask`.

    One that asks nobody is the same on every panel. Of trials that repeat one another but for rounding the first is
    taken.
    """

    id: str
    title: str
    trials: Mapping[Replicate, str]
    asks: str

    def trial(self, replicate: Replicate) -> str | None:
        """The trial of a replicate, None without one."""
        if replicate in self.trials or self.asks != NOBODY:
            return self.trials.get(replicate)
        return next((trial for (seed, _), trial in self.trials.items() if seed == replicate[0]), None)


def compared_cells(results: pd.DataFrame) -> list[ComparedCell]:
    """Every cell of a results table with a finished trial."""
    done = finished(results)
    if done.empty:
        raise RequestError("no finished trial to compare yet")
    first = done.drop_duplicates("cell")
    titles = dict(zip(first["cell"], recipes(first), strict=True))
    nobody = dict(zip(first["cell"], is_free(first), strict=True))
    everybody = dict(zip(first["cell"], first["annotators"].astype(str) == "all", strict=True))
    found = []
    for cell, own in done.groupby("cell", sort=False):
        name = str(cell)
        repeat = own["repeat"].fillna(0).to_numpy(dtype=int) if "repeat" in own else np.zeros(len(own), dtype=int)
        trials: dict[Replicate, str] = {}
        for place in np.argsort(repeat, kind="stable"):
            row = own.iloc[place]
            trials.setdefault((int(row["seed"]), int(row["panel"])), str(row["trial"]))
        asks = NOBODY if nobody[name] else EVERYBODY if everybody[name] else DRAWN
        found.append(ComparedCell(id=name, title=titles[name], trials=trials, asks=asks))
    return found


def find_cell(words: str, cells: Sequence[ComparedCell]) -> ComparedCell:
    """The cell that `words` mean: its id or a beginning of it, its title, or words that its title alone has.

    Words are divided by spaces or commas, in any order, upper or lower case: "clamp M=3". An unknown or ambiguous one
    is a RequestError that names the cells which come near.
    """
    exact = [cell for cell in cells if words == cell.id or words.casefold() == cell.title.casefold()]
    if len(exact) == 1:
        return exact[0]
    asked = _words(words)
    begun = [cell for cell in cells if words and cell.id.startswith(words)]
    having = [cell for cell in cells if asked and asked <= _words(cell.title)]
    found = begun or having
    if len(found) == 1:
        return found[0]
    if found:
        raise RequestError(f"cell '{words}' is ambiguous: {_listed(found)}")
    named = {cell.title.casefold(): cell for cell in cells} | {cell.id: cell for cell in cells}
    close = difflib.get_close_matches(words.casefold(), list(named), n=2 * NEAR, cutoff=0.3)
    near = list(dict.fromkeys(named[name] for name in close))[:NEAR] or list(cells[:NEAR])
    raise RequestError(f"unknown cell '{words}'; near: {_listed(near)}; `sweeps show` lists all {len(cells)}")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.casefold().replace(",", " ").split())


def _listed(cells: Sequence[ComparedCell]) -> str:
    shown = "; ".join(f"{cell.id} ({cell.title})" for cell in cells[: 2 * NEAR])
    return shown + (f"; and {len(cells) - 2 * NEAR} more" if len(cells) > 2 * NEAR else "")


def shared_replicates(a: ComparedCell, b: ComparedCell, *, shared_only: bool = False) -> list[Replicate]:
    """The (seed, panel) that both cells have, ascending.

    Where one has a replicate that the other lacks this is a RequestError, unless `shared_only` says to leave those out;
    none in common is one in any case. A cell that asks nobody lacks a replicate only if it lacks the seed.
    """
    every = sorted({*a.trials, *b.trials})
    if a.asks == NOBODY and b.asks != NOBODY:
        every = [each for each in every if each in b.trials or each[0] not in {seed for seed, _ in b.trials}]
    elif b.asks == NOBODY and a.asks != NOBODY:
        every = [each for each in every if each in a.trials or each[0] not in {seed for seed, _ in a.trials}]
    both = [each for each in every if a.trial(each) and b.trial(each)]
    lacking = [
        f"{owner.title} has {', '.join(map(_replicate, only))} that {other.title} lacks"
        for owner, other in ((a, b), (b, a))
        if (only := [each for each in every if owner.trial(each) and not other.trial(each)])
    ]
    if not both:
        raise RequestError(f"no replicate in common: {' and '.join(lacking)}")
    if lacking and not shared_only:
        raise RequestError(f"different replicates: {' and '.join(lacking)}; --shared compares the {len(both)} of both")
    return both


def _replicate(replicate: Replicate) -> str:
    return f"s{replicate[0]}-p{replicate[1]}"


def covered_words(
    a: ComparedCell, b: ComparedCell, *, covers: Sequence[str], seeds: int, apart: bool, images: int, same_images: bool
) -> tuple[str, str]:
    """What an interval of A and B covers and what it does not, in words; the second is "" where nothing is left.

    `seeds` replicates with `images` in all; people come `apart` from seeds where each seed has several panels.
    """
    asks = {a.asks, b.asks}
    over, lacking = [], []
    several = seeds > 1
    over_seeds = several and ("seeds" in covers or ("people" in covers and not apart))
    if "images" in covers:
        if same_images:
            over.append(f"images ({images:,})")
        elif over_seeds:
            over.append(f"images ({images:,} in all, held out by seed)")
        else:
            over.append(f"images ({images:,})")
    elif not same_images and over_seeds:
        over.append(f"images ({images:,} in all: they come with the seeds)")
    else:
        lacking.append("other images")
    if over_seeds:
        over.append(f"seeds ({seeds})")
    else:
        lacking.append("other seeds" + ("" if several else ": there is one"))
    if DRAWN in asks:
        over_people = (over_seeds and (not apart or "people" in covers)) or ("people" in covers and apart)
        if over_people and apart:
            over.append("people (several panels a seed, of those who answered)")
        elif over_people:
            over.append("people (a panel drawn with each seed, of those who answered: the two can't be told apart)")
        else:
            lacking.append("other people")
    if EVERYBODY in asks:
        lacking.append("other people than all those who were asked")
    return "; ".join(over), "; ".join(lacking)
