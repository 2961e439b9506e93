"""`rest: simulated`: which items get answers, whose they are, what they cost, what they may learn from."""

from dataclasses import replace

import numpy as np
import pytest

from softcore.errors import RequestError
from softcore.labels.build import build
from softcore.labels.panels import split_annotated
from softcore.labels.simulate import fit_simulator, item_entropies
from softcore.policy import LabelPolicy


def made(dataset, *, seed=0, panel=0, **policy):
    return build(dataset, LabelPolicy(**{"variety": "t2-clamp", "rest": "simulated", **policy}), seed=seed, panel=panel)


def labels_of(targets, item):
    (row,) = np.flatnonzero(targets.items == item)
    return targets.probs[targets.offsets[row] : targets.offsets[row + 1]]


@pytest.fixture(scope="module")
def people(digits):
    """Digits whose people were asked about clear images too: every fourth annotated one is, by its clicks."""
    counts = digits.counts.copy()
    clear = digits.annotated_items[::4]
    counts[clear] = 0
    counts[clear, digits.labels[clear]] = 50
    return replace(digits, counts=counts)


@pytest.fixture(scope="module")
def targets(people):
    return made(people)


def test_every_training_item_but_the_held_out_gets_soft_labels(people, targets):
    assert np.array_equal(targets.items, np.setdiff1d(people.train_items, targets.held_out))
    np.testing.assert_allclose(targets.probs.sum(axis=1), 1, atol=1e-9)
    simulated = np.setdiff1d(targets.items, targets.panel.items)
    hard = np.mean([(labels_of(targets, item).max(axis=1) == 1).all() for item in simulated])
    assert hard < 0.5


def test_peoples_own_labels_stay_what_they_are(people, targets):
    plain = made(people, rest="none")
    for item in plain.items[::10]:
        assert np.array_equal(labels_of(targets, item), labels_of(plain, item))
    assert np.array_equal(targets.panel.probs, plain.panel.probs)


def test_an_item_gets_as_many_simulated_answers_as_most_have_of_people(people, targets):
    counts = np.diff(targets.offsets)[~np.isin(targets.items, targets.panel.items)]
    assert set(counts) == {6}
    assert set(np.diff(made(people, annotators=2).offsets)) == {2}


def test_fewer_simulated_answers_are_the_first_of_the_more(people, targets):
    two = made(people, annotators=2)
    for item in np.setdiff1d(targets.items, targets.panel.items)[::50]:
        assert np.array_equal(labels_of(two, item), labels_of(targets, item)[:2])


def test_a_simulated_answer_does_not_depend_on_which_others_are_simulated(people, targets):
    few = made(people, items=40)
    more = np.setdiff1d(few.items, few.panel.items)
    both = np.setdiff1d(targets.items, targets.panel.items)
    assert len(more) > len(both)
    for item in both[::50]:
        assert np.array_equal(labels_of(few, item), labels_of(targets, item))


def test_pooling_pools_simulated_answers_as_it_does_peoples(people, targets):
    pooled = made(people, aggregation="mean")
    assert set(np.diff(pooled.offsets)) == {1}
    for item in targets.items[::100]:
        np.testing.assert_allclose(labels_of(pooled, item)[0], labels_of(targets, item).mean(axis=0))
    votes = made(people, aggregation="majority")
    assert set(np.unique(votes.probs.max(axis=1).round(6))) <= {1, 0.5, round(1 / 3, 6), 0.25, 0.2, round(1 / 6, 6)}


def test_the_clicks_that_the_simulator_reads_are_counted_and_its_answers_are_not(people, targets):
    simulated = np.setdiff1d(targets.items, targets.panel.items)
    assert targets.answers == {"t2-clamp": len(targets.panel.probs), "click": int(people.counts[simulated].sum())}
    assert np.isin(targets.panel.items, people.annotated_items).all()
    assert "" not in set(targets.panel.annotators)


def test_another_seed_or_panel_draws_other_answers_and_the_same_replicate_the_same_bytes(people, targets):
    assert made(people).probs.tobytes() == targets.probs.tobytes()
    item = np.setdiff1d(targets.items, np.concatenate([targets.panel.items, made(people, seed=1).held_out]))[0]
    assert not np.array_equal(labels_of(made(people, seed=1), item), labels_of(targets, item))
    assert not np.array_equal(labels_of(made(people, panel=1), item), labels_of(targets, item))


def test_held_out_items_teach_the_simulator_nothing(people, targets):
    """Their answers and clicks can be anything: not a label changes."""
    _, held_out = split_annotated(people.annotated_items, people.held_out, 0)
    records = people.records.copy()
    records.loc[records["item"].isin(held_out), ["p1", "top1"]] = [0.01, 0]
    counts = people.counts.copy()
    counts[held_out] = counts[held_out][:, ::-1]
    changed = made(replace(people, records=records, counts=counts))
    assert changed.probs.tobytes() == targets.probs.tobytes()


def test_test_and_validation_clicks_teach_the_simulator_nothing(people, targets):
    counts = people.counts.copy()
    others = np.setdiff1d(np.arange(len(counts)), people.train_items)
    counts[others] = counts[others][:, ::-1]
    assert made(replace(people, counts=counts)).probs.tobytes() == targets.probs.tobytes()


def test_where_every_item_has_answers_nothing_is_simulated(people):
    all_asked = replace(people, train_items=people.annotated_items)
    targets = made(all_asked)
    assert targets.answers == {"t2-clamp": len(targets.panel.probs), "click": 0}
    assert np.array_equal(targets.items, targets.panel.items)


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ({"variety": "t1-clamp"}, "rest: simulated gives T2 Clamp labels, .* variety must be t2-clamp; it is t1-clamp"),
        ({"variety": "hard"}, "soft endpoints without soft labels make no sense: variety must be t2-clamp"),
        ({"aggregation": "glad"}, "rest: simulated gives answers of nobody, so aggregation 'glad'"),
    ],
)
def test_what_makes_no_sense_beside_simulated_answers_is_refused(people, policy, message):
    with pytest.raises(RequestError, match=message):
        made(people, **policy)


def test_items_without_clicks_can_not_be_simulated(people):
    with pytest.raises(RequestError, match=r"clicks known as counts; digits has none$"):
        made(replace(people, counts=None))
    counts = people.counts.copy()
    counts[np.setdiff1d(people.train_items, people.annotated_items)[0]] = 0
    with pytest.raises(RequestError, match="digits has none for 1 of the"):
        made(replace(people, counts=counts))


def test_cifar10s_has_both_levels(cifar10s):
    # facts of the data: 114 images of click entropy up to 0.1, 886 above, 800 of them with 6 people and 200 with 7.
    low = item_entropies(cifar10s, cifar10s.records)[cifar10s.annotated_items] <= 0.1
    assert low.sum() == 114
    found = fit_simulator(cifar10s, cifar10s.train_items)
    assert found.low.answers + found.high.answers == 6200
    mean_p1 = {name: a / (a + b) for name, (a, b) in (("low", found.low.p1), ("high", found.high.p1))}
    assert mean_p1["low"] > mean_p1["high"]
    assert found.low.second < found.high.second


def test_seven_thousand_items_are_extended(cifar10s):
    targets = made(cifar10s)
    assert len(targets.items) == 6900
    assert targets.answers["t2-clamp"] == len(targets.panel.probs)
    assert set(np.diff(targets.offsets)[~np.isin(targets.items, targets.panel.items)]) == {6}
