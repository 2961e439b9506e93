"""What a test set's own people leave open: how well half of them predict the other half, and what other labels change.

Each image's people (or clicks) are split in half at random. One half's labels, taken as a model's predictions, are
scored against the other half: the noise ceiling. And each cell is scored against either half: by how much a difference
between two cells changes with the people who label the test set.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from softcore.data.dataset import Dataset
from softcore.labels.ask import people_labels
from softcore.labels.elicited import DEFAULT_GAMMA
from softcore.scoring.metrics import METRICS, Logits
from softcore.seeding import generator
from sweeps.comparison.scores import PairOnTestSet, by_row, score
from sweeps.evaluation.stored import TrialOnTestSet

SPLITS = 40
# Mass, in people, that is spread over all classes before half of the people are taken for a model: else one click that
# only the other half made would cost infinitely much. The one that suits the metric's ceiling best is used.
SPREAD = (0.1, 0.3, 1.0, 3.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class TestPeople:
    """Single people's labels of a test set's images: the image (its number) and the label of each."""

    __test__ = False  # pytest: not a class of tests

    items: Int[np.ndarray, " labels"]
    probs: Float[np.ndarray, "labels classes"]

    def halves(self, items: Int[np.ndarray, " n"], rng: np.random.Generator) -> "list[Half]":
        """The labels of `items` (distinct) split in half at random: two halves' mean labels; odd ones by chance."""
        known, place = np.unique(items, return_inverse=True)
        kept = np.isin(self.items, known)
        image, probs = np.searchsorted(known, self.items[kept]), self.probs[kept]
        order = np.lexsort((rng.random(len(image)), image))
        image, probs = image[order], probs[order]
        rank = np.arange(len(image)) - np.searchsorted(image, image)
        size = np.bincount(image, minlength=len(known))
        cut = (size + rng.integers(2, size=len(known)) * (size % 2)) // 2
        first = rank < cut[image]
        found = []
        for own in (first, ~first):
            sums = np.stack([np.bincount(image[own], weights=column, minlength=len(known)) for column in probs[own].T])
            count = np.bincount(image[own], minlength=len(known))
            found.append(Half(means=(sums / np.maximum(count, 1)).T[place], counts=count[place]))
        return found


@dataclass(frozen=True, kw_only=True, eq=False)
class Half:
    """The mean labels of half of the people, and how many they are, by row."""

    means: Float[np.ndarray, "n k"]
    counts: Int[np.ndarray, " n"]

    def predictions(self, spread: float, positions: np.ndarray | None = None) -> Logits:
        """Logarithms of the mean labels with `spread` people's mass over all classes; nobody attacked people."""
        count, classes = self.counts[:, None], self.means.shape[1]
        clean = np.log((self.means * count + spread / classes) / (count + spread))
        return Logits(clean=clean, temperature=1.0, positions=positions)


@dataclass(frozen=True, kw_only=True)
class Ceiling:
    """The score of half of the people against the other half: the mean over splits and the ends of 95% of them."""

    value: float
    low: float
    high: float
    splits: int


def test_people(dataset: Dataset, test_set: str, tests: Sequence[TrialOnTestSet]) -> TestPeople | None:
    """The single labels behind a test set's targets; None where those are not the mean of two people or more each."""
    items = np.unique(np.concatenate([test.items for test in tests]))
    if test_set == dataset.held_out_test:
        asked = "t2-clamp" if (dataset.records["question"] == "page").any() else "click"
        labels, _ = people_labels(dataset, asked, items, gamma=DEFAULT_GAMMA)
        found = TestPeople(items=labels.label_items, probs=np.asarray(labels.probs, dtype=float))
    elif dataset.counts is not None and items[-1] < len(dataset.counts):
        row, classes = np.nonzero(dataset.counts[items])
        times = dataset.counts[items][row, classes]
        one_hot = np.eye(dataset.counts.shape[1])[np.repeat(classes, times)]
        found = TestPeople(items=items[np.repeat(row, times)], probs=one_hot)
    else:
        return None
    return found if all(_behind(found, test) for test in tests) else None


test_people.__test__ = False  # type: ignore[attr-defined]  # not a test of pytest's


