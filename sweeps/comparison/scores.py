"""The scores of trials on one test set: by image where a metric is a mean over images, else as a whole."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from jaxtyping import Float, Int
from scipy.special import log_softmax

from softcore.errors import RequestError, unknown_name
from softcore.scoring.metrics import ALWAYS, METRICS, Logits
from sweeps.comparison.differences import Differences, from_items, from_resamples
from sweeps.evaluation.stored import TrialOnTestSet


@dataclass(frozen=True, kw_only=True, eq=False)
class PairOnTestSet:
    """The trials of cells A and B on one test set, replicate by replicate, with the seed and panel of each.

    The two trials of a replicate are on the same images in the same order, with the same targets.
    """

    a: Sequence[TrialOnTestSet]
    b: Sequence[TrialOnTestSet]
    seed: Int[np.ndarray, " r"]
    panel: Int[np.ndarray, " r"]

    def __post_init__(self) -> None:
        """Refuse replicates whose two trials are not on the same images: their difference is not paired."""
        for one, other in zip(self.a, self.b, strict=True):
            if not np.array_equal(one.items, other.items):
                raise RequestError(f"{one.trial} and {other.trial} were tested on other images: no paired comparison")

    @property
    def items(self) -> list[Int[np.ndarray, " n"]]:
        """The images of each replicate, by row."""
        return [one.items for one in self.a]


def usual_metrics(test: TrialOnTestSet, names: Sequence[str] | None = None) -> list[str]:
    """The metrics of `names` (all usual ones without them), of those that these logits allow.

    A name that is unknown, or whose metric has no value here, is a RequestError.
    """
    for name in names or ():
        if name not in METRICS:
            raise unknown_name("metric", name, METRICS)
        if why := absent(name, test):
            raise RequestError(f"metric {name} can't be compared here: {why}")
    return list(names) if names else [name for name in ALWAYS if not absent(name, test)]


def absent(metric: str, test: TrialOnTestSet) -> str:
    """Why a metric has no value of a trial's stored logits, "" where it has one."""
    card = METRICS[metric]
    if card.score is None:
        return "its attack or its images are not stored"
    if card.scaled and np.isnan(test.logits.temperature):
        return "validation images are too few for a temperature"
    return ""


def by_row(metric: str, logits: Logits, targets: Float[np.ndarray, "n k"]) -> Float[np.ndarray, " n"] | None:
    """The values of a metric that is a mean over rows, None of another."""
    if metric in ("ce", "scaled-ce", "fgsm"):
        used = {"ce": logits.clean, "scaled-ce": logits.clean / logits.temperature, "fgsm": logits.attacked}[metric]
        return np.asarray(-(targets * log_softmax(used.astype(np.float64), axis=1)).sum(axis=1))
    if metric == "accuracy":
        return right(logits, targets).astype(float)
    return None


def right(logits: Logits, targets: Float[np.ndarray, "n k"]) -> np.ndarray:
    """Whether each row's likeliest class is the target's; the first class wins a tie in either."""
    return np.asarray(logits.clean.argmax(axis=1) == targets.argmax(axis=1))


def score(metric: str, logits: Logits, targets: Float[np.ndarray, "n k"]) -> float:
    """A metric of a test set, or of some of its rows."""
    found = METRICS[metric].score
    assert found is not None  # `usual_metrics` has refused it
    return float(found(logits, targets))


def some_rows(logits: Logits, rows: Int[np.ndarray, " m"]) -> Logits:
    """The logits of some rows; what is not by row stays."""
    arrays = {field.name: getattr(logits, field.name) for field in fields(logits)}
    return replace(logits, **{name: a[rows] for name, a in arrays.items() if isinstance(a, np.ndarray) and a.ndim == 2})


def paired_differences(metric: str, pair: PairOnTestSet, rng: np.random.Generator) -> Differences:
    """The difference A less B of a metric in each replicate, with what other images would do to it."""
    both = list(zip(pair.a, pair.b, strict=True))
    rows = [(by_row(metric, one.logits, one.targets), by_row(metric, other.logits, one.targets)) for one, other in both]
    by_image = [a - b for a, b in rows if a is not None and b is not None]
    if len(by_image) == len(both):
        return from_items(by_image, pair.items, pair.seed, pair.panel)

    def difference(replicate: int, rows: np.ndarray) -> float:
        one, other = both[replicate]
        targets = one.targets[rows]
        return score(metric, some_rows(one.logits, rows), targets) - score(
            metric, some_rows(other.logits, rows), targets
        )

    return from_resamples(difference, pair.items, pair.seed, pair.panel, rng)
