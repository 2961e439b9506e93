"""Short names for cells: what was asked of whom, in words that fit a legend."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from sweeps.columns import axis_columns, records

VARIETIES: Mapping[str, str] = {
    "hard": "hard labels",
    "smoothed": "label smoothing",
    "random": "random labels",
    "uniform": "uniform labels",
    "click": "clicks",
    "first-choice": "first choice",
    "t1-uniform": "T1 Uniform",
    "t1-clamp": "T1 Clamp",
    "t2-uniform": "T2 Uniform",
    "t2-clamp": "T2 Clamp",
    "t1-semantic": "T1 Semantic",
    "t2-semantic": "T2 Semantic",
    "select-two": "Select Two",
    "t2-clamp-released": "T2 Clamp as released",
}

ASKED: Mapping[str, str] = {
    "hard": "nothing",
    "smoothed": "nothing",
    "random": "nothing",
    "uniform": "nothing",
    "click": "one click: the most likely class",
    "first-choice": "the most likely class, as the page asks for it",
    "t1-uniform": "the most likely class and its probability",
    "t1-clamp": "the most likely class, its probability, what is impossible",
    "t2-uniform": "the two most likely classes and their probabilities",
    "t2-clamp": "the two most likely classes, their probabilities, what is impossible",
    "t1-semantic": "the most likely class and its probability",
    "t2-semantic": "the two most likely classes and their probabilities",
    "select-two": "the two most likely classes",
    "t2-clamp-released": "the two most likely classes, their probabilities, what is impossible",
}

# Axes that a recipe always names, then words for some of those that it names only where they tell cells apart.
METHODS = (  # null where not used
    "pages_on",
    "clicks",
    "hired_hours",
    "similarity",
    "hmix",
    "confidence_decay",
    "mixing",
    "target_mixing",
    "loss",
)
PAGES_ON: Mapping[str, str] = {"random": "pages on {}% at random", "disagree": "pages on {}% where clicks disagree"}
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
    "rest": "other items {}",
    "clicks": "{} clicks on all",
    "hired_hours": "{} h of people",
    "hiring": "hired {} first",
    "holdout": "held out by {}",
}


def recipe(axes: Mapping[str, Any]) -> str:
    """The name of a cell by variety, aggregation, M, N' and methods, leaving out what is null or absent.

    A variety that is not known here keeps its own name; without any the cell is "unnamed".
    """
    shown = {axis: value for axis, value in axes.items() if not _null(value)}
    variety = str(shown.get("variety", "unnamed"))
    name = VARIETIES.get(variety, variety)
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
    asked = ASKED.get(variety, variety)
    return asked if _null(pages_on) else f"clicks, and {_method('pages_on', pages_on)}: {asked}"


def _method(axis: str, value: Any) -> str:
    if axis == "pages_on":
        where, _, percent = str(value).partition("-")
        return PAGES_ON.get(where, f"pages on {value}").format(percent)
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