def _behind(people: TestPeople, test: TrialOnTestSet) -> bool:
    """Whether the targets are the mean labels of these people, two of them or more on each image."""
    known, place = np.unique(test.items, return_inverse=True)
    kept = np.isin(people.items, known)
    image = np.searchsorted(known, people.items[kept])
    count = np.bincount(image, minlength=len(known))
    if count.min(initial=2) < 2 or people.probs.shape[1] != test.targets.shape[1]:
        return False
    sums = np.stack([np.bincount(image, weights=column, minlength=len(known)) for column in people.probs[kept].T])
    return bool(np.allclose((sums / count).T[place], test.targets, atol=1e-5))


class SplitPeople:
    """A test set's people, split in half again and again, and what metrics make of the halves; each computed once."""

    def __init__(self, people: TestPeople, metrics: Sequence[str], positions: np.ndarray | None = None) -> None:
        self.people, self.metrics, self.positions = people, tuple(metrics), positions
        self._splits: dict[bytes, list[list[Half]]] = {}
        self._ceilings: dict[bytes, dict[str, Ceiling]] = {}
        self._gaps: dict[str, np.ndarray] = {}

    def splits(self, items: Int[np.ndarray, " n"]) -> "list[list[Half]]":
        """Two halves of the labels of these images, `SPLITS` times; the same whenever they are asked for."""
        key = items.tobytes()
        if key not in self._splits:
            rng = generator("uncertainty", len(items))
            self._splits[key] = [self.people.halves(items, rng) for _ in range(SPLITS)]
        return self._splits[key]

    def ceilings(self, items: Int[np.ndarray, " n"]) -> Mapping[str, Ceiling]:
        """The noise ceiling of each metric on these images; none of metrics that read attacked images."""
        key = items.tobytes()
        if key not in self._ceilings:
            self._ceilings[key] = self._make_ceilings(items)
        return self._ceilings[key]

    def _make_ceilings(self, items: Int[np.ndarray, " n"]) -> dict[str, Ceiling]:
        half, other = self.splits(items)[0]
        some = half.predictions(SPREAD[0], self.positions)
        named = [name for name in self.metrics if not METRICS[name].absent(some, other.means)]
        drawn = np.empty((SPLITS, len(named), len(SPREAD)))
        for found, (half, other) in zip(drawn, self.splits(items), strict=True):
            for j, spread in enumerate(SPREAD):
                logits = half.predictions(spread, self.positions)
                found[:, j] = [score(name, logits, other.means) for name in named]
        ceilings = {}
        for k, name in enumerate(named):
            means = drawn[:, k].mean(axis=0)
            best = int(means.argmin() if METRICS[name].lower else means.argmax())
            low, high = np.quantile(drawn[:, k, best], [0.025, 0.975])
            ceilings[name] = Ceiling(value=float(means[best]), low=float(low), high=float(high), splits=SPLITS)
        return ceilings

    def gaps(self, test: TrialOnTestSet) -> Float[np.ndarray, "splits metrics"]:
        """A trial's scores against one half less those against the other."""
        if test.trial not in self._gaps:
            self._gaps[test.trial] = np.array(
                [
                    [
                        _value(name, test.logits, one.means) - _value(name, test.logits, other.means)
                        for name in self.metrics
                    ]
                    for one, other in self.splits(test.items)
                ]
            )
        return self._gaps[test.trial]

    def label_noise(self, pair: PairOnTestSet) -> Mapping[str, float]:
        """The standard deviation of each metric's mean difference over who labelled the test images.

        Half the standard deviation of (difference against one half's labels less that against the other's): halves have
        half as many people, and the two are of opposite luck.
        """
        gaps = np.mean([self.gaps(one) - self.gaps(other) for one, other in zip(pair.a, pair.b, strict=True)], axis=0)
        return dict(zip(self.metrics, (gaps.std(axis=0, ddof=1) / 2).tolist(), strict=True))


def _value(metric: str, logits: Logits, targets: np.ndarray) -> float:
    rows = by_row(metric, logits, targets)
    return float(rows.mean()) if rows is not None else score(metric, logits, targets)
