"""The tidy table of answers: its columns, how odd answers are settled, and how bad rows are refused.

One row is one person's answer about one image. Whatever the source, answers pass through `settle_answer` and
`records_table`, so the rules for odd answers are the same everywhere and are counted in one place.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

import numpy as np
import pandas as pd

from softcore.errors import BadRow, RequestError

NO_CLASS = -1

COLUMNS = {
    "annotator": "str",  # the source's id of the person
    "item": "int64",
    "top1": "int64",  # the most likely class
    "p1": "float64",  # its probability as stated, 0..1
    "top2": "int64",  # the second most likely class, -1 for none
    "p2": "float64",  # its probability as stated, 0..1, NaN for none; p1 + p2 may exceed 1
    "impossible": "object",  # sorted tuple of classes ticked "definitely not"; never a class that was chosen
    "seconds": "float64",  # time on the page, NaN where unknown
    "position": "int64",  # order within the person's session, from 1
    "is_repeat": "bool",  # the same person asked again about the same image: never an extra annotator
    "question": "str",  # "page" or "click"
}
QUESTIONS = ("page", "click")

ODD_RULES = {
    "sum-over-100": "both probabilities written sum to over 100: kept as stated, labels are normalised",
    "sum-over-100-two-classes": "of these, answers that name two different classes",
    "class-twice": "one class named twice: the second probability replaces the first",
    "chosen-ticked": "a class chosen and also ticked 'definitely not': the choice wins",
    "nothing-ticked": "no class ticked 'definitely not'",
    "first-zero": "a first probability of 0 means 100",
    "p-for-zero": "a 'p' typed for the 0 next to it: '8p' is 80",
    "second-unreadable": "a second class whose probability is blank or unreadable: the second class is not used",
    "second-without-class": "a second probability above 0 with no second class: it is not used",
    "not-in-training": "an answer about a validation or test image of your own data: it is not used",
}
SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer as read: classes are indices, probabilities fractions of 1, nothing settled yet."""

    annotator: str
    item: int
    top1: int
    p1: float = 1.0
    top2: int = NO_CLASS
    p2: float = float("nan")
    impossible: tuple[int, ...] = ()
    seconds: float = float("nan")
    position: int = 1
    is_repeat: bool = False
    question: str = "page"


def settle_answer(answer: Answer) -> tuple[Answer, tuple[str, ...]]:
    """`answer` with every odd part settled, and the rules of `ODD_RULES` that it met.

    A second class is kept only with a readable probability. A class that was chosen is never impossible, even where
    its probability could not be read. A first probability of 0 means 1, also when it came from naming a class twice.
    A click has no "definitely not", so it can't have left it out.
    """
    rules = []
    top1, p1, top2, p2 = answer.top1, answer.p1, answer.top2, answer.p2
    if p1 == 0:
        p1 = 1.0
        rules.append("first-zero")
    if p1 + p2 > 1 + 1e-9:  # False where p2 is NaN
        rules.append("sum-over-100")
        if top2 not in (NO_CLASS, top1):
            rules.append("sum-over-100-two-classes")
    chosen = {top1, top2}
    if chosen & set(answer.impossible):
        rules.append("chosen-ticked")
    if not answer.impossible and answer.question == "page":
        rules.append("nothing-ticked")
    if top2 == NO_CLASS:
        if p2 > 0:
            rules.append("second-without-class")
        p2 = float("nan")
    elif np.isnan(p2):
        rules.append("second-unreadable")
        top2 = NO_CLASS
    if top2 == top1:
        rules.append("class-twice")
        p1, top2, p2 = p2 or 1.0, NO_CLASS, float("nan")
    impossible = tuple(sorted(set(answer.impossible) - chosen))
    return replace(answer, p1=p1, top2=top2, p2=p2, impossible=impossible), tuple(rules)


def records_table(
    answers: Iterable[Answer], typed: Iterable[Sequence[str]] | None = None
) -> tuple[pd.DataFrame, dict[str, int]]:
    """The settled `answers` as a frame with `COLUMNS`, sorted by (item, annotator, position), and the rules' counts.

    `typed` gives rules that the reader itself applied to each answer. Counts are over first answers, every rule named,
    0 where none met it. No answer at all gives an empty frame with the same columns and types.
    """
    counts: Counter[str] = Counter()
    settled = []
    answers = list(answers)
    for answer, earlier in zip(answers, typed or ((),) * len(answers), strict=True):
        answer, rules = settle_answer(answer)
        settled.append(answer)
        if not answer.is_repeat:
            counts.update((*rules, *earlier))
    frame = pd.DataFrame({column: [getattr(a, column) for a in settled] for column in COLUMNS}).astype(COLUMNS)
    frame = frame.sort_values(["item", "annotator", "position"], kind="stable", ignore_index=True)
    return frame, {rule: counts[rule] for rule in ODD_RULES}


def refuse(source: str, bad: Sequence[BadRow]) -> NoReturn:
    """Raise one RequestError for all `bad` rows of the file `source`: the first 20 and how many there are.

    One bad row gives one line; more give a first line with the count and one indented line each.
    """
    ordered = sorted(bad, key=lambda b: b.row)
    if len(ordered) == 1:
        raise RequestError(f"{source}: {ordered[0]}")
    lines = [f"{source}: {len(ordered)} bad values in {len({b.row for b in ordered})} rows"]
    lines += [f"  {source}: {b}" for b in ordered[:SHOWN]]
    if len(ordered) > SHOWN:
        lines.append(f"  and {len(ordered) - SHOWN} more")
    raise RequestError("\n".join(lines))
