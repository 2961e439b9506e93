"""What the cells of a made-up sweep are worth: curves with diminishing returns, or prices that are all that counts."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from jaxtyping import Float

from softcore.layout import NOBODY
from sweeps.planted import Grid

STYLES = ("apart", "close", "alike")  # questions far apart, close together, and cells that are all worth the same


def truth_like(made: Grid, style: str, rng: np.random.Generator) -> Float[np.ndarray, " c"]:
    """What cells are worth in a problem of a style of `STYLES`: values fall with people and items, cells scatter."""
    if style == "alike":
        return np.full(len(made.cells), 1.8)
    gain, spread = (0.15, 0.03) if style == "apart" else (0.03, 0.01)
    questions = list(dict.fromkeys(made.cells["variety"]))
    first = {name: rng.normal(gain, spread) for name in questions}
    all_people = {name: rng.normal(2 * gain, spread) for name in questions}
    level = diminishing(made, first=first, all_people=all_people, free=(1.8 + rng.normal(-0.03, spread, 9)).tolist())
    return level + rng.choice([0.0, 0.004, 0.012]) * rng.normal(size=len(level))


def diminishing(
    made: Grid,
    *,
    first: Mapping[str, float],
    all_people: Mapping[str, float],
    free: Sequence[float] = (),
    start: float = 1.8,
    power: float = 0.5,
    items_power: float = 0.6,
) -> Float[np.ndarray, " c"]:
    """Values that fall with people and items: start - (N'/900)^a [B M^-c + A (1 - M^-c)], B `first` and A `all_people`.

    Free recipes are worth `free`, or `start` where there are fewer.
    """
    values = _free(made, free, start)
    for row, (variety, people, items) in _asked(made):
        left = people**-power
        gain = first[variety] * left + all_people[variety] * (1 - left)
        values[row] = start - (items / 900) ** items_power * gain
    return values


def by_answers(
    made: Grid,
    worth: Mapping[str, float],
    *,
    head_start: Mapping[str, float] = MappingProxyType({}),
    free: Sequence[float] = (),
    start: float = 1.8,
    slope: float = 0.06,
) -> Float[np.ndarray, " c"]:
    """Values that fall with the logarithm of answers alone, an answer to a question being `worth` so many seconds.

    Where `worth` is the price, what is paid is all that counts; `head_start` makes a question better at any price. At
    10,000 s a value is `start`.
    """
    values = _free(made, free, start)
    for row, (variety, people, items) in _asked(made):
        seconds = worth[variety] * people * items
        values[row] = start - slope * np.log(seconds / 10_000) - head_start.get(variety, 0.0)
    return values


def _free(made: Grid, free: Sequence[float], start: float) -> Float[np.ndarray, " c"]:
    values = np.full(len(made.cells), start)
    rows = np.flatnonzero(made.cells["crowd"] == NOBODY)[: len(free)]
    values[rows] = free[: len(rows)]
    return values


def _asked(made: Grid) -> Iterator[tuple[int, tuple[str, float, float]]]:
    asked = made.cells[made.cells["crowd"] != NOBODY]
    return zip(asked.index, asked[["variety", "annotators", "items"]].itertuples(index=False, name=None), strict=True)
