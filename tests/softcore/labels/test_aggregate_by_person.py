"""Dawid-Skene, GLAD and MACE: worked by hand where that can be done, then what all three owe."""

import functools
import sys

import numpy as np
import pytest

from softcore.errors import RequestError
from softcore.labels.aggregate import AGGREGATORS, BY_PERSON, aggregate, dawid_skene
from softcore.labels.ask import people_labels
from softcore.labels.label_set import group
from softcore.labels.votes import one_hot

ANN, BOB, CAT = "ann", "bob", "cat"


def chosen(*answers, n_classes=2):
    """A label set of answers, each (item, person, class)."""
    items, people, classes = zip(*answers, strict=True)
    classes = np.array(classes)
    return group(np.array(items), one_hot(classes, n_classes), np.array(people), "click", classes)


# Ann and Bob see the same; Cat always says the other class. Item 3 was shown to Cat alone.
CONTRARY = (
    *((0, ANN, 0), (0, BOB, 0), (0, CAT, 1)),
    *((1, ANN, 1), (1, BOB, 1), (1, CAT, 0)),
    *((2, ANN, 0), (2, BOB, 0), (2, CAT, 1)),
    (3, CAT, 0),
)


def test_one_round_of_dawid_skene_on_four_items():
    # Start, the vote shares of class 0: 2/3, 1/3, 2/3, 1. Prior of class 0: (2/3 + 1/3 + 2/3 + 1) / 4 = 2/3.
    # Confusions from these weights. Ann (and Bob): says 0 on items 0 and 2, 1 on item 1:
    #   class 0: says 0 with 2/3 + 2/3 = 4/3, says 1 with 1/3: 0.8 and 0.2;
    #   class 1: says 0 with 1/3 + 1/3 = 2/3, says 1 with 2/3: 0.5 and 0.5.
    # Cat: says 1 on items 0 and 2, 0 on items 1 and 3:
    #   class 0: says 1 with 4/3, says 0 with 1/3 + 1 = 4/3: 0.5 and 0.5; class 1: 2/3 and 2/3: 0.5 and 0.5.
    # Posterior of class 0:
    #   item 0 (0, 0, 1): 2/3 x 0.8 x 0.8 x 0.5 = 0.21333 against 1/3 x 0.5 x 0.5 x 0.5 = 0.041667: 0.836601;
    #   item 1 (1, 1, 0): 2/3 x 0.2 x 0.2 x 0.5 = 0.013333 against 0.041667: 0.242424;
    #   item 2 as item 0; item 3 (Cat's 0 alone): 2/3 x 0.5 against 1/3 x 0.5: 0.666667.
    found = dawid_skene(chosen(*CONTRARY), rounds=1).probs
    np.testing.assert_allclose(found[:, 0], [0.836601, 0.242424, 0.836601, 0.666667], atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_dawid_skene_learns_that_a_contrary_persons_no_is_a_yes():
    # Once items 0 to 2 are settled, let q be the posterior of class 0 on item 3. Prior of class 0: (2 + q) / 4; Cat
    # says 0 in a share q / (2 + q) of class 0 and always in class 1. Odds of class 0: (2 + q) / 4 x q / (2 + q) = q / 4
    # against (2 - q) / 4, so a round turns q into q / 2: Cat's lone 0 comes to mean class 1. It stops once that gains
    # too little.
    found = dawid_skene(chosen(*CONTRARY)).probs
    np.testing.assert_allclose(found[:3], [[1, 0], [0, 1], [1, 0]], atol=1e-6)
    assert found[3, 1] > 0.9
    assert aggregate(chosen(*CONTRARY), "majority").probs[3].tolist() == [1, 0]


def crowd(n_items=40, n_classes=4, seed=0):
    """Five people on each item: four are right nine times in ten, one always says class 3. And the truth [n_items]."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_classes, n_items)
    answers = []
    for item in range(n_items):
        for person in rng.permutation(5):
            guess = 3 if person == 4 else truth[item] if rng.random() < 0.9 else rng.integers(0, n_classes)
            answers.append((item, f"p{person}", int(guess)))
    return chosen(*answers, n_classes=n_classes), truth


@functools.cache
def of_the_crowd(method):
    """The crowd's labels pooled: some of these take a second."""
    return aggregate(crowd()[0], method)


@pytest.mark.parametrize("method", BY_PERSON)
def test_the_most_likely_class_is_the_true_one(method):
    _, truth = crowd()
    assert (of_the_crowd(method).probs.argmax(axis=1) == truth).mean() >= 0.95


@pytest.mark.parametrize("method", BY_PERSON)
def test_a_person_who_always_says_the_same_counts_for_little(method):
    # Two reliable people say 0, 1, 2 in turn on 30 items and a third always 2. Where one of the two and the third
    # meet alone, a vote is a tie; the posterior is with the reliable one.
    answers = [(item, person, item % 3) for item in range(30) for person in (ANN, BOB)]
    answers += [(item, CAT, 2) for item in range(30)]
    answers += [(30, ANN, 0), (30, CAT, 2)]
    labels = chosen(*answers, n_classes=3)
    assert aggregate(labels, "majority").probs[30].tolist() == [0.5, 0, 0.5]
    assert aggregate(labels, method).probs[30, 0] > 0.9


@pytest.mark.parametrize("method", BY_PERSON)
def test_columns_are_classes_and_rows_items_whatever_came_first(method):
    # The same answers under other names: classes 0..3 become 5, 0, 2, 4 of six; items and people are shuffled.
    labels, _ = crowd()
    renamed = np.array([5, 0, 2, 4])
    order = np.random.default_rng(1).permutation(len(labels.choices))
    other = chosen(
        *zip(
            1000 - labels.label_items[order],
            [f"q{9 - int(name[1])}" for name in labels.annotators[order]],
            renamed[labels.choices[order]],
            strict=True,
        ),
        n_classes=6,
    )
    one, two = of_the_crowd(method), aggregate(other, method)
    assert two.items.tolist() == (1000 - labels.items[::-1]).tolist()
    assert (two.probs[:, [1, 3]] == 0).all()  # nobody chose these
    # MACE starts from drawn numbers that go to people and classes in order, so its ends differ a little.
    np.testing.assert_allclose(two.probs[::-1][:, renamed], one.probs, atol=0.05 if method == "mace" else 1e-6)


@pytest.mark.parametrize("method", BY_PERSON)
def test_the_same_first_choices_give_the_same_bytes_whatever_else_was_said(method):
    labels, _ = crowd()
    softer = group(labels.label_items, labels.probs / 2 + 0.125, labels.annotators, "t2-clamp", labels.choices)
    assert aggregate(softer, method).probs.tobytes() == of_the_crowd(method).probs.tobytes()


@pytest.mark.parametrize("method", BY_PERSON)
def test_a_pooled_posterior_is_nobodys_own_and_has_no_choice(method):
    found = of_the_crowd(method)
    assert set(found.annotators) == {""}
    assert set(found.choices) == {-1}
    assert (found.counts == 1).all()
    np.testing.assert_allclose(found.probs.sum(axis=1), 1)


@pytest.mark.parametrize("method", BY_PERSON)
def test_where_all_choose_alike_no_model_is_needed(method, monkeypatch):
    monkeypatch.setitem(sys.modules, "crowdkit", None)
    labels = chosen((0, ANN, 2), (0, BOB, 2), (7, ANN, 2), n_classes=3)
    assert aggregate(labels, method).probs.tolist() == [[0, 0, 1], [0, 0, 1]]


@pytest.mark.parametrize("method", BY_PERSON)
def test_clicks_without_persons_are_refused(method, digits):
    labels, _ = people_labels(digits, "click", digits.annotated_items, annotators=3)
    with pytest.raises(RequestError, match=f"aggregation '{method}' needs to know who answered"):
        aggregate(labels, method)


@pytest.mark.parametrize("method", [*BY_PERSON, "majority"])
def test_labels_without_first_choices_are_refused(method, digits):
    pooled = aggregate(people_labels(digits, "t2-clamp", digits.annotated_items)[0], "mean")
    with pytest.raises(RequestError, match=f"aggregation '{method}' pools people's first choices; 't2-clamp' labels"):
        aggregate(pooled, method)


@pytest.mark.parametrize("method", BY_PERSON)
def test_a_missing_crowd_kit_is_refused_with_the_way_to_install_it(method, monkeypatch):
    monkeypatch.setitem(sys.modules, "crowdkit", None)
    with pytest.raises(RequestError, match=rf"'{method}' needs crowd-kit.*pip install 'label-sweeps\[pooling\]'"):
        aggregate(crowd()[0], method)


def test_every_method_by_person_is_an_aggregator():
    assert set(BY_PERSON) < set(AGGREGATORS)


@pytest.mark.parametrize("method", [*BY_PERSON, "majority"])
def test_all_of_cifar10s_is_pooled(method, cifar10s):
    labels, _ = people_labels(cifar10s, "t2-clamp", cifar10s.annotated_items[:900])
    found = aggregate(labels, method)
    np.testing.assert_allclose(found.probs.sum(axis=1), 1, atol=1e-9)
    # CIFAR-10's own labels: people's answers on these hard images name them about four times in five.
    assert 0.75 < (found.probs.argmax(axis=1) == cifar10s.labels[found.items]).mean() < 0.99
