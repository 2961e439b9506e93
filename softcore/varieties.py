"""The one table of label varieties: what each asks, how its answer becomes a label, its name and look.

Prices, axes, legends and colours follow from it. A variety is one row here or one entry point of `softcore.varieties`
(docs/methods.md); a new one changes no other file.
"""

from dataclasses import dataclass

from softcore.completion import Rule, clamp, scale_stated, semantic, share_evenly, uniform
from softcore.errors import RequestError
from softcore.plugins import PluginTable

PAGE_PARTS = 5  # two classes, the probability of each, and what is definitely not
CLICK = "click"  # its price is a constant of each price list: it is no part of a page


@dataclass(frozen=True, kw_only=True)
class Variety:
    """A label variety. `asks` is what people are asked, in words, and `parts` how many parts of a page that is.

    `complete` makes labels of its answers, from the first class or, with `classes` 2, from the second too; without it
    the label is all on the class chosen. `gamma` and `similarity` say whether the rule takes them, `quick` that the
    question takes one choice, `free` that nobody is asked. `question` names the variety that asks the very same and so
    costs the same. `colour` is "#rrggbb", `mark` matplotlib's, Plotly's and a character.
    """

    name: str
    title: str
    asks: str
    colour: str
    mark: tuple[str, str, str]
    parts: int = 0
    complete: Rule | None = None
    classes: int = 2
    gamma: bool = False
    similarity: bool = False
    quick: bool = False
    free: bool = False
    question: str = ""

    def __post_init__(self) -> None:
        """Refuse a row that would leave its answers without a price or without labels."""
        priced = self.free or self.name == CLICK
        allowed = (0,) if priced else range(1, PAGE_PARTS + 1)
        if self.parts not in allowed:
            raise RequestError(
                f"variety '{self.name}' must ask {'no part' if priced else f'1..{PAGE_PARTS} parts'} of a page; "
                f"it asks {self.parts}"
            )
        if (self.complete is None) != (self.free or self.quick):
            raise RequestError(f"variety '{self.name}' needs one of complete, quick and free: how it makes a label")


_BUILT_IN = (
    Variety(
        name="hard",
        title="hard labels",
        asks="nothing",
        free=True,
        colour="#222222",
        mark=("s", "square", "■"),
    ),
    Variety(
        name="smoothed",
        title="label smoothing",
        asks="nothing",
        free=True,
        colour="#8c6d31",
        mark=("p", "pentagon", "⬟"),
    ),
    Variety(
        name="random",
        title="random labels",
        asks="nothing",
        free=True,
        colour="#cc79a7",
        mark=("X", "x", "✖"),
    ),
    Variety(
        name="uniform",
        title="uniform labels",
        asks="nothing",
        free=True,
        colour="#7b5ea7",
        mark=("P", "cross", "✚"),
    ),
    Variety(
        name=CLICK,
        title="clicks",
        asks="one click: the most likely class",
        quick=True,
        colour="#d62728",
        mark=("o", "circle", "●"),
    ),
    Variety(
        name="first-choice",
        title="first choice",
        asks="the most likely class, as the page asks for it",
        parts=1,
        quick=True,
        colour="#e377c2",
        mark=("8", "octagon", "◉"),
    ),
    Variety(
        name="t1-uniform",
        title="T1 Uniform",
        asks="the most likely class and its probability",
        parts=2,
        complete=uniform,
        classes=1,
        colour="#56b4e9",
        mark=("v", "triangle-down", "▼"),
    ),
    Variety(
        name="t1-clamp",
        title="T1 Clamp",
        asks="the most likely class, its probability, what is impossible",
        parts=3,
        complete=clamp,
        classes=1,
        gamma=True,
        colour="#009e73",
        mark=("<", "triangle-left", "◀"),
    ),
    Variety(
        name="t2-uniform",
        title="T2 Uniform",
        asks="the two most likely classes and their probabilities",
        parts=4,
        complete=uniform,
        colour="#e69f00",
        mark=(">", "triangle-right", "▶"),
    ),
    Variety(
        name="t2-clamp",
        title="T2 Clamp",
        asks="the two most likely classes, their probabilities, what is impossible",
        parts=5,
        complete=clamp,
        gamma=True,
        colour="#0055a4",
        mark=("D", "diamond", "◆"),
    ),
    Variety(
        name="t1-semantic",
        title="T1 Semantic",
        asks="the most likely class and its probability",
        parts=2,
        question="t1-uniform",  # how classes are alike is nobody's time on an image
        complete=semantic,
        classes=1,
        similarity=True,
        colour="#4d8f2f",
        mark=("^", "triangle-up", "▲"),
    ),
    Variety(
        name="t2-semantic",
        title="T2 Semantic",
        asks="the two most likely classes and their probabilities",
        parts=4,
        question="t2-uniform",
        complete=semantic,
        similarity=True,
        colour="#a6761d",
        mark=("H", "hexagon2", "⬣"),
    ),
    Variety(
        name="select-two",
        title="Select Two",
        asks="the two most likely classes",
        parts=2,
        complete=share_evenly,
        colour="#b2182b",
        mark=("*", "star", "★"),
    ),
    # What the thesis's released code makes of "T2 Clamp".
    Variety(
        name="t2-clamp-released",
        title="T2 Clamp as released",
        asks="the two most likely classes, their probabilities, what is impossible",
        parts=5,
        question="t2-clamp",
        complete=scale_stated,
        colour="#7fa8d9",
        mark=("d", "diamond-tall", "◊"),
    ),
)


def outside_fault(row: Variety) -> str:
    """Why a variety of another distribution can't be used, "" if it can: labels that ask nobody are made here alone."""
    return "is free: a variety from outside must ask people (free=False)" if row.free else ""


VARIETIES: PluginTable[Variety] = PluginTable(
    "softcore.varieties", Variety, {row.name: row for row in _BUILT_IN}, outside_fault
)
FREE = tuple(row.name for row in _BUILT_IN if row.free)  # they ask nobody anything; softcore/labels/build.py makes them


def question_of(name: str) -> str:
    """The variety whose question `name` asks: itself unless its row says another's; so is a name not known here."""
    return VARIETIES[name].question or name if name in VARIETIES else name
