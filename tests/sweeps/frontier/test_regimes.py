import numpy as np
import pytest

from softcore.errors import RequestError
from sweeps.frontier.regimes import DONT_BUY, MATTERS, NO_CHOICE, TIED, regimes
from sweeps.results.names import BETTER, FREE_KIND, MIX, MORE, kind
from sweeps.studies.coverage.verdicts import VERDICTS, planted_verdict
from sweeps.uncertainty.shrinkage import Draws

KINDS = (FREE_KIND, MORE, BETTER, MIX)
COSTS = np.array([0.0, 10, 20, 30])


def draws(means, spread=0.001, n=400):
    """Draws of a free cell, of clicks, of pages and of a mix."""
    values = np.array(means) + spread * np.random.default_rng(0).normal(size=(n, len(means)))
    return Draws(
        cells=tuple("fcpm"),
        values=values,
        mean=values.mean(axis=0),
        bought=np.array([False, True, True, True]),
        covers="over seeds",
        shrunk=False,
    )


def named(means, budget=30.0, spread=0.001, matters=0.03):
    (found,) = regimes(draws(means, spread), COSTS, KINDS, [budget], matters)
    return found


@pytest.mark.parametrize(
    ("means", "expected"),
    [
        ((2.0, 1.5, 1.6, 1.6), MORE),
        ((2.0, 1.6, 1.5, 1.6), BETTER),
        ((2.0, 1.6, 1.6, 1.5), MIX),
        ((2.0, 1.5, 1.51, 1.6), TIED),  # sure, and only by 0.01
        ((1.5, 1.5, 1.6, 1.6), DONT_BUY),
        ((1.52, 1.5, 1.6, 1.6), DONT_BUY),  # sure, and only by 0.02
    ],
)
def test_a_regime_takes_a_gap_that_matters(means, expected):
    assert named(means).verdict == expected


def test_a_regime_takes_a_probability_of_nine_in_ten():
    # A gap of 0.1 with a spread of 0.1 each: ahead with probability Phi(0.1 / 0.141) = 0.76.
    found = named((9.0, 1.5, 1.6, 9.0), spread=0.1)
    assert found.verdict == TIED
    assert found.probability == pytest.approx(0.76, abs=0.06)
    assert named((9.0, 1.5, 1.6, 9.0), spread=0.03).verdict == MORE


def test_a_budget_chooses_among_what_it_can_pay():
    means = (2.0, 1.6, 1.5, 1.4)
    assert named(means, budget=5).verdict == DONT_BUY
    assert named(means, budget=5).words == "don't buy: this budget buys nothing"
    assert (named(means, budget=10).verdict, named(means, budget=10).best) == (NO_CHOICE, MORE)
    assert named(means, budget=20).verdict == BETTER
    assert named(means, budget=30).verdict == MIX


def test_a_verdict_says_why():
    assert named((2.0, 1.5, 1.6, 1.6)).words.startswith("more labels: ahead by 0.1")
    assert "a verdict needs 0.9 and 0.03" in named((2.0, 1.5, 1.51, 1.6)).words
    words = named((1.52, 1.5, 1.6, 1.6)).words
    assert words.startswith("don't buy: the best purchase gains 0.02")
    assert words.endswith("0.03 matters")


def test_a_smaller_gap_matters_after_one_temperature():
    assert dict(MATTERS) == {"ce": 0.03, "scaled-ce": 0.01, "weighted": 1}
    assert named((2.0, 1.5, 1.52, 1.6), matters=0.01).verdict == MORE


def test_clicks_are_more_labels_and_pages_better_ones():
    assert kind("click") == kind("first-choice") == MORE
    assert kind("t1-uniform") == kind("t2-clamp") == BETTER
    assert kind("t2-clamp", mixed=True) == MIX
    assert kind("hard", free=True) == FREE_KIND


def test_an_unknown_kind_is_refused():
    with pytest.raises(RequestError, match="unknown kind of purchase 'odd'"):
        regimes(draws((1, 1, 1, 1)), COSTS, ("odd",) * 4, [30], 0.03)


@pytest.mark.parametrize("expected", VERDICTS)
def test_a_planted_regime_is_named_and_no_other(expected):
    found = [planted_verdict(expected, number) for number in range(3)]
    assert set(found) <= {expected, TIED}
    assert found.count(expected) >= 2


@pytest.mark.simulation
@pytest.mark.parametrize("expected", VERDICTS)
def test_a_planted_regime_is_hardly_ever_mistaken_for_another(expected):
    found = [planted_verdict(expected, number) for number in range(100, 130)]
    assert sum(one not in (expected, TIED) for one in found) <= 2
    assert found.count(expected) >= 24
