"""Verdicts on results whose differences are known. Student's t for 95%: 12.706 (1 degree of freedom), 4.303 (2)."""

import pytest

from softcore.statistics import MeanInterval
from sweeps.studies.thesis.findings import AGREES, DISAGREES, NOT_RUN, OPEN, claim_verdict

KEPT = {"aggregation": "separate", "annotators": "all", "items": 900}
OVER_HARD = "3.1-clicks-over-hard/ce/10h"
SEPARATE = "3.2-pages-over-clicks/ce/10h"
BELOW, ABOVE, ACROSS = ((-0.2, -0.1), (0.1, 0.2), (-0.1, 0.2))


def interval(bounds):
    low, high = bounds
    return MeanInterval(mean=(low + high) / 2, low=low, high=high, n=3)


@pytest.mark.parametrize(
    ("kind", "bounds", "expected"),
    [
        ("better", BELOW, AGREES),
        ("better", ABOVE, DISAGREES),
        ("better", ACROSS, OPEN),
        ("larger-gap", BELOW, AGREES),
        ("larger-gap", ABOVE, DISAGREES),
        ("not-better", ABOVE, AGREES),
        ("not-better", BELOW, DISAGREES),
        ("not-better", ACROSS, OPEN),
        ("same", BELOW, DISAGREES),
        ("same", ABOVE, DISAGREES),
        ("same", ACROSS, OPEN),
        ("better", (-0.1, 0.0), OPEN),  # zero is not excluded
    ],
)
def test_the_rule(kind, bounds, expected):
    assert claim_verdict(kind, interval(bounds))[0] == expected


def test_a_claim_of_no_difference_never_agrees_however_narrow_the_interval():
    assert claim_verdict("same", interval((-1e-9, 1e-9)))[0] == OPEN


def test_one_replicate_is_open_and_says_so():
    assert claim_verdict("better", MeanInterval(mean=-5.0, low=None, high=None, n=1)) == (OPEN, "one replicate")


@pytest.fixture
def clicks(make):
    return make("c1", variety="click", **KEPT, ce__10h=[1.0, 1.5, 2.0], scaled_ce__10h=[1.0, 1.0, 1.0])


def test_paired_differences_that_agree(make, find, clicks):
    # Pages less clicks: -0.20, -0.21, -0.19. Mean -0.20, sd 0.01, half 4.303 * 0.01 / sqrt(3) = 0.0248.
    # Unpaired, with an sd of 0.5 on each side, nothing could be said.
    pages = make("c2", variety="t2-clamp", **KEPT, ce__10h=[0.8, 1.29, 1.81])
    (found,) = find(SEPARATE, clicks, pages)
    assert (found.verdict, found.ours.why) == (AGREES, "the interval lies below zero")
    assert found.ours.difference.mean == pytest.approx(-0.2)
    assert found.ours.difference.low == pytest.approx(-0.2248, abs=1e-4)
    assert found.ours.difference.high == pytest.approx(-0.1752, abs=1e-4)
    assert (found.ours.a, found.ours.b, found.ours.difference.n) == (pytest.approx(1.3), pytest.approx(1.5), 3)


def test_paired_differences_that_disagree(make, find, clicks):
    pages = make("c2", variety="t2-clamp", **KEPT, ce__10h=[1.2, 1.71, 2.19])
    (found,) = find(SEPARATE, clicks, pages)
    assert (found.verdict, found.ours.why) == (DISAGREES, "the interval lies above zero")


def test_differences_of_both_signs_are_open(make, find, clicks):
    # -0.1, -0.2, -0.3: mean -0.2, sd 0.1, half 4.303 * 0.1 / sqrt(3) = 0.248.
    pages = make("c2", variety="t2-clamp", **KEPT, ce__10h=[0.9, 1.3, 1.7])
    (found,) = find(SEPARATE, clicks, pages)
    assert (found.verdict, found.ours.why) == (OPEN, "the interval covers zero")
    assert found.ours.difference.low == pytest.approx(-0.4484, abs=1e-4)


def test_one_shared_replicate_gives_a_difference_and_no_interval(make, find, clicks):
    pages = make("c2", seeds=(2, 7), variety="t2-clamp", **KEPT, ce__10h=[1.0, 1.0])
    (found,) = find(SEPARATE, clicks, pages)
    assert (found.verdict, found.ours.why, found.ours.difference.n) == (OPEN, "one replicate", 1)
    assert (found.ours.difference.mean, found.ours.difference.low) == (-1.0, None)
    assert found.ours.left_out == 3  # seeds 0, 1 and 7


def test_a_difference_of_differences(make, find):
    m1, m2 = ({"annotators": m, "items": 900, "aggregation": None if m == 1 else "separate"} for m in (1, 2))
    tables = [
        make("p1", variety="t2-clamp", **m1, seeds=(0, 1), ce__10h=[1.0, 1.1]),
        make("c1", variety="click", **m1, seeds=(0, 1), ce__10h=[1.5, 1.7]),
        make("p2", variety="t2-clamp", **m2, seeds=(0, 1), ce__10h=[0.9, 1.0]),
        make("c2", variety="click", **m2, seeds=(0, 1), ce__10h=[1.0, 1.2]),
    ]
    (found,) = find("3.3-gap-grows/ce/10h", *tables)
    # M=1: -0.5, -0.6; M=2: -0.1, -0.2. Gaps of -0.55 and -0.15; their differences -0.4, -0.4, so no width at all.
    assert (found.ours.a, found.ours.b) == (pytest.approx(-0.55), pytest.approx(-0.15))
    assert found.ours.difference.mean == pytest.approx(-0.4)
    assert found.ours.difference.half_width == pytest.approx(0.0, abs=1e-9)
    assert found.verdict == AGREES
    # Reversed, the lead shrinks.
    swapped = [tables[2].assign(annotators=1, aggregation=None), tables[3].assign(annotators=1, aggregation=None)]
    swapped += [
        tables[0].assign(annotators=2, aggregation="separate"),
        tables[1].assign(annotators=2, aggregation="separate"),
    ]
    assert find("3.3-gap-grows/ce/10h", *swapped)[0].verdict == DISAGREES


