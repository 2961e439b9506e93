"""What a metric is: its card, what it is computed from, and six items to work it out on by hand."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from softcore.errors import RequestError
from softcore.scoring.temperature import LEAST_VALIDATION

ALL_METRICS = "all-metrics"
EXTRAS = ("pgd", "corruptions", "released", ALL_METRICS)  # what can be asked for besides the metrics of every trial


@dataclass(frozen=True, kw_only=True, eq=False)
class Logits:
    """A model's logits on one test set of n images and k classes, its temperature, and where its classes lie.

    `attacked` and `pgd` are of the images after FGSM and PGD, None where nobody attacked them. The temperature is NaN
    where validation images are too few to fit one (`LEAST_VALIDATION`). `positions` are the places of the classes on a
    line where they have an order, else None.
    """

    clean: Float[np.ndarray, "n k"]
    attacked: Float[np.ndarray, "n k"] | None = None
    temperature: float = math.nan
    pgd: Float[np.ndarray, "n k"] | None = None
    positions: Float[np.ndarray, " k"] | None = None

    def rows(self, which: Int[np.ndarray, " m"]) -> "Logits":
        """The same of some of the images."""
        attacked = None if self.attacked is None else self.attacked[which]
        return replace(
            self, clean=self.clean[which], attacked=attacked, pgd=None if self.pgd is None else self.pgd[which]
        )


Score = Callable[[Logits, Float[np.ndarray, "n k"]], float]  # of the logits, and of the targets in rows of one
Each = Callable[[Logits, Float[np.ndarray, "n k"]], Float[np.ndarray, " n"]]
Lacks = Callable[[Logits, Float[np.ndarray, "n k"]], str]
Rows = tuple[tuple[float, ...], ...]

MODEL = (
    (0.75, 0.15, 0.10),
    (0.50, 0.35, 0.15),
    (0.25, 0.65, 0.10),
    (0.10, 0.35, 0.55),
    (0.30, 0.25, 0.45),
    (0.85, 0.10, 0.05),
)
PEOPLE = ((1.0, 0.0, 0.0), (0.5, 0.5, 0.0), (0.25, 0.75, 0.0), (0.0, 0.25, 0.75), (0.5, 0.0, 0.5), (0.0, 1.0, 0.0))


@dataclass(frozen=True, kw_only=True)
class Example:
    """Six items and three classes on which a metric has the value `value`: probabilities of a model, and of people.

    What the metric reads beside them is there, too: probabilities after an attack, a temperature, classes' positions.
    `times` says how often the six items are there, where a metric needs more.
    """

    value: float
    model: Rows = MODEL
    people: Rows = PEOPLE
    attacked: Rows | None = None
    pgd: Rows | None = None
    temperature: float = math.nan
    positions: tuple[float, ...] | None = None
    times: int = 1

    def logits(self) -> Logits:
        """Logits whose softmax are the model's probabilities."""
        return Logits(
            clean=self._logs(self.model),
            attacked=None if self.attacked is None else self._logs(self.attacked),
            pgd=None if self.pgd is None else self._logs(self.pgd),
            temperature=self.temperature,
            positions=None if self.positions is None else np.array(self.positions, dtype=float),
        )

    def targets(self) -> Float[np.ndarray, "n k"]:
        """People's probabilities, float64."""
        return np.tile(np.array(self.people, dtype=float), (self.times, 1))

    def _logs(self, rows: Rows) -> np.ndarray:
        return np.tile(np.log(np.array(rows, dtype=float)), (self.times, 1))


def _lacks_nothing(logits: Logits, targets: Float[np.ndarray, "n k"]) -> str:
    return ""


@dataclass(frozen=True)
class Card:
    """What a metric is: definition, range, whether lower is better, known faults, and how it is computed.

    `score` gives its value on a test set. Where that is a mean over items, `each` gives the items' values (float64 [n])
    in its place: comparisons resample those. `lacks` says why there is no value here, "" where there is one. A metric
    that is `scaled` is absent where no temperature can be fitted. Every value lies in `least`..`most`, in `unit` where
    it has one.

    One that is `usual` is computed of every trial when it is trained, one with an `extra` (a word of `EXTRAS`) where
    that is asked for, any other where `all-metrics` is. `source` is where the definition is from, `example` six
    items that tests work it out on.
    """

    name: str
    title: str
    definition: str
    lower: bool
    faults: str
    extra: str = ""
    score: Score | None = None
    scaled: bool = False
    least: float = -math.inf
    most: float = math.inf
    each: Each | None = None
    lacks: Lacks = _lacks_nothing
    unit: str = ""
    source: str = ""
    example: Example | None = None
    usual: bool = True

    def __post_init__(self) -> None:
        """Refuse a metric that nothing computes; the score is the mean of `each` where it is not given."""
        if self.score is None and self.each is not None:
            object.__setattr__(self, "score", self._mean)
        if self.score is None and not self.extra:
            raise RequestError(
                f"metric '{self.name}' needs a `score`, values of `each` item, or one of the extras {', '.join(EXTRAS)}"
            )
        object.__setattr__(self, "usual", self.usual and not self.extra)

    def _mean(self, logits: Logits, targets: Float[np.ndarray, "n k"]) -> float:
        assert self.each is not None
        return float(self.each(logits, targets).mean())

    def absent(self, logits: Logits, targets: Float[np.ndarray, "n k"]) -> str:
        """Why this metric has no value of these logits, "" where it has one."""
        if self.score is None:
            return f"only `evaluate: [{self.extra}]` computes it"
        if not len(targets):
            return "no item"
        if self.scaled and np.isnan(logits.temperature):
            return f"no temperature, which takes {LEAST_VALIDATION} validation images"
        return self.lacks(logits, targets)
