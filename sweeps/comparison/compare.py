"""Compare cells of a sweep on one test set: which is better, by how much, and could these replicates tell?"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from softcore.data.dataset import Dataset
from softcore.errors import RequestError, unknown_name
from softcore.scoring.metrics import lower_is_better
from softcore.seeding import generator
from sweeps.comparison.differences import COVERS, IMAGES, spread
from sweeps.comparison.intervals import half_width, holm, p_of, smallest_detectable
from sweeps.comparison.mcnemar import McNemar, mcnemar, pooled_p
from sweeps.comparison.people import Ceiling, SplitPeople, test_people
from sweeps.comparison.replicates import (
    ComparedCell,
    compared_cells,
    covered_words,
    find_cell,
    shared_replicates,
)
from sweeps.comparison.scores import PairOnTestSet, paired_differences, right, score, usual_metrics
from sweeps.evaluation.looks import Look, count_look
from sweeps.evaluation.stored import TrialOnTestSet, on_test_set
from sweeps.frontier.regimes import MATTERS
from sweeps.results.table import plain_values
from sweeps.running.store import Store

A_BETTER, B_BETTER, CANT_TELL, ALIKE = ANSWERS = (
    "A is better",
    "B is better",
    "can't be told apart",
    "alike within what matters",
)
Read = Callable[[str], TrialOnTestSet]


@dataclass(frozen=True, kw_only=True)
class MetricComparison:
    """One metric of two cells: means, the difference A less B with its interval, and the answer.

    `p` is of this metric alone, `family_p` corrected for all that is compared. `detectable` is the smallest true
    difference that as many replicates tell with 80% power, `effect` the difference in standard deviations of a seed's
    difference (NaN with one seed), `matters` the gap that matters (NaN where none is set), `label_noise` by how much
    (a standard deviation) other people's test labels would change the difference (NaN where they are not known).
    `over_images` is the interval for these trained models, over images alone: what is usually printed.
    """

    metric: str
    a: float
    b: float
    difference: float
    low: float
    high: float
    p: float
    family_p: float
    answer: str
    effect: float
    detectable: float
    matters: float
    label_noise: float
    ceiling: Ceiling | None
    over_images: tuple[float, float]

    @property
    def below_noise(self) -> bool:
        """Whether the difference is smaller than what other people's test labels could turn round (95%)."""
        return bool(abs(self.difference) < 1.96 * self.label_noise)

    @property
    def beyond_ceiling(self) -> str:
        """Which cells score better than half of the test set's people would: "A", "B", "A and B" or ""."""
        if self.ceiling is None:
            return ""
        sign = 1 if lower_is_better(self.metric) else -1
        return " and ".join(
            name for name, value in (("A", self.a), ("B", self.b)) if sign * (value - self.ceiling.value) < 0
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class PairComparison:
    """Two cells on a test set: the replicates they share (seed, panel), what intervals cover and what not, the metrics.

    `models` is McNemar's test of each replicate's two models, by replicate; `models_p` one p for all of them.
    """

    a: ComparedCell
    b: ComparedCell
    replicates: tuple[tuple[int, int], ...]
    images: int
    covers: str
    lacks: str
    metrics: tuple[MetricComparison, ...]
    models: Mapping[str, McNemar]
    models_p: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """Cells compared on a test set, pair by pair; `order` has their titles, the best first, by metric."""

    sweep: str
    study: str
    test_set: str
    level: float
    simulated: bool
    pairs: tuple[PairComparison, ...]
    family: int
    order: Mapping[str, tuple[str, ...]]
    look: Look | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as JSON has them."""
        return {
            "sweep": self.sweep,
            "study": self.study,
            "test_set": self.test_set,
            "level": self.level,
            "simulated_annotators": self.simulated,
            "comparisons_in_family": self.family,
            "order": {metric: list(titles) for metric, titles in self.order.items()},
            "look": None if self.look is None else vars(self.look),
            "pairs": [_pair_content(pair) for pair in self.pairs],
        }


def _pair_content(pair: PairComparison) -> dict[str, Any]:
    content: dict[str, Any] = {
        name: {"cell": cell.id, "recipe": cell.title} for name, cell in (("a", pair.a), ("b", pair.b))
    }
    content |= {
        "replicates": [f"s{seed}-p{panel}" for seed, panel in pair.replicates],
        "images": pair.images,
        "covers": pair.covers,
        "does_not_cover": pair.lacks,
        "metrics": [
            vars(each)
            | {
                "ceiling": None if each.ceiling is None else vars(each.ceiling),
                "below_label_noise": each.below_noise,
                "beyond_ceiling": each.beyond_ceiling,
            }
            for each in pair.metrics
        ],
        "mcnemar": {name: vars(test) for name, test in pair.models.items()},
        "mcnemar_pooled_p": pair.models_p,
    }
    return dict(plain_values(content))


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked of a comparison: metrics (all usual ones where None), what to cover, the level, gaps that matter.

    `shared_only`: compare on the replicates that both cells of a pair have where one has more.
    """

    metrics: tuple[str, ...] | None = None
    covers: tuple[str, ...] = COVERS
    level: float = 0.95
    shared_only: bool = False
    matters: Mapping[str, float] = field(default_factory=lambda: MATTERS)

    def __post_init__(self) -> None:
        """Refuse an unknown thing to cover, none at all, and a level outside 0..1."""
        for name in self.covers:
            if name not in COVERS:
                raise unknown_name("thing to cover", name, COVERS)
        if not self.covers:
            raise RequestError(f"an interval must cover something: {', '.join(COVERS)}")
        if not 0 < self.level < 1:
            raise RequestError(f"level must lie between 0 and 1, not {self.level:g}")


def compare(
    store: Store, results: pd.DataFrame, dataset: Dataset, cells: Sequence[str], test_set: str, question: Question
) -> Comparison:
    """Compare two or more `cells` (as `find_cell` names them) of a sweep, pair by pair, and count the look.

    `results` is the sweep's results table, `dataset` its data. Raises RequestError for an unknown or ambiguous cell,
    fewer than two of them, other replicates than each other's, an unknown test set or metric.
    """
    known = compared_cells(results)
    named = [find_cell(words, known) for words in cells]
    if len({cell.id for cell in named}) < max(2, len(named)):
        raise RequestError(f"name two cells or more, each once; '{', '.join(cells)}' are {len({*named})}")
    read: dict[str, TrialOnTestSet] = {}

    def trial(name: str) -> TrialOnTestSet:
        if name not in read:
            read[name] = on_test_set(store, name, test_set, dataset)
        return read[name]

    found = compare_cells(named, trial, dataset, test_set, question)
    content = store.resolved()
    comparison = Comparison(
        sweep=store.id,
        study=str(content["study"]),
        test_set=test_set,
        level=question.level,
        simulated=bool(store.manifest()["simulated"]),
        pairs=found,
        family=sum(len(pair.metrics) for pair in found),
        order=order_of(named, trial, found),
    )
    about = {
        "compare": sorted(cell.id for cell in named),
        "trials": sorted(read),
        "metrics": [each.metric for each in found[0].metrics],
        "covers": sorted(question.covers),
        "level": question.level,
        "matters": dict(question.matters),
    }
    answer = sorted(_numbers(pair) for pair in found)
    return replace(comparison, look=count_look(store.folder.parent, comparison.study, test_set, about, answer))


def _numbers(pair: PairComparison) -> list[Any]:
    """A pair's numbers, the same whichever of its cells was named first."""
    if pair.a.id > pair.b.id:
        return [pair.b.id, pair.a.id, [[m.b, m.a, -m.high, -m.low] for m in pair.metrics]]
    return [pair.a.id, pair.b.id, [[m.a, m.b, m.low, m.high] for m in pair.metrics]]


def compare_cells(
    cells: Sequence[ComparedCell], read: Read, dataset: Dataset, test_set: str, question: Question
) -> tuple[PairComparison, ...]:
    """Every pair of `cells`, in their order, corrected as one family of all pairs and metrics."""
    pairs = [_pair(a, b, read, question) for a, b in itertools.combinations(cells, 2)]
    tests = [test for _, _, _, pair in pairs for test in (*pair.a, *pair.b)]
    metrics = usual_metrics(tests[0], question.metrics)
    people = test_people(dataset, test_set, tests)
    split = None if people is None else SplitPeople(people, metrics, dataset.class_positions)
    found = [_compare_pair(*each, metrics, test_set, split, question) for each in pairs]
    every = [each for pair in found for each in pair.metrics]
    # A family needs p that hold far out in the tails; one comparison by itself goes by its interval.
    family = holm(np.array([each.family_p if len(every) > 1 else each.p for each in every]))
    corrected = {
        id(each): replace(each, family_p=float(p), answer=_answer(each, float(p), question))
        for each, p in zip(every, family, strict=True)
    }
    return tuple(replace(pair, metrics=tuple(corrected[id(each)] for each in pair.metrics)) for pair in found)


Replicates = list[tuple[int, int]]


def _pair(
    a: ComparedCell, b: ComparedCell, read: Read, question: Question
) -> tuple[ComparedCell, ComparedCell, Replicates, PairOnTestSet]:
    replicates = shared_replicates(a, b, shared_only=question.shared_only)
    trials = [[read(str(cell.trial(each))) for each in replicates] for cell in (a, b)]
    seed, panel = (np.array(numbers) for numbers in zip(*replicates, strict=True))
    return a, b, replicates, PairOnTestSet(a=trials[0], b=trials[1], seed=seed, panel=panel)


def _compare_pair(
    a: ComparedCell,
    b: ComparedCell,
    replicates: Replicates,
    pair: PairOnTestSet,
    metrics: Sequence[str],
    test_set: str,
    people: SplitPeople | None,
    question: Question,
) -> PairComparison:
    rng = generator("uncertainty", *pair.seed, *pair.panel)
    differences = {name: paired_differences(name, pair, rng) for name in metrics}
    any_ = next(iter(differences.values()))
    covers, lacks = covered_words(
        a,
        b,
        covers=question.covers,
        seeds=len(any_.seeds),
        apart=any_.panels_apart,
        images=any_.images,
        same_images=any_.same_images,
    )
    ceilings = people.ceilings(np.unique(np.concatenate(pair.items))) if people else {}
    noise = people.label_noise(pair) if people else {}
    means = {
        name: [
            _seed_mean(pair.seed, [score(name, test.logits, test.targets) for test in own]) for own in (pair.a, pair.b)
        ]
        for name in metrics
    }
    found = []
    for name, own in differences.items():
        varies = spread(own, question.covers)
        half = half_width(varies, question.level)
        images_alone = half_width(spread(own, (IMAGES,)), question.level)
        difference = own.mean
        found.append(
            MetricComparison(
                metric=f"{name}/{test_set}",
                a=means[name][0],
                b=means[name][1],
                difference=difference,
                low=difference - half,
                high=difference + half,
                p=p_of(difference, varies),
                family_p=p_of(difference, varies, cautious=True),
                answer="",
                effect=difference / own.replicate_deviation if own.replicate_deviation else np.nan,
                detectable=smallest_detectable(varies, question.level),
                matters=question.matters.get(name, np.nan),
                label_noise=noise.get(name, np.nan),
                ceiling=ceilings.get(name),
                over_images=(difference - images_alone, difference + images_alone),
            )
        )
    models = {
        f"s{s}-p{p}": mcnemar(right(one.logits, one.targets), right(other.logits, one.targets))
        for (s, p), one, other in zip(replicates, pair.a, pair.b, strict=True)
    }
    return PairComparison(
        a=a,
        b=b,
        replicates=tuple(replicates),
        images=any_.images,
        covers=covers,
        lacks=lacks,
        metrics=tuple(found),
        models=models,
        models_p=pooled_p([test.p for test in models.values()]),
    )


def _answer(found: MetricComparison, family_p: float, question: Question) -> str:
    if found.matters and -found.matters < found.low and found.high < found.matters:  # NaN is no gap
        return ALIKE
    if family_p > 1 - question.level:
        return CANT_TELL
    return A_BETTER if (found.difference < 0) == lower_is_better(found.metric) else B_BETTER


def order_of(
    cells: Sequence[ComparedCell], read: Read, pairs: Sequence[PairComparison]
) -> Mapping[str, tuple[str, ...]]:
    """The cells' titles by metric, the best mean first, over the replicates that all of them share.

    A cell that is added changes the order of the others only if it lacks replicates that they have.
    """
    shared = set.intersection(*(set(pair.replicates) for pair in pairs))
    found = {}
    for metric in (each.metric for each in pairs[0].metrics):
        name, sign = metric.partition("/")[0], 1 if lower_is_better(metric) else -1
        seed = np.array([seed for seed, _ in sorted(shared)])
        values = {}
        for cell in cells:
            tests = [read(str(cell.trial(each))) for each in sorted(shared)]
            values[cell.title] = _seed_mean(seed, [score(name, test.logits, test.targets) for test in tests])
        found[metric] = tuple(sorted(values, key=lambda title: sign * values[title]))
    return found


def _seed_mean(seed: np.ndarray, values: Sequence[float]) -> float:
    """The mean over seeds of each seed's mean."""
    numbers = np.array(values)
    return float(np.mean([numbers[seed == each].mean() for each in np.unique(seed)]))