def test_beside_cross_entropy_stands_what_one_temperature_leaves_of_it(make, find, clicks):
    pages = make("c2", variety="t2-clamp", **KEPT, ce__10h=[0.8, 1.29, 1.81], scaled_ce__10h=[1.2, 1.21, 1.19])
    (found,) = find(SEPARATE, clicks, pages)
    assert (found.verdict, found.scaled.verdict) == (AGREES, DISAGREES)
    assert (found.scaled.column, found.scaled.difference.mean) == ("scaled-ce/10h", pytest.approx(0.2))


def test_only_cross_entropy_has_a_scaled_companion(make, find):
    each = {"fgsm__10h": [1, 2, 3], "scaled_ce__10h": [1, 2, 3]}
    tables = [make(v, variety=v, **KEPT, **each) for v in ("click", "t2-clamp")]
    (found,) = find("3.2-pages-over-clicks/fgsm/10h", *tables)
    assert found.scaled is None


def test_a_side_that_was_not_run_is_named(find, clicks):
    (found,) = find(SEPARATE, clicks)
    assert (found.verdict, found.why) == (NOT_RUN, "no finished trial of T2 Clamp, separate (table 3.2)")


def test_trials_that_failed_are_not_there(make, find, clicks):
    pages = make("c2", variety="t2-clamp", **KEPT, status="failed", ce__10h=[float("nan")] * 3)
    assert find(SEPARATE, clicks, pages)[0].verdict == NOT_RUN


def test_sides_that_were_never_run_alike_say_how_each_was(make, find, clicks):
    pages = make("c2", variety="t2-clamp", **KEPT, image_size=16, ce__10h=[1, 1, 1])
    (found,) = find(SEPARATE, clicks, pages)
    ran = "T2 Clamp, separate: cnn, 15 epochs, 16 pixels; clicks, separate: cnn, 15 epochs, 32 pixels"
    assert found.why == f"never run alike ({ran})"


def test_sides_without_a_seed_in_common_say_so(make, find, clicks):
    pages = make("c2", seeds=(7, 8), variety="t2-clamp", **KEPT, ce__10h=[1, 1])
    assert find(SEPARATE, clicks, pages)[0].why == "no seed and panel for which all sides have ce/10h"


def test_a_metric_that_was_not_measured_is_named(make, find, clicks):
    pages = make("c2", variety="t2-clamp", **KEPT, ce__10h=[1, 1, 1])
    assert find("3.2-pages-over-clicks/fgsm/10h", clicks, pages)[0].why == "fgsm/10h was not measured"


def mixup(make, **metrics):
    one = {"mixing": "mixup", "alpha": 1.0}
    other = {"mixing": "mixup", "alpha": 0.2, "loss": "entropy-weighted", "entropy_floor": 0.7}
    better = {name: [number - 0.1 for number in numbers] for name, numbers in metrics.items()}
    return make("m1", **one, **metrics), make("m2", **other, **better)


def test_generated_corruptions_are_used_and_named_where_there_are_no_official_ones(make, find):
    name = "5.1-weighted-over-mixup/ce/10h-c"
    (generated,) = find(name, *mixup(make, ce__10h_c_generated=[1, 2, 3], scaled_ce__10h_c_generated=[1, 2, 3]))
    assert (generated.ours.column, generated.scaled.column) == ("ce/10h-c-generated", "scaled-ce/10h-c-generated")
    (official,) = find(name, *mixup(make, ce__10h_c=[1, 2, 3], ce__10h_c_generated=[3, 3, 3]))
    assert official.ours.column == "ce/10h-c"


def test_an_interval_says_what_it_is_over(make, find, clicks):
    pages = make("c2", variety="t2-clamp", **KEPT, ce__10h=[1, 1, 1])
    assert find(SEPARATE, clicks, pages)[0].over == "seeds, clicks known as counts"
    pair = {"aggregation": "separate", "annotators": 2, "items": 900, "ce__10h": [1, 1, 1]}
    two = [make(v, variety=v, **pair) for v in ("click", "t2-clamp")]
    said = "seeds and image-wise panels, clicks known as counts"
    assert find("3.3-two-people/ce/10h", *two)[0].over == said
    assert find("5.1-weighted-over-mixup/ce/10h", *mixup(make, ce__10h=[1, 2, 3]))[0].over == "seeds"


def test_simulated_answers_are_marked_on_the_claim(make, find, clicks):
    pages = make("c2", variety="t2-clamp", **KEPT, ce__10h=[1, 1, 1])
    assert find(SEPARATE, clicks, pages)[0].simulated == ""
    assert find(SEPARATE, clicks, pages, simulated=True)[0].simulated == "simulated annotators"
    hard = make("m1", mixing="mixup", ce__10h=[1, 1, 1])
    soft = make("m2", mixing="mixup", variety="t2-clamp", **KEPT, rest="simulated", ce__10h=[1, 1, 1])
    assert find("5.2-soft-helps-mixup/ce/10h", hard, soft)[0].simulated == "partly simulated labels"
