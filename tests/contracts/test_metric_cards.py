"""What every metric owes, whoever brings it: an example that holds, a range it stays in, items that add up to it."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from softcore.errors import RequestError
from softcore.scoring.groups import class_groups, group_scores
from softcore.scoring.metrics import ALL_METRICS, ALWAYS, EXTRAS, METRICS, Card, Logits, all_scores, extra_scores
from sweeps.results.metric_cards import card_rows, cards_markdown

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
MORE = ("brier", "nll", "tv", "kl", "wasserstein", "entropy-correlation", "classwise-ece", "people-ece")


def drawn(seed, n, k, sharpness=3.0):
    """Logits of everything that a metric may read, and soft targets of which some are hard and some without a class."""
    rng = np.random.default_rng(seed)
    clean, attacked, pgd = (rng.normal(scale=sharpness, size=(n, k)).astype(np.float32) for _ in range(3))
    targets = rng.dirichlet(np.full(k, 0.3), size=n)
    targets[::3] = np.eye(k)[rng.integers(0, k, len(targets[::3]))]
    positions = np.arange(k, dtype=float)
    return Logits(clean=clean, attacked=attacked, pgd=pgd, temperature=1.7, positions=positions), targets


@pytest.mark.parametrize("metric", METRICS)
def test_an_example_holds(metric):
    card = METRICS[metric]
    if metric in METRICS.built_in:
        assert card.example is not None
    if card.example is not None:
        logits, targets = card.example.logits(), card.example.targets()
        assert len(card.example.model) == len(card.example.people) == 6
        assert card.absent(logits, targets) == ""
        assert card.score(logits, targets) == pytest.approx(card.example.value, abs=1e-6)


@pytest.mark.parametrize("metric", METRICS.built_in)
def test_a_card_says_where_its_definition_is_from(metric):
    assert METRICS[metric].source
    assert "known faults" in [row[""] for row in card_rows(METRICS[metric])]


@pytest.mark.parametrize("metric", METRICS)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 60),
    k=st.integers(2, 6),
    sharpness=st.sampled_from([0.0, 1, 30, 1e4]),
)
def test_every_value_lies_in_the_range_of_the_card(metric, seed, n, k, sharpness):
    card = METRICS[metric]
    logits, targets = drawn(seed, n, k, sharpness)
    if not card.absent(logits, targets):
        assert card.least <= card.score(logits, targets) <= card.most


@pytest.mark.parametrize("metric", [name for name, card in METRICS.items() if card.each])
def test_a_score_is_the_mean_of_the_values_of_its_items(metric):
    card = METRICS[metric]
    logits, targets = drawn(1, 50, 4)
    each = card.each(logits, targets)
    assert each.shape == (50,)
    assert each.dtype == np.float64
    assert card.score(logits, targets) == each.mean()
    some = np.array([3, 11, 40])
    np.testing.assert_allclose(card.each(logits.rows(some), targets[some]), each[some], rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("metric", METRICS)
def test_a_metric_does_not_ask_in_which_order_items_come(metric):
    logits, targets = drawn(2, 41, 3)
    order = np.random.default_rng(0).permutation(41)
    assert METRICS[metric].score(logits.rows(order), targets[order]) == pytest.approx(
        METRICS[metric].score(logits, targets), abs=1e-9
    )


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("n", [1, 7, 30, 1001])
def test_a_metric_is_a_finite_number_the_same_each_time_or_says_why_there_is_none(metric, n):
    logits, targets = drawn(n, n, 3)
    one, other = (all_scores(logits, targets, [metric]) for _ in range(2))
    assert one == other
    assert list(one.values | one.absent) == [metric]
    assert all(isinstance(value, float) and math.isfinite(value) for value in one.values.values())
    assert all(why and "\n" not in why for why in one.absent.values())


@pytest.mark.parametrize("metric", METRICS)
def test_better_is_said_of_a_model_that_says_what_people_say(metric):
    # Entropies differ between items, so that the correlation of entropies has something to go by.
    _, targets = drawn(5, 60, 3)
    rights = np.log(np.clip(targets, 1e-6, None)).astype(np.float32)
    turned = np.roll(rights, 1, axis=1) * np.linspace(0, 1, 60, dtype=np.float32)[:, None]
    good, bad = (
        METRICS[metric].score(
            Logits(clean=each, attacked=each, pgd=each, temperature=1.0, positions=np.arange(3.0)), targets
        )
        for each in (rights, turned)
    )
    assert (good < bad) == METRICS[metric].lower


@pytest.mark.parametrize("metric", METRICS)
def test_a_test_set_without_items_has_no_value(metric):
    logits, targets = drawn(0, 4, 3)
    none = np.zeros(0, dtype=np.int64)
    assert all_scores(logits.rows(none), targets[none], [metric]).absent == {metric: "no item"}


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_has_values_by_class(metric):
    logits, targets = drawn(3, 300, 3)
    table = group_scores(logits, targets, class_groups(targets, ("cat", "dog", "owl")), metrics=[metric])
    assert list(table["group"]) == ["cat", "dog", "owl"]
    assert table["n"].sum() == 300
    assert np.isfinite(table["value"]).all()
    assert (table["absent"] == "").all()


def test_what_a_trial_is_scored_by_has_not_become_more():
    assert ALWAYS == ("ce", "scaled-ce", "rmsce", "fgsm", "accuracy")
    assert {name for name in METRICS.built_in if not METRICS[name].usual} == {"pgd", "rmsce-released", *MORE}


def test_each_metric_is_of_every_trial_or_asked_for_by_one_word():
    logits, targets = drawn(4, 60, 3)
    found = all_scores(logits, targets)
    assert found.absent == {}
    assert [name for name in METRICS.built_in if name not in found.values] == []
    asked = extra_scores(logits, targets, [ALL_METRICS])
    assert [name for name in asked if name in METRICS.built_in] == list(MORE)
    assert list(extra_scores(logits, targets, ["pgd"])) == ["pgd"]
    assert list(extra_scores(logits, targets, ["released"])) == ["rmsce-released"]
    every = {**asked, **extra_scores(logits, targets, EXTRAS)}
    assert {name: value for name, value in found.values.items() if not METRICS[name].usual} == every
    assert extra_scores(logits, targets, ["corruptions"]) == {}


def test_what_logits_lack_is_said_metric_by_metric():
    logits, targets = drawn(4, 12, 3)
    found = all_scores(Logits(clean=logits.clean), np.eye(3)[targets.argmax(axis=1)])
    assert found.absent == {
        "scaled-ce": "no temperature, which takes 100 validation images",
        "fgsm": "no logits of images after FGSM",
        "pgd": "no logits of images after PGD",
        "rmsce-released": "12 items, 20 needed for two bins",
        "wasserstein": "the classes have no order",
        "entropy-correlation": "people's entropy is the same on every item",
    }


def test_an_unknown_metric_is_refused_with_the_nearest_name():
    logits, targets = drawn(0, 20, 3)
    with pytest.raises(RequestError, match=r"unknown metric 'brir'; known: .*; did you mean 'brier'\?$"):
        all_scores(logits, targets, ["brir"])
    with pytest.raises(RequestError, match=r"unknown metric 'auc'; known: [\w, -]*$"):
        group_scores(logits, targets, {}, metrics=["auc"])


def test_a_card_that_nothing_computes_is_refused():
    with pytest.raises(
        RequestError, match=f"'odd' needs a `score`, values of `each` item, or one of the .*{EXTRAS[0]}"
    ):
        Card("odd", "odd", "nothing", True, "all")


def test_the_page_of_metrics_is_that_of_the_cards():
    made = cards_markdown([*METRICS.built_in.values()])
    assert PAGE.read_text("utf-8") == made, "python -m sweeps metrics --format markdown > docs/metrics.md"
