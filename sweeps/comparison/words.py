"""What a comparison says in plain sentences: who is better, by how much, what that covers, what could be seen."""

from collections.abc import Iterator

import numpy as np

from softcore.scoring.metrics import lower_is_better
from sweeps.comparison.compare import A_BETTER, ALIKE, B_BETTER, Comparison, MetricComparison, PairComparison
from sweeps.comparison.intervals import POWER
from sweeps.results.names import metric_title, test_set_short

IMAGES_ONLY = (
    "Over images alone an interval holds for these trained models only: other seeds and people are not in it, and it "
    "is mostly too short."
)


def number(value: float) -> str:
    """Three decimals, or more where the value would be 0 by them: "0.012", "0.0042"; a dash for NaN."""
    if not np.isfinite(value):
        return "–"
    return f"{value:.3f}" if value == 0 or abs(value) >= 0.01 else f"{value:.2g}"


def interval(low: float, high: float) -> str:
    """ "[-0.012, 0.034]"."""
    return f"[{number(low)}, {number(high)}]"


def p_words(p: float) -> str:
    """ "p = 0.032", or "p < 0.0001"."""
    return "p < 0.0001" if p < 1e-4 else f"p = {p:.2g}"


def answer_words(found: MetricComparison, level: float) -> str:
    """A metric's answer in a sentence."""
    title = metric_title(found.metric)
    gap = f"{number(abs(found.difference))} {_ends(found)}"
    if found.answer in (A_BETTER, B_BETTER):
        how = "lower" if lower_is_better(found.metric) else "higher"
        said = f"{title}: {found.answer}, {how} by {gap}"
        if found.matters and abs(found.difference) < found.matters:
            said += f", which is less than the {found.matters:g} that matters"
    elif found.answer == ALIKE:
        said = f"{title}: alike, the difference lies within {found.matters:g} either way: {_signed(found)}"
    else:
        said = f"{title}: A and B {found.answer}: {_signed(found)}"
    return f"{said}; {p_words(found.family_p)} in the family"


def _ends(found: MetricComparison) -> str:
    low, high = sorted((abs(found.low), abs(found.high)))
    return interval(low, high) if found.low * found.high > 0 else interval(found.low, found.high)


def _signed(found: MetricComparison) -> str:
    return f"A less B is {number(found.difference)} {interval(found.low, found.high)}"


def pair_lines(pair: PairComparison, level: float) -> Iterator[str]:
    """Who is better in each metric, then what the intervals cover, what could have been detected, and the marks."""
    for found in pair.metrics:
        yield answer_words(found, level) + "."
    seeds = len({seed for seed, _ in pair.replicates})
    lacks = f"; not over {pair.lacks}" if pair.lacks else ""
    yield (
        f"[ ] are {level:.0%} intervals over {pair.covers}{lacks}. {len(pair.replicates)} replicates of {seeds} "
        f"seed{'' if seeds == 1 else 's'}, {pair.images:,} test images."
    )
    if seeds == 1 or "seeds" not in pair.covers:
        yield IMAGES_ONLY
    could = ", ".join(f"{number(found.detectable)} in {found.metric}" for found in pair.metrics)
    yield f"As many replicates detect with {POWER:.0%} power a true difference of {could}."
    if below := [found.metric for found in pair.metrics if found.below_noise]:
        yield (
            f"Below the noise of the test labels (other people labelling these images could turn it round): "
            f"{', '.join(below)}."
        )
    for found in pair.metrics:
        if found.beyond_ceiling:
            ceiling = found.ceiling
            assert ceiling is not None
            yield (
                f"{found.metric}: {found.beyond_ceiling} scored better than half of the test set's people do on the "
                f"other half, {number(ceiling.value)} {interval(ceiling.low, ceiling.high)}: beyond it a difference "
                "says little about people."
            )
    yield mcnemar_words(pair)


def mcnemar_words(pair: PairComparison) -> str:
    """McNemar's tests of the pair's trained models, in a sentence."""
    tests = list(pair.models.values())
    a, b = ([getattr(test, name) for test in tests] for name in ("a_alone", "b_alone"))
    if len(tests) == 1:
        return f"McNemar's exact test of these two models: A alone right on {a[0]}, B on {b[0]}, {p_words(tests[0].p)}."
    return (
        f"McNemar's exact test, each replicate's two models: A alone right on {min(a)} to {max(a)} images, B on "
        f"{min(b)} to {max(b)}; p from {min(t.p for t in tests):.2g} to {max(t.p for t in tests):.2g}; "
        f"all together {p_words(pair.models_p)} (twice the mean p: valid though they share images)."
    )


def order_lines(comparison: Comparison) -> Iterator[str]:
    """The order of three cells or more by their means, best first."""
    if len(comparison.pairs) > 1:
        for metric, titles in comparison.order.items():
            yield f"By mean {metric}, best first: {'; '.join(titles)}."


def heading(comparison: Comparison) -> str:
    """ "schedule-ce4a37b3 on CIFAR-10H (10h)"."""
    short = test_set_short(comparison.test_set)
    name = short if short == comparison.test_set else f"{short} ({comparison.test_set})"
    return f"{comparison.sweep} on {name}"


def family_words(comparison: Comparison) -> str:
    """How many comparisons were corrected together, and which look this is."""
    said = (
        f"{comparison.family} comparison{'' if comparison.family == 1 else 's'} in the family, corrected by Holm's rule"
    )
    return f"{said}; {comparison.look.words}." if comparison.look else f"{said}."
