"""The scores of trials on one test set: by image where a metric is a mean over images, else as a whole."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from softcore.errors import RequestError
from softcore.scoring.metrics import METRICS, Logits, metric_card
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
        if why := metric_card(name).absent(test.logits, test.targets):
            raise RequestError(f"metric {name} can't be compared here: {why}")
    if names:
        return list(names)
    return [name for name, card in METRICS.items() if card.usual and not card.absent(test.logits, test.targets)]


def by_row(metric: str, logits: Logits, targets: Float[np.ndarray, "n k"]) -> Float[np.ndarray, " n"] | None:
    """The values of a metric that is a mean over rows, None of another."""
    each = METRICS[metric].each
    return None if each is None else np.asarray(each(logits, targets), dtype=float)


def right(logits: Logits, targets: Float[np.ndarray, "n k"]) -> np.ndarray:
    """Whether each row's likeliest class is the target's; the first class wins a tie in either."""
    return np.asarray(logits.clean.argmax(axis=1) == targets.argmax(axis=1))


def score(metric: str, logits: Logits, targets: Float[np.ndarray, "n k"]) -> float:
    """A metric of a test set, or of some of its rows."""
    found = METRICS[metric].score
    assert found is not None  # `usual_metrics` has refused it
    return float(found(logits, targets))


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
        return score(metric, one.logits.rows(rows), targets) - score(metric, other.logits.rows(rows), targets)

    return from_resamples(difference, pair.items, pair.seed, pair.panel, rng)
